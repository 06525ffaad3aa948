"""The morning after: what the report says is what the log has, and its page shows the same figures."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from browsers import NEEDS_CHROMIUM
from commands import eventually, tifo
from players import Platform, break_now, refused
from playwright.sync_api import Browser

pytestmark = [*NEEDS_CHROMIUM]

TOLD_S_MAX = 90.0
REPORT_S_MAX = 60.0
STREAM_LIMIT = 2
"""Of the test accounts."""


def reported(platform: Platform, *more: str) -> subprocess.CompletedProcess[str]:
    return tifo("report", "demo", "--data", str(platform.stores), *more, within_s=REPORT_S_MAX)


@pytest.fixture(scope="module")
def told(platform: Platform) -> dict[str, Any]:
    """A night: viewers, an ad break, a start too many, an operator; the report once the lake has it all."""
    account = platform.new_account()
    players = [platform.player(account, f"tv-{n}") for n in range(STREAM_LIMIT)]
    assert refused(platform.ask_to_start(platform.log_in(account), "one-more")) == (409, "stream-limit")
    for one in players:
        assert one.steering(_HLS_pathway="cdn-a").status_code == 200
        assert one.asset_list(break_now()).status_code == 200
    players[0].end()
    for state in ("draining", "in"):
        platform.operators("PUT", "/v1/control/pathways/cdn-d", json={"state": state})

    def whole() -> dict[str, Any]:
        before = {name: count(platform) for name, count in COUNTS.items()}
        document: dict[str, Any] = json.loads(reported(platform, "--json").stdout or "null")
        assert document, "no report yet"
        assert {name: read(document) for name, read in FIGURES.items()} == before
        assert before["refused"] and before["asked"] and before["acts"]
        return document

    return eventually(whole, TOLD_S_MAX, "the report has what the log has")


def of_demo(platform: Platform, kind: str) -> list[dict[str, Any]]:
    return [one for one in platform.events(kind) if one.get("event") == "demo"]


COUNTS = {
    "sessions": lambda platform: len(of_demo(platform, "session.started")),
    "refused": lambda platform: len(of_demo(platform, "session.refused")),
    "asked": lambda platform: len(
        {(one["break_id"], one["session"]) for one in of_demo(platform, "ads.decided")}
    ),
    "acts": lambda platform: len(platform.events("control.acted")),
}
"""What the log has."""

FIGURES = {
    "sessions": lambda document: document["sessions"],
    "refused": lambda document: document["refusals"]["total"],
    "asked": lambda document: sum(one["asked"] for one in document["breaks"]),
    "acts": lambda document: sum(one["kind"] == "operator" for one in document["incidents"]),
}
"""What the report says of the same."""


def test_the_report_says_what_the_log_has(told: dict[str, Any]) -> None:
    assert told["peak_viewers"] >= STREAM_LIMIT
    assert told["peak_starts_per_s"] >= 1
    assert "cdn-a" in {one["pathway"] for one in told["by_pathway"]}
    assert "stream-limit" in {one["code"] for one in told["refusals"]["by_code"]}
    assert {"pathway-draining cdn-d", "pathway-in cdn-d"} <= {one["title"] for one in told["incidents"]}


def test_the_page_shows_the_same_in_a_browser(
    platform: Platform, told: dict[str, Any], browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "demo.html"
    done = reported(platform, "--out", str(file))
    assert done.returncode == 0, done.stderr
    page = browser.new_page(viewport={"width": 390, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None
    )
    page.goto(file.as_uri())
    for key, value in (("sessions", told["sessions"]), ("refusals", told["refusals"]["total"])):
        assert page.inner_text(f"[data-figure={key}]").split("\n")[0] == f"{value:,}"
    boxes = [one.bounding_box() for one in page.query_selector_all("svg")]
    assert boxes and all(box and box["width"] > 0 and box["height"] > 0 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not complaints
    page.close()


def test_an_event_that_nobody_knows_is_an_error_with_what_there_is(
    platform: Platform, told: dict[str, Any]
) -> None:
    done = tifo("report", "nosuch", "--data", str(platform.stores), within_s=REPORT_S_MAX)
    assert (done.returncode, told["event"]) == (2, "demo")
    assert "nothing of an event 'nosuch'; it has demo" in " ".join(done.stderr.split())
