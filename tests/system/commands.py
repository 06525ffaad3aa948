"""Starting what is installed as its users do: free ports, processes with logs, and the wait for something."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

START_S_MAX = 150.0
STOP_S_MAX = 60.0
ANSWER_S_MAX = 30.0
POLL_S = 0.05

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = ANSWER_S_MAX, what: str = "") -> T:
    """What `look` gives once it is true; a failing assertion or a lost connection only means not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            found, last = look(), None
        except (AssertionError, httpx.TransportError) as error:
            found, last = None, error
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds:g} s: {what or look}") from last
        time.sleep(POLL_S)


def free_block(count: int) -> int:
    """The first of `count` neighbouring ports that are free, below those the system gives to clients."""
    while True:
        first = 20_000 + secrets.randbelow(12_000 - count)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def left_over(mark: str) -> list[str]:
    """The processes whose command line or environment has `mark` in it: those of one data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
                if mark.encode() in command + variables:
                    found.append(f"{entry.name} {command.decode().replace(chr(0), ' ')}")
    return found


def environment(**variables: str) -> dict[str, str]:
    """Our own environment without settings of Tifo's, and with these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIFO_")}
    return {**own, **variables}


def tifo(
    *arguments: str, within_s: float = START_S_MAX, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "tifo", *arguments]
    return subprocess.run(
        command,
        check=False,
        env=environment(COLUMNS="200", **variables),
        capture_output=True,
        text=True,
        timeout=within_s,
    )


@dataclass
class Processes:
    """Started together, stopped by their pids, none left behind; each with a log of its own."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "tifo", *arguments],
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        return self.running[name]

    def check(self) -> None:
        """That none has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                pytest.fail(f"{name} ended ({process.returncode}): {self.said(name)[-3000:]}")

    def said(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S_MAX)
        stubborn = [name for name, process in self.running.items() if process.poll() is None]
        for name in stubborn:
            self.running[name].kill()
        statuses = {name: process.wait() for name, process in self.running.items()}
        assert not any(statuses.values()), f"{statuses}, had to be killed: {stubborn}"
        eventually(lambda: not left_over(str(self.folder)), STOP_S_MAX, "processes are left")
