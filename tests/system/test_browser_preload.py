"""When watch pages ask for a break's ads, in Debian's Chromium: each at a moment of its own before it."""

import time
from collections.abc import Iterator

import platforms
import pytest
from browsers import NEEDS_CHROMIUM, state
from commands import START_S_MAX, eventually
from players import Platform
from playwright.sync_api import Browser, Page

pytestmark = NEEDS_CHROMIUM

BREAK_EVERY_S = 60

BREAKS_S_MAX = 180.0
"""Seconds within which one of the breaks has both pages play up to it."""

APART_S = 6.0
"""Seconds between the two, of the sixteen between the first and the last moment."""

Asked = dict[str, float]


@pytest.fixture(scope="module")
def match(new_folder: platforms.NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, platforms.one_machine(folder, break_every_s=BREAK_EVERY_S) as platform:
        yield platform


def watch(browser: Browser, match: Platform, drawn: float) -> tuple[Page, Asked]:
    """A page whose chance is given, and when it asked for the ads of each break."""
    page = browser.new_context(viewport={"width": 480, "height": 320}).new_page()
    asked: Asked = {}
    page.add_init_script(f"Math.random = () => {drawn}")

    def note(url: str) -> None:
        if "/v1/ads/" in url and "/breaks/" in url and "_HLS_start_offset" not in url:
            asked.setdefault(url.split("/breaks/")[1].split("?", maxsplit=1)[0], time.monotonic())

    page.on("request", lambda request: note(request.url))
    page.goto(f"{match.viewers.base}/watch/demo?account={match.new_account()}")
    eventually(lambda: state(page) == "playing", START_S_MAX, "it plays")
    return page, asked


def test_each_page_asks_at_a_moment_that_it_draws(browser: Browser, match: Platform) -> None:
    early, early_asked = watch(browser, match, 0.0)
    late, late_asked = watch(browser, match, 0.99)

    def apart() -> bool:
        for page in (early, late):
            page.wait_for_timeout(100)
        both = early_asked.keys() & late_asked.keys()
        return any(late_asked[brk] - early_asked[brk] > APART_S for brk in both)

    eventually(apart, BREAKS_S_MAX, "one asks well before the other")
    for page in (early, late):
        page.context.close()
