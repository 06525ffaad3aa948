import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from structlog.testing import capture_logs

from tifo.api.breaks import BreakSchedule
from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.renditions import CREATIVE_RENDITIONS
from tifo.channel.boxes import box
from tifo.channel.house_ads import RECIPE, prepare
from tifo.channel.live import LAG_SEGMENTS_MAX, START_SEGMENTS, ClockWentBack, LiveEncoder
from tifo.channel.picture import LivePicture, clock_text
from tifo.channel.shelf import LiveShelf
from tifo.channel.timeline import FRAMES_PER_S, SEGMENT_S
from tifo.kernel.clock import Clock, ManualClock

NOW_S = 1_800_000_001.0
ON_AIR = 900_000_000
NO_BREAKS = BreakSchedule(0, 0)
WAIT_S_MAX = 30


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S_MAX
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@contextmanager
def encoding(shelf: LiveShelf, clock: Clock) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=LiveEncoder("demo", NO_BREAKS, shelf, clock).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(WAIT_S_MAX)
        assert not thread.is_alive()


def numbers(shelf: LiveShelf) -> list[int]:
    first = ON_AIR - 10
    return [n for n in range(first, first + 1000) if shelf.get(f"v360/{n}.m4s")]


def test_a_start_fills_the_players_hold_back_and_then_follows_the_clock() -> None:
    clock, shelf = ManualClock(NOW_S), LiveShelf(15, NO_BREAKS, 20)
    with encoding(shelf, clock):
        until(lambda: shelf.newest == ON_AIR - 1)
        assert numbers(shelf) == list(range(ON_AIR - START_SEGMENTS, ON_AIR))
        clock.advance(SEGMENT_S)
        until(lambda: shelf.newest == ON_AIR)


def test_after_a_long_sleep_it_goes_on_at_the_segment_on_air() -> None:
    clock, shelf = ManualClock(NOW_S), LiveShelf(15, NO_BREAKS, 20)
    slept = LAG_SEGMENTS_MAX + 2
    with encoding(shelf, clock):
        until(lambda: shelf.newest == ON_AIR - 1)
        clock.advance(slept * SEGMENT_S)
        until(lambda: shelf.newest == ON_AIR)
        clock.advance(SEGMENT_S)
        until(lambda: shelf.newest == ON_AIR + slept)
    # The segment that was under way is finished; what would have followed it is left out.
    assert numbers(shelf) == [*range(ON_AIR - START_SEGMENTS, ON_AIR + 1), ON_AIR + slept]
    playlist = shelf.get("v360/index.m3u8")
    assert playlist is not None
    assert playlist.body.count(b"#EXT-X-GAP") == slept - 1


def test_a_short_delay_is_caught_up_without_a_gap() -> None:
    clock, shelf = ManualClock(NOW_S), LiveShelf(15, NO_BREAKS, 20)
    with encoding(shelf, clock):
        until(lambda: shelf.newest == ON_AIR - 1)
        clock.advance(3 * SEGMENT_S)
        until(lambda: shelf.newest == ON_AIR + 2)
    assert numbers(shelf) == list(range(ON_AIR - START_SEGMENTS, ON_AIR + 3))


def test_a_clock_that_is_set_back_ends_the_encoder() -> None:
    class SetBack(ManualClock):
        def now(self) -> float:
            return super().now() if shelf.newest is None else NOW_S - 3600

    shelf = LiveShelf(15, NO_BREAKS, 20)
    with pytest.raises(ClockWentBack):
        LiveEncoder("demo", NO_BREAKS, shelf, SetBack(NOW_S)).run(threading.Event())


def test_a_stop_ends_it_amidst_a_segment() -> None:
    stop = threading.Event()
    stop.set()
    shelf = LiveShelf(15, NO_BREAKS, 20)
    LiveEncoder("demo", NO_BREAKS, shelf, ManualClock(NOW_S)).run(stop)
    assert shelf.newest is None


def luma(picture: LivePicture, number: int) -> np.ndarray:
    return picture.draw(number).to_ndarray()[:360].copy()


def test_the_picture_moves_and_leaves_no_traces() -> None:
    picture, first = LivePicture("demo", NO_BREAKS), int(NOW_S) * FRAMES_PER_S
    before, after = luma(picture, first), luma(picture, first + 5)
    assert (before != after).mean() > 0.01
    for number in range(first + 6, first + 60):
        picture.draw(number)
    assert np.array_equal(luma(picture, first + 5), luma(LivePicture("demo", NO_BREAKS), first + 5))


def test_a_break_covers_the_match_with_a_slate() -> None:
    schedule = BreakSchedule(every_s=1800, duration_s=20)
    start = 1_800_000_000 * FRAMES_PER_S
    picture, plain = LivePicture("demo", schedule), LivePicture("demo", NO_BREAKS)
    shows = [
        not np.array_equal(luma(picture, n), luma(plain, n))
        for n in (start - 1, start, start + 499, start + 500)
    ]
    assert shows == [False, True, True, False]


def test_the_clock_is_utc_to_tenths() -> None:
    assert clock_text(1_800_000_000 * FRAMES_PER_S + 24) == "08:00:00.9"
    assert clock_text(1_800_000_000 * FRAMES_PER_S + 25) == "08:00:01.0"


@pytest.fixture(scope="module")
def creatives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("creatives")
    for creative in HOUSE_CREATIVES:
        prepare(creative, folder, threading.Event())
    return folder


PARTS = [
    "index.m3u8",
    *(
        f"{r.id}/{n}"
        for r in CREATIVE_RENDITIONS
        for n in ("index.m3u8", "init.mp4", "0.m4s", "1.m4s", "2.m4s", "3.m4s", "4.m4s")
    ),
]


def joined(home: Path) -> BytesIO:
    return BytesIO(
        b"".join((home / name).read_bytes() for name in ("init.mp4", *(f"{n}.m4s" for n in range(5))))
    )


@pytest.mark.parametrize("creative", HOUSE_CREATIVES, ids=lambda c: c.id)
def test_a_creatives_picture_lasts_as_long_as_it_says(creatives: Path, creative) -> None:
    with av.open(joined(creatives / creative.id / "video")) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len(times) == creative.duration_s * FRAMES_PER_S
    assert {b - a for a, b in pairwise(times)} == {Fraction(1, FRAMES_PER_S)}
    assert times[0] == 0


@pytest.mark.parametrize("creative", HOUSE_CREATIVES, ids=lambda c: c.id)
def test_a_creatives_sound_is_quiet_and_never_outlasts_its_picture(creatives: Path, creative) -> None:
    with av.open(joined(creatives / creative.id / "audio")) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert -0.022 < sound.size / 48_000 - creative.duration_s <= 0
    assert 0.005 < np.sqrt((sound**2).mean()) < 0.2


def test_the_creatives_look_different(creatives: Path) -> None:
    said = {(creatives / c.id / "video/0.m4s").read_bytes() for c in HOUSE_CREATIVES}
    assert len(said) == len(HOUSE_CREATIVES)


def test_a_whole_creative_is_not_encoded_again(creatives: Path) -> None:
    stop = threading.Event()
    stop.set()
    files = prepare(HOUSE_CREATIVES[0], creatives, stop)
    assert files is not None
    assert sorted(files) == sorted(PARTS)


def test_a_stop_leaves_no_half_creative(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert prepare(HOUSE_CREATIVES[0], tmp_path, stop) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["missing", "empty", "other recipe"])
def test_a_damaged_creative_is_encoded_again(tmp_path: Path, damage: str) -> None:
    creative, home = HOUSE_CREATIVES[0], tmp_path / HOUSE_CREATIVES[0].id
    for name in PARTS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"old")
    (home / "recipe").write_text("0" if damage == "other recipe" else str(RECIPE))
    if damage == "missing":
        (home / "video/3.m4s").unlink()
    if damage == "empty":
        (home / "video/3.m4s").write_bytes(b"")
    files = prepare(creative, tmp_path, threading.Event())
    assert files is not None
    assert struct.unpack(">IQ", box(files["video/0.m4s"], "moof", "traf", "tfdt")) == (1 << 24, 0)
    assert {name: (home / name).read_bytes() for name in PARTS} == dict(files)
    assert [entry.name for entry in tmp_path.iterdir()] == [home.name]


def test_a_folder_that_cannot_be_written_does_not_lose_the_creative(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with capture_logs() as logs:
        files = prepare(HOUSE_CREATIVES[0], tmp_path / "file", threading.Event())
    assert files is not None
    assert sorted(files) == sorted(PARTS)
    assert [entry["event"] for entry in logs] == ["channel.creative_not_kept"]
