"""Starts what is measured: its processes on one core, ready before the first request, gone afterwards."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from benchmarks.machine import CannotMeasure

READY_S_MAX = 120.0
READY_POLL_S = 0.05
STOP_S_MAX = 15.0
LOG_TAIL_CHARACTERS = 2_000

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a contender; once it can be asked `ready_url` answers 2xx, a Redis's PONG.

    One that nobody asks has none, and counts as ready at once.
    """

    name: str
    command: Sequence[str]
    ready_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


class Servers:
    """The running processes of one contender."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        self._processes = processes

    def cpu_s(self) -> float:
        """Processor time that all of them have used so far, in seconds."""
        return sum(_cpu_s(process.pid) for process in self._processes)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(processes: Sequence[Process], core: int, logs: Path) -> Iterator[Servers]:
    """Start the processes one after the other, pinned to `core`, and stop them at the end."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(_running(process, core, logs)) for process in processes]
        yield Servers(started)


@contextlib.contextmanager
def _running(process: Process, core: int, logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = start(process, core, logs)
    try:
        until_ready(process, child, logs)
        yield child
    finally:
        stop(child)


def start(process: Process, core: int, logs: Path) -> subprocess.Popen[bytes]:
    """Start one, pinned to `core`; what it says goes into a file of `logs`, after what one before it said."""
    command = ["taskset", "--cpu-list", str(core), *process.command]
    with (logs / f"{process.name}.log").open("ab") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **process.environment}
        )


def until_ready(process: Process, child: subprocess.Popen[bytes], logs: Path) -> None:
    """Wait for it; raises `CannotMeasure` with what it said last."""
    log = logs / f"{process.name}.log"
    deadline = time.monotonic() + READY_S_MAX
    while process.ready_url and not _answers(process.ready_url):
        if child.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
            raise CannotMeasure(f"{process.name} did not start:\n{tail}")
        time.sleep(READY_POLL_S)


def _answers(url: str) -> bool:
    if url.startswith("redis:"):
        return _pongs(url)
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _pongs(url: str) -> bool:
    place = urlsplit(url)
    try:
        with socket.create_connection((place.hostname or "", place.port or 0), READY_S_MAX) as door:
            door.sendall(b"PING\r\n")
            return door.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def stop(child: subprocess.Popen[bytes]) -> None:
    """End it, by force if it takes long."""
    child.terminate()
    try:
        child.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _cpu_s(pid: int) -> float:
    # Fields 14 and 15 of proc(5)'s stat, counted behind the name, which may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
