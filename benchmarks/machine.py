"""What the figures were measured on: nobody can read them without."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tifo.edge.binary import envoy_path

PACKAGES = ("pyvoy", "falcon", "msgspec", "uvloop")
TOOLS = {
    "redis-server": "what sessions are kept in: apt-get install redis-server",
    "wrk": "the load generator: apt-get install wrk",
    "chrt": "schedules the peers as Tifo schedules itself: apt-get install util-linux",
    "go": "the peers are built with it: https://go.dev/dl/",
    "taskset": "pins each side to its core: apt-get install util-linux",
}


class CannotMeasure(Exception):
    """The benchmark cannot be run, or what it would measure is not what it says; the text is for a person."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The core that a contender has for itself, with everything in it, and the load generator's."""

    server: int
    generator: int


def cores() -> Cores:
    """The first two cores of this process; raises `CannotMeasure` when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise CannotMeasure("two cores are needed: one for the servers, one for the load generator")
    return Cores(*usable[:2])


def check_tools() -> None:
    """Raises `CannotMeasure` that says what to install."""
    missing = [f"{name} is not installed ({why})" for name, why in TOOLS.items() if not shutil.which(name)]
    if missing:
        raise CannotMeasure("; ".join(missing))


def facts() -> dict[str, str]:
    """The machine and the versions of everything that takes part."""
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "envoy": _first(r"/(\d+\.\d+\.\d+)/", envoy_path(), "--version"),
        "go": _first(r"go(\S+)", "go", "env", "GOVERSION"),
        "redis": _first(r"v=(\S+)", "redis-server", "--version"),
        "wrk": _first(r"wrk (?:debian/)?(\S+)", "wrk", "-v"),
        **{package: version(package) for package in PACKAGES},
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _first(pattern: str, *command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"
