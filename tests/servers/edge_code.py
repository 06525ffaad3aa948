"""Runs exported JavaScript behind shims of what its platform offers: in Node, and in njs."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HARNESS = Path(__file__).with_suffix(".mjs")
ANSWER_S_MAX = 60


@dataclass(frozen=True)
class Edge:
    """Edge code that runs; `keys` are what its platform keeps for it."""

    process: "subprocess.Popen[str]"
    keys: Mapping[str, str]

    def ask(self, path: str, query: str = "", now: float = 0) -> Any:
        """What the code makes of a request: `status`, and either `path` and `query` or `reason`."""
        asked = {"path": path, "query": query, "now": now, "keys": self.keys}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return json.loads(answer)


@contextmanager
def running(platform: str, file: Path, keys: Mapping[str, str]) -> Iterator[Edge]:
    """Run a file as `cloudfront` or `akamai` would; the test says so where there is no Node."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    command = [program, "--no-warnings", "--experimental-vm-modules", str(HARNESS), platform, str(file)]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Edge(process, keys)
        finally:
            process.stdin.close()
            process.wait(ANSWER_S_MAX)


NJS_STORE = """
const keys = %s;
export default { kvs: function () { return { get: get }; } };
async function get(key) {
  if (!keys[key]) throw new Error('Key not found');
  return keys[key];
}
"""

NJS_MAIN = """
async function main() {
  const asked = %s;
  for (let i = 0; i < asked.length; i++) {
    const answer = await handler({ request: { method: 'GET', uri: asked[i], querystring: {}, headers: {} } });
    console.log(JSON.stringify(answer));
  }
}
main();
"""


def in_njs(folder: Path, code: str, keys: Mapping[str, str], paths: Sequence[str]) -> list[Any]:
    """What a CloudFront Function answers to each path in njs, whose dialect CloudFront's runtime speaks."""
    program = shutil.which("njs")
    if program is None:
        pytest.skip("njs is not installed: make system-packages")
    (folder / "cloudfront").write_text(NJS_STORE % json.dumps(keys))
    file = folder / "main.js"
    file.write_text(code + NJS_MAIN % json.dumps(paths))
    command = [program, "-p", str(folder), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S_MAX, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
