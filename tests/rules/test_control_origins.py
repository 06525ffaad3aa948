"""Live origins as operators see them, from what each node says."""

from tifo.api.reports import OriginReport
from tifo.services.control.origins import merge_origins

ADDRESS = "http://origin.example/live/master.m3u8"


def report(event: str, state: str, since: float, error: str = "", form: str = "hls") -> OriginReport:
    return OriginReport(event, form, ADDRESS, state, since, error, 3)  # type: ignore[arg-type]


def test_origin_of_two_nodes_is_as_bad_as_the_worst_of_them_says() -> None:
    said = (
        report("final", "ok", 1.0),
        report("final", "failing", 9.0, "it answered 404"),
        report("final", "stale", 2.0, "late"),
        report("final", "failing", 8.0, "it answered 500"),
    )
    (view,) = merge_origins(said)
    assert (view.state, view.since, view.error) == ("failing", 8.0, "it answered 500")
    assert (view.nodes, view.nodes_failing, view.renditions) == (4, 3, 3)


def test_formats_and_events_are_apart_and_in_order() -> None:
    said = (report("b", "ok", 1.0), report("a", "stale", 1.0, "x", "dash"), report("a", "ok", 1.0))
    assert [(one.event, one.format, one.state) for one in merge_origins(said)] == [
        ("a", "dash", "stale"),
        ("a", "hls", "ok"),
        ("b", "hls", "ok"),
    ]


def test_without_origins_there_is_nothing_to_see() -> None:
    assert merge_origins(()) == ()
