"""What the supervisor is given, and what it says back: values only."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol


class State(StrEnum):
    """Where a part stands; `STARTING` is also waiting for the parts it needs."""

    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing-off"
    STOPPED = "stopped"


class Probe(Protocol):
    """How the supervisor asks whether a part does its work; asked again and again while it runs."""

    @abstractmethod
    def clear(self) -> None:
        """Forget what an earlier process left, before each start; may be repeated. Raises OSError."""

    @abstractmethod
    async def check(self, alive_s: float) -> str:
        """Why the part, alive for `alive_s` seconds, is not ready; empty when it is.

        An expected failure is an answer, never an exception; the caller bounds the time and may cancel.
        """


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the instance.

    `name` is 1 to 32 of `a-z 0-9 -` and names the log file. `env` is added to the supervisor's own
    environment. `needs` are names of parts that must be running before this one is started, and that
    are stopped after it.
    """

    name: str
    argv: tuple[str, ...]
    ready: Probe
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartState:
    """A part as an operator sees it.

    `pid` is None while there is no process. `since` is when the state was entered, in epoch seconds.
    `restarts` counts every start after the first. `error` is why the last process ended, with the end
    of its log on lines of its own; empty once the part runs.
    """

    name: str
    state: State
    pid: int | None
    restarts: int
    since: float
    error: str
