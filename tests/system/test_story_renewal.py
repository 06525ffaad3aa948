"""Addresses that live for seconds: players go on with new ones, and a kicked one's are soon worth nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import platforms
import pytest
from browsers import NEEDS_CHROMIUM, goes_on, said, seconds, state
from commands import ANSWER_S_MAX, START_S_MAX, eventually
from players import PATHWAYS, Platform, fetch, media, refused, uris
from playwright.sync_api import Browser, Page

from tifo.edge.cdn_token import CLOCK_SKEW_S
from tifo.services.video.settings import VideoSettings
from tifo.tokens.inspection import said_by

TTL_S, RENEW_S = 8, 2
"""How long the addresses of these stories are good for, and when players ask for new ones."""

WATCHED_S = 3 * TTL_S
SEGMENT = re.compile(r"https?://[^/]+/t/([^/]+)/live/demo/[^?]*\.m4s")
MANIFEST = re.compile(r"/v1/playback/[^/]+/(master\.m3u8|manifest\.mpd)")

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def match(new_folder: platforms.NewFolder) -> Iterator[Platform]:
    lives = {"TIFO_VIDEO__RENEWED_TTL_S": str(TTL_S), "TIFO_VIDEO__RENEW_S": str(RENEW_S)}
    with new_folder() as folder, platforms.one_machine(folder, break_every_s=0, **lives) as platform:
        yield platform


def claims_of(token: str) -> dict[str, Any]:
    claims: Any = said_by(token, "path-jws")["claims"]
    return dict(claims)


class Viewer:
    """A watch page with everything that it asked for."""

    def __init__(self, page: Page, match: Platform, player: str) -> None:
        self.page = page
        self.asked: list[str] = []
        self.failed: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.failed.append(str(error)))
        page.goto(f"{match.viewers.base}/watch/demo?account={match.new_account()}&player={player}")
        eventually(lambda: state(page) == "playing" and seconds(page) > 1, START_S_MAX, "it plays")

    @property
    def segments(self) -> list[str]:
        return [url for url in self.asked if SEGMENT.match(url)]

    @property
    def claims(self) -> list[dict[str, Any]]:
        """What each token says that segments were asked for with, in the order of their first use."""
        tokens = dict.fromkeys(found[1] for url in self.asked if (found := SEGMENT.match(url)))
        return [claims_of(token) for token in tokens]


@pytest.fixture
def watch(match: Platform, browser: Browser) -> Iterator[Callable[[str], Viewer]]:
    contexts = []

    def start(player: str) -> Viewer:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}))
        return Viewer(contexts[-1].new_page(), match, player)

    yield start
    for context in contexts:
        context.close()


def opens(address: str) -> int:
    """What the CDN answers."""
    return fetch(address).status_code


@pytest.mark.parametrize("player", ["hls", "dash"])
def test_player_goes_on_through_several_renewals_without_a_reload(
    player: str, watch: Callable[[str], Viewer]
) -> None:
    viewer = watch(player)
    goes_on(viewer.page, WATCHED_S)
    assert (said(viewer.page, "errors"), viewer.failed) == ("0", [])
    assert int(said(viewer.page, "renewals")) > WATCHED_S / RENEW_S / 2
    assert len([url for url in viewer.asked if MANIFEST.search(url)]) == 1
    ends = [one["exp"] for one in viewer.claims]
    assert len(set(ends)) > WATCHED_S / TTL_S
    assert {one["exp"] - one["nbf"] for one in viewer.claims} == {TTL_S}
    assert {one["sub"] for one in viewer.claims} == {said(viewer.page, "session")}
    assert opens(viewer.segments[0]) == 401


@pytest.mark.parametrize("player", ["hls", "dash"])
def test_kicked_viewers_address_is_soon_worth_nothing(
    player: str, match: Platform, watch: Callable[[str], Viewer]
) -> None:
    viewer = watch(player)
    eventually(lambda: int(said(viewer.page, "renewals")) > 0, START_S_MAX, "it has renewed")
    kick = {"what": "session", "id": said(viewer.page, "session"), "reason": "Shared with half a town"}
    assert match.operators("POST", "/v1/control/kicks", json=kick).status_code == 204
    eventually(lambda: state(viewer.page) == "kicked", what="it stops")
    last = viewer.segments[-1]
    eventually(lambda: opens(last) == 401, TTL_S + CLOCK_SKEW_S + ANSWER_S_MAX, "its last address is over")


def test_every_cdn_takes_a_renewed_address_beside_the_one_before(match: Platform) -> None:
    player = match.player()
    first = [one for one in uris(player.master().text) if one.endswith("v360/index.m3u8")]
    answer = player.addresses()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    said_anew = answer.json()
    assert (said_anew["valid_s"], said_anew["renew_s"]) == (TTL_S, RENEW_S)
    assert sorted(one["pathway"] for one in said_anew["addresses"]) == list(PATHWAYS)
    for one in said_anew["addresses"]:
        media(f"{one['before']}{one['token']}{one['after']}v360/index.m3u8")
    assert {opens(one) for one in first} == {200}


def test_player_that_cannot_renew_keeps_its_first_addresses(match: Platform) -> None:
    player = match.player()
    (first, *_) = uris(player.master().text)
    claims = claims_of(first.split("/")[4])
    assert claims["exp"] - claims["nbf"] == VideoSettings().address_ttl_s


def test_ended_session_gets_no_new_address(match: Platform) -> None:
    player = match.player()
    assert match.operators("POST", f"/v1/control/sessions/{player.session}/end").status_code == 204
    eventually(lambda: refused(player.addresses()) == (410, "ended"), what="the end is known")
