"""`tifo letters` on a log of our own: what was set aside is shown, and delivered again when asked."""

import asyncio

import msgspec
import pytest
import tomli_w

from tifo import cli_letters
from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.cli_platform import NotDone
from tifo.eventlog.ports import Record
from tifo.kernel.clock import ManualClock


@pytest.fixture
def config(tmp_path):
    """Settings with a log in which insight has two letters."""
    log_file = tmp_path / "events.db"

    async def fill() -> None:
        log = SqliteEventLog(log_file, ManualClock())
        await log.append(
            [Record("sessions", "ses_1", f"evt_{n}", "session.started", 1.5, b"{}") for n in (1, 2)]
        )
        consumer = await log.consumer("insight", ["sessions"], "node-1")
        for one in await consumer.poll():
            await consumer.park(one, "ZeroDivisionError()")
        await consumer.commit()
        await log.close()

    asyncio.run(fill())
    file = tmp_path / "settings.toml"
    file.write_text(tomli_w.dumps({"stores": {"eventlog": f"sqlite:///{log_file}"}}))
    return file


@pytest.fixture
def said(capfdbinary):
    return lambda: msgspec.json.decode(capfdbinary.readouterr().out)


def test_letters_are_shown_with_their_reasons(config, said) -> None:
    cli_letters.letters("insight", as_json=True, limit=1, config=config)
    shown = said()
    (letter,) = shown["letters"]
    assert (letter["id"], letter["reason"], letter["key"], letter["value"]) == (
        "evt_1", "ZeroDivisionError()", "ses_1", "{}",
    )  # fmt: skip
    event = letter["cloudevent"]
    assert (event["specversion"], event["id"], event["type"]) == ("1.0", "evt_1", "tifo.session.started.v1")
    assert (event["source"], event["partitionkey"], event["data"]) == ("/tifo", "ses_1", {})
    assert shown["more"]


def test_letters_are_shown_to_people(config, capsys, monkeypatch) -> None:
    monkeypatch.setattr(cli_letters.out, "width", 200)
    with cli_letters.out.capture() as shown:
        cli_letters.letters("insight", config=config)
    assert "evt_2" in shown.get()
    assert "2 shown" in shown.get()


def test_letters_are_delivered_again_once(config, said) -> None:
    for count in (2, 0):
        cli_letters.letters("insight", replay=True, as_json=True, config=config)
        assert said() == {"replayed": count}
    cli_letters.letters("insight", as_json=True, config=config)
    assert said() == {"letters": [], "more": False}


def test_limit_that_is_none_is_refused(config) -> None:
    with pytest.raises(NotDone, match="--limit 0"):
        cli_letters.letters("insight", limit=0, config=config)


def test_log_that_does_not_answer_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    settings = tmp_path / "settings.toml"
    settings.write_text(tomli_w.dumps({"stores": {"eventlog": f"sqlite:///{tmp_path}/file/events.db"}}))
    with pytest.raises(NotDone, match="did not answer"):
        cli_letters.letters("insight", config=settings)
