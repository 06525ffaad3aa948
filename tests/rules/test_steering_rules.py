"""Which CDN carries a session, and what players say of themselves."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tifo.services.steering.rules import (
    Pathway,
    first,
    order,
    reported_pathway,
    reported_throughput,
    seconds_to_next,
    unhurried,
    weighted,
)
from tifo.services.steering.settings import SteeringSettings

FOUR = tuple(Pathway(f"cdn-{letter}", 1.0) for letter in "abcd")
KNOWN = frozenset(pathway.id for pathway in FOUR)
SESSIONS = [f"ses_{n:020d}" for n in range(4_000)]

weights = st.floats(min_value=0.001, max_value=1_000, allow_nan=False)
pathways = st.lists(weights, min_size=1, max_size=6).map(
    lambda found: tuple(Pathway(f"cdn-{n}", weight) for n, weight in enumerate(found))
)
subsets = st.sets(st.sampled_from(sorted(KNOWN)))


@given(
    st.text(max_size=64), pathways, st.sets(st.integers(min_value=0, max_value=8).map(lambda n: f"cdn-{n}"))
)
def test_order_names_every_pathway_once(session: str, some: tuple[Pathway, ...], out: set[str]) -> None:
    assert sorted(order(session, some, out)) == sorted(pathway.id for pathway in some)


@given(
    st.text(max_size=64), pathways, st.sets(st.integers(min_value=0, max_value=8).map(lambda n: f"cdn-{n}"))
)
def test_first_is_that_of_the_order(session: str, some: tuple[Pathway, ...], out: set[str]) -> None:
    assert first(session, some, out) == order(session, some, out)[0]


@given(st.text(max_size=64), pathways, st.randoms())
def test_order_does_not_depend_on_how_the_settings_list_them(session: str, some, random) -> None:
    mixed = list(some)
    random.shuffle(mixed)
    assert order(session, mixed, ()) == order(session, some, ())


@given(st.text(max_size=64), subsets)
def test_pathways_that_are_out_stand_last(session: str, out: set[str]) -> None:
    found = order(session, FOUR, out)
    assert set(found[len(FOUR) - len(out) :]) == out


@given(st.text(max_size=64))
def test_all_out_is_none_out(session: str) -> None:
    assert order(session, FOUR, KNOWN) == order(session, FOUR, ())


@given(st.text(max_size=64), subsets, st.sampled_from(sorted(KNOWN)))
def test_taking_one_out_moves_only_its_own_sessions(session: str, out: set[str], gone: str) -> None:
    before = order(session, FOUR, out)
    after = order(session, FOUR, out | {gone})
    if before[0] != gone and before[0] not in out:
        assert after[0] == before[0]
    kept = [name for name in before if name not in out | {gone}]
    assert list(after[: len(kept)]) == kept


@given(st.text(max_size=64), weights)
def test_more_weight_never_moves_a_session_elsewhere(session: str, more: float) -> None:
    before = order(session, FOUR, ())[0]
    heavier = tuple(Pathway(one.id, one.weight + more * (one.id == before)) for one in FOUR)
    assert order(session, heavier, ())[0] == before


def test_sessions_of_a_pathway_that_is_out_spread_over_the_others() -> None:
    moved = [session for session in SESSIONS if order(session, FOUR, ())[0] == "cdn-a"]
    to = Counter(order(session, FOUR, {"cdn-a"})[0] for session in moved)
    assert all(abs(count / len(moved) - 1 / 3) < 0.06 for count in to.values())
    assert len(to) == 3


@pytest.mark.parametrize("of_weight", [(1, 1, 1, 1), (4, 3, 2, 1), (10, 1, 1, 1), (0.5, 0.5, 0.25, 0.25)])
def test_shares_follow_the_weights(of_weight: tuple[float, ...]) -> None:
    some = [Pathway(one.id, weight) for one, weight in zip(FOUR, of_weight, strict=True)]
    carried = Counter(order(session, some, ())[0] for session in SESSIONS)
    for pathway in some:
        share = pathway.weight / sum(of_weight)
        assert abs(carried[pathway.id] / len(SESSIONS) - share) < 0.03


@given(st.text(max_size=64), st.randoms())
def test_pathways_without_weight_stand_last_but_are_never_left_out(session: str, random) -> None:
    mixed = list(weighted(sorted(KNOWN), {"cdn-b": 1.0, "cdn-z": 5.0}, {}))
    random.shuffle(mixed)
    found = order(session, mixed, ())
    assert found[0] == "cdn-b"
    assert sorted(found) == sorted(KNOWN)
    assert found == order(session, weighted(sorted(KNOWN), {"cdn-b": 1.0}, {}), ())


@given(st.text(max_size=64), st.dictionaries(st.sampled_from(sorted(KNOWN)), st.floats(-1, 1)), subsets)
def test_no_weights_and_no_words_make_a_list_short(session: str, weights, out: set[str]) -> None:
    assert sorted(order(session, weighted(sorted(KNOWN), weights, {}), out)) == sorted(KNOWN)


@given(st.integers(1, 600), st.floats(0, 0.99), st.floats(0, 1))
def test_the_next_question_is_at_least_a_second_away_and_within_the_jitter(ttl_s, jitter, chance) -> None:
    assert max(1, ttl_s * (1 - jitter) - 1) <= seconds_to_next(ttl_s, jitter, chance)
    assert seconds_to_next(ttl_s, jitter, chance) <= ttl_s * (1 + jitter) + 1


@pytest.mark.parametrize(
    ("said", "pathway"),
    [
        ("cdn-b", "cdn-b"),
        ('"cdn-b"', "cdn-b"),
        (' "cdn-b" ', "cdn-b"),
        ('"cdn-a,cdn-b"', "cdn-b"),
        ("cdn-a, cdn-b", "cdn-b"),
        ('"cdn-a,elsewhere"', "cdn-a"),
        ("cdn-a,", "cdn-a"),
        ("elsewhere", ""),
        ("", ""),
        ('"', ""),
        (",,,", ""),
        ("cdn-a;cdn-b", ""),
        ("CDN-A", ""),
    ],
)
def test_players_word_on_its_pathway(said: str, pathway: str) -> None:
    assert reported_pathway(said, KNOWN) == pathway


@pytest.mark.parametrize(
    ("said", "bits_per_s"),
    [("5140000", 5_140_000), ("5140000,", 5_140_000), ("5140000,200", 5_140_000), (" 17 ,", 17), ("0", 0)]
    + [(text, None) for text in ("", ",", "fast", "-1", "1.5", "1e6", "9" * 13, "²", "NaN")],
)
def test_players_word_on_its_throughput(said: str, bits_per_s: int | None) -> None:
    assert reported_throughput(said) == bits_per_s


@given(st.text(max_size=300))
@example('"' * 256)
def test_no_word_of_a_player_makes_the_reader_fail(said: str) -> None:
    assert reported_pathway(said, KNOWN) in KNOWN | {""}
    assert reported_throughput(said) is None or reported_throughput(said) >= 0


# --- who comes after the first ----------------------------------------------------------------------------

SPARE = {"cdn-b": 0.1, "cdn-c": 0.2, "cdn-d": 0.7}
FILLED = weighted(sorted(KNOWN), {"cdn-a": 0.4, "cdn-b": 0.4, "cdn-c": 0.2}, SPARE)


def test_viewers_of_a_lost_one_go_where_there_is_room_and_not_where_the_others_are() -> None:
    lists = [order(session, FILLED, ()) for session in SESSIONS]
    after = Counter(one[1] for one in lists if one[0] == "cdn-a")
    for name, room in SPARE.items():
        assert abs(after[name] / after.total() - room) < 0.03


def test_room_does_not_change_who_is_first() -> None:
    without = weighted(sorted(KNOWN), {"cdn-a": 0.4, "cdn-b": 0.4, "cdn-c": 0.2}, {})
    assert all(order(one, FILLED, ())[0] == order(one, without, ())[0] for one in SESSIONS[:500])


@given(st.text(max_size=64), subsets)
def test_with_room_too_every_pathway_is_named_once_and_what_is_out_stands_last(session, out) -> None:
    found = order(session, FILLED, out)
    assert sorted(found) == sorted(KNOWN)
    assert set(found[len(KNOWN) - len(out) :]) == out


@given(st.floats(0, 1e8), st.integers(1, 60), st.integers(1, 100_000), st.integers(1, 600), st.floats(0, 1))
def test_the_more_viewers_the_less_often_they_ask_within_bounds(
    viewers, ttl_s, most, longest_s, chance
) -> None:
    settings = SteeringSettings(ttl_s=ttl_s, asks_per_s_max=most, ttl_s_max=longest_s)
    told = unhurried(viewers, settings)
    assert ttl_s <= told <= max(ttl_s, longest_s)
    assert told == ttl_s or told <= viewers / most
    assert viewers / told <= most * 1.001 or told == max(ttl_s, longest_s)
    assert unhurried(viewers * 2, settings) >= told
    jittered = seconds_to_next(told, settings.ttl_jitter, chance)
    assert abs(jittered - told) <= told * settings.ttl_jitter + 0.5
