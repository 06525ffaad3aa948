"""The ad break in the control room, in Debian's Chromium: lever, outside servers, pacing, and the books."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import platforms
import pytest
import tomli_w
from browsers import NEEDS_CHROMIUM, cockpit_of
from commands import START_S_MAX, eventually, tifo
from http_servers import answering
from players import CLOCK, Platform, Player
from playwright.sync_api import Browser, Page

pytestmark = NEEDS_CHROMIUM

GOAL = 100_000
VIEWERS = 12

ASK_S = 12
"""Seconds ahead of a break in which its viewers' outside ads are asked for."""

SLEEPS_S_MAX = 30

SETTINGS: dict[str, Any] = {
    "channel": {"break_notice_s": 2},
    "ads": {"capacity_per_s": 200.0, "fetch_from_s": 60.0, "fetch_until_s": 3.0},
}


class Asleep(BaseHTTPRequestHandler):
    """An ad server that hangs up, without a word, long after anybody waits."""

    def do_GET(self) -> None:
        self.server.over.wait(SLEEPS_S_MAX)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def partner() -> Iterator[int]:
    over = threading.Event()

    class Server(Asleep):
        def setup(self) -> None:
            self.server.over = over  # type: ignore[attr-defined]
            super().setup()

    with answering(Server) as port:
        yield port
        over.set()


@pytest.fixture(scope="module")
def match(new_folder: platforms.NewFolder, partner: int) -> Iterator[Platform]:
    server = {
        "id": "partner", "base_url": f"http://127.0.0.1:{partner}", "requests_per_s": 2.0,
        "viewers_max": 8, "deadline_s": 0.4,
    }  # fmt: skip
    with new_folder() as folder:
        file = folder / "match.toml"
        file.write_text(tomli_w.dumps(SETTINGS | {"ads": SETTINGS["ads"] | {"servers": [server]}}))
        with platforms.one_machine(folder, "--config", str(file), break_every_s=0) as platform:
            yield platform


@pytest.fixture
def cockpit(browser: Browser, match: Platform) -> Iterator[Page]:
    with cockpit_of(browser, match, 1600, 1000) as page:
        yield page


def inventory(partner: int) -> dict[str, Any]:
    now = CLOCK.now()
    flight = {"starts": now - 600, "ends": now + 3_600, "impressions": GOAL, "cpm_cents": 2_450}
    tag = f"http://127.0.0.1:{partner}/vast?cb=[CACHEBUSTING]"
    return {
        "currency": "EUR",
        "creatives": [
            {"id": "house-1", "duration_s": 10},
            {"id": "partner-10", "duration_s": 10, "tag_url": tag},
        ],
        "campaigns": [
            {"id": "summer", "advertiser": "brew"}, {"id": "resold", "advertiser": "partner"},
        ],
        "line_items": [
            {"id": "brew-tv", "campaign": "summer", "creatives": ["house-1"], **flight},
            {"id": "partner-tv", "campaign": "resold", "creatives": ["partner-10"], "pace": "asap", **flight},
        ],
    }  # fmt: skip


def load(match: Platform, folder: Path, partner: int) -> None:
    file = folder / "spring.toml"
    file.write_text(tomli_w.dumps(inventory(partner)))
    done = tifo("ads", "load", str(file), "--url", match.operators.base)
    assert done.returncode == 0, done.stderr


def break_in(match: Platform, seconds: float) -> str:
    asked = {"starts_at": CLOCK.now() + seconds, "duration_s": 20}
    answer = match.operators("POST", "/v1/control/breaks", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["breaks"][0]["id"]


def beacons(match: Platform, player: Player, brk: str) -> None:
    """What a player tells that shows the whole pod."""
    for asset in player.asset_list(brk).json()["ASSETS"]:
        for point in asset["X-AD-CREATIVE-SIGNALING"]["payload"][0]["tracking"]:
            for url in point["urls"]:
                httpx.get(url, trust_env=False)


def test_loaded_file_is_in_the_trail_with_who_and_what_it_changed(
    match: Platform, cockpit: Page, partner: int, tmp_path: Path
) -> None:
    load(match, tmp_path, partner)
    eventually(lambda: "from spring.toml, sha256" in cockpit.inner_text("#audit"), what="the trail has it")
    said = cockpit.inner_text("#audit")
    assert "line items: 2 added; campaigns: 2 added; creatives: 2 added" in said
    load(match, tmp_path, partner)
    eventually(lambda: "line items: 2 changed" in cockpit.inner_text("#audit"), what="the flights moved")


def test_outside_server_pacing_and_books_are_on_the_screen(
    match: Platform, cockpit: Page, partner: int, tmp_path: Path
) -> None:
    load(match, tmp_path, partner)
    cockpit.wait_for_selector('[data-line-item="partner-tv"]')
    players = [match.player() for _ in range(VIEWERS)]
    for player in players:
        assert match.viewers("POST", f"/v1/ads/{player.token}/present").status_code == 204
    brk = break_in(match, ASK_S)
    row = '[data-ad-server="partner"]'
    cockpit.wait_for_selector(row)

    def figures() -> list[str]:
        return cockpit.locator(f"{row} td").all_inner_texts()

    eventually(lambda: figures()[4] != "0" and figures()[6] != "0", START_S_MAX, "it is late, and shaped")
    _, asked, answered, fetched, *_ = figures()
    assert int(asked) >= 1
    assert (answered, fetched) == ("0", "0")
    eventually(lambda: match.operators.get("/v1/control/breaks").json()["breaks"][0]["state"] == "running")
    for player in players:
        beacons(match, player, brk)

    cockpit.wait_for_selector('[data-pace-of="brew-tv"] canvas')
    pace = '[data-pace-of="brew-tv"] .soft'
    eventually(lambda: cockpit.inner_text(pace).endswith("behind its pace"), what="it is far behind")
    assert "house ads 50 %" in cockpit.inner_text("#ads-legend")
    assert "of 200" in cockpit.inner_text("#ads-pods")

    cockpit.wait_for_selector("#billing-table:visible", timeout=60_000)
    billed = '[data-billed="c:summer"]'

    def shown() -> bool:
        cockpit.select_option("#billing-hours", "24")
        cockpit.dispatch_event("#billing-hours", "change")
        return cockpit.locator(f"{billed} td").all_inner_texts()[1] == str(VIEWERS)

    eventually(shown, START_S_MAX, "each impression is in the books")
    cells = cockpit.locator(f"{billed} td").all_inner_texts()
    assert (cells[0], cells[2], cells[-1]) == (str(VIEWERS), "100 %", "0.29 EUR")
    assert "ads decided" in cockpit.inner_text("#billing-note")
    with cockpit.expect_download() as taken:
        cockpit.click("#billing-csv")
    lines = taken.value.path().read_text().splitlines()
    assert lines[0].startswith("campaign,line_item,decided,impressions,share")
    assert any(line.startswith(f"summer,brew-tv,{VIEWERS},{VIEWERS},1.0") for line in lines)


def choose(page: Page, lever: str, typed: str = "") -> None:
    page.select_option("#ad-lever", lever)
    if typed:
        assert page.is_disabled("#confirm-yes")
        page.fill("#confirm-typed", typed)
    page.click("#confirm-yes")


def test_operator_moves_the_lever_and_types_what_costs_money(match: Platform, cockpit: Page) -> None:
    words = "#ad-lever-words"
    cockpit.wait_for_selector(f"{words}:visible")
    choose(cockpit, "cohort")
    cockpit.wait_for_selector(f'{words}[data-by="operator"]')
    assert cockpit.inner_text(words).startswith("cohort, said by operator at ")
    cockpit.select_option("#ad-lever", "none")
    assert "This costs money" in cockpit.inner_text("#confirm-lines")
    cockpit.click("#confirm-no")
    eventually(lambda: cockpit.input_value("#ad-lever") == "cohort", what="it thinks better of it")
    choose(cockpit, "house", typed="house")
    eventually(lambda: cockpit.inner_text(words).startswith("house"), what="house is in force")
    eventually(lambda: "instead of cohort" in cockpit.inner_text("#audit"), what="the trail says it")
    explained = tifo("ads", "explain", "--event", "demo", "--url", match.operators.base).stdout
    assert "under the lever in force, house" in " ".join(explained.split())
    choose(cockpit, "personal")
    match.operators("PUT", "/v1/control/posture", json={"step": "lean"})
    cockpit.wait_for_selector(f'{words}[data-by="posture"]')
    assert "operators say personal" in cockpit.inner_text(words)
    match.operators("PUT", "/v1/control/posture", json={"step": "normal"})
    cockpit.wait_for_selector(f'{words}[data-by="nobody"]')
