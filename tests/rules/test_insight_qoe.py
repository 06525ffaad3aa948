"""What viewers had, from records that come late, twice, out of order, or make no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.api.events import Event, PathwayUsed, PlaybackReported, SessionEnded, SessionStarted
from tifo.api.reports import QoeCell
from tifo.workers.insight import plays, qoe, window
from tifo.workers.insight.plays import Plays
from tifo.workers.insight.qoe import Qoe, cells
from tifo.workers.insight.rules import Audience
from tifo.workers.insight.told import read
from tifo.workers.insight.window import Spread, Window

NOW = 1_800_000_000.0
CLOCK_MS = 5_000_000
"""A player's clock tells another time than ours."""
TELECOM = "AS64500 Example Telecom"


class Match:
    """An audience and what it has, told event by event."""

    def __init__(self, window_s: int = 30) -> None:
        self.audience = Audience(60)
        self.window = Window(window_s)
        self.qoe = Qoe(self.window, frozenset({"cdn-a", "cdn-b"}))

    def see(self, event: Event, after_s: float = 0) -> None:
        at = NOW + after_s
        self.audience.see(event, at, at)  # type: ignore[arg-type]
        self.qoe.see(event, self.audience, at, at)  # type: ignore[arg-type]

    def start(self, session: str = "ses_1", pathway: str = "cdn-a", isp: str = TELECOM) -> None:
        self.see(
            SessionStarted(session=session, event="final", account="a", device="d", device_kind="tv", isp=isp)
        )
        self.see(PathwayUsed(session=session, event="final", pathway=pathway))

    def tell(self, after_s: float, number: int, session: str = "ses_1", **values: Any) -> None:
        known = {"cid": "final", "sid": session, "v": 2, "sn": number, "ts": CLOCK_MS + int(after_s * 1_000)}
        self.see(PlaybackReported(session=session, values=known | {"e": "ps"} | values), after_s)

    def cells(self, after_s: float = 0) -> tuple[QoeCell, ...]:
        now = NOW + after_s
        self.qoe.forget_silent(now)
        return cells(self.audience.crowd.in_cell, self.window.totals(now))

    def cell(self, after_s: float = 0) -> QoeCell:
        (only,) = self.cells(after_s)
        return only


@pytest.fixture
def match() -> Match:
    match = Match()
    match.start()
    return match


def near(value: float) -> Any:
    return pytest.approx(value, rel=0.06)


def test_viewer_who_has_told_nothing_is_counted_and_no_more(match: Match) -> None:
    assert match.cell() == QoeCell("cdn-a", TELECOM, "tv", 1, 0.0)


def test_time_from_starting_to_playing_is_the_start_up(match: Match) -> None:
    match.tell(0, 0, sta="d")
    match.tell(1, 1, sta="s")
    match.tell(1.8, 2, sta="p")
    assert match.cell(2).startup_p50_ms == near(800)


def test_start_delay_that_a_player_measured_goes_before(match: Match) -> None:
    match.tell(1, 0, sta="s")
    match.tell(1.8, 1, sta="p", msd=2_000)
    match.tell(3, 2, sta="p", msd=9_000)
    assert (match.cell(4).startup_p50_ms, match.cell(4).startup_p95_ms) == (near(2_000), near(2_000))


def test_viewer_who_paused_while_it_started_was_not_kept_waiting(match: Match) -> None:
    for n, state in enumerate("sap"):
        match.tell(10 * n, n, sta=state)
    assert match.cell(20).startup_p50_ms is None


def test_share_of_the_time_spent_waiting_is_the_rebuffering(match: Match) -> None:
    match.tell(0, 0, sta="p")
    match.tell(7, 1, sta="r")
    match.tell(8, 2, sta="p")
    match.tell(10, 3, sta="p", e="t")
    assert match.cell(10).rebuffer_ratio == 0.1


def test_starvation_that_a_player_measured_goes_before_its_states(match: Match) -> None:
    match.tell(0, 0, sta="p")
    match.tell(10, 1, sta="p", e="t", bsd=[[500, {"v": True}], [400, {"a": True}]])
    assert match.cell(10).rebuffer_ratio == 0.05


@pytest.mark.parametrize("state", ["a", "k", "e", "d"])
def test_time_that_is_not_watched_is_no_playing_time(match: Match, state: str) -> None:
    match.tell(0, 0, sta=state)
    match.tell(10, 1, sta=state, e="t")
    assert match.cell(10).rebuffer_ratio is None


def test_nobody_knows_what_a_player_did_in_a_long_silence(match: Match) -> None:
    match.tell(0, 0, sta="r")
    match.tell(0.1, 1, sta="p", ts=CLOCK_MS + plays.SILENT_MS_MAX + 1)
    assert match.cell(1).rebuffer_ratio is None


@pytest.mark.parametrize("values", [{"e": "e", "ec": ["fragLoadError"]}, {"sta": "f"}])
def test_sessions_that_failed_are_counted_once_of_those_heard(match: Match, values: dict[str, Any]) -> None:
    for n in range(2, 5):
        match.start(f"ses_{n}")
        match.tell(1, 0, f"ses_{n}", sta="p")
    match.tell(1, 0, sta="p")
    match.tell(2, 1, **values)
    match.tell(3, 2, **values)
    assert (match.cell(4).error_ratio, match.cell(4).viewers) == (0.25, 4)


def test_traffic_is_that_of_all_viewers_at_the_bitrate_of_those_who_report(match: Match) -> None:
    for n in range(2, 11):
        match.start(f"ses_{n}")
    match.tell(1, 0, br=[[4_000, {"v": True}], [200, {"a": True}]])
    match.tell(1, 0, "ses_2", br=[1_800])
    assert match.cell(2).bps == 10 * 3_000_000


def test_traffic_where_nobody_reports_goes_by_the_cdn_and_then_by_all(match: Match) -> None:
    match.start("ses_2", "cdn-a", "AS1 B")
    match.start("ses_3", "cdn-b")
    match.tell(1, 0, br=[2_000])
    assert {(one.pathway, one.isp): one.bps for one in match.cells(2)} == {
        ("cdn-a", TELECOM): 2e6,
        ("cdn-a", "AS1 B"): 2e6,
        ("cdn-b", TELECOM): 2e6,
    }


def test_last_bitrate_is_the_one_that_counts_and_the_end_takes_nothing(match: Match) -> None:
    match.tell(1, 0, br=[4_000])
    match.tell(5, 1, e="t", br=[1_000])
    match.tell(9, 2, e="t", sta="p")
    assert match.cell(9).bps == 1e6
    match.tell(10, 3, sta="e", br=[1_000])
    assert match.cell(10).bps == 0
    match.start("ses_2")
    match.tell(10, 0, "ses_2", br=[3_000])
    assert match.cell(10).bps == 3e6


def test_throughput_is_told_by_records_and_by_steering(match: Match) -> None:
    match.tell(1, 0, mtp=[20_000])
    assert match.cell(1).throughput_p50_bps == near(20e6)
    for _ in range(2):
        match.see(PathwayUsed(session="ses_1", event="final", pathway="cdn-a", throughput_bps=5_000_000), 2)
    assert match.cell(2).throughput_p50_bps == near(5e6)


def test_cdn_that_a_record_names_goes_before_the_one_of_steering(match: Match) -> None:
    match.tell(1, 0, cdn="cdn-b", br=[1_000])
    assert [(one.pathway, one.viewers, one.bps) for one in match.cells(1)] == [("cdn-b", 1, 1e6)]
    assert match.audience.crowd.on_pathway == {"cdn-b": 1}


def test_cdn_that_is_none_of_ours_moves_nobody(match: Match) -> None:
    match.tell(1, 0, cdn="ads.example")
    assert match.cell(1).pathway == "cdn-a"


def test_late_record_moves_nobody_back(match: Match) -> None:
    match.tell(5, 1, cdn="cdn-b")
    match.tell(5, 0, cdn="cdn-a", ts=CLOCK_MS)
    assert match.cell(5).pathway == "cdn-b"


def test_what_was_had_before_a_move_stays_where_it_was_had(match: Match) -> None:
    match.tell(0, 0, sta="r")
    match.tell(3, 1, sta="p")
    match.tell(3.1, 2, sta="p", cdn="cdn-b")
    ratios = {one.pathway: (one.viewers, one.rebuffer_ratio) for one in match.cells(4)}
    assert ratios == {"cdn-a": (0, 1.0), "cdn-b": (1, 0.0)}


def test_repeats_count_once(match: Match) -> None:
    for _ in range(3):
        match.tell(0, 0, sta="s")
        match.tell(1, 1, sta="p", e="e")
        match.tell(4, 2, sta="r")
        match.tell(5, 3, sta="p")
    assert (match.cell(5).rebuffer_ratio, match.cell(5).error_ratio) == (0.25, 1.0)


def test_error_that_comes_late_counts(match: Match) -> None:
    match.tell(5, 3, sta="p")
    match.tell(5, 1, e="e", ts=CLOCK_MS)
    assert match.cell(5).error_ratio == 1.0


def test_records_without_a_number_are_told_apart_by_their_time(match: Match) -> None:
    for after_s, state in ((0, "p"), (3, "r"), (3, "r"), (4, "p"), (0, "r")):
        match.tell(after_s, 0, sta=state, sn=None)
    assert match.cell(5).rebuffer_ratio == 0.25


def test_player_that_was_built_again_starts_again(match: Match) -> None:
    match.tell(0, 0, sta="s")
    match.tell(1, 1, sta="p")
    match.tell(5, 0, sta="s")
    match.tell(9, 1, sta="p")
    assert match.cell(9).startup_p95_ms == near(4_000)


def test_player_whose_clock_was_set_back_is_followed_on(match: Match) -> None:
    match.tell(0, 0, sta="p")
    match.tell(1, 1, sta="p", ts=4_000)
    match.tell(2, 2, sta="r", ts=5_000)
    match.tell(3, 3, sta="p", ts=6_000)
    assert match.cell(3).rebuffer_ratio == 0.5


def test_player_of_an_ad_is_not_the_matchs(match: Match) -> None:
    match.tell(0, 5, sta="p", br=[1_000])
    match.tell(1, 0, cid="3378896323", sta="s", br=[9_000])
    match.tell(4, 1, cid="3378896323", sta="p", br=[9_000])
    assert (match.cell(5).startup_p50_ms, match.cell(5).bps) == (None, 1e6)


def test_content_that_is_named_otherwise_is_followed_until_the_event_is() -> None:
    match = Match()
    match.start()
    match.tell(0, 0, cid="asset-7", br=[1_000])
    assert match.cell(0).bps == 1e6
    match.tell(1, 0, br=[2_000])
    match.tell(2, 1, cid="asset-7", br=[1_000])
    assert match.cell(2).bps == 2e6


def test_records_of_nobody_who_is_there_count_nowhere(match: Match) -> None:
    match.tell(0, 0, "ses_forged", br=[1_000], sta="f")
    match.see(SessionEnded(session="ses_1", event="final", why="left"), 1)
    match.tell(1, 0, br=[1_000])
    match.see(PathwayUsed(session="ses_1", event="final", pathway="cdn-a", throughput_bps=10), 1)
    assert match.cells(1) == ()


def test_what_left_the_window_is_forgotten(match: Match) -> None:
    match.tell(0, 0, sta="f", br=[1_000], mtp=[1_000], msd=500)
    assert match.cell(30).error_ratio == 1.0
    assert match.cell(40) == QoeCell("cdn-a", TELECOM, "tv", 1, 0.0)


def test_backlog_from_before_the_window_only_sets_the_state(match: Match) -> None:
    match.qoe.see(
        PlaybackReported(session="ses_1", values={"sid": "ses_1", "e": "e", "sta": "p", "ts": 1, "sn": 0}),
        match.audience, NOW - 500, NOW,
    )  # fmt: skip
    assert match.cell().error_ratio is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key in ("br", "mtp", "msd", "bsd", "ts", "sn")
        for value in (-1, "12", True, None, [], [[]], [None], {"a": 1}, 10**30, 1e300, [10**30], [-5])
    ],
)
def test_value_that_makes_no_sense_was_not_said(key: str, value: Any) -> None:
    assert read({key: value}) == read({})


@pytest.mark.parametrize("key", ["sta", "cid", "cdn"])
@pytest.mark.parametrize("value", [1, None, ["p"], "x" * 129])
def test_name_that_is_none_was_not_said(key: str, value: Any) -> None:
    assert read({key: value}) == read({})


def test_cells_past_the_limit_are_one_without_an_isp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qoe, "NAMED_MAX", 2)
    match = Match()
    for n, isp in enumerate(["AS1", "AS1", "AS1", "AS2", "AS2", "AS3", "AS4"]):
        match.start(f"ses_{n}", isp=isp)
        match.tell(1, 0, f"ses_{n}", br=[1_000])
    assert [(one.isp, one.viewers, one.bps) for one in match.cells(1)] == [
        ("AS1", 3, 3e6),
        ("", 2, 2e6),
        ("AS2", 2, 2e6),
    ]


def test_bucket_past_its_limit_forgets_isps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "BUCKET_CELLS_MAX", 1)
    match = Match()
    for n in range(4):
        match.start(f"ses_{n}", isp=f"AS{n}")
        match.tell(1, 0, f"ses_{n}", sta="f")
    failing = {one.isp: one.error_ratio for one in match.cells(1)}
    assert failing == {"AS0": 1.0, "": 1.0, "AS1": None, "AS2": None, "AS3": None}


def test_player_that_was_silent_the_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plays, "PLAYS_MAX", 2)
    known = Plays()
    first = known.of("ses_1", read({}), "final", NOW)
    for session in ("ses_2", "ses_1", "ses_3"):
        known.of(session, read({}), "final", NOW + 1)
    assert known.of("ses_1", read({}), "final", NOW + 2) is first
    assert len(known) == 2
    known.forget_silent(NOW + 1_000)
    assert len(known) == 0


def test_spread_is_true_to_a_few_percent() -> None:
    spread = Spread()
    for value in range(1, 1_001):
        spread.add(value)
    assert (spread.quantile(0.5), spread.quantile(0.95)) == (near(500), near(950))
    assert Spread().quantile(0.5) is None


states = st.sampled_from(["s", "p", "r", "a", "k", "e", "f", "d", "?"])
junk = st.one_of(
    st.none(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=3),
)
records = st.fixed_dictionaries(
    {"sn": st.integers(0, 20), "ts": st.integers(0, 200_000), "sta": states},
    optional={
        "e": st.sampled_from(["ps", "t", "e"]), "br": junk, "mtp": junk, "msd": junk, "bsd": junk,
        "cdn": st.sampled_from(["cdn-a", "cdn-b", "other"]), "cid": st.sampled_from(["final", "ad"]),
    },
)  # fmt: skip
stories = st.lists(
    st.tuples(st.floats(0, 60), st.sampled_from(["ses_1", "ses_2", "ses_3"]), records), max_size=40
)


def played(story: list[tuple[float, str, dict[str, Any]]]) -> Match:
    match = Match()
    for session in ("ses_1", "ses_2"):
        match.start(session)
    for after_s, session, values in story:
        match.see(PlaybackReported(session=session, values=values), after_s)
    return match


@given(stories)
def test_whatever_is_told_stays_within_reason(story: list[tuple[float, str, dict[str, Any]]]) -> None:
    cells = played(story).cells(60)
    assert sum(one.viewers for one in cells) == 2
    for cell in cells:
        for ratio in (cell.rebuffer_ratio, cell.error_ratio):
            assert ratio is None or 0 <= ratio <= 1
        assert 0 <= cell.bps <= 2 * 1e12


orderly = st.lists(st.tuples(st.integers(1, 20_000), states), min_size=1, max_size=20)


@given(orderly, st.randoms(use_true_random=False))
def test_repeats_in_any_place_change_nothing(steps: list[tuple[int, str]], chance: Any) -> None:
    story, ts = [], CLOCK_MS
    for number, (gap, state) in enumerate(steps):
        ts += gap
        story.append((1.0, "ses_1", {"cid": "final", "e": "ps", "sn": number, "ts": ts, "sta": state}))
    repeated = []
    for place, record in enumerate(story):
        repeated += [record, story[chance.randint(0, place)]]
    assert played(repeated).cells(2) == played(story).cells(2)
