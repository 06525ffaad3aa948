"""What does not go with sessions: who plays without one, has one and does not play, and comes in crowds."""

import pytest

from tifo.api.events import PathwayUsed, PlaybackReported, SessionEnded, SessionsRenewed, SessionStarted
from tifo.api.reports import NetworkStarts, PatternsReport
from tifo.board import audience
from tifo.eventlog.ports import Delivery, Partition, Record
from tifo.workers.insight import strays
from tifo.workers.insight.settings import InsightSettings
from tifo.workers.insight.share import SETTLE_S, Shares

NOW = 1_800_000_000.0


def started(session: str, network: str = "192.0.2.0/24", account: str = "a") -> SessionStarted:
    return SessionStarted(
        session=session, event="final", account=account, device="d", device_kind="tv", network=network,
        lease_s=600,
    )  # fmt: skip


def played(session: str) -> PlaybackReported:
    return PlaybackReported(session=session, values={"sid": session})


class Told:
    """One worker's only share, and what it tells."""

    def __init__(self) -> None:
        self.shares = Shares(InsightSettings(), ("cdn-a",))
        self.shares.hold({0}, NOW - SETTLE_S)
        self.shares.caught_up(NOW)
        first = Delivery(1, Record("sessions", "", "", "", NOW, b""), Partition("sessions", 0))
        self.share = self.shares.of(first, NOW)

    def see(self, event, after_s: float) -> None:
        self.share.see(event, NOW + after_s, NOW + after_s)

    def patterns(self, after_s: float) -> PatternsReport:
        self.shares.forget_silent(NOW + after_s)
        return self.shares.patterns(NOW + after_s)


@pytest.fixture
def told() -> Told:
    return Told()


def test_session_that_plays_is_neither(told: Told) -> None:
    told.see(started("ses_1"), 0)
    told.see(PathwayUsed(session="ses_1", event="final", pathway="cdn-a"), 5)
    told.see(played("ses_1"), 90)
    seen = told.patterns(100)
    assert (seen.playless, seen.strays) == (0, 0)


def test_session_that_only_renews_plays_nothing_until_it_does(told: Told) -> None:
    told.see(started("ses_1"), 0)
    told.see(started("ses_2"), 0)
    assert told.patterns(50).playless == 0
    told.see(SessionsRenewed(batch="ses_1", sessions=("ses_1", "ses_2"), event="final", lease_s=600), 60)
    assert told.patterns(70).playless == 2
    told.see(played("ses_1"), 80)
    assert told.patterns(90).playless == 1
    told.see(SessionEnded(session="ses_2", event="final", why="left"), 95)
    assert told.patterns(96).playless == 0


def test_session_that_plays_on_after_its_end_is_a_stray_and_no_viewer(told: Told) -> None:
    told.see(started("ses_1"), 0)
    told.see(SessionEnded(session="ses_1", event="final", why="taken-over"), 10)
    for after_s in (12, 200, 205, 215):
        told.see(PathwayUsed(session="ses_1", event="final", pathway="cdn-a"), after_s)
    assert told.patterns(216).strays == 1
    assert told.shares.crowd().viewers() == 0
    assert told.patterns(300).strays == 0


def test_last_word_that_comes_after_the_end_is_no_stray(told: Told) -> None:
    told.see(SessionEnded(session="ses_1", event="final", why="left"), 10)
    told.see(played("ses_1"), 11)
    assert told.patterns(30).strays == 0


def test_players_whom_nobody_started_are_strays_until_their_start_is_read(told: Told) -> None:
    for session in ("forged", "early"):
        told.see(played(session), 0)
        told.see(played(session), 20)
    assert told.patterns(21).strays == 2
    told.see(started("early"), 22)
    told.see(played("early"), 23)
    assert told.patterns(24).strays == 1


def test_strays_are_bounded(monkeypatch, told: Told) -> None:
    monkeypatch.setattr(strays, "STRAYS_MAX", 5)
    for after_s in (0, 20):
        for n in range(20):
            told.see(played(f"forged-{n}"), after_s)
    assert told.patterns(21).strays <= 5


def test_networks_of_the_last_minutes_starts_are_told_the_largest_first(monkeypatch, told: Told) -> None:
    monkeypatch.setattr(strays, "ACCOUNTS_MAX", 4)
    for n in range(9):
        told.see(started(f"a-{n}", "192.0.2.0/24", f"account-{n % 2}"), n)
        told.see(started(f"b-{n}", "2001:db8::/48", f"account-{n}"), 30)
    told.see(started("c", "198.51.100.0/24"), 30)
    told.see(started("d", ""), 30)
    assert told.patterns(31).networks == (
        NetworkStarts("192.0.2.0/24", 9, 2),
        NetworkStarts("2001:db8::/48", 9, 4),
        NetworkStarts("198.51.100.0/24", 1, 1),
    )
    assert [one.network for one in told.patterns(75).networks] == ["2001:db8::/48", "198.51.100.0/24"]


def test_networks_are_bounded(monkeypatch, told: Told) -> None:
    monkeypatch.setattr(strays, "NETWORKS_MAX", 3)
    monkeypatch.setattr(audience, "NETWORKS_MAX", 2)
    for n in range(9):
        told.see(started(f"ses_{n}", f"10.0.{n}.0/24"), 1)
    assert [one.network for one in told.patterns(2).networks] == ["10.0.0.0/24", "10.0.1.0/24"]
