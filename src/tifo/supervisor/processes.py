"""Starting and ending process groups, and the guard that outlives the supervisor."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from tifo.supervisor.launcher import ENVIRONMENT
from tifo.supervisor.parts import Part
from tifo.supervisor.rules import KILLED_S_MAX

GROUP_POLL_S = 0.02
"""Seconds between two looks whether a killed group is gone."""

_PROC = Path("/proc")

_HERE = Path(__file__).parent


async def spawn(part: Part, log: BinaryIO) -> asyncio.subprocess.Process:
    """The part's process, in a session and group of its own; raises OSError."""
    return await asyncio.create_subprocess_exec(
        *_program("launcher.py"),
        str(os.getpid()),
        *part.argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, ENVIRONMENT: json.dumps(dict(part.env))},
        start_new_session=True,
    )


async def ask_to_end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """SIGTERM to the process, and a wait of at most `grace_s` seconds for it to exit.

    Not to its group: the process may end its own children in its own order.
    """
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        await _exited(process, grace_s)


async def kill(process: asyncio.subprocess.Process) -> None:
    """SIGKILL to what is left of the process's group, and a short wait until nothing of it lives.

    The signals are sent before the first wait, so a cancelled call has killed them all the same.
    """
    _kill_group(process.pid)
    await _exited(process, KILLED_S_MAX)
    await _group_gone(process.pid)


class Guard:
    """The guard's process, and the list of groups it kills should the supervisor die."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def ensure(self) -> None:
        """Start the guard, or another one with the same list if it died. Raises OSError."""
        if self._process is not None and self._process.poll() is None:
            return
        self._release()
        # The list is given as arguments, so there is no moment in which a new guard knows nothing.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            (*_program("guard.py"), *map(str, self._groups)),
            stdin=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )

    def add(self, group: int) -> None:
        """Have the group killed if the supervisor dies."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """The group is gone."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the guard, and any group still on its list; may be repeated."""
        self._release()
        self._process = None

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        # A guard that died is told everything again by the next `ensure`.
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())

    def _release(self) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(KILLED_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _program(name: str) -> tuple[str, ...]:
    # Isolated and without site packages: some milliseconds to start, and nothing of the part's own
    # Python settings applies.
    return (sys.executable, "-I", "-S", str(_HERE / name))


def _signal(pid: int, number: signal.Signals) -> None:
    # Not Process.send_signal: it may reap the child behind the event loop's back.
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses when only zombies are left
        os.killpg(group, signal.SIGKILL)


async def _exited(process: asyncio.subprocess.Process, within_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await process.wait()


async def _group_gone(group: int) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(KILLED_S_MAX):
            while _lives(group):  # noqa: ASYNC110 - the system has no event for it
                await asyncio.sleep(GROUP_POLL_S)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    # Orphans that are dead but that nobody reaps (a container's first process often does not) hold
    # nothing any more and are not waited for.
    return not _PROC.exists() or any(_lives_in(group, entry) for entry in _PROC.glob("[0-9]*"))


def _lives_in(group: int, process: Path) -> bool:
    try:
        state, _, of = (process / "stat").read_text().rpartition(") ")[2].split()[:3]
    except OSError:  # it has ended meanwhile
        return False
    return int(of) == group and state not in "ZX"
