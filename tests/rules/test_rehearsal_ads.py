"""What the rehearsal of ads sends, which breaks it takes, and what it is held against."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.errors import SettingsError
from tifo.rehearsal import report
from tifo.rehearsal.ads import ADS, BREAK_S, REFERENCE_PER_S, SPREAD_S, match
from tifo.rehearsal.breaks import Wanted, of_schedule, refuse_strange
from tifo.rehearsal.curve import Shape, Size
from tifo.rehearsal.found import Found, Latency
from tifo.rehearsal.identities import Identities
from tifo.rehearsal.scenario import objectives
from tifo.rehearsal.target import Listed, Target
from tifo.rehearsal.verdict import health, hints, judge

SIZE = Size(Shape.MATCH, 0.001, 1, spread_s=SPREAD_S, break_s=BREAK_S)
MATCH = match(SIZE)
FAST = Latency(p50=1, p95=3, p99=5, max=9, count=1_000)
WELL = Found(
    arrivals=2_400, entered=2_400, starts=2_400, pods=4_800, pods_in_window=4_800, pods_in_time=4_800,
    beacons=48_000, heartbeats=9_000, ended=2_400, requests=70_000, start_ms=FAST, pod_ms=FAST,
    beacon_ms=FAST, heartbeat_ms=FAST, late_ms=FAST, spike_late_ms=FAST,
)  # fmt: skip


def with_(**changes) -> Found:
    return msgspec.structs.replace(WELL, **changes)


def judged(found: Found, without=()):
    return judge(found, objectives(ADS, {}, without, {}), MATCH, health(found, MATCH, 0.5, 2, 0.5))


def capacity(found: Found) -> report.Capacity:
    return report.capacity(ADS, found, MATCH, judged(found), cores=2)


@given(st.floats(0.0001, 2), st.floats(0.05, 30), st.floats(1, 60), st.floats(1, 3600))
def test_all_are_there_before_the_first_break_and_play_the_last_to_its_end(
    scale: float, minutes: float, spread_s: float, break_s: float
) -> None:
    made = match(Size(Shape.MATCH, scale, minutes, 0, spread_s, break_s))
    assert made.viewers == pytest.approx(2_400_000 * scale, abs=1)
    first, second = made.spikes
    assert first.at_s >= len(made.arrivals_per_s)
    assert second.at_s > first.at_s + spread_s + break_s
    assert made.whistle_at_s > second.at_s + spread_s + break_s


def test_the_reference_asks_for_as_many_pods_a_second_as_stated() -> None:
    made = match(Size(Shape.MATCH, 1, 15, 0, SPREAD_S, BREAK_S))
    assert made.viewers / made.spikes[0].spread_s == REFERENCE_PER_S == 1_200_000


def test_a_good_night_passes() -> None:
    assert (judged(WELL).verdict, judged(WELL).reasons) == ("pass", ())


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"entered": 2_390}, "not_let_in"),
        ({"starts_failed": 30}, "starts_failed"),
        ({"start_ms": Latency(p99=501, count=1)}, "start_p99"),
        ({"pods_in_window": 4_500}, "pods_short"),
        ({"pods_failed": 5}, "pods_failed"),
        ({"pods_in_time": 4_795}, "pods_late"),
        ({"pod_ms": Latency(p99=501, count=1)}, "pod_p99"),
        ({"pods_empty": 49}, "pods_empty"),
        ({"beacons_failed": 49}, "beacons_failed"),
        ({"heartbeat_ms": Latency(p99=251, count=1)}, "heartbeat_p99"),
        ({"heartbeats_lost": 10}, "heartbeats_lost"),
        ({"wrongly_ended": 1}, "wrongly_ended"),
    ],
)
def test_each_objective_can_fail_the_night_alone(changes, missed: str) -> None:
    verdict = judged(with_(**changes))
    assert [one.name for one in verdict.objectives if one.state == "missed"] == [missed]
    assert verdict.verdict == "fail"


def test_every_objective_is_tested_alone() -> None:
    tested = test_each_objective_can_fail_the_night_alone.pytestmark[0].args[1]
    assert {missed for _, missed in tested} == {one.name for one in ADS.objectives}


def test_viewers_who_bring_their_tokens_need_no_heartbeat() -> None:
    brought = with_(starts=0, start_ms=Latency(), heartbeats=0, heartbeat_ms=Latency())
    assert judged(brought, without=("sessions",)).verdict == "pass"


def test_a_generator_that_flattens_the_spike_measures_nothing() -> None:
    verdict = judged(with_(spike_late_ms=Latency(p99=101, count=1)))
    assert (verdict.verdict, verdict.generator.state) == ("fail", "bottleneck")
    assert "101 ms late with pods (p99), and 100 ms is on time in a spike of 2 s" in verdict.reasons[0]
    assert judged(with_(spike_late_ms=Latency(p99=100, count=1))).verdict == "pass"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pods_illegal": 2, "pods_failed": 2}, "2 answers were no asset list"),
        ({"answered": {"404": 7}, "pods_failed": 7}, "no such break"),
        ({"unsent": 3}, "3 pods and beacons were not sent"),
    ],
)
def test_telling_answers_are_explained(changes, says: str) -> None:
    (hint,) = hints(with_(**changes))
    assert says in hint


def test_a_core_is_told_by_the_pods_of_the_spikes_seconds() -> None:
    told = capacity(with_(pods_in_window=4_780))
    assert (told.what, told.per_s, told.per_core_per_s) == ("pods", 1_195, 597.5)
    assert told.reference_share == pytest.approx(0.001, rel=0.01)
    assert capacity(with_(pods_failed=100)).per_core_per_s is None


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (SIZE, "Not the whole reference (2,400,000 viewers, 1,200,000 pods/s) but 0.001 of its audience: "),
        (
            SIZE,
            "2,400 viewers come in 1 min, and in each of 2 breaks all of them ask for their pod within 2 s",
        ),
        (Size(Shape.MATCH, 1, 15, 0, 4, 20), "but spikes of 4 s for its 2: 2,400,000 viewers"),
        (Size(Shape.MATCH, 1, 15, 0, 2, 20), "The reference's audience in full: "),
    ],
)
def test_what_is_shrunk_is_said(size: Size, says: str) -> None:
    assert says in ADS.in_words(size)


@pytest.mark.parametrize(
    ("spread_s", "length_s", "says"),
    [
        (0.5, 20, "--spread-s: 0.5"),
        (float("nan"), 20, "--spread-s"),
        (2, 0, "--break-s: 0"),
        (2, 1e6, "--break-s"),
    ],
)
def test_breaks_that_nobody_means_are_refused(spread_s: float, length_s: float, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        refuse_strange(Wanted(spread_s, length_s))


class _Listing(Identities):
    """Viewers who are told these breaks."""

    listed: tuple[Listed, ...] = ()

    def breaks(self, since: int) -> tuple[Listed, ...]:
        assert since == 1_000
        return self.listed


def listing(*starts_s: float) -> Identities:
    viewers = _Listing(Target("http://127.0.0.1:1"), None, "r", "demo", None, None, True)  # type: ignore[arg-type]
    _Listing.listed = tuple(Listed(f"brk-{n}", starts_s) for n, starts_s in enumerate(starts_s, 1))
    return viewers


def test_the_next_two_breaks_that_begin_when_all_are_there_are_taken() -> None:
    first_s = MATCH.spikes[0].at_s
    placed = of_schedule(listing(0, first_s, first_s + 40, first_s + 220, first_s + 400), MATCH, 1_000.5)
    assert [(one.brk, one.at_s - first_s) for one in placed.spikes] == [("brk-3", 39.5), ("brk-4", 219.5)]
    assert placed.whistle_at_s == placed.spikes[1].at_s + SPREAD_S + BREAK_S + 2
    assert placed.viewers == MATCH.viewers


def test_a_schedule_without_two_breaks_is_no_rehearsal() -> None:
    with pytest.raises(SettingsError, match=r"lists 1 breaks that begin in .* give --operators URL"):
        of_schedule(listing(0, 300), MATCH, 1_000.0)
