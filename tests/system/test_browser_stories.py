"""The match in Debian's Chromium: what a viewer and an operator see of it."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import platforms
import pytest
from browsers import NEEDS_CHROMIUM, goes_on, said, seconds, state
from commands import START_S_MAX, eventually
from players import Platform
from playwright.sync_api import Browser, Page

BREAK_EVERY_S, BREAK_S = 60, 20
WATCHED_S = 20
LATENCY_S_MAX = 20
MOVED_S_MAX = 60
"""Seconds in which players have asked where to go, two each time, and what is in their buffer is played."""
KINDS = ("impression", "firstQuartile", "midpoint", "thirdQuartile", "complete")

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module", params=["without breaks"])
def match(request: pytest.FixtureRequest, new_folder: platforms.NewFolder) -> Iterator[Platform]:
    """One machine, with a break each minute or, so that it disturbs nothing else, none."""
    every_s = BREAK_EVERY_S if request.param == "with breaks" else 0
    asks = {"TIFO_STEERING__TTL_S": "2"}
    with (
        new_folder() as folder,
        platforms.one_machine(folder, break_every_s=every_s, break_s=BREAK_S, **asks) as platform,
    ):
        yield platform


@pytest.fixture
def open_page(browser: Browser, match: Platform) -> Iterator[Callable[[str], Page]]:
    """Opens a page in a context of its own: another device. An error that the page does not catch fails."""
    with contextlib.ExitStack() as stack:
        errors: list[str] = []

        def open_one(address: str) -> Page:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address)
            return page

        yield open_one
        assert errors == []


@pytest.fixture
def watch(match: Platform, open_page: Callable[[str], Page]) -> Callable[..., Page]:
    """A viewer's page of an account, playing unless it is told otherwise."""

    def start(account: str, *, playing: bool = True, player: str = "hls") -> Page:
        page = open_page(f"{match.viewers.base}/watch/demo?account={account}&player={player}")
        if playing:
            eventually(lambda: state(page) == "playing" and seconds(page) > 1, START_S_MAX, "it plays")
        return page

    return start


@pytest.fixture
def cockpit(match: Platform, open_page: Callable[[str], Page]) -> Page:
    page = open_page(f"{match.operators.base}/")
    page.wait_for_selector('html[data-state="live"]')
    return page


def near_live(page: Page) -> None:
    """That it is no further behind than players are held."""
    eventually(lambda: float(page.inner_text("#latency").split()[0]) < LATENCY_S_MAX, what="it is near live")


@pytest.mark.parametrize("match", ["with breaks"], indirect=True)
def test_match_plays_and_a_break_comes_and_goes(match: Platform, watch: Callable[..., Page]) -> None:
    page = watch("ada")
    eventually(lambda: said(page, "pathway") or said(page, "ad"), what="the page says which CDN carries it")
    session = said(page, "session")
    # It begins while it is watched: of the one before, who comes in its middle sees a part.
    brk = match.overview()["breaks"]["next"]["id"]

    def tracked() -> list[tuple[str, str]]:
        of_it = [one for one in match.events("ads.tracked", session) if one["break_id"] == brk]
        return [(one["creative"], one["what"]) for one in of_it]

    eventually(lambda: tracked() and said(page, "ad"), BREAK_EVERY_S + LATENCY_S_MAX + START_S_MAX, "a break")
    eventually(lambda: len(tracked()) == 2 * len(KINDS), BREAK_S + START_S_MAX, "two ads")
    eventually(lambda: not said(page, "ad"), what="then the match")
    goes_on(page, WATCHED_S)
    assert said(page, "errors") == "0"
    near_live(page)
    ads = {creative for creative, _ in tracked()}
    assert sorted(tracked()) == sorted((ad, kind) for ad in ads for kind in KINDS)
    reports = eventually(lambda: match.events("playback.reported", session), START_S_MAX, "CMCD is kept")
    assert {"ps", "t"} & {report["values"].get("e") for report in reports}


def test_operator_starts_a_break_and_the_match_is_back_early(
    match: Platform, watch: Callable[..., Page], cockpit: Page
) -> None:
    page = watch("grace")
    cockpit.fill("#break-seconds", "60")
    cockpit.click("#break-start")
    cockpit.click("#confirm-yes")
    eventually(lambda: said(page, "ad"), LATENCY_S_MAX + 15, "the break reaches the viewer")
    cockpit.click("#break-return")
    cockpit.click("#confirm-yes")
    eventually(lambda: match.overview()["breaks"]["running"] is None, what="the break is over")
    eventually(
        lambda: not said(page, "ad"), LATENCY_S_MAX + 20, "the match is back before the minute is over"
    )
    goes_on(page, 5)


@pytest.mark.parametrize("player", ["hls", "dash"])
def test_operator_takes_the_cdn_out_and_the_player_moves(
    player: str, watch: Callable[..., Page], cockpit: Page
) -> None:
    page = watch(f"ben-{player}", player=player)
    carrier = eventually(lambda: said(page, "pathway"), what="the page says which CDN carries it")
    cockpit.click(f'[data-pathway="{carrier}"] button')
    eventually(lambda: said(page, "pathway") not in ("", carrier), MOVED_S_MAX, "it moves")
    assert (state(page), page.is_visible("#message")) == ("playing", False)
    cockpit.click(f'[data-pathway="{carrier}"] button')
    eventually(lambda: said(page, "pathway") == carrier, MOVED_S_MAX, "it comes back")
    eventually(lambda: "pathway-out" in cockpit.inner_text("#audit"), what="the trail says it")


def test_operator_sees_what_a_viewer_has(match: Platform, watch: Callable[..., Page], cockpit: Page) -> None:
    page = watch(match.new_account())

    def told() -> dict[str, Any]:
        # Steering may move the player while it is looked at: what it had is then told of two CDNs. One
        # without viewers is what those before it had.
        web = [one for one in match.overview()["qoe"]["cells"] if one["device_kind"] == "web"]
        found = {name: value for one in web[::-1] for name, value in one.items() if value is not None}
        return found if web and web[0]["viewers"] and found.keys() == web[0].keys() else {}

    cell = eventually(told, START_S_MAX, "the player's reports fill its cell")
    carrier = said(page, "pathway")
    cockpit.wait_for_selector(f'[data-qoe="{carrier}"] [data-grade]:not([data-grade=""])')
    assert 100_000 < cell["bps"] / cell["viewers"] < 20_000_000
    # How fast it began and how much it waited is this machine's affair.
    assert cell["startup_p50_ms"] > 0
    assert cell["throughput_p50_bps"] > 0
    assert (0 <= cell["rebuffer_ratio"] <= 1, cell["error_ratio"]) == (True, 0.0)


def test_operator_drains_a_cdn_and_fixes_its_share(match: Platform, cockpit: Page) -> None:
    row = '[data-pathway="cdn-d"]'
    cockpit.click(f"{row} button[data-action=drain]")
    cockpit.wait_for_selector(f'{row}[data-pathway-state="draining"]')
    cockpit.click(f"{row} button")
    cockpit.wait_for_selector(f'{row}[data-pathway-state="in"]')
    cockpit.click(f"{row} button[data-action=share]")
    cockpit.fill("#share-percent", "30")
    cockpit.click("#share-form button[value=fix]")
    cockpit.wait_for_selector("text=cdn-d has 30 % from now on.")
    eventually(lambda: "pathway-draining" in cockpit.inner_text("#audit"), what="the trail says that")
    eventually(lambda: "share fixed at 30%" in cockpit.inner_text("#audit"), what="the trail says it")
    restored = match.operators("PUT", "/v1/control/pathways/cdn-d", json={"state": "in"})
    assert restored.status_code == 200


def test_cdn_that_dies_is_left_without_a_word(
    match: Platform, watch: Callable[..., Page], cockpit: Page
) -> None:
    page = watch("cleo")
    carrier = eventually(lambda: said(page, "pathway"), what="the page says which CDN carries it")

    def part() -> dict[str, Any]:
        return next(one for one in match.overview()["parts"] if one["name"] == carrier)

    def killed_again_and_again() -> bool:
        if pid := part()["pid"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert state(page) == "playing"
        return said(page, "pathway") not in ("", carrier)

    eventually(killed_again_and_again, START_S_MAX, "the player leaves the dead CDN")
    assert not page.is_visible("#message")
    cockpit.wait_for_selector(f'[data-part="{carrier}"]')
    goes_on(page, 4)
    eventually(lambda: part()["state"] == "running", START_S_MAX, "who comes next finds it there")


def test_dash_plays_with_dash_js_and_reports(match: Platform, watch: Callable[..., Page]) -> None:
    page = watch(match.new_account(), player="dash")
    goes_on(page, WATCHED_S)
    assert said(page, "errors") == "0"
    near_live(page)
    reports = eventually(
        lambda: match.events("playback.reported", said(page, "session")), START_S_MAX, "CMCD is kept"
    )
    assert {"ps", "t"} & {report["values"].get("e") for report in reports}


def test_one_stream_too_many_shows_who_watches_and_takes_over(
    match: Platform, watch: Callable[..., Page]
) -> None:
    account = match.new_account()
    others = [match.player(account, device=f"device-{n}") for n in range(platforms.STREAM_LIMIT)]
    with platforms.watching_on(others):
        page = watch(account, playing=False)
        eventually(lambda: state(page) == "refused", START_S_MAX, "it is refused")
        assert page.locator("#takeover button").count() == platforms.STREAM_LIMIT
        page.locator("#takeover button").first.click()
        eventually(lambda: state(page) == "playing" and seconds(page) > 1, START_S_MAX, "it plays instead")
    assert sorted(one.beat().status_code for one in others) == [200] * (platforms.STREAM_LIMIT - 1) + [410]


def test_kicked_viewer_stops_and_reads_why(
    match: Platform, watch: Callable[..., Page], cockpit: Page
) -> None:
    page = watch(match.new_account())
    row = f'[data-session="{said(page, "session")}"]'
    cockpit.wait_for_selector(row)
    cockpit.click(f"{row} button[data-action=kick]")
    cockpit.fill("#confirm-reason", "Shared with half a town")
    cockpit.click("#confirm-yes")
    eventually(lambda: state(page) == "kicked", what="it stops")
    assert "Shared with half a town" in page.inner_text("#message")
    eventually(lambda: page.evaluate("document.querySelector('#video').paused"), what="it stands still")
    at = seconds(page)
    assert seconds(page) == at


def test_operator_reads_whom_a_kick_hits_before_it_does(
    match: Platform, watch: Callable[..., Page], cockpit: Page
) -> None:
    account = match.new_account()
    page = watch(account)
    cockpit.click('#by-event [data-group="demo"] button')
    cockpit.click("#kick-event")
    crowd = "Everybody who watches demo: about"
    eventually(lambda: crowd in cockpit.inner_text("#confirm-lines"), START_S_MAX, "it says how many it hits")
    assert cockpit.is_disabled("#confirm-yes")
    cockpit.fill("#confirm-typed", "demo")
    assert cockpit.is_enabled("#confirm-yes")
    cockpit.click("#confirm-no")
    cockpit.fill("#session-account", account)
    cockpit.click("#kick-account")
    cockpit.wait_for_selector("#confirm-dialog[open]")
    assert f"Every session of {account}: 1 now" in cockpit.inner_text("#confirm-lines")
    assert state(page) == "playing"
    cockpit.click("#confirm-yes")
    eventually(lambda: state(page) == "kicked", what="it stops")
    eventually(lambda: "kick-account" in cockpit.inner_text("#audit"), what="the trail says it")


def test_viewer_who_stops_is_gone_from_the_cockpit(match: Platform, watch: Callable[..., Page]) -> None:
    page = watch(match.new_account())
    session = said(page, "session")
    page.click("#stop")
    eventually(lambda: state(page) == "ended", what="it ends")

    def listed() -> list[str]:
        return [one["session"] for one in match.operators.get("/v1/control/sessions").json()["sessions"]]

    eventually(lambda: session not in listed(), what="it is gone")


def test_pages_stand_on_their_own_ports_only(match: Platform) -> None:
    viewers, operators = (one.get("/").text for one in (match.viewers, match.operators))
    assert "cockpit" not in viewers
    asset = next(
        part for part in operators.split('"') if part.startswith("/assets/") and part.endswith(".js")
    )
    assert match.operators.get(asset).status_code == 200
    assert match.viewers.get(asset).status_code == 404


def test_pages_load_nothing_from_elsewhere(match: Platform, open_page: Callable[[str], Page]) -> None:
    page = open_page("about:blank")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].partition(":")[0]))
    page.goto(f"{match.viewers.base}/watch/demo?account={match.new_account()}")
    eventually(lambda: state(page) == "playing", START_S_MAX, "it plays")
    assert hosts <= {"127.0.0.1", ""}
