"""`tifo report` on a lake that can be counted by hand: a page for people, a document for programs."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from small_lake import AT, fill

from tifo import cli_report, export
from tifo.adapters.sqlite.calendar import SqliteCalendarStore
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.catalogue import CalendarEvent
from tifo.cli_platform import NotDone
from tifo.eventlog.ports import Record
from tifo.kernel.clock import SystemClock
from tifo.report.document import Report

SETTINGS = """
[[steering_loop.cdns]]
id = "cdn-a"
gbps = 0.01
cost_per_gb = 2.0
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the lake, a calendar, and the settings that its `tifo up` ran with."""
    asyncio.run(fill(tmp_path / "lake"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.toml").write_text(SETTINGS)
    asyncio.run(plan(tmp_path, "final", "derby"))
    return tmp_path


async def plan(folder: Path, *events: str) -> None:
    calendar = SqliteCalendarStore(folder / "calendar.db")
    for one in events:
        await calendar.put(
            CalendarEvent(
                id=one, title=f"The {one}", starts=AT, ends=AT + 60, channel="demo", forecast_viewers=4
            )
        )
    await calendar.close()


def document(capfdbinary, event: str = "final", **more) -> Report:
    cli_report.report(event, as_json=True, **more)
    return msgspec.json.decode(capfdbinary.readouterr().out, type=Report)


def test_a_document_for_programs(data, capfdbinary) -> None:
    said = document(capfdbinary, data=data)
    assert (said.title, said.sessions, said.accounts, said.forecast_viewers) == ("The final", 3, 2, 4)
    assert (said.peak_viewers, said.peak_at, said.peak_starts_per_s) == (3, AT + 60, 2)
    cdns = {one.pathway: (one.sessions, one.rebuffer_ratio) for one in said.by_pathway}
    assert cdns == {"cdn-a": (2, 0), "cdn-b": (1, pytest.approx(0.6 / 120)), "": (1, None)}
    (brk,) = said.breaks
    assert (brk.asked, brk.slots, brk.filled, brk.shown, brk.completed, brk.failed) == (2, 4, 2, 2, 1, 1)
    assert {one.code: (one.starts, one.accounts) for one in said.refusals.by_code} == {
        "stream-limit": (2, 1), "not-entitled": (1, 1),
    }  # fmt: skip
    assert [(one.kind, one.who) for one in said.incidents] == [("operator", "ana"), ("anomaly", "")]
    (full,) = said.twice.cdns
    assert (full.pathway, full.full_at) == ("cdn-a", AT)
    assert said.cost == pytest.approx(2.0 * (said.by_pathway[0].gigabytes or 0))


def test_a_page_for_people(data, tmp_path) -> None:
    with cli_report.out.capture() as shown:
        cli_report.report("final", data=data, out_file=tmp_path / "it.html", zone="Europe/Paris")
    text = (tmp_path / "it.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "The final" in text and "19:01" in text
    assert "2 accounts watched in 3 sessions" in shown.get()
    assert "it.html" in shown.get()


def test_a_file_has_the_name_of_the_event_and_no_other_place(tmp_path, monkeypatch) -> None:
    asyncio.run(fill(tmp_path / "lake", "../up"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    cli_report.report("../up", data=tmp_path)
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["..-up.html"]


def test_without_calendar_or_settings_it_says_what_it_does_not_know(tmp_path, capfdbinary) -> None:
    asyncio.run(fill(tmp_path / "lake"))
    said = document(capfdbinary, lake=f"file://{tmp_path}/lake")
    assert (said.title, said.forecast_viewers, said.cost) == ("final", None, None)
    assert "calendar has no forecast" in " ".join(said.not_known)


def test_an_event_that_nobody_watched_yet_has_a_report(data, capfdbinary) -> None:
    said = document(capfdbinary, "derby", data=data)
    assert (said.title, said.sessions, said.summary[0]) == ("The derby", 0, "Nobody watched.")


async def log_two_and_handle_one(folder: Path) -> None:
    log = SqliteEventLog(folder / "events.db", SystemClock())
    records = [Record("sessions", "ses_1", f"evt_{n}", "session.started", AT, b"{}") for n in (1, 2)]
    await log.append(records)
    consumer = await log.consumer("lake", ["sessions"], "m")
    while not await consumer.poll(1):
        pass
    await consumer.commit()
    await consumer.close()
    await log.close()


def test_a_lake_that_is_behind_the_log_says_so(data) -> None:
    asyncio.run(log_two_and_handle_one(data))
    with cli_report.err.capture() as shown, cli_report.out.capture():
        cli_report.report("final", data=data, out_file=data / "it.html")
    assert "1 record behind the event log" in shown.get()


@pytest.mark.parametrize(
    ("event", "more", "why"),
    [
        ("cup", {}, r"nothing of an event 'cup'; it has final"),
        ("final", {"data": Path("/nowhere")}, "no lake at /nowhere/lake yet.*tifo up"),
        ("final", {"lake": "file:///nowhere"}, "not both"),
        ("final", {"zone": "Mars/Base"}, "--zone"),
        ("final", {"zone": "../../etc/passwd"}, "--zone"),
        ("final", {"starts_per_s": -1.0}, "--starts-per-s"),
        ("final", {"as_json": True, "out_file": Path("x")}, "not both"),
    ],
)
def test_what_cannot_be_reported_says_what_to_do(data, event: str, more, why: str) -> None:
    with pytest.raises(NotDone, match=why):
        cli_report.report(event, **({"data": data} | more))


def test_the_document_is_as_the_contract_says() -> None:
    schema = msgspec.json.decode(export.report_schema())["$defs"]["Report"]
    assert {"sessions", "peak_viewers", "peak_starts_per_s", "by_pathway", "breaks", "refusals"} <= set(
        schema["required"]
    )
