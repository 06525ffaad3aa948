"""`tifo query` on a lake of our own: rows for people and for programs, and what to do when there are none."""

import asyncio
import csv
from pathlib import Path

import msgspec
import pytest

from tifo import cli_query
from tifo.adapters.lake.files import FolderLake
from tifo.cli_platform import NotDone
from tifo.lake.layout import Place
from tifo.lake.views import VIEWS

AT_US = 1_795_629_600_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a lake: two viewers came, 90 seconds apart, and one left after five minutes."""

    async def fill() -> None:
        lake = FolderLake(tmp_path / "lake")
        name, hour = f"part-{0:032x}.parquet", "2026-11-25T18"
        came = [
            (f"evt_{n}", AT_US + n * 90_000_000, f"ses_{n}", f"acc_{n}", "dev", "tv", "", 90, "")
            for n in (0, 1)
        ]
        await lake.write(Place("session.started", "final", hour), name, came)
        left = [("evt_9", AT_US + 300_000_000, "ses_0", "left")]
        await lake.write(Place("session.ended", "final", hour), name, left)

    asyncio.run(fill())
    return tmp_path


SESSIONS = "SELECT session, started_at, why, duration_s FROM sessions ORDER BY session"


def test_rows_for_a_program(data, capfdbinary) -> None:
    cli_query.query(SESSIONS, as_json=True, data=data)
    assert msgspec.json.decode(capfdbinary.readouterr().out) == {
        "rows": [
            {"session": "ses_0", "started_at": "2026-11-25T18:00:00", "why": "left", "duration_s": 300},
            {"session": "ses_1", "started_at": "2026-11-25T18:01:30", "why": None, "duration_s": 90},
        ],
        "more": False,
    }


def test_rows_for_a_spreadsheet(data, capsys) -> None:
    cli_query.query(SESSIONS, as_csv=True, lake=f"file://{data}/lake")
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[0] == ["session", "started_at", "why", "duration_s"]
    assert rows[2] == ["ses_1", "2026-11-25 18:01:30", "", "90.0"]


def test_rows_for_people_as_many_as_they_want(data) -> None:
    with cli_query.out.capture() as shown:
        cli_query.query(SESSIONS, limit=1, data=data)
    assert "ses_0" in shown.get()
    assert "ses_1" not in shown.get()
    assert "1 row; there are more, see --limit" in shown.get()


def test_viewers_by_minute(data, capfdbinary) -> None:
    sql = "SELECT minute, viewers, starts FROM viewers_by_minute WHERE event = 'final' ORDER BY minute"
    cli_query.query(sql, as_json=True, data=data)
    rows = msgspec.json.decode(capfdbinary.readouterr().out)["rows"]
    assert [(row["viewers"], row["starts"]) for row in rows] == [
        (1, 1), (2, 1), (2, 0), (2, 0), (1, 0), (1, 0), (0, 0),
    ]  # fmt: skip


def test_without_a_question_the_views_are_listed(capfdbinary) -> None:
    cli_query.query(as_json=True)
    views = msgspec.json.decode(capfdbinary.readouterr().out)["views"]
    assert [view["name"] for view in views] == [view.name for view in VIEWS]
    with cli_query.out.capture() as shown:
        cli_query.query()
    assert all(view.name in shown.get() for view in VIEWS)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"data": Path("/nowhere")}, "no lake at /nowhere/lake yet"),
        ({"lake": "file:///nowhere"}, "tifo up"),
        ({"lake": "file:///nowhere", "data": Path("x")}, "not both"),
        ({"as_csv": True, "as_json": True}, "not both"),
        ({"limit": 0}, "--limit"),
    ],
)
def test_what_cannot_be_asked_says_what_to_do(more, why: str) -> None:
    with pytest.raises(NotDone, match=why):
        cli_query.query("SELECT 1", **more)


def test_a_wrong_column_is_told_with_the_nearest(data) -> None:
    with pytest.raises(NotDone, match=r"(?s)sesion.*tifo query"):
        cli_query.query("SELECT sesion FROM sessions", data=data)
