"""Whether what is set about events makes sense, and what is said of whom the log knows."""

import pytest
from msgspec.structs import replace

from tifo import cli
from tifo.check import refuse_unfit
from tifo.eventlog.settings import EventLogSettings
from tifo.kernel.errors import SettingsError
from tifo.settings import KeySet, KeysSettings, Settings

KEY = KeySet("p1", {"p1": "5e" * 32})


NONE = KeySet()


def problems(keys: KeySet = NONE, **told: object):
    settings = Settings(eventlog=EventLogSettings(**told), keys=KeysSettings(pseudonyms=keys))
    try:
        refuse_unfit(settings, {"beacons"})
    except SettingsError as error:
        return error.problems
    return ()


def test_events_are_told_under_no_pseudonym_by_default() -> None:
    assert problems() == ()


def test_pseudonyms_need_a_key() -> None:
    (problem,) = problems(pseudonyms=True)
    assert problem.startswith("keys.pseudonyms: no key is set; make one with `openssl rand -hex 32`")
    assert problems(KEY, pseudonyms=True) == ()


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"source": ""}, "eventlog.source: '' is no URI reference"),
        ({"source": "a b"}, "eventlog.source: 'a b' is no URI reference"),
        ({"pseudonym_period_s": 0}, "eventlog.pseudonym_period_s: 0; it is above 0"),
        ({"retention_h": {"ad": 3}}, "eventlog.retention_h: there is no topic 'ad'; there are sessions, "),
        ({"retention_h": {"ads": 0}}, "eventlog.retention_h.ads: 0; from 1 to 8784"),
    ],
)
def test_what_makes_no_sense_is_refused(told: dict[str, object], says: str) -> None:
    (problem,) = problems(**told)
    assert problem.startswith(says)


@pytest.mark.parametrize(
    ("host", "pseudonyms", "says"),
    [
        ("127.0.0.1", False, ""),
        ("0.0.0.0", False, "Accounts and devices stand in the event log as they are"),
        ("0.0.0.0", True, "event log: key p1, new ones every 30 days."),
    ],
    ids=["loopback", "off", "on"],
)
def test_check_says_whether_the_log_knows_accounts(
    monkeypatch, host: str, pseudonyms: bool, says: str
) -> None:
    settings = Settings(eventlog=EventLogSettings(pseudonyms=pseudonyms), keys=KeysSettings(pseudonyms=KEY))
    settings = replace(settings, edge=replace(settings.edge, host=host))
    monkeypatch.setattr(cli, "_settings", lambda config: settings)
    monkeypatch.setattr(cli.out, "width", 200)
    with cli.out.capture() as said:
        cli.check("beacons")
    assert says in said.get()
    assert ("event log" in said.get()) == bool(says)
