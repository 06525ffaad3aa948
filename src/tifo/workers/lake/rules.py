"""Which place an event is in, which files are made one, and which are too old."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import get_args

import msgspec

from tifo.api import cmcd
from tifo.api.events import SESSIONS, AnyEvent, Event, PlaybackReported
from tifo.lake.layout import MERGED, LakeFile, Place, name_of
from tifo.lake.tables import TABLES, Row

HOUR_S = 3_600
MICROSECONDS = 1_000_000
AT_MAX = 1e11
"""Epoch seconds of any moment that is believed."""

INTEGER_MAX = 2**63 - 1

EVENT_LENGTH_MAX = 64
"""Characters of a match's name that become a folder's; a longer one is no match of ours."""

MERGE_FILES_MIN = 16
"""Files of an hour that is not over until they are made one."""
MERGE_FILES_MAX = 500
MERGE_BYTES_MAX = 4 * 1024**3
"""Files, and bytes of them, that are made one at once."""

_json = msgspec.json.Encoder().encode


def topics_by_type() -> Mapping[str, str]:
    """The topic of each type of events."""
    kinds: tuple[type[Event], ...] = get_args(AnyEvent)
    return MappingProxyType({str(kind.__struct_config__.tag): kind.TOPIC for kind in kinds})


TOPICS = topics_by_type()


def row_of(event: AnyEvent, event_id: str, at: float) -> Row:
    """The event as a row of its table; raises `ValueError` for one that no table can have."""
    common = (event_id, round(at * MICROSECONDS))
    if isinstance(event, PlaybackReported):
        return common + _reported(event)
    columns = TABLES[_tag(event)].columns
    told = (getattr(event, column.name) for column in columns)
    values = tuple(_json(one).decode() if isinstance(one, dict) else one for one in told)
    if any(isinstance(one, int) and not -INTEGER_MAX <= one <= INTEGER_MAX for one in values):
        raise ValueError("a number in it is longer than 64 bits")
    return common + values


def _reported(event: PlaybackReported) -> Row:
    told, report = cmcd.read(event.values), event.values.get("e")
    return (
        event.session,
        report if isinstance(report, str) else None,
        told.content or None,
        told.pathway or None,
        told.state or None,
        told.at_ms,
        told.number,
        told.bitrate_bps,
        told.throughput_bps,
        told.start_delay_ms,
        told.starved_ms,
        told.failed,
        _json(event.values).decode(),
    )


def place_of(event: AnyEvent, at: float) -> Place:
    """Where the event is; raises `ValueError` for a time that cannot be."""
    if not 0 <= at < AT_MAX:
        raise ValueError(f"its time {at} cannot be")
    match: str = getattr(event, "event", "")
    return Place(_tag(event), match if len(match) <= EVENT_LENGTH_MAX else "", hour_of(at))


def _tag(event: Event) -> str:
    return str(type(event).__struct_config__.tag)


def hour_of(at: float) -> str:
    """The hour in UTC, such as 2026-11-25T18."""
    return datetime.fromtimestamp(at // HOUR_S * HOUR_S, UTC).strftime("%Y-%m-%dT%H")


def ends_at(hour: str) -> float:
    """When the hour is over, epoch seconds."""
    return datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp() + HOUR_S


class Merge(msgspec.Struct, frozen=True):
    """Files of one place that become the one of that name."""

    files: tuple[LakeFile, ...]
    name: str


def merges(files: Iterable[LakeFile], now: float, settle_s: float) -> tuple[Merge, ...]:
    """What is to be made one, the oldest hours first.

    Of an hour that is not over only what came since is merged, when it is many: else all would be copied
    over and over. Of one that is over and to which nothing was added for a while, everything.
    """
    places: defaultdict[Place, list[LakeFile]] = defaultdict(list)
    for one in files:
        places[one.place].append(one)
    found = []
    for place, there in sorted(places.items(), key=lambda one: one[0].hour):
        newest = max(one.written_at for one in there)
        over = now >= max(ends_at(place.hour), newest) + settle_s
        chosen = _fitting(there if over else [one for one in there if not one.merged])
        if len(chosen) >= (2 if over else MERGE_FILES_MIN):
            found.append(Merge(chosen, name_of(MERGED, (one.name for one in chosen))))
    return tuple(found)


def _fitting(files: list[LakeFile]) -> tuple[LakeFile, ...]:
    """The smallest of them, as many as fit into one, in the order in which they were written."""
    chosen, size = [], 0
    for one in sorted(files, key=lambda one: one.size)[:MERGE_FILES_MAX]:
        size += one.size
        if size <= MERGE_BYTES_MAX:
            chosen.append(one)
    return tuple(sorted(chosen, key=lambda one: (one.written_at, one.name)))


def too_old(files: Iterable[LakeFile], now: float, keep_s: float) -> tuple[LakeFile, ...]:
    """Those whose hour was over that long ago."""
    return tuple(one for one in files if ends_at(one.place.hour) + keep_s < now)


def of_topics(files: Iterable[LakeFile], holds: Callable[[str], bool]) -> tuple[LakeFile, ...]:
    """Those that the member is to look after who holds the first partition of their topic.

    A type that this version does not know is looked after with the sessions, but is not merged.
    """
    return tuple(one for one in files if holds(TOPICS.get(one.place.type, SESSIONS)))


def known(files: Iterable[LakeFile]) -> tuple[LakeFile, ...]:
    """Those of a type that has a table."""
    return tuple(one for one in files if one.place.type in TABLES)
