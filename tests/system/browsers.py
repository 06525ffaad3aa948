"""Debian's Chromium, and what stories see of the watch page in it."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from commands import ANSWER_S_MAX, eventually
from players import Platform
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)

NEEDS_CHROMIUM = [
    pytest.mark.system,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed: the browser stories were not run"
    ),
    pytest.mark.timeout(600),
]
"""The marks of a file of browser stories."""

SLOWEST = 3
"""How many seconds a second of the match may take a browser that shares its machine with all the others."""

FRAME = """() => {
  const video = document.querySelector('#video'), canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  const pencil = canvas.getContext('2d');
  pencil.drawImage(video, 0, 0, 64, 36);
  return Array.from(pencil.getImageData(0, 0, 64, 36).data).join();
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


def said(page: Page, name: str) -> str:
    value: str = page.evaluate(f"document.documentElement.dataset.{name} ?? ''")
    return value


def state(page: Page) -> str:
    return said(page, "state")


def seconds(page: Page) -> float:
    value: float = page.evaluate("document.querySelector('#video').currentTime")
    return value


def frame(page: Page) -> Any:
    return page.evaluate(FRAME)


@contextlib.contextmanager
def cockpit_of(browser: Browser, match: Platform, width: int, height: int) -> Iterator[Page]:
    """The control room of a match, live, in a context of its own; an error that it does not catch fails."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{match.operators.base}/")
    page.wait_for_selector('html[data-state="live"]')
    yield page
    context.close()
    assert errors == []


def goes_on(page: Page, for_s: float) -> None:
    """That the picture moves on for so many seconds of the match, without an error on the screen.

    On a machine that is too busy for its own speed it waits for pictures now and then, and takes longer.
    """
    end, at, pictures = time.monotonic() + SLOWEST * for_s + ANSWER_S_MAX, seconds(page), {frame(page)}
    # Whoever comes back from a break leaps to the live edge: that is no picture.
    while seconds(page) - at < for_s or len(pictures) <= for_s:
        eventually(lambda: frame(page) not in pictures, what="the picture moves")
        pictures.add(frame(page))
        assert state(page) in ("playing", "waiting")
        assert time.monotonic() < end, f"{seconds(page) - at:.1f} s of {for_s:g} s were played"
    eventually(lambda: state(page) == "playing", what="it plays")
