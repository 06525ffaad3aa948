"""`tifo sessions` beside its platform: who is meant, how far it reads, and what it says."""

import pytest

from tifo import cli_platform, cli_sessions
from tifo.adapters.http.operators import Audience
from tifo.api.reports import AudienceCount, AudienceReport, AudienceSplit
from tifo.api.sessions import Device, Kick, RunningSession, SessionPage
from tifo.cli_platform import NotDone
from tifo.edge.settings import EdgeSettings
from tifo.settings import Settings


class Pages:
    """A platform's list, in pages as short as it likes."""

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes
        self.asked: list[tuple[str, int]] = []

    async def page(self, *, account: str, event: str, after: str, limit: int) -> SessionPage:
        self.asked.append((after, limit))
        n = int(after or 0)
        following = str(n + 1) if n + 1 < len(self._sizes) else None
        found = tuple(session(f"ses_{n}_{k}") for k in range(min(limit, self._sizes[n])))
        return SessionPage(found, following, sum(self._sizes))


def session(name: str) -> RunningSession:
    return RunningSession(name, "ada", "final", Device("sofa", "tv"), "2026-01-01T00:00:00Z", "")


@pytest.mark.parametrize(
    ("sizes", "limit", "shown", "more"),
    [
        ((), 5, 0, False),
        ((3,), 5, 3, False),
        ((3, 0, 0, 2), 5, 5, False),
        ((3, 3), 5, 5, True),
        ((200, 200), 300, 300, True),
        ((0, 0, 1), 1, 1, False),
    ],
)
async def test_pages_are_read_until_enough_is_found(sizes, limit: int, shown: int, more: bool) -> None:
    found = await cli_sessions._find(Pages(*sizes or (0,)), "", "", limit)  # type: ignore[arg-type]
    assert (len(found.sessions), found.more, found.total) == (shown, more, sum(sizes))


async def test_list_without_an_end_is_left_after_so_many_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_sessions, "PAGES_MAX", 3)
    pages = Pages(*[0] * 9)
    await cli_sessions._find(pages, "", "", 5)  # type: ignore[arg-type]
    assert [after for after, _ in pages.asked] == ["", "1", "2"]


async def test_nothing_is_asked_for_more_than_a_page_holds() -> None:
    pages = Pages(200, 200)
    await cli_sessions._find(pages, "", "", 1_000)  # type: ignore[arg-type]
    assert {limit for _, limit in pages.asked} == {200}


@pytest.mark.parametrize(
    ("session", "account", "event", "kick"),
    [
        ("ses_1", "", "", Kick("session", "ses_1", "Why")),
        ("ses_1", "ada", "", Kick("session", "ses_1", "Why", "ada")),
        ("", "ada", "", Kick("account", "ada", "Why")),
        ("", "", "final", Kick("event", "final", "Why")),
    ],
)
def test_kick_says_whom(session: str, account: str, event: str, kick: Kick) -> None:
    assert cli_sessions._what(session, account, event, "Why") == kick


@pytest.mark.parametrize(
    ("session", "account", "event"),
    [("", "", ""), ("ses_1", "", "final"), ("", "ada", "final"), ("ses_1", "ada", "final"), ("a b", "", "")],
)
def test_kick_of_nobody_or_of_two_kinds_is_refused(session: str, account: str, event: str) -> None:
    with pytest.raises(NotDone):
        cli_sessions._what(session, account, event, "Why")


@pytest.mark.parametrize(
    ("event", "others", "said"),
    [
        ("final", 0, "about 90 of 1,100 viewers"),
        ("semi", 0, "about 0 of 1,100 viewers"),
        ("semi", 10, "some of 1,100 viewers in all"),
    ],
)
def test_how_many_a_kick_hits_is_said_as_far_as_it_is_known(event: str, others: int, said: str) -> None:
    split = AudienceSplit((AudienceCount("final", 90),), others)
    assert cli_sessions._viewers_of(Audience(1_100, AudienceReport(event=split)), event) == said


def test_nobody_told_apart_is_not_nobody() -> None:
    assert cli_sessions._viewers_of(Audience(5), "final") == "some of 5 viewers in all"


@pytest.mark.parametrize(
    ("host", "url", "base"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8090"),
        ("0.0.0.0", "", "http://127.0.0.1:8090"),
        ("::", "", "http://127.0.0.1:8090"),
        ("10.0.0.7", "", "http://10.0.0.7:8090"),
        ("10.0.0.7", "https://ops.example.org/", "https://ops.example.org"),
    ],
)
def test_platform_is_that_of_the_settings_unless_one_is_named(host: str, url: str, base: str) -> None:
    assert cli_platform.base_of(url, Settings(edge=EdgeSettings(operator_host=host))) == base


@pytest.mark.parametrize("url", ["127.0.0.1:8090", "ftp://a", "http://", "http://a:70000", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(NotDone, match="it is http://HOST:PORT"):
        cli_platform.base_of(url, Settings())
