"""Runs others' implementations that are not in Python."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "oracles"


def node(what: str, script: str = "tokens.mjs", **told: object) -> Any:
    """What a script of `tests/oracles` answers; the test says so where it cannot be asked."""
    program = shutil.which("node")
    if program is None or not (FOLDER / "node_modules").exists():
        pytest.skip("the oracles are not installed: npm --prefix tests/oracles ci")
    done = subprocess.run(
        [program, str(FOLDER / script)],
        input=json.dumps({"what": what, **told}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
