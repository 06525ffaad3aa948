"""What a record is worth when there is no room for all, and how fast what waited is sent."""

from collections.abc import Collection
from enum import IntEnum

from tifo.api.events import ADS, CONTROL, PLAYBACK, SessionsRenewed
from tifo.eventlog.ports import Record

RENEWED = str(SessionsRenewed.__struct_config__.tag)

ARRIVING_TIMES = 2.0
"""How many times as fast as records arrive those that wait are sent, so that they become fewer."""


class Worth(IntEnum):
    """What goes first when there is no room, in rising order. All records of a key are worth the same."""

    TELEMETRY = 0
    """Figures that come again: what players report, and that sessions still live."""
    SESSIONS = 1
    """What happened once and is billed to nobody; so is a topic that these rules do not know."""
    MONEY = 2
    """What is billed, and the audit trail: it is refused rather than dropped."""


def worth(record: Record) -> Worth:
    """What a record is worth."""
    if record.topic in (ADS, CONTROL):
        return Worth.MONEY
    if record.topic == PLAYBACK or record.type == RENEWED:
        return Worth.TELEMETRY
    return Worth.SESSIONS


def makes_room(waiting: Collection[Worth], coming: Worth) -> Worth | None:
    """Of which worth the oldest go to make room for what is coming; None when nothing may go for it."""
    least = min(waiting, default=Worth.MONEY)
    return least if least <= coming and least is not Worth.MONEY else None


def drain_pause_s(sent: int, took_s: float, arrived: int, per_s: float) -> float:
    """How long to wait after a batch so that `per_s` records leave a second, or more where more arrive.

    `sent` records took `took_s` seconds, in which `arrived` others came to wait.
    """
    arriving_per_s = arrived / took_s if took_s > 0 else 0.0
    return max(0.0, sent / max(per_s, ARRIVING_TIMES * arriving_per_s) - took_s)
