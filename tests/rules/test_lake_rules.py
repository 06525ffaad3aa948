"""Where an event is in the lake, what becomes one file, and what is too old."""

from typing import get_args

import pytest

from tifo.api.events import (
    AdTracked,
    AnomalyBegan,
    AnyEvent,
    OperatorActed,
    PlaybackReported,
    SessionEnded,
    SessionsRenewed,
)
from tifo.lake import address
from tifo.lake.layout import MERGED, PART, LakeFile, Place, file_at, name_of
from tifo.lake.tables import COMMON, TABLES, in_file
from tifo.lake.views import VIEWS
from tifo.workers.lake import rules

AT = 1_795_629_600.0
"""2026-11-25T18:00:00Z"""

HOUR = "2026-11-25T18"
OVER = AT + 3_600
SETTLE_S = 300.0
PLACE = Place("session.ended", "final", HOUR)


def file(n: int, place: Place = PLACE, at: float = AT, size: int = 1_000, kind: str = PART) -> LakeFile:
    return LakeFile(place, name_of(kind, [n]), size, at)


def merged(files: list[LakeFile], now: float) -> list[tuple[LakeFile, ...]]:
    return [one.files for one in rules.merges(files, now, SETTLE_S)]


# --- places and rows ------------------------------------------------------------------------------------


def test_every_type_of_event_has_a_table_and_its_columns_are_its_fields() -> None:
    kinds = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyEvent)}
    assert set(TABLES) == set(kinds)
    for tag, table in TABLES.items():
        if tag != "playback.reported":
            assert {one.name for one in table.columns} == {*kinds[tag].__struct_fields__} - {"event"}


def test_names_are_told_apart() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)
    for view in VIEWS:
        assert len({one.name for one in view.columns}) == len(view.columns)


def test_a_row_has_its_values_in_the_order_of_the_columns() -> None:
    ended = SessionEnded(session="ses_1", event="final", why="left")
    assert rules.row_of(ended, "evt_1", AT + 0.25) == ("evt_1", 1_795_629_600_250_000, "ses_1", "left")


def test_what_a_player_said_is_read_and_kept_whole() -> None:
    told = PlaybackReported(session="ses_1", values={"e": "ps", "sta": "p", "br": [3_000, 128], "x-y": 1})
    row = dict(
        zip(
            (one.name for one in in_file(TABLES["playback.reported"])),
            rules.row_of(told, "evt_1", AT),
            strict=True,
        )
    )
    assert (row["report"], row["state"], row["bitrate_bps"]) == ("ps", "p", 3_128_000)
    assert (row["content"], row["failed"]) == (None, False)
    assert row["cmcd"] == '{"e":"ps","sta":"p","br":[3000,128],"x-y":1}'


def test_figures_are_kept_as_json() -> None:
    began = AnomalyBegan(anomaly="a", what="gone", subject="s", evidence="e", figures={"gone": 0.5})
    assert rules.row_of(began, "evt_1", AT)[-1] == '{"gone":0.5}'


@pytest.mark.parametrize(
    ("event", "match"),
    [
        (SessionEnded(session="s", event="final", why="left"), "final"),
        (SessionsRenewed(batch="b", sessions=("s",)), ""),
        (OperatorActed(operator="o", action="ban", target="t"), ""),
        (SessionEnded(session="s", event="x" * 65, why="left"), ""),
    ],
)
def test_an_event_is_in_the_place_of_its_match_if_it_has_one(event: AnyEvent, match: str) -> None:
    place = rules.place_of(event, AT + 3_599.9)
    assert (place.event, place.hour) == (match, HOUR)


@pytest.mark.parametrize("at", [-1.0, 1e11, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_no_place(at: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        rules.place_of(SessionEnded(session="s", event="final", why="left"), at)


def test_a_number_that_no_column_can_have_is_refused() -> None:
    tracked = AdTracked(session="s", event="e", break_id="b", slot=2**63, creative="c", what="impression")
    with pytest.raises(ValueError, match="64 bits"):
        rules.row_of(tracked, "evt_1", AT)


# --- paths ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", ["final", "", "a/b", "..", "ü = 50%", "type=x"])
def test_a_path_says_what_the_file_is(match: str) -> None:
    one = file(1, Place("session.ended", match, HOUR))
    assert file_at(one.path, one.size, one.written_at) == one
    assert one.path.count("/") == 3


@pytest.mark.parametrize(
    "path",
    [
        "drafts/12-part-00000000000000000000000000000000.parquet",
        "type=a/event=b/hour=2026-11-25T18/part-1.parquet",
        "type=a/event=b/hour=18/part-00000000000000000000000000000000.parquet",
        "type=a/event=b/hour=2026-11-25T18/c/part-00000000000000000000000000000000.parquet",
        "notes.txt",
        "type=a/event=%FF/hour=2026-11-25T18/part-00000000000000000000000000000000.parquet",
    ],
)
def test_what_is_no_file_of_the_lake_is_none(path: str) -> None:
    assert file_at(path, 1, AT) is None


def test_a_name_is_that_of_what_it_was_made_of() -> None:
    assert name_of(PART, ["b", "a"]) == name_of(PART, ["a", "b"]) != name_of(PART, ["ab"])


# --- merging --------------------------------------------------------------------------------------------


def test_an_hour_that_is_over_and_still_becomes_one_file() -> None:
    files = [file(1), file(2, at=AT + 1), file(3, kind=MERGED)]
    assert merged(files, OVER + SETTLE_S - 1) == []
    (found,) = merged(files, OVER + SETTLE_S)
    assert set(found) == set(files)
    assert merged(files[:1], OVER + SETTLE_S) == []


def test_late_files_are_waited_for_to_settle() -> None:
    late = OVER + 86_400
    files = [file(1, kind=MERGED), file(2, at=late)]
    assert merged(files, late + SETTLE_S - 1) == []
    assert len(merged(files, late + SETTLE_S)) == 1


def test_within_its_hour_only_many_new_files_become_one() -> None:
    new = [file(n) for n in range(rules.MERGE_FILES_MIN)]
    before = file(99, kind=MERGED)
    assert merged([before, *new[1:]], AT + 60) == []
    (found,) = merged([before, *new], AT + 60)
    assert set(found) == set(new)


def test_places_are_merged_apart_the_oldest_hour_first() -> None:
    later = Place("session.ended", "final", "2026-11-25T19")
    other = Place("session.ended", "", HOUR)
    files = [file(n, place) for place in (later, PLACE, other) for n in range(2)]
    found = rules.merges(files, OVER + 86_400, SETTLE_S)
    assert [one.files[0].place.hour for one in found] == [HOUR, HOUR, later.hour]
    assert all(len({file.place for file in one.files}) == 1 for one in found)


def test_what_is_too_much_for_one_file_stays() -> None:
    huge = [file(n, size=rules.MERGE_BYTES_MAX // 2 + 1) for n in range(2)]
    assert merged(huge, OVER + SETTLE_S) == []
    (found,) = merged([*huge, file(3), file(4)], OVER + SETTLE_S)
    assert {one.size for one in found} == {1_000, huge[0].size}
    assert len(found) == 3
    (some,) = merged([file(n) for n in range(rules.MERGE_FILES_MAX + 9)], OVER + SETTLE_S)
    assert len(some) == rules.MERGE_FILES_MAX


def test_what_is_kept_long_enough_is_too_old() -> None:
    files = [file(1), file(2, Place("session.ended", "final", "2026-11-25T19"))]
    assert rules.too_old(files, OVER + 100, 100) == ()
    assert rules.too_old(files, OVER + 101, 100) == (files[0],)


def test_a_member_looks_after_the_topics_that_it_holds() -> None:
    ads, unknown = Place("ads.tracked", "final", HOUR), Place("x.new", "final", HOUR)
    files = [file(1), file(2, ads), file(3, unknown)]
    assert rules.of_topics(files, lambda topic: topic == "ads") == (files[1],)
    assert rules.of_topics(files, lambda topic: topic == "sessions") == (files[0], files[2])
    assert rules.known(files) == tuple(files[:2])


# --- addresses ------------------------------------------------------------------------------------------


def test_addresses_of_lakes() -> None:
    folder = address.parse("file:///var/lib/tifo/my%20lake")
    assert isinstance(folder, address.FolderAddress)
    assert str(folder.root) == "/var/lib/tifo/my lake"
    bucket = address.parse("s3://matches/tifo/lake/?region=eu-west-3&endpoint=http://127.0.0.1:9000")
    assert bucket == address.BucketAddress("matches", "tifo/lake", "eu-west-3", "http://127.0.0.1:9000")
    assert bucket.root == "matches/tifo/lake"
    assert address.BucketAddress("matches").root == "matches"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("lake", "no lake"),
        ("file://lake", "no lake"),
        ("gs://bucket", "no lake"),
        ("s3://key:secret@bucket/x", "no credentials"),
        ("s3:///x", "no bucket"),
        ("s3://UPPER/x", "no bucket"),
        ("s3://bucket/x?key=1", "no option"),
        ("s3://bucket/x?endpoint=9000", "no endpoint"),
    ],
)
def test_what_is_no_address_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        address.parse(url)


def test_common_columns_come_first() -> None:
    assert all(in_file(table)[: len(COMMON)] == COMMON for table in TABLES.values())
