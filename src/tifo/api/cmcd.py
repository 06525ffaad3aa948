"""What one CMCD v2 record (CTA-5004-B) says of playback; what makes no sense in it was not said.

Anybody can post a record, and players have bugs: each value is held against its kind and a bound.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

RATE_KBPS_MAX = 1_000_000
WAIT_MS_MAX = 600_000
"""Milliseconds past which nobody would still have waited."""
NUMBER_MAX = 2**53
"""Past it a player's clock or counter is no number that JavaScript could have counted."""
LIST_ITEMS_MAX = 8
NAME_LENGTH_MAX = 128


class Told(NamedTuple):
    """One record. `at_ms` is by the player's clock, rates in bits/s; None where it was not said."""

    content: str
    pathway: str
    state: str
    at_ms: int | None
    number: int | None
    bitrate_bps: float | None
    throughput_bps: float | None
    start_delay_ms: float | None
    starved_ms: float | None
    failed: bool


def read(values: Mapping[str, Any]) -> Told:
    """The record's keys that say how playback goes."""
    state = _text(values.get("sta"))
    return Told(
        content=_text(values.get("cid")),
        pathway=_text(values.get("cdn")),
        state=state,
        at_ms=_whole(values.get("ts")),
        number=_whole(values.get("sn")),
        bitrate_bps=_bits(_numbers(values.get("br"))),
        throughput_bps=_bits(_numbers(values.get("mtp"))[:1]),
        start_delay_ms=_wait(_numbers(values.get("msd"))),
        starved_ms=_wait(_numbers(values.get("bsd"))),
        failed=state == "f" or values.get("e") == "e",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= NAME_LENGTH_MAX else ""


def _whole(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= NUMBER_MAX else None


def _numbers(value: object) -> list[float]:
    """The numbers of a plain value, or of a list whose items may carry an object type, such as `;v`."""
    items = value[:LIST_ITEMS_MAX] if isinstance(value, list) else [value]
    bare = (item[0] if isinstance(item, list) and item else item for item in items)
    numbers = (one for one in bare if isinstance(one, int | float) and not isinstance(one, bool))
    return [one for one in numbers if 0 <= one <= NUMBER_MAX]


def _bits(kbps: list[float]) -> float | None:
    """Picture and sound together; a player that says 0 has not measured yet."""
    total = sum(kbps)
    return total * 1_000 if 0 < total <= RATE_KBPS_MAX else None


def _wait(ms: list[float]) -> float | None:
    """The longest of what picture and sound waited: the viewer waited for both at once."""
    longest = max(ms, default=None)
    return longest if longest is not None and longest <= WAIT_MS_MAX else None
