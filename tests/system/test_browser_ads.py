"""The cockpit's ads in Debian's Chromium: a break filled by an inventory, and a line item switched off."""

from collections.abc import Iterator
from typing import Any

import platforms
import pytest
from browsers import NEEDS_CHROMIUM, cockpit_of
from commands import START_S_MAX, eventually
from players import CLOCK, Platform, break_now
from playwright.sync_api import Browser, Page

pytestmark = NEEDS_CHROMIUM

GOAL = 100_000


@pytest.fixture(scope="module")
def match(new_folder: platforms.NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, platforms.one_machine(folder) as platform:
        yield platform


@pytest.fixture
def cockpit(browser: Browser, match: Platform) -> Iterator[Page]:
    with cockpit_of(browser, match, 1280, 800) as page:
        yield page


def inventory() -> dict[str, Any]:
    now = CLOCK.now()
    return {
        "creatives": [{"id": "house-3", "duration_s": 10}],
        "campaigns": [{"id": "brew", "advertiser": "brew"}],
        "line_items": [
            {
                "id": "brew-tv", "campaign": "brew", "creatives": ["house-3"], "starts": now - 60,
                "ends": now + 3_600, "impressions": GOAL, "pace": "asap",
            }
        ],
    }  # fmt: skip


def test_operator_sees_what_fills_breaks_and_switches_a_line_item_off(match: Platform, cockpit: Page) -> None:
    cockpit.wait_for_selector("#ads-note:visible")
    eventually(lambda: "tifo ads load FILE" in cockpit.inner_text("#ads-note"), what="it says how to begin")
    cockpit.wait_for_selector(".timeline-break", state="attached")

    loaded = match.operators("PUT", "/v1/control/ads/inventory", json=inventory())
    assert loaded.status_code == 200, loaded.text
    row = '[data-line-item="brew-tv"]'
    cockpit.wait_for_selector(f'{row}[data-item-state="on-pace"]')

    def delivered() -> bool:
        match.player().asset_list(break_now())
        return not cockpit.inner_text(f"{row} .bullet").startswith("0 of")

    eventually(delivered, START_S_MAX, "viewers are shown it")
    assert "of 100,000" in cockpit.inner_text(f"{row} .bullet")
    assert "revision" in cockpit.inner_text("#ads-inventory")
    eventually(lambda: cockpit.inner_text("#ads-fill").endswith("%"), what="it says how full breaks are")

    cockpit.click(f"{row} button")
    cockpit.click("#confirm-yes")
    cockpit.wait_for_selector(f'{row}[data-item-state="off"]')
    eventually(lambda: "line-item-off" in cockpit.inner_text("#audit"), what="the trail says it")
    cockpit.click(f"{row} button")
    cockpit.wait_for_selector(f'{row}[data-item-state="on-pace"]')
