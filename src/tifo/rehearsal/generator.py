"""The generator: k6 with our scenario, or another program that takes the same plan."""

import os
import re
import resource
import shutil
import socket
import subprocess
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import msgspec

import tifo.rehearsal
from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError, TifoError
from tifo.rehearsal.found import Found

K6_VERSION = "v1.8.1"
"""What the scenario is written and tested with."""
K6_MAJOR_MIN = 1
"""Earlier ones do not read TypeScript."""
VERSION_S_MAX = 20.0
POLL_S = 0.5
ASK_S_MAX = 1.0
OVERTIME_S_MAX = 90.0
"""Seconds past its plan after which a generator is stopped."""
STOP_S_MAX = 15.0
STRETCH_S = 5.0
"""A generator that has no core left for so long was not on time, whatever its mean is."""
LOG_LINES_MAX = 8
POD_S_MAX = 1.0
"""Seconds inside which a pod must be there: soon after, players go on without."""
GO_VARIABLES = {"GOGC": "400"}
"""A generator has memory to spare and no time: it collects its garbage a quarter as often."""

HOW_TO_GET_K6 = (
    "k6 is not here. With Go: go install go.k6.io/k6@"
    + K6_VERSION
    + " (about two minutes; what lands in ~/go/bin is "
    "found). Without: a package from https://grafana.com/docs/k6/latest/set-up/install-k6/. "
    "Then run this command again"
)

_HERE = Path(tifo.rehearsal.__file__).parent
_REPOSITORY = _HERE.parents[2]


class Plan(msgspec.Struct, frozen=True):
    """What a generator is told to do; `rehearsals/k6/plan.ts` says what each field means."""

    scenario: str
    target: str
    event: str
    prefix: str
    login: bool
    arrivals_per_s: tuple[int, ...]
    goals: tuple[dict[str, float], ...]
    spikes: tuple[dict[str, object], ...]
    plateau_at_s: float
    whistle_at_s: float
    whistle_s: float
    without: tuple[str, ...]
    shares: Mapping[str, float]
    shards: int
    silent_share: float = 0.1
    open_requests_max: int = 10_000
    request_s_max: float = 8.0
    pod_s_max: float = POD_S_MAX

    @property
    def over_s(self) -> float:
        """When the last answer must be there."""
        return self.whistle_at_s + self.whistle_s + self.request_s_max


@dataclass(frozen=True, slots=True)
class Counted:
    """What a generator counted until now."""

    arrivals: int
    entered: int
    starts_failed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rehearsal is."""

    seconds: float
    counted: Counted | None


Tell = Callable[[Progress], None]


class Program(Protocol):
    """Something that sends the load."""

    @abstractmethod
    def command(self, plan: Path, tokens: Path | None, found: Path) -> Sequence[str]:
        """How it is started."""

    @abstractmethod
    def counted(self) -> Counted | None:
        """What happened until now, where it says."""


class K6(Program):
    """Grafana's k6 and a scenario of `rehearsals/`."""

    def __init__(self, binary: Path, scenario: Path) -> None:
        self._binary = binary
        self._scenario = scenario
        self._port = _free_port()

    def command(self, plan: Path, tokens: Path | None, found: Path) -> Sequence[str]:
        """`k6 run`, told by variables."""
        variables = {"TIFO_PLAN": plan, "TIFO_FOUND": found, "TIFO_TOKENS": tokens or ""}
        told = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        quiet = ["--quiet", "--no-usage-report", "--no-color", "--address", f"127.0.0.1:{self._port}"]
        return [str(self._binary), "run", *quiet, *told, str(self._scenario)]

    def counted(self) -> Counted | None:
        """Asks k6's own API; zeros while it is starting or too busy to say."""
        return Counted(self._count("arrivals"), self._count("entered"), self._count("starts_failed"))

    def _count(self, name: str) -> int:
        url = f"http://127.0.0.1:{self._port}/v1/metrics/tifo_{name}"
        try:
            answer = httpx.get(url, timeout=ASK_S_MAX, trust_env=False).json()
            return int(answer["data"]["attributes"]["sample"]["count"])
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            return 0


class Other(Program):
    """A program started as `PROGRAM PLAN TOKENS FOUND`, three files; no tokens is `-`."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def command(self, plan: Path, tokens: Path | None, found: Path) -> Sequence[str]:
        """The program with its three files."""
        return [str(self._binary), str(plan), str(tokens or "-"), str(found)]

    def counted(self) -> Counted | None:
        """It says nothing before its end."""
        return None


def program(binary: Path | None, scenario: str) -> Program:
    """The generator; raises `SettingsError` that says how to get k6 where there is none."""
    if binary is None:
        return K6(_k6(), scenario_file(scenario))
    if not os.access(binary, os.X_OK):
        raise SettingsError((f"--generator: {binary} is no program",))
    return Other(binary.absolute())


def scenario_file(name: str) -> Path:
    """The scenario's main file: in the repository a link to `rehearsals/`, in the wheel its copy."""
    return _HERE / "scenarios" / name / "main.ts"


def _k6() -> Path:
    own = (Path.home() / "go/bin/k6", _REPOSITORY / "rehearsals/.build/k6")
    found = shutil.which("k6")
    binary = Path(found) if found else next((one for one in own if os.access(one, os.X_OK)), None)
    if binary is None:
        raise SettingsError((HOW_TO_GET_K6,))
    said = subprocess.run(  # noqa: S603 - what the user has on their path
        [binary, "version"], capture_output=True, text=True, timeout=VERSION_S_MAX, check=False
    ).stdout
    version = re.search(r"v(\d+)\.\d+\.\d+", said)
    if not version or int(version[1]) < K6_MAJOR_MIN:
        raise SettingsError((f"{binary} is too old ({said.strip()}): {HOW_TO_GET_K6}",))
    return binary


@dataclass(frozen=True, slots=True)
class Ran:
    """What a generator found, and what it cost."""

    found: Found
    seconds: float
    cores_used: float
    """In its busiest stretch, where the machine says; else the mean."""
    machine_busy: float | None
    """The busy part of all cores; None where the machine does not say."""


def run(sender: Program, plan: Plan, tokens: str, folder: Path, clock: Clock, tell: Tell) -> Ran:
    """Let it run to its end; raises `TifoError` with its own last words where it leaves no figures."""
    plan_file, tokens_file, found_file = (folder / name for name in ("plan.json", "tokens", "found.json"))
    plan_file.write_bytes(msgspec.json.encode(plan))
    tokens_file.write_text(tokens)
    log = folder / "generator.log"
    cpu_s, ticks, began = _children_cpu_s(), _machine_ticks(), clock.monotonic()
    with log.open("wb") as file:
        words = sender.command(plan_file, tokens_file if tokens else None, found_file)
        process = subprocess.Popen(  # noqa: S603 - the same, or what they named
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**GO_VARIABLES, **os.environ},
        )
        try:
            most = _watch(process, sender, plan, clock, tell)
        finally:
            _stop(process)
    seconds = clock.monotonic() - began
    try:
        found = msgspec.json.decode(found_file.read_bytes(), type=Found)
    except (OSError, msgspec.DecodeError):
        raise TifoError(
            f"the generator left no figures (status {process.returncode}): {_tail(log)}"
        ) from None
    cores_used = max(most, (_children_cpu_s() - cpu_s) / seconds)
    return Ran(found, seconds, cores_used, _busy(ticks, _machine_ticks()))


def _watch(
    process: "subprocess.Popen[bytes]", sender: Program, plan: Plan, clock: Clock, tell: Tell
) -> float:
    """Waits for its end; the cores that it used in its busiest stretch, 0 where that cannot be told."""
    began, busiest = clock.monotonic(), Busiest(STRETCH_S)
    while (seconds := clock.monotonic() - began) < plan.over_s + OVERTIME_S_MAX:
        try:
            process.wait(POLL_S)
            break
        except subprocess.TimeoutExpired:
            busiest.see(clock.monotonic() - began, _process_cpu_s(process.pid))
            tell(Progress(seconds, sender.counted()))
    return busiest.cores


class Busiest:
    """The most cores that a process used in any stretch of so many seconds, by what it had used when."""

    def __init__(self, stretch_s: float) -> None:
        self._stretch_s = stretch_s
        self._seen: deque[tuple[float, float]] = deque()
        self.cores = 0.0

    def see(self, at_s: float, used_s: float) -> None:
        """It has used so much at this moment, both in seconds."""
        self._seen.append((at_s, used_s))
        while at_s - self._seen[0][0] >= self._stretch_s:
            began_s, before_s = self._seen.popleft()
            self.cores = max(self.cores, (used_s - before_s) / (at_s - began_s))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_MAX:]) or "it said nothing"


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _process_cpu_s(pid: int) -> float:
    """Processor time of a process that runs; 0 where the machine does not say."""
    try:
        # Fields 14 and 15 of proc(5)'s stat, counted behind the name, which may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _machine_ticks() -> tuple[int, int] | None:
    """(busy, all) ticks of all cores since the machine came up, where it is a Linux."""
    try:
        numbers = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    ticks = [int(one) for one in numbers]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _busy(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    if before is None or after is None or after[1] == before[1]:
        return None
    return round((after[0] - before[0]) / (after[1] - before[1]), 3)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
