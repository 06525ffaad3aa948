"""Whether an inventory is sound: every problem at once, each with the path to what has to be mended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.inventory import COHORTS, Campaign, Inventory, LineItem, Problem
from tifo.kernel.errors import TifoError

PROBLEMS_MAX = 200
"""Problems of one report; who has more sees the rest with the next."""

MOMENTS = frozenset({"starts", "ends"})
"""Fields that may also be written as a date and time with its offset (RFC 3339)."""


class InventoryUnsound(TifoError):
    """What was to be an inventory is none; `problems` says all that has to be mended."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def built(document: object) -> Inventory:
    """The inventory that a decoded file or body says; raises `InventoryUnsound` with every problem."""
    document = _in_seconds(document)
    shape = tuple(_limited(misshapen(document, Inventory)))
    if shape:
        raise InventoryUnsound(shape)
    inventory = msgspec.convert(document, Inventory)
    problems = tuple(_limited(unsound(inventory)))
    if problems:
        raise InventoryUnsound(problems)
    return inventory


def misshapen(value: object, kind: Any, path: str = "") -> Iterator[Problem]:  # noqa: ANN401 - a type hint is any object
    """A problem for each value that is not of its field's type, each field that is missing or not known."""
    struct, entry = _struct(kind), _entry(kind)
    if struct is not None and isinstance(value, dict):
        yield from _fields(value, struct, path)
    elif entry is not None and isinstance(value, list | tuple) and _struct(entry) is not None:
        for n, one in enumerate(value):
            yield from misshapen(one, entry, f"{path}[{n}]")
        yield from _converts(value if not value else (), kind, path)
    else:
        yield from _converts(value, kind, path)


def _fields(value: Mapping[str, object], struct: type[msgspec.Struct], path: str) -> Iterator[Problem]:
    hints = get_type_hints(struct, include_extras=True)
    dot = f"{path}." if path else ""
    for name in (one for one in value if one not in hints):
        yield Problem(f"{dot}{name}", f"there is no such field; there are {', '.join(hints)}")
    for field in msgspec.structs.fields(struct):
        if field.name in value:
            yield from misshapen(value[field.name], hints[field.name], f"{dot}{field.name}")
        elif field.required:
            yield Problem(f"{dot}{field.name}", "it is missing")


def _converts(value: object, kind: object, path: str) -> Iterator[Problem]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        yield Problem(path + where.rstrip("`"), what)


def _struct(kind: Any) -> type[msgspec.Struct] | None:  # noqa: ANN401
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _entry(kind: Any) -> Any:  # noqa: ANN401
    """What a tuple of one kind holds, limits or not; None for any other type."""
    bare = getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind
    return get_args(bare)[0] if get_origin(bare) is tuple else None


def _in_seconds(value: object) -> object:
    """The document with moments as epoch seconds. One that cannot be read stays, and is complained of."""
    if isinstance(value, dict):
        return {k: _moment(v) if k in MOMENTS else _in_seconds(v) for k, v in value.items()}
    return [_in_seconds(one) for one in value] if isinstance(value, list) else value


def _moment(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    return value.timestamp() if isinstance(value, datetime) and value.tzinfo is not None else value


def _limited(problems: Iterable[Problem]) -> Iterator[Problem]:
    for n, problem in enumerate(problems):
        if n == PROBLEMS_MAX:
            yield Problem("", f"there are more problems; these are the first {PROBLEMS_MAX}")
            return
        yield problem


# --- what hangs together ------------------------------------------------------------------------------


def unsound(inventory: Inventory) -> Iterator[Problem]:
    """A problem for each thing that is well formed and cannot be meant."""
    yield from _zone(inventory.zone)
    for name in ("campaigns", "line_items", "creatives", "events"):
        yield from _twice(name, [one.id for one in getattr(inventory, name)])
    campaigns = {one.id: one for one in inventory.campaigns}
    creatives = {one.id for one in inventory.creatives}
    teams = {team for one in inventory.events for team in one.teams}
    for n, item in enumerate(inventory.line_items):
        yield from _line_item(f"line_items[{n}]", item, campaigns, creatives, teams)
    own = {one.id for one in HOUSE_CREATIVES}
    yield from _unknown("house", inventory.house, creatives | own, "creative")
    yield from _unknown("slate", inventory.slate, creatives | own, "creative")
    yield from _pods(inventory)


def _zone(zone: str) -> Iterator[Problem]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem("zone", f"there is no time zone {zone!r}; write one such as Europe/Paris")


def _twice(name: str, ids: list[str]) -> Iterator[Problem]:
    counts, met = Counter(ids), set[str]()
    for n, one in enumerate(ids):
        if counts[one] > 1 and one in met:
            yield Problem(f"{name}[{n}].id", f"{one!r} is there {counts[one]} times")
        met.add(one)


def _unknown(path: str, names: Iterable[str], known: set[str], what: str) -> Iterator[Problem]:
    for n, name in enumerate(names):
        if name not in known:
            yield Problem(f"{path}[{n}]", f"there is no {what} {name!r}")


def _line_item(
    path: str, item: LineItem, campaigns: Mapping[str, Campaign], creatives: set[str], teams: set[str]
) -> Iterator[Problem]:
    campaign = campaigns.get(item.campaign)
    if campaign is None:
        yield Problem(f"{path}.campaign", f"there is no campaign {item.campaign!r}")
    elif 0 < campaign.impressions < item.impressions:
        yield Problem(
            f"{path}.impressions",
            f"{item.impressions}, and its campaign {campaign.id!r} has {campaign.impressions} in all",
        )
    yield from _unknown(f"{path}.creatives", item.creatives, creatives, "creative")
    if not item.starts < item.ends:
        yield Problem(f"{path}.ends", "the flight ends before it begins")
    yield from _unknown(f"{path}.targeting.teams", item.targeting.teams, teams, "event with the team")
    yield from _cohorts(f"{path}.targeting.cohorts", item.targeting.cohorts)
    for n, part in enumerate(item.dayparts):
        if part.begins == part.ends:
            yield Problem(f"{path}.dayparts[{n}].ends", f"it ends when it begins, at {part.ends}")


def _cohorts(path: str, names: Iterable[str]) -> Iterator[Problem]:
    for n, name in enumerate(names):
        if name not in COHORTS:
            yield Problem(
                f"{path}[{n}]", f"there is no cohort {name!r}; there are {COHORTS[0]} to {COHORTS[-1]}"
            )


def _pods(inventory: Inventory) -> Iterator[Problem]:
    named = [event for one in inventory.pods for event in one.events]
    for event, count in Counter(named).items():
        if count > 1:
            yield Problem("pods", f"the event {event!r} is in {count} of them")
    if sum(not one.events for one in inventory.pods) > 1:
        yield Problem("pods", "more than one names no event; only one can hold for all others")
