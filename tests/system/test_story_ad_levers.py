"""Ads in a crisis: what operators say of them is in force within a second, and undone the same way."""

from collections.abc import Iterator

import pytest
from commands import eventually
from players import Platform, break_now, fetch

pytestmark = pytest.mark.system


@pytest.fixture(autouse=True)
def as_usual(platform: Platform) -> Iterator[None]:
    yield
    say(platform, "ad-lever", ads="personal")
    say(platform, "posture", step="normal")


def say(platform: Platform, what: str, **body: str) -> dict[str, str]:
    answer = platform.operators("PUT", f"/v1/control/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assets(platform: Platform) -> list[dict]:
    """What a viewer is shown who was not there before."""
    return platform.player().asset_list(break_now()).json()["ASSETS"]


def test_no_ads_and_back(platform: Platform) -> None:
    said = say(platform, "ad-lever", ads="none")
    assert (said["ads"], said["in_force"], said["by"]) == ("none", "none", "operator")
    eventually(lambda: not assets(platform), what="breaks are empty")
    assert platform.overview()["ad_lever"] == said
    say(platform, "ad-lever", ads="house")
    eventually(lambda: len(assets(platform)) == 2, what="breaks are the house's")
    told = platform.operators.get("/v1/control/audit").json()["entries"]
    assert [entry["target"] for entry in told if entry["action"] == "ad-lever"][:2] == ["house", "none"]


def test_lean_decides_by_cohort_and_counts_each_viewer(platform: Platform) -> None:
    say(platform, "posture", step="lean")
    eventually(lambda: platform.overview()["ad_lever"]["by"] == "posture")
    lever = platform.overview()["ad_lever"]
    assert (lever["ads"], lever["in_force"]) == ("personal", "cohort")
    players = [platform.player(), platform.player()]
    for player in players:
        eventually(lambda player=player: player.asset_list(break_now()).json()["ASSETS"])
        (asset, *_) = player.asset_list(break_now()).json()["ASSETS"]
        points = asset["X-AD-CREATIVE-SIGNALING"]["payload"][0]["tracking"]
        (impression,) = (one["urls"][0] for one in points if one["type"] == "impression")
        assert fetch(platform.new_secret(impression)).status_code == 204
        assert fetch(asset["URI"]).status_code == 200
    for player in players:
        (event,) = platform.events("ads.tracked", player.session)
        assert (event["what"], event["slot"]) == ("impression", 1)


def test_lever_that_there_is_not_is_refused(platform: Platform) -> None:
    answer = platform.operators("PUT", "/v1/control/ad-lever", json={"ads": "fewer"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
