from dataclasses import replace
from datetime import datetime
from fractions import Fraction

import openm3u8
import pytest

from tifo.api.breaks import Break, BreakSchedule
from tifo.api.renditions import RENDITIONS, Rendition
from tifo.channel.playlist import (
    PRELOAD_SPARE_S,
    announced,
    date_range,
    live_playlist,
    preload_range,
    shown,
    vod_playlist,
)
from tifo.channel.timeline import audio_start

VIDEO, AUDIO = RENDITIONS[0], RENDITIONS[-1]
NO_BREAKS = BreakSchedule(0, 0)
FIRST = 900_000_000
NOTICE_S = 20


def playlist(
    rendition: Rendition = VIDEO,
    present: range | list[int] | None = None,
    schedule: BreakSchedule = NO_BREAKS,
    window: int = 15,
) -> list[str]:
    numbers = present or range(FIRST, FIRST + 10)
    there = shown(numbers, window)
    return live_playlist(
        rendition, numbers, there, announced(schedule, there, NOTICE_S), NOTICE_S
    ).splitlines()


def dates(lines: list[str]) -> list[datetime]:
    head = "#EXT-X-PROGRAM-DATE-TIME:"
    return [datetime.fromisoformat(line.removeprefix(head)) for line in lines if line.startswith(head)]


def durations(lines: list[str]) -> list[float]:
    return [float(line[8:-1]) for line in lines if line.startswith("#EXTINF:")]


def ranges(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("#EXT-X-DATERANGE:")]


def test_the_head_says_what_the_standard_asks_for() -> None:
    lines = playlist()
    assert lines[0] == "#EXTM3U"
    for line in (
        "#EXT-X-VERSION:8",
        "#EXT-X-TARGETDURATION:2",
        f"#EXT-X-MEDIA-SEQUENCE:{FIRST}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-DEFINE:IMPORT="tifo-ads"',
        '#EXT-X-MAP:URI="init.mp4"',
    ):
        assert lines.count(line) == 1


def test_only_the_window_is_shown() -> None:
    lines = playlist(present=range(FIRST, FIRST + 40), window=15)
    assert f"#EXT-X-MEDIA-SEQUENCE:{FIRST + 25}" in lines
    assert [line for line in lines if line.endswith(".m4s")] == [f"{FIRST + n}.m4s" for n in range(25, 40)]


@pytest.mark.parametrize("rendition", RENDITIONS, ids=lambda r: r.id)
def test_every_segment_has_its_date_and_they_add_up(rendition: Rendition) -> None:
    lines = playlist(rendition)
    stamps, lengths = dates(lines), durations(lines)
    assert len(stamps) == len(lengths) == 10
    for here, there, length in zip(stamps, stamps[1:], lengths, strict=False):
        assert (there - here).total_seconds() == pytest.approx(length, abs=0.0011)
    assert all(round(length) <= 2 for length in lengths)


def test_audio_durations_are_whole_frames() -> None:
    lengths = durations(playlist(AUDIO))
    assert set(lengths) == {1.984, 2.005333}
    assert sum(lengths) == pytest.approx(float(audio_start(FIRST + 10) - audio_start(FIRST)), abs=1e-5)


def test_a_break_is_an_interstitial_in_the_agreed_words() -> None:
    assert date_range(Break("brk-123", 1_800_000_000.0, 20.0), 1_800_000_000.0) == (
        '#EXT-X-DATERANGE:ID="brk-123",CLASS="com.apple.hls.interstitial",'
        'START-DATE="2027-01-15T08:00:00.000Z",PLANNED-DURATION=20.000,'
        'X-ASSET-LIST="{$tifo-ads}/breaks/brk-123",'
        'X-SNAP="OUT,IN",X-RESTRICT="SKIP,JUMP"'
    )


def test_ads_are_asked_for_in_the_time_before_the_break_and_not_at_once() -> None:
    one = Break("brk-123", 1_800_000_000.0, 20.0)
    assert preload_range(one, 20.0) == (
        '#EXT-X-DATERANGE:ID="brk-123.preload",CLASS="com.apple.hls.preload",'
        'START-DATE="2027-01-15T07:59:40.000Z",DURATION=16.000,X-URI="{$tifo-ads}/breaks/brk-123",'
        'X-TARGET-CLASS="com.apple.hls.interstitial",X-TARGET-ID="brk-123"',
    )
    assert preload_range(replace(one, returned_at=one.start), 20.0) == preload_range(one, 20.0)
    assert preload_range(one, PRELOAD_SPARE_S) == ()


def test_every_announced_break_has_its_preload_range_before_it() -> None:
    said = ranges(playlist(schedule=BreakSchedule(every_s=20, duration_s=6)))
    ids = [line.partition('ID="')[2].partition('"')[0] for line in said]
    breaks = [one for one in ids if not one.endswith(".preload")]
    assert len(breaks) >= 2
    assert ids == [name for one in breaks for name in (f"{one}.preload", one)]


def test_an_early_return_adds_to_what_was_said_once_the_edge_is_there() -> None:
    one = Break("brk-123", 1_800_000_000.0, 20.0)
    said = date_range(one, one.start)
    back = replace(one, returned_at=one.start + 12.5)
    assert date_range(back, one.start + 12) == said
    assert date_range(back, one.start + 14) == f"{said},DURATION=12.500,X-PLAYOUT-LIMIT=12.500"


def test_a_break_is_announced_ahead_and_stays_until_it_has_left_the_window() -> None:
    schedule = BreakSchedule(every_s=1800, duration_s=20)
    start = FIRST * 2  # 1,800,000,000 s is a multiple of 1800
    seen = []
    for edge in range(start - 60, start + 120, 2):
        newest = edge // 2 - 1
        lines = playlist(present=range(newest - 40, newest + 1), schedule=schedule)
        if ranges(lines):
            seen.append(edge - start)
    assert seen[0] == -NOTICE_S + 2
    assert seen[-1] == 20 + 15 * 2 - 2
    assert seen == list(range(seen[0], seen[-1] + 2, 2))


def test_breaks_stand_alike_in_every_rendition() -> None:
    schedule = BreakSchedule(every_s=20, duration_s=6)
    said = {tuple(ranges(playlist(rendition, schedule=schedule))) for rendition in RENDITIONS}
    assert len(said) == 1
    assert len(said.pop()) >= 2


def test_a_missing_segment_is_a_gap_and_keeps_its_number_and_time() -> None:
    lines = playlist(present=[FIRST, FIRST + 1, FIRST + 4, FIRST + 5])
    assert lines.count("#EXT-X-GAP") == 2
    assert lines[lines.index("#EXT-X-GAP") + 1] == f"{FIRST + 2}.m4s"
    assert [(b - a).total_seconds() for a, b in zip(dates(lines), dates(lines)[1:], strict=False)] == [
        2.0
    ] * 5
    assert "#EXT-X-DISCONTINUITY" not in lines


def test_a_gap_longer_than_the_window_is_not_shown() -> None:
    lines = playlist(present=[FIRST, FIRST + 1, FIRST + 500, FIRST + 501])
    assert f"#EXT-X-MEDIA-SEQUENCE:{FIRST + 500}" in lines
    assert "#EXT-X-GAP" not in lines


def test_another_parser_reads_the_same() -> None:
    schedule = BreakSchedule(every_s=20, duration_s=6)
    parsed = openm3u8.loads("\n".join(playlist(schedule=schedule)))
    assert parsed.media_sequence == FIRST
    assert parsed.target_duration == 2
    assert parsed.is_independent_segments
    assert [s.uri for s in parsed.segments] == [f"{n}.m4s" for n in range(FIRST, FIRST + 10)]
    preload, brk, *_ = parsed.segments[0].dateranges
    assert (preload.id, brk.id) == ("brk-90000000.preload", "brk-90000000")


def test_a_creative_is_on_demand_and_ends() -> None:
    lines = vod_playlist([Fraction(2)] * 5).splitlines()
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in lines
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert durations(lines) == [2.0] * 5
