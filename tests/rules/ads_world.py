"""Inventories, viewers and what has happened so far, drawn at random and by hand."""

from collections.abc import Mapping

from hypothesis import strategies as st

from tifo.api.breaks import Break
from tifo.api.inventory import (
    Campaign,
    Cap,
    CreativeEntry,
    EventTeams,
    Inventory,
    LineItem,
    PodRules,
    Targeting,
)
from tifo.services.ads.index import Index
from tifo.services.ads.model import State, Viewer

NOW = 1_800_000_000.0
VIEWER = Viewer("ses_1", "demo", "final", "tv", "AS64500 Example Telecom", "FR")
PLENTY = 1_000_000


def item(name: str, *, campaign: str = "", seconds: int = 10, **more: object) -> tuple[LineItem, int]:
    fields = {"starts": NOW - 10, "ends": NOW + 10, "creatives": (f"cr-{name}",), **more}
    return LineItem(id=name, campaign=campaign or name, **fields), seconds  # type: ignore[arg-type]


def inventory(
    *items: tuple[LineItem, int], campaigns: tuple[Campaign, ...] = (), **more: object
) -> Inventory:
    """Each line item with a creative and, where none is given, a campaign and an advertiser of its own."""
    given = {one.id for one in campaigns}
    own = {one.campaign for one, _ in items} - given
    return Inventory(
        line_items=tuple(one for one, _ in items),
        creatives=tuple(CreativeEntry(f"cr-{one.id}", seconds) for one, seconds in items),
        campaigns=(*campaigns, *(Campaign(name, name) for name in sorted(own))),
        **more,  # type: ignore[arg-type]
    )


def state(index: Index, left: Mapping[str, int] | None = None, **seen: tuple[float, ...]) -> State:
    """Now, with plenty of every budget but those given, and nothing seen but what is given."""
    budgets = {key: PLENTY for one in index.items for key in one.budgets}
    moments = {key.replace("__", ":").replace("_per_", "/"): value for key, value in seen.items()}
    return State(NOW, index.running(NOW), budgets | dict(left or {}), moments)


# --- at random ----------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")
ids = st.sampled_from(NAMES)
some = st.lists(ids, max_size=2, unique=True).map(tuple)
caps = st.lists(st.builds(Cap, st.integers(1, 3), st.sampled_from([60, 3_600])), max_size=2).map(tuple)
separations = st.sampled_from(["pod", "adjacent", "none"])

campaigns = st.lists(
    st.builds(Campaign, ids, ids, some, st.sampled_from([0, 50]), caps),
    min_size=1, max_size=3, unique_by=lambda one: one.id,
).map(tuple)  # fmt: skip

targets = st.builds(
    Targeting,
    events=some,
    teams=some,
    device_kinds=st.lists(st.sampled_from(["tv", "web"]), max_size=1).map(tuple),
    isps=st.sampled_from([(), ("AS64500",), ("AS64501",)]),
    regions=some,
)

rules = st.builds(
    PodRules,
    slots_max=st.integers(0, 6),
    ads_s_max=st.sampled_from([0, 20, 45]),
    advertisers=separations,
    categories=separations,
)

viewers = st.builds(
    Viewer,
    session=st.text("abcdef", max_size=6),
    account=ids,
    event=ids,
    device_kind=st.sampled_from(["tv", "web", "mobile"]),
    isp=st.sampled_from(["", "AS64500 Example", "AS64502"]),
    region=ids,
)

breaks = st.builds(Break, st.just("brk-1"), st.just(NOW), st.sampled_from([0.0, 5.0, 20.0, 30.5, 60.0, 90.0]))


@st.composite
def inventories(draw: st.DrawFn, seconds: tuple[int, ...] = (6, 10, 15, 20)) -> Inventory:
    """Up to a dozen line items of a few advertisers, with everything that can be said of them."""
    bought = draw(campaigns)
    creatives = tuple(
        CreativeEntry(f"cr{n}", one)
        for n, one in enumerate(draw(st.lists(st.sampled_from(seconds), min_size=1, max_size=6)))
    )
    names = st.sampled_from([one.id for one in creatives])
    items = st.builds(
        LineItem,
        id=st.uuids().map(str),
        campaign=st.sampled_from([one.id for one in bought]),
        creatives=st.lists(names, min_size=1, max_size=2, unique=True).map(tuple),
        starts=st.sampled_from([NOW - 10, NOW + 10]),
        ends=st.just(NOW + 20),
        impressions=st.sampled_from([0, 20]),
        priority=st.integers(1, 3),
        targeting=st.just(Targeting()) | targets,
        caps=caps,
        position=st.sampled_from(["any", "any", "first", "last", "first-or-last"]),
        active=st.sampled_from([True, True, True, False]),
    )
    return Inventory(
        campaigns=bought,
        line_items=tuple(draw(st.lists(items, max_size=12, unique_by=lambda one: one.id))),
        creatives=creatives,
        pods=(draw(rules),),
        events=(EventTeams("a", ("b",)), EventTeams("b", ("b", "c"))),
        house=draw(st.sampled_from([(), ("cr0",)])),
        slate=draw(st.sampled_from([(), ("cr0",)])),
    )


@st.composite
def cases(draw: st.DrawFn, seconds: tuple[int, ...] = (6, 10, 15, 20)) -> tuple[Index, Viewer, Break, State]:
    """All that a decision is made from."""
    index = Index(draw(inventories(seconds)))
    budgets = {key for one in index.items for key in one.budgets}
    left = {key: draw(st.integers(0, 2)) for key in sorted(budgets)}
    keys = {cap.key: cap.times for one in index.items for cap in one.caps}
    seen = {key: _moments(draw, keys[key]) for key in sorted(keys)}
    return index, draw(viewers), draw(breaks), State(NOW, index.running(NOW), left, seen)


def _moments(draw: st.DrawFn, count_max: int) -> tuple[float, ...]:
    ages = draw(st.lists(st.sampled_from([10.0, 600.0, 7_200.0]), max_size=count_max))
    return tuple(sorted(NOW - age for age in ages))
