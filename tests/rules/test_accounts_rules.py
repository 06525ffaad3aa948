"""Who may watch what: plans, passes, entitlements, borders."""

import msgspec
import pytest

from tifo.api.accounts import EventPass, Viewer
from tifo.api.catalogue import Access, CalendarEvent

NOW = 1_800_000_000.0


def match(access: Access = "subscriber", regions: tuple[str, ...] = ()) -> CalendarEvent:
    return CalendarEvent("final", "Final", NOW, NOW + 7_200, "demo", access=access, regions=regions)


FREE = Viewer("free")
SUBSCRIBER = Viewer("subscriber", plan="subscriber")
HOLDER = Viewer("holder", passes=(EventPass("cup", NOW + 60), EventPass("final", NOW + 60)))
NAMED = Viewer("named", ("final",))
STAFF = Viewer("staff", ("*",))


@pytest.mark.parametrize(
    ("viewer", "opened"),
    [
        (FREE, {"free"}),
        (SUBSCRIBER, {"free", "subscriber"}),
        (HOLDER, {"free", "subscriber", "pass"}),
        (NAMED, {"free", "subscriber", "pass"}),
        (STAFF, {"free", "subscriber", "pass"}),
        (Viewer("elsewhere", ("cup",), passes=(EventPass("cup", NOW + 60),)), {"free"}),
    ],
    ids=lambda value: value.account if isinstance(value, Viewer) else "",
)
def test_plan_and_pass_open_events(viewer: Viewer, opened: set[Access]) -> None:
    every: tuple[Access, ...] = ("free", "subscriber", "pass")
    assert {access for access in every if viewer.entitled(match(access), NOW)} == opened


def test_pass_ends_at_its_time() -> None:
    assert HOLDER.entitled(match("pass"), NOW + 59.9)
    assert not HOLDER.entitled(match("pass"), NOW + 60)


@pytest.mark.parametrize("viewer", [FREE, SUBSCRIBER, HOLDER, NAMED, STAFF], ids=lambda one: one.account)
def test_rights_end_at_the_border(viewer: Viewer) -> None:
    event = match("free", ("FR", "BE"))
    assert msgspec.structs.replace(viewer, region="BE").entitled(event, NOW)
    assert not msgspec.structs.replace(viewer, region="DE").entitled(event, NOW)
    assert not viewer.entitled(event, NOW)


def test_event_reads_without_the_fields_of_this_version_and_says_only_what_is_unusual() -> None:
    before = b'{"id":"final","title":"Final","starts":1.0,"ends":2.0,"channel":"demo"}'
    event = msgspec.json.decode(before, type=CalendarEvent)
    assert (event.access, event.regions, event.stream_limit) == ("subscriber", (), 0)
    assert msgspec.json.encode(event) == before
