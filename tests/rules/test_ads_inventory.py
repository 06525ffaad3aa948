"""Inventories: a sound one is read, and all that is wrong with another is said at once, with its line."""

from pathlib import Path

import msgspec
import pytest

from tifo.api.creatives import Creative
from tifo.api.inventory import Inventory, LineItem, Problem
from tifo.services.ads.index import Index
from tifo.services.ads.inventory_check import PROBLEMS_MAX, InventoryUnsound, built
from tifo.services.ads.inventory_file import parse

SAMPLE = Path(__file__).parents[2] / "docs" / "inventory-sample.toml"

CREATIVES = [{"id": "ad-10", "duration_s": 10}]
CAMPAIGNS = [{"id": "brew", "advertiser": "brew", "impressions": 100}]
ITEM = {"id": "tv", "campaign": "brew", "creatives": ["ad-10"], "starts": 0, "ends": 10}


def document(**changes: object) -> dict[str, object]:
    return {
        "creatives": CREATIVES, "campaigns": CAMPAIGNS, "line_items": [ITEM], **changes,
    }  # fmt: skip


def problems(document: object) -> dict[str, str]:
    with pytest.raises(InventoryUnsound) as caught:
        built(document)
    return {one.path: one.text for one in caught.value.problems}


def test_sample_of_the_documentation_is_sound() -> None:
    inventory = parse(SAMPLE.read_text(), SAMPLE.name)
    first = inventory.line_items[0]
    assert first.starts == 1_781_128_800.0
    assert first.targeting.device_kinds == ("tv", "console")
    assert [one.id for one in inventory.campaigns] == ["brew-summer", "car-launch"]


def test_nothing_is_a_sound_inventory() -> None:
    assert parse("", "x.toml") == built({}) == Inventory()


def test_json_says_the_same() -> None:
    inventory = built(document(line_items=[{**ITEM, "starts": "1970-01-01T00:00:00Z"}]))
    assert inventory.line_items == (LineItem("tv", "brew", ("ad-10",), 0.0, 10.0),)
    assert parse(msgspec.json.encode(inventory).decode(), "x.json") == inventory


def test_what_is_as_usual_is_not_written() -> None:
    assert msgspec.json.encode(Inventory()) == b"{}"
    assert set(msgspec.to_builtins(LineItem("a", "b", ("c",), 0, 1))) == {
        "id", "campaign", "creatives", "starts", "ends",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        ({"id": "a b"}, "id", "matching regex"),
        ({"starts": "soon"}, "starts", "Expected `float`"),
        ({"starts": "2026-06-11T00:00:00"}, "starts", "Expected `float`"),
        ({"ends": -1}, "ends", "before it begins"),
        ({"campaign": "none"}, "campaign", "no campaign 'none'"),
        ({"creatives": ["ad-10", "gone"]}, "creatives[1]", "no creative 'gone'"),
        ({"creatives": []}, "creatives", "length >= 1"),
        ({"impressions": 101}, "impressions", "100 in all"),
        ({"impressions": -1}, "impressions", ">= 0"),
        ({"priority": 17}, "priority", "<= 16"),
        ({"position": "middle"}, "position", "Invalid enum value"),
        ({"caps": [{"times": 0, "per_s": 60}]}, "caps[0].times", ">= 1"),
        ({"caps": [{"times": 1}]}, "caps[0].per_s", "missing"),
        ({"targeting": {"teams": ["reds"]}}, "targeting.teams[0]", "no event with the team 'reds'"),
        ({"targeting": {"isps": ["64500"]}}, "targeting.isps[0]", "matching regex"),
        ({"targeting": {"cohorts": ["c64"]}}, "targeting.cohorts[0]", "c00 to c63"),
        ({"targeting": {"colour": []}}, "targeting.colour", "there is no such field"),
        ({"dayparts": [{"begins": "25:00", "ends": "01:00"}]}, "dayparts[0].begins", "matching regex"),
        ({"dayparts": [{"begins": "10:00", "ends": "10:00"}]}, "dayparts[0].ends", "when it begins"),
        ({"bid": 3}, "bid", "there is no such field"),
    ],
)
def test_wrong_line_item_is_complained_of(change: dict[str, object], path: str, says: str) -> None:
    found = problems(document(line_items=[ITEM | change]))
    assert list(found) == [f"line_items[0].{path}"]
    assert says in found[f"line_items[0].{path}"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"zone": "../etc"}, "zone"),
        ({"house": ["house-1", "gone"]}, "house[1]"),
        ({"slate": ["gone"]}, "slate[0]"),
        ({"line_items": [ITEM, ITEM]}, "line_items[1].id"),
        ({"line_items": ITEM}, "line_items"),
        ({"line_items": [3]}, "line_items[0]"),
        ({"pods": [{}, {"slots_max": 3}]}, "pods"),
        ({"pods": [{"events": ["final"]}, {"events": ["final"]}]}, "pods"),
        ({"creatives": [{"id": "ad-10", "duration_s": 0}]}, "creatives[0].duration_s"),
    ],
)
def test_wrong_inventory_is_complained_of(change: dict[str, object], path: str) -> None:
    assert list(problems(document(**change))) == [path]


def test_every_problem_is_said_at_once() -> None:
    found = problems(document(line_items=[{"id": "x"}], campaigns=[{}], colour=1))
    assert set(found) == {
        "colour", "campaigns[0].id", "campaigns[0].advertiser", "line_items[0].campaign",
        "line_items[0].creatives", "line_items[0].starts", "line_items[0].ends",
    }  # fmt: skip


def test_report_has_an_end() -> None:
    found = problems({"line_items": [{}] * 1_000})
    assert len(found) == PROBLEMS_MAX + 1


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_what_is_no_table_at_all_is_complained_of(value: object) -> None:
    assert list(problems(value)) == [""]


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [
        ("zone = 'UTC'\nhouse = ['gone']", 2, "house[0]"),
        ("[[creatives]]\nid = 'a'\nduration_s = 1\n\n[[creatives]]\nid = 'b'", 5, "creatives[1].duration_s"),
        ("[[line_items]]\n[line_items.targeting]\nisps = ['x']", 3, "line_items[0].targeting.isps[0]"),
        ("zone = 'UTC'\n= 3", 2, ""),
    ],
)
def test_problem_of_a_file_has_its_line(text: str, line: int, path: str) -> None:
    with pytest.raises(InventoryUnsound) as caught:
        parse(text, "x.toml")
    assert (line, path) in {(one.line, one.path) for one in caught.value.problems}
    assert f"line {line}: {path}" in str(caught.value)


def test_what_is_no_json_is_complained_of() -> None:
    with pytest.raises(InventoryUnsound, match="this is no JSON"):
        parse("{", "x.json")


def test_problem_reads_as_a_sentence() -> None:
    assert str(Problem("zone", "gone", 3)) == "line 3: zone: gone"
    assert str(Problem("zone", "gone")) == "zone: gone"
    assert str(Problem("", "gone")) == "gone"


def test_creative_says_where_a_click_leads_and_when_it_may_be_skipped() -> None:
    entry = {"id": "ad-10", "duration_s": 10, "click_url": "https://brew.example/?a=1", "skip_after_s": 5}
    inventory = built(document(creatives=[entry]))
    assert Index(inventory).items[0].creatives == (Creative("ad-10", "", 10, "https://brew.example/?a=1", 5),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("click_url", "javascript:alert(1)"),
        ("click_url", "https://a b"),
        ("click_url", "https://é"),
        ("click_url", "https://x\n"),
        ("click_url", "https://" + "x" * 1000),
        ("tag_url", "ftp://x"),
        ("skip_after_s", -1),
    ],
)
def test_address_or_skip_that_no_player_could_follow_is_refused(name: str, value: object) -> None:
    found = problems(document(creatives=[{"id": "ad-10", "duration_s": 10, name: value}]))
    assert list(found) == [f"creatives[0].{name}"]
