"""What gives way when: trials last, an ISP's cap alone, backups ahead of the match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steering_world import GBPS, ISPS, LADDER, SETTINGS, A, B, World

from tifo.api.catalogue import CalendarEvent
from tifo.workers.steering.health import EVERYWHERE, Bad
from tifo.workers.steering.model import OTHERS, Word
from tifo.workers.steering.routing import Routing
from tifo.workers.steering.rules import Cdn, Cell, Decided, begin, step
from tifo.workers.steering.schedule import expected_viewers

FOREVER = 1e9


def routing(demand_gbps: float, bads: dict[tuple[str, str], Bad], words: dict[str, Word]) -> Routing:
    demand = {OTHERS: demand_gbps * GBPS}
    return Routing((A, B), words, bads, frozenset(), demand, 100.0, SETTINGS)


@given(st.floats(1, 250))
def test_a_cdn_on_trial_gets_no_more_than_a_little_until_the_others_are_full(demand_gbps: float) -> None:
    trial = {("cdn-a", EVERYWHERE): Bad(0.0, until=50.0)}
    shares = routing(demand_gbps, trial, {"cdn-b": Word("draining")}).best()[OTHERS]
    room = min(demand_gbps, 100.0) / demand_gbps
    assert shares["cdn-a"] <= max(SETTINGS.warm_up_share, 1 - room) + 1e-6


def test_what_is_on_trial_is_no_capacity_to_count_on() -> None:
    trial = {("cdn-a", EVERYWHERE): Bad(0.0, until=50.0)}
    assert routing(50, trial, {}).loads() == {OTHERS: 0.5}
    assert routing(50, {("cdn-a", EVERYWHERE): Bad(99.0)}, {}).loads() == {OTHERS: 0.25}


def test_a_trial_is_judged_by_whoever_is_there() -> None:
    world = World((A, B), 80 * GBPS, shares={"cdn-a": 1.0})
    world.run(30)
    world.errors = {"cdn-a": 1.0}
    world.run(60)
    # Nearly all who were on it keep off it: two come by, and have errors.
    world.run(300, each=lambda: world.on.update({"cdn-a": 1e-4}))
    assert "return" not in world.said
    assert world.weights[-1]["cdn-a"] <= SETTINGS.warm_up_share + 1e-9


# --- one ISP ----------------------------------------------------------------------------------------------


def at_isps(gbps: dict[str, float], seconds: int, into: float) -> Decided:
    """Two CDNs with so many Gbit/s each into the first ISP."""
    cdns = tuple(Cdn(name, 200 * GBPS, isp_capacity_bps={"AS1": into * GBPS}) for name in ("cdn-a", "cdn-b"))
    loop = begin(cdns, {}, {}, 0.0)
    told = []
    for second in range(1, seconds + 1):
        cells = [Cell("cdn-a", isp, bps * GBPS, 2_000) for isp, bps in gbps.items()]
        loop, decided = step(loop, cdns, cells, {}, LADDER, float(second), SETTINGS)
        told += decided.decisions
    (cap,) = [one for one in told if one.what == "cap"] or [None]
    assert (cap is not None) == bool(decided.bandwidth_max_by_isp)
    if cap:
        assert (cap.pathway, cap.isp) == ("", ISPS[0])
        assert "of the capacity into this ISP" in cap.reason
    return decided


@pytest.mark.parametrize(("gbps", "cap"), [(15, {}), (30, {ISPS[0]: 3_000_000}), (300, {ISPS[0]: 1_000_000})])
def test_an_isp_whose_ways_are_all_short_is_capped_alone(gbps: float, cap: dict[str, int]) -> None:
    decided = at_isps({ISPS[0]: gbps, ISPS[1]: 20}, 10, 12.0)
    assert decided.bandwidth_max_by_isp == cap
    assert decided.bandwidth_max_bps == 0


def test_an_isp_with_one_wide_way_left_is_not_capped() -> None:
    cdns = (Cdn("cdn-a", 200 * GBPS, isp_capacity_bps={"AS1": 1 * GBPS}), Cdn("cdn-b", 200 * GBPS))
    loop = begin(cdns, {}, {}, 0.0)
    loop, decided = step(loop, cdns, [Cell("cdn-a", ISPS[0], 50 * GBPS, 9)], {}, LADDER, 1.0, SETTINGS)
    assert not decided.bandwidth_max_by_isp


# --- the calendar -----------------------------------------------------------------------------------------


def match(starts: float, viewers: int, lasts_s: float = 7_200) -> CalendarEvent:
    return CalendarEvent("final", "Final", starts, starts + lasts_s, "stadium", forecast_viewers=viewers)


@pytest.mark.parametrize(
    ("now", "viewers"),
    [(0, 0), (99, 0), (100, 7), (1_000, 7), (1_900, 7), (1_901, 0), (9_000, 0)],
)
def test_a_forecast_counts_around_the_start(now: float, viewers: int) -> None:
    assert expected_viewers([match(1_000, 7), match(50_000, 900)], now, 900) == viewers


def test_events_that_are_near_together_are_expected_together_and_what_is_over_is_not() -> None:
    assert expected_viewers([match(1_000, 7), match(1_100, 5), match(900, 3, lasts_s=50)], 1_000, 900) == 12


@pytest.mark.parametrize(("forecast", "warm"), [(0, False), (3_000, False), (20_000, True), (10**12, True)])
def test_a_backup_warms_up_ahead_of_a_crowd_that_is_expected_and_gets_no_more_than_that(
    forecast: int, warm: bool
) -> None:
    backup = Cdn("cdn-b", 100 * GBPS, cost=1.0, warm_up_s=60)
    loop = begin((A, backup), {OTHERS: {"cdn-a": 1.0}}, {}, 0.0)
    told = []
    for second in range(1, 200):
        cells = [Cell("cdn-a", ISPS[0], 10 * GBPS, 2_000)]
        loop, decided = step(loop, (A, backup), cells, {}, LADDER, float(second), SETTINGS, forecast)
        told += [one.reason for one in decided.decisions if one.what == "warm-up"]
    assert decided.weights["cdn-b"] == pytest.approx(SETTINGS.warm_up_share if warm else 0.0, abs=1e-6)
    expected = f"the calendar expects {forecast * 5e-3:,.1f} Gbit/s soon: it gets a little first"
    assert told == [expected] * warm
