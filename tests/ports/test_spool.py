"""The contract of the spool on a disk: durable, in order, bounded, and whole again after any death."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from small_disk import full, small_disk

from tifo.adapters.disk import segments
from tifo.adapters.disk.spool import DiskSpool
from tifo.eventlog.ports import APPEND_QUEUE_RECORDS_MAX, Record, Spool
from tifo.kernel.errors import Unavailable

KIB = 1_024
BYTES_MAX = 64 * KIB
"""Of which a segment is a thirty-second part: two kibibytes."""

DISK_BYTES = 256 * KIB

Open = Callable[[], Spool]


def record(n: int, topic: str = "playback", size: int = 100) -> Record:
    return Record(topic, f"key-{n % 3}", f"evt_{topic}_{n}", "t", 1_000.0 + n, b"x" * size)


@pytest.fixture
async def open_spool(tmp_path: Path) -> AsyncIterator[Callable[..., Spool]]:
    """A spool by its folder, closed after the test; to be opened still."""
    made: list[Spool] = []

    def make(folder: Path = tmp_path / "spool", bytes_max: int = BYTES_MAX) -> Spool:
        made.append(DiskSpool(folder, bytes_max))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def spool(open_spool: Open) -> Spool:
    spool = open_spool()
    assert await spool.open() == 0
    return spool


async def rest(spool: Spool) -> list[str]:
    """The ids of all that wait, in the order in which they are sent; forgets them."""
    found: list[str] = []
    while batch := await spool.oldest(7):
        if not batch.records:
            return found
        found += [one.id for one in batch.records]
        await spool.forget(batch)
    return found


def names(numbers, topic: str = "playback") -> list[str]:
    return [f"evt_{topic}_{n}" for n in numbers]


async def test_record_comes_back_whole(spool: Spool) -> None:
    await spool.add([record(1)])
    assert (await spool.oldest(5)).records == (record(1),)


async def test_empty_spool_gives_nothing(spool: Spool) -> None:
    assert (await spool.oldest(5)).records == ()
    assert (spool.level.records, spool.level.bytes, spool.level.oldest_at) == (0, 0, None)


async def test_order_is_kept_and_what_was_not_forgotten_comes_again(spool: Spool) -> None:
    for begin in range(0, 100, 10):
        await spool.add([record(n) for n in range(begin, begin + 10)])
    assert (await spool.oldest(3)).records == (await spool.oldest(3)).records
    assert await rest(spool) == names(range(100))


async def test_what_is_worth_more_is_sent_first(spool: Spool) -> None:
    await spool.add([record(1), record(1, "ads"), record(1, "sessions"), record(1, "control")])
    assert await rest(spool) == ["evt_ads_1", "evt_control_1", "evt_sessions_1", "evt_playback_1"]


async def test_what_is_worth_less_is_sent_while_more_keeps_coming(spool: Spool) -> None:
    await spool.add([record(n) for n in range(20)])
    found: list[str] = []
    for n in range(5):
        await spool.add([record(n, "ads")])
        batch = await spool.oldest(5)
        found += [one.id for one in batch.records]
        await spool.forget(batch)
    assert found[:6] == [*names([0], "ads"), *names(range(4)), *names([1], "ads")]
    assert await rest(spool) == []


async def test_level_says_what_waits(spool: Spool) -> None:
    await spool.add([record(n) for n in range(10)])
    level = spool.level
    assert (level.records, level.oldest_at, level.bytes_max) == (10, 1_000.0, BYTES_MAX)
    assert 10 * 100 < level.bytes < 10 * 250
    await spool.forget(await spool.oldest(4))
    assert (spool.level.records, spool.level.oldest_at) == (6, 1_003.0)
    await rest(spool)
    assert (spool.level.records, spool.level.bytes, spool.level.oldest_at) == (0, 0, None)


async def test_next_process_finds_what_was_added_and_not_what_was_sent(
    open_spool: Open, spool: Spool
) -> None:
    await spool.add([record(n) for n in range(50)])
    await spool.add([record(n, "ads") for n in range(50)])
    await spool.forget(await spool.oldest(20))
    await spool.close()
    other = open_spool()
    assert await other.open() == 0
    assert other.level.records == 80
    assert await rest(other) == names(range(20, 50), "ads") + names(range(50))
    await other.add([record(99)])
    assert await rest(other) == names([99])


async def test_one_process_has_it_at_a_time(open_spool: Open, spool: Spool) -> None:
    await spool.add([record(1)])
    other = open_spool()
    with pytest.raises(Unavailable):
        await other.open()
    with pytest.raises(Unavailable):
        await other.add([record(2)])
    await spool.close()
    await other.open()
    assert await rest(other) == names([1])


async def test_many_callers_at_once_lose_nothing_and_share_writes(spool: Spool, monkeypatch) -> None:
    synced: list[int] = []
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), sync(file)))
    await asyncio.gather(*(spool.add([record(n, size=9)]) for n in range(300)))
    assert len(synced) < 100
    assert sorted(await rest(spool)) == sorted(names(range(300)))


async def test_full_queue_is_refused_at_once(spool: Spool) -> None:
    first = asyncio.create_task(spool.add([record(n, size=0) for n in range(APPEND_QUEUE_RECORDS_MAX)]))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await spool.add([record(0)])
    await first


async def test_cancelled_caller_does_not_disturb_the_others(spool: Spool) -> None:
    tasks = [asyncio.create_task(spool.add([record(n)])) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert set(await rest(spool)) >= set(names(n for n in range(10) if n != 3))


async def test_record_that_cannot_be_written_is_refused_alone(spool: Spool) -> None:
    with pytest.raises(Unavailable):
        await spool.add([Record("ads", "\ud800", "evt_1", "t", 0.0, b"")])
    await spool.add([record(2)])
    assert await rest(spool) == names([2])


# --- the end of a file --------------------------------------------------------------------------------


def newest(folder: Path) -> Path:
    return max(folder.glob("*.spool"))


async def test_torn_end_is_cut_wherever_it_is_torn(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    whole = b"".join(segments.frame(record(n)).data for n in range(3))
    last = len(segments.frame(record(2)).data)
    for left in range(last):
        folder = tmp_path / f"torn-{left}"
        folder.mkdir()
        (folder / "playback.txt").write_text("not ours")
        (folder / "telemetry-000000000001.spool").write_bytes(whole[: len(whole) - last + left])
        spool = open_spool(folder)
        assert await spool.open() == left
        await spool.add([record(3)])
        assert await rest(spool) == names([0, 1, 3])
        await spool.close()


async def test_flipped_bit_ends_a_segment_and_not_the_spool(open_spool: Open, spool: Spool, tmp_path) -> None:
    await spool.add([record(n) for n in range(30)])
    await spool.add([record(n) for n in range(30, 40)])
    await spool.close()
    first = min((tmp_path / "spool").glob("*.spool"))
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    other = open_spool()
    assert await other.open() > 0
    found = await rest(other)
    assert found[-10:] == names(range(30, 40))
    assert found[:10] == names(range(10))


async def test_folder_of_rubbish_stops_nobody(open_spool: Open, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "sent").write_bytes(b"\0{")
    (folder / "money-000000000007.spool").write_bytes(bytes(n * n % 251 for n in range(999)))
    (folder / "money-000000000008.spool").touch()
    spool = open_spool()
    assert await spool.open() == 999
    await spool.add([record(1, "ads")])
    assert await rest(spool) == names([1], "ads")


# --- no room ------------------------------------------------------------------------------------------


async def test_oldest_telemetry_makes_room_and_is_counted(spool: Spool) -> None:
    for n in range(1_000):
        await spool.add([record(n)])
    level = spool.level
    assert level.bytes <= BYTES_MAX
    found = await rest(spool)
    assert found == names(range(1_000 - len(found), 1_000))
    assert dict(level.dropped) == {"playback": 1_000 - len(found)}
    assert len(found) > 250


async def test_telemetry_goes_for_money_then_sessions_and_then_money_is_refused(spool: Spool) -> None:
    await spool.add([record(n) for n in range(60)])
    await spool.add([record(n, "sessions") for n in range(60)])
    kept: list[str] = []
    with pytest.raises(Unavailable):
        for n in range(10_000):
            await spool.add([record(n, "ads")])
            kept.append(f"evt_ads_{n}")
    assert dict(spool.level.dropped) == {"playback": 60, "sessions": 60}
    assert spool.level.refused == 1
    await spool.add([record(99)])
    assert spool.level.dropped["playback"] == 61, "telemetry is dropped, not refused"
    with pytest.raises(Unavailable):
        await spool.add([record(99, "sessions")])
    assert await rest(spool) == kept
    await spool.add([record(1, "ads")])
    assert await rest(spool) == names([1], "ads")


async def test_what_is_dropped_while_it_is_being_sent_is_no_trouble(spool: Spool) -> None:
    await spool.add([record(n) for n in range(20)])
    batch = await spool.oldest(5)
    for n in range(20, 1_000):
        await spool.add([record(n)])
    await spool.forget(batch)
    assert (await rest(spool))[-1] == "evt_playback_999"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("disk"), DISK_BYTES) as folder:
        yield folder


async def test_full_disk_drops_telemetry_refuses_money_and_is_got_over(open_spool, disk: Path) -> None:
    spool = open_spool(disk / "spool", 100 * DISK_BYTES)
    await spool.open()
    await spool.add([record(n) for n in range(100)])
    await spool.add([record(0, "ads")])
    kept = names([0], "ads")
    with full(disk):
        with pytest.raises(Unavailable):
            for n in range(1, 10_000):
                await spool.add([record(n, "ads", size=500)])
                kept += names([n], "ads")
        assert dict(spool.level.dropped) == {"playback": 100}
        await spool.add([record(7)])
    assert spool.level.dropped["playback"] == 101
    await spool.add([record(2, "control")])
    assert await rest(spool) == kept + names([2], "control")
    await spool.close()
    again = open_spool(disk / "spool", 100 * DISK_BYTES)
    assert await again.open() == 0, "what did not fit left nothing half-written"


async def test_disk_that_fails_in_the_middle_of_a_write_loses_only_what_it_refused(
    open_spool: Open, spool: Spool, monkeypatch
) -> None:
    """A write that is cut short, then a wait for the disk that fails: both as the system says them."""
    await spool.add([record(1, "ads")])
    write = os.write

    def half(file: int, data: memoryview) -> int:
        if len(data) > 100:
            return write(file, data[:100])
        raise OSError(errno.EIO, "the disk is broken")

    def unsynced(file: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    for name, broken in (("write", half), ("fdatasync", unsynced)):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, broken)
            with pytest.raises(Unavailable):
                await spool.add([record(2, "ads")])
            with pytest.raises(Unavailable):
                await spool.add([record(3)])
    await spool.add([record(4, "ads")])
    await spool.close()
    other = open_spool()
    assert await other.open() == 0
    assert await rest(other) == names([1, 4], "ads")
