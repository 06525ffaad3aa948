"""Runs exported JavaScript in Node, behind shims of what its platform offers."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
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
