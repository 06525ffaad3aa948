"""The table of what dies: from the figures that the stories of tests/system/test_story_deaths.py leave."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from benchmarks.machine import CannotMeasure

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "redis-60-s": "Redis killed, back empty after 60 s; new viewers let in",
        "redis-fail-closed": "Redis killed, back empty after 15 s; new viewers refused, by setting",
        "redis-failover": "a master of a Redis cluster killed, its replica takes over",
        "profiles-throttled": "DynamoDB throttles every request",
        "login-provider": "the login provider gone",
        "api-process": "one of two API processes killed",
        "restart": "all processes killed and started again",
        "restart-with-redis": "the same, and Redis comes back empty",
    }
)

HEADS = (
    "what dies", "watching", "stopped", "heartbeats (failed)", "longest silence, s", "new viewers (refused)",
    "start p99, ms", "all registered after, s",
)  # fmt: skip


class Death(msgspec.Struct, frozen=True):
    """What the crowd saw while something was dead; times as their names say."""

    viewers: int
    stopped: int
    heartbeats: int
    heartbeats_failed: int
    longest_silence_s: float
    starts: int
    start_p99_ms: float
    refusals: dict[str, int]
    registered_s: float


def in_markdown(file: Path) -> str:
    """The table of a run; raises `CannotMeasure` when a row is missing."""
    try:
        deaths = msgspec.json.decode(file.read_bytes(), type=dict[str, Death])
    except FileNotFoundError:
        raise CannotMeasure(f"{file} is not there: `make deaths` makes it") from None
    missing = [name for name in TITLES if name not in deaths]
    if missing:
        raise CannotMeasure(f"{file} has no {', '.join(missing)}: `make deaths` makes them all")
    rules = ["---"] + ["---:"] * (len(HEADS) - 1)
    rows = [HEADS, rules, *(tuple(_cells(title, deaths[name])) for name, title in TITLES.items())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(title: str, death: Death) -> Iterator[str]:
    yield title
    yield str(death.viewers)
    yield str(death.stopped)
    yield f"{death.heartbeats:,} ({death.heartbeats_failed:,})"
    yield f"{death.longest_silence_s:.1f}"
    yield (
        f"{death.starts} ({sum(death.refusals.values())})" if death.starts or death.refusals else "none came"
    )
    yield f"{death.start_p99_ms:.0f}" if death.starts else ""
    yield f"{death.registered_s:.1f}"
