"""Ads by the operators' inventory: loaded while everybody watches, shown in the next break, explained."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import fromstring

import pytest
from commands import eventually, tifo
from players import CLOCK, NODES, Http, Platform, break_now, fetch

pytestmark = pytest.mark.system

VAST = "{http://www.iab.com/VAST}"
ADS = next(name for name, services in NODES.items() if "ads" in services)


def inventory(now: float) -> dict:
    """One advertiser with the channel's third creative, before a house that has the others."""
    return {
        "house": ["house-1", "house-2"],
        "creatives": [{"id": "house-3", "duration_s": 10}],
        "campaigns": [{"id": "brew", "advertiser": "brew", "caps": [{"times": 1, "per_s": 3600}]}],
        "line_items": [
            {
                "id": "brew-tv", "campaign": "brew", "creatives": ["house-3"], "starts": now - 60,
                "ends": now + 3_600, "impressions": 100_000, "pace": "asap", "position": "first",
            },
            {
                "id": "brew-derby", "campaign": "brew", "creatives": ["house-3"], "starts": now - 60,
                "ends": now + 3_600, "targeting": {"events": ["derby"]},
            },
        ],
    }  # fmt: skip


@pytest.fixture
def desk(platform: Platform, tmp_path: Path) -> Iterator[Http]:
    """Where the inventory is changed; the house's own is in force afterwards."""
    operators = platform.nodes[ADS] if platform.nodes else platform.operators
    yield operators
    operators("PUT", "/v1/control/ads/inventory", json={})


def shown(platform: Platform) -> list[str]:
    """The creatives of the break that is on, for a viewer who was not there before."""
    assets = platform.player().asset_list(break_now()).json()["ASSETS"]
    return [urlsplit(asset["URI"]).path.rpartition("/ads/")[2].split("/")[0] for asset in assets]


def test_control_room_sees_line_items_and_switches_them(platform: Platform, desk: Http) -> None:
    revision = desk("PUT", "/v1/control/ads/inventory", json=inventory(CLOCK.now())).json()["revision"]

    def item() -> dict:
        shown(platform)
        ads = platform.overview()["ads"]
        return ads["items"][0] if ads["revision"] == revision and ads["items"] else {}

    def in_state(state: str) -> bool:
        return item().get("state") == state

    eventually(lambda: item().get("delivered", 0) > 0, what="nodes tell what was delivered")
    assert (item()["id"], item()["goal"], item()["state"]) == ("brew-tv", 100_000, "on-pace")
    assert platform.overview()["ads"]["fill"] > 0
    for active, state in ((False, "off"), (True, "on-pace")):
        answer = platform.operators("PUT", "/v1/control/line-items/brew-tv", json={"active": active})
        revision = answer.json()["revision"]
        eventually(lambda wanted=state: in_state(wanted), what=f"the line item is {state}")
    missing = platform.operators("PUT", "/v1/control/line-items/nobody", json={"active": False})
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


def test_inventory_is_in_force_without_a_restart_and_explained(
    platform: Platform, desk: Http, tmp_path: Path
) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps(inventory(CLOCK.now())))
    done = tifo("ads", "load", str(file), "--url", desk.base)
    assert done.returncode == 0, done.stderr
    assert "2 line items, 1 campaigns and 1 creatives" in " ".join(done.stdout.split())
    newest = platform.operators.get("/v1/control/audit").json()["entries"][0]
    assert (newest["operator"], newest["action"]) == ("operator", "ad-inventory")
    digest = sha256(file.read_bytes()).hexdigest()
    assert f"from inventory.json, sha256 {digest}; line items: 2 added" in newest["detail"]
    eventually(lambda: shown(platform)[0] == "house-3", what="the line item is shown")
    assert set(shown(platform)[1:]) <= {"house-1", "house-2"}

    done = tifo("ads", "explain", "--event", "demo", "--device-kind", "tv", "--json", "--url", desk.base)
    told = json.loads(done.stdout)
    verdicts = {one["line_item"]: one["verdict"] for one in told["line_items"]}
    assert verdicts == {"brew-tv": "chosen", "brew-derby": "event"}
    assert (told["lever"], told["in_force"]["by"]) == ("personal", "nobody")
    done = tifo("ads", "explain", "--event", "demo", "--lever", "house", "--url", desk.base)
    assert "as if the lever were house" in " ".join(done.stdout.split())

    desk("PUT", "/v1/control/ads/line-items/brew-tv", json={"active": False})
    eventually(lambda: "house-3" not in shown(platform), what="it is switched off")


def test_click_is_counted_and_leads_where_the_inventory_says(platform: Platform, desk: Http) -> None:
    told = inventory(CLOCK.now())
    told["creatives"][0] |= {"click_url": "https://brew.example/?from=tv&for=all", "skip_after_s": 5}
    assert desk("PUT", "/v1/control/ads/inventory", json=told).status_code == 200
    eventually(lambda: shown(platform)[0] == "house-3", what="the line item is shown")
    player = platform.player()
    pod = platform.viewers.get(f"/v1/ads/{player.token}/breaks/{break_now()}/vast").content
    linear = next(fromstring(pod).iter(f"{VAST}Linear"))
    assert linear.get("skipoffset") == "00:00:05.000"
    (click,) = (one.text for one in linear.iter(f"{VAST}ClickThrough"))
    answer = fetch(platform.new_secret(click))
    assert (answer.status_code, answer.headers["location"]) == (302, "https://brew.example/?from=tv&for=all")
    tracked = platform.events("ads.tracked", player.session)
    assert [(event["what"], event["creative"]) for event in tracked] == [("click", "house-3")]


def test_beacons_are_billed_once_however_often_they_are_called(platform: Platform, desk: Http) -> None:
    told = inventory(CLOCK.now())
    told["line_items"] = [{**told["line_items"][0], "id": "brew-billed"}]
    assert desk("PUT", "/v1/control/ads/inventory", json=told).status_code == 200
    eventually(lambda: shown(platform)[0] == "house-3", what="the line item is shown")
    asset = platform.player().asset_list(break_now()).json()["ASSETS"][0]
    (payload,) = asset["X-AD-CREATIVE-SIGNALING"]["payload"]
    for _ in range(3):
        for point in (one for one in payload["tracking"] if "offset" in one):
            assert fetch(platform.new_secret(point["urls"][0])).status_code == 204

    def billed() -> bool:
        done = tifo("ads", "billed", "--event", "demo", "--json", "--url", desk.base)
        items = {one["line_item"]: one for one in json.loads(done.stdout)["line_items"]}
        item = items.get("brew-billed", {})
        return (item.get("impressions"), item.get("completes"), item.get("late")) == (1, 1, 0)

    eventually(billed, what="one impression and one complete are in the books")
    done = tifo("ads", "billed", "--url", desk.base)
    assert "brew-billed" in done.stdout and "share" in done.stdout
    room = platform.operators.get("/v1/control/billed?event=demo").json()
    (item,) = (one for one in room["line_items"] if one["line_item"] == "brew-billed")
    assert (item["campaign"], item["impressions"]) == ("brew", 1)
    sheet = platform.operators.get("/v1/control/billed.csv?event=demo").text
    assert any(line.startswith("brew,brew-billed,") for line in sheet.splitlines())


def test_unsound_inventory_is_refused_with_its_lines(platform: Platform, desk: Http, tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text('zone = "Nowhere"\n\n[[creatives]]\nid = "a"\n')
    done = tifo("ads", "load", str(file), "--url", desk.base)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "line 3: creatives[0].duration_s: it is missing" in said
