"""Ads in a crisis: one decision for all who are alike, house ads only, none; with nothing counted wrongly."""

import msgspec
import pytest
from ads_world import NOW, item
from ads_world import inventory as inventory_of
from delivery_parts import BREAK, claims
from msgspec.structs import replace

from tifo.adapters.memory.budgets import MemoryBudgetStore
from tifo.api.ad_control import AdLeverAnswer
from tifo.api.breaks import Break
from tifo.api.events import BreakDecided
from tifo.api.inventory import Cap, Inventory, Targeting
from tifo.board.ad_levers import AdLevers, stricter
from tifo.board.entries import AD_LEVER, POSTURE, AdLeverState, PostureState
from tifo.kernel.clock import ManualClock
from tifo.services.ads.budgets import PART_MIN, Ledger
from tifo.services.ads.cohorts import COHORT_S
from tifo.services.ads.deciding import Decider
from tifo.services.ads.index import Index
from tifo.services.ads.model import Viewer
from tifo.services.ads.service import SHARED_PER_TTL
from tifo.services.ads.settings import AdsSettings

BRK = Break("brk-1", NOW, 10.0)
LONG = {"starts": NOW - 86_400, "ends": NOW + 86_400}


class Node:
    """One that decides by an inventory; `alike` makes viewers of one cohort."""

    def __init__(self, clock: ManualClock, inventory: Inventory) -> None:
        self.clock = clock
        self.ledger = Ledger(MemoryBudgetStore(), clock, AdsSettings())
        self.decider = Decider(self.ledger, clock)
        self.decider.use(Index(inventory))
        self.viewers = 0

    def alike(self, **more: str) -> Viewer:
        self.viewers += 1
        viewer = Viewer(f"ses_{self.viewers}", f"acc_{self.viewers}", "final", "tv", cohort="c07")
        return replace(viewer, **more)

    def shown(self, viewer: Viewer, brk: Break = BRK) -> list[str]:
        return [one.creative.id for one in self.decider.pod(viewer, brk, "cohort").picks]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def many(count: int, **more: object) -> Inventory:
    return inventory_of(*(item(f"ad{n}", **{**LONG, **more}) for n in range(count)))


# --- whom is decided for ------------------------------------------------------------------------------


def test_alike_are_shown_one_decision(clock) -> None:
    node = Node(clock, many(50))
    first = node.decider.pod(node.alike(), BRK, "cohort")
    assert all(node.decider.pod(node.alike(), BRK, "cohort") is first for _ in range(20))


@pytest.mark.parametrize(
    ("other", "same"),
    [({"device_kind": "web"}, False), ({"isp": "AS64500 Example"}, False), ({"region": "FR"}, False),
     ({"event": "derby"}, False), ({"cohort": "c08"}, False), ({"isp": "AS64501 Other"}, True),
     ({"region": "DE"}, True)],
)  # fmt: skip
def test_cohort_is_what_targeting_looks_at(clock, other: dict[str, str], same: bool) -> None:
    targeted = Targeting(device_kinds=("web",), isps=("AS64500",), regions=("FR",))
    node = Node(clock, many(50) if not other else inventory_of(item("ad", targeting=targeted, **LONG)))
    first = node.decider.pod(node.alike(), BRK, "cohort")
    assert (node.decider.pod(node.alike(**other), BRK, "cohort") is first) is same


def test_cohort_is_targeted_as_its_viewers_are(clock) -> None:
    wanted = Targeting(device_kinds=("tv",), isps=("AS64500",), regions=("FR",), cohorts=("c07",))
    node = Node(clock, inventory_of(item("ad", targeting=wanted, **LONG)))
    viewer = node.alike(isp="AS64500 Example", region="FR")
    assert node.shown(viewer) == ["cr-ad"]
    assert node.shown(replace(viewer, session="ses_x", cohort="c08")) != ["cr-ad"]
    assert node.shown(replace(viewer, session="ses_y", isp="AS64501")) != ["cr-ad"]


def test_cohort_of_an_account_lasts(clock) -> None:
    index = Index(many(1))
    places = {index.like(Viewer("ses", f"acc_{n}", "final", "tv"))[-1] for n in range(2_000)}
    assert len(places) == 64
    viewer = Viewer("ses", "acc_1", "final", "tv")
    assert index.like(viewer) == index.like(replace(viewer, session="other"))


# --- what is counted ----------------------------------------------------------------------------------


async def test_every_viewer_of_a_cohort_takes_from_the_budget(clock) -> None:
    node = Node(clock, many(1, impressions=100_000, pace="asap"))
    await node.ledger.look()
    shown = [node.shown(node.alike()) for _ in range(3 * PART_MIN)]
    assert shown.count(["cr-ad0"]) == PART_MIN
    assert node.ledger.left["l:ad0"] == 0


async def test_item_that_has_budget_again_is_in_the_pod_again(clock) -> None:
    node = Node(clock, many(1, impressions=100_000, pace="asap"))
    assert node.shown(node.alike()) != ["cr-ad0"]
    await node.ledger.look()
    assert node.shown(node.alike()) != ["cr-ad0"]
    clock.advance(COHORT_S)
    assert node.shown(node.alike()) == ["cr-ad0"]


async def test_who_asks_again_gets_the_same_and_spends_nothing(clock) -> None:
    node = Node(clock, many(1, impressions=100_000, pace="asap"))
    await node.ledger.look()
    viewer = node.alike()
    assert node.shown(viewer) == node.shown(viewer) == ["cr-ad0"]
    assert node.ledger.left["l:ad0"] == PART_MIN - 1
    clock.advance(COHORT_S)
    assert node.decider.pod(viewer, BRK, "personal").items
    assert node.ledger.left["l:ad0"] == PART_MIN - 1


def test_cohort_is_capped_as_one_account(clock) -> None:
    node = Node(clock, many(1, caps=(Cap(2, 3_600),)))
    breaks = [Break(f"brk-{n}", NOW, 10.0) for n in range(3)]
    shown = [[node.shown(node.alike(), brk) == ["cr-ad0"] for _ in range(3)] for brk in breaks]
    assert shown == [[True] * 3, [True] * 3, [False] * 3]
    clock.advance(3_601)
    assert node.shown(node.alike(), Break("brk-4", NOW, 10.0)) == ["cr-ad0"]


def test_pod_that_is_decided_again_is_no_second_impression(clock) -> None:
    node = Node(clock, many(1, caps=(Cap(1, 3_600),)))
    for _ in range(3):
        assert node.shown(node.alike()) == ["cr-ad0"]
        clock.advance(COHORT_S)


def test_new_inventory_is_in_force_for_cohorts_at_once(clock) -> None:
    node = Node(clock, many(1))
    assert node.shown(node.alike()) == ["cr-ad0"]
    node.decider.use(Index(many(1, active=False)))
    assert node.shown(node.alike()) != ["cr-ad0"]


def test_no_more_cohorts_are_remembered_than_may_be(clock) -> None:
    node = Node(clock, many(50))
    node.decider._cohorts._cohorts_max = 2
    first = node.decider.pod(node.alike(), BRK, "cohort")
    for cohort in ("c08", "c09"):
        node.shown(node.alike(cohort=cohort))
    assert node.decider.pod(node.alike(), BRK, "cohort") is not first


async def test_house_ads_only_leave_budgets_and_caps_alone(clock) -> None:
    node = Node(clock, many(3, impressions=100_000, pace="asap", caps=(Cap(1, 3_600),)))
    await node.ledger.look()
    viewer = node.alike()
    assert {one.kind for one in node.decider.pod(viewer, BRK, "house").picks} == {"house"}
    assert set(node.ledger.left.values()) == {PART_MIN}
    assert node.decider.pod(viewer, BRK).items


# --- as operators say it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [("personal", "cohort", "cohort"), ("house", "cohort", "house"), ("none", "house", "none"),
     ("personal", "personal", "personal")],
)  # fmt: skip
def test_stricter_lever_holds(one: str, other: str, found: str) -> None:
    assert stricter(one, other) == stricter(other, one) == found


async def say(view, *, ads: str = "", posture: str = "") -> None:
    if ads:
        await view.write(AD_LEVER, msgspec.json.encode(AdLeverState(ads, "ada", NOW)))
    if posture:
        await view.write(POSTURE, msgspec.json.encode(PostureState(posture)))


async def test_lever_follows_the_board(levers: AdLevers, view) -> None:
    assert levers.answer == AdLeverAnswer()
    await say(view, posture="lean")
    assert levers.answer == AdLeverAnswer(in_force="cohort", by="posture", posture="cohort")
    await say(view, ads="house")
    assert levers.answer == AdLeverAnswer(
        ads="house", in_force="house", by="operator", operator="ada", at=NOW, posture="cohort"
    )
    await say(view, ads="cohort")
    assert levers.answer.by == "operator"
    await say(view, ads="personal", posture="normal")
    assert levers.in_force == "personal"


async def test_no_ads_is_an_empty_list_at_once_and_undone_alike(ads, decider, view, told) -> None:
    before = ads.pod(claims(), BREAK)
    await say(view, ads="none")
    decider.tally.report(1.0)
    assert ads.pod(claims(), BREAK) == ()
    assert decider.tally.report(1.0).seconds["nothing"] == 10  # a break of 20 s, over two reports of 1 s
    await say(view, ads="personal")
    assert [slot.creative for slot in ads.pod(claims(), BREAK)] == [slot.creative for slot in before]
    assert [type(event) for event in await told()] == [BreakDecided, BreakDecided]


async def test_cohort_shares_all_but_its_beacons(ads, view) -> None:
    await say(view, posture="lean")
    first, other = ads.pod(claims("ses_1"), BREAK), ads.pod(claims("ses_2"), BREAK)
    assert [slot.creative for slot in first] == [slot.creative for slot in other]
    beacons = [{point.url for slot in pod for point in slot.tracking} for pod in (first, other)]
    assert not beacons[0] & beacons[1]
    told = ads.beacons.read(first[0].tracking[0].url.rpartition("/")[2])
    assert (told.session, told.slot, told.what) == ("ses_1", 1, "impression")


async def test_address_that_a_crowd_shares_is_renewed_long_before_it_ends(ads, view, clock) -> None:
    await say(view, ads="house")

    def media() -> str:
        brk = f"brk-{int(clock.now() + AdsSettings().early_s) // 180}"
        return ads.pod(claims(), brk)[0].url.partition("/ads/")[0]

    first = media()
    clock.advance(1)
    assert media() == first
    clock.advance(AdsSettings().address_ttl_s / SHARED_PER_TTL)
    assert media() != first


async def test_empty_break_of_a_player_is_legal(asked, view, tokens) -> None:
    await say(view, ads="none")
    path = f"/v1/ads/{tokens.sign(claims())}/breaks/{BREAK}"
    assert (await asked.get(path)).json() == {"ASSETS": []}
    assert "<Error>" in (await asked.get(f"{path}/vast")).text
