"""What is particular to the board in Redis: one command a look, pages, failover, a cluster."""

from pathlib import Path

import pytest
from board_places import RedisPlace, eventually, everything, mark_of, redis_at
from redis_server import RedisServer, redis_cluster, redis_server

from tifo.adapters.redis import board as redis_board
from tifo.board.ports import Limits
from tifo.kernel.errors import Unavailable


def commands(server: RedisServer) -> int:
    """Commands that Redis was asked from outside, not by scripts."""
    stats = server.cli("INFO", "commandstats")
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in stats.splitlines() if "evalsha" in line)


async def test_look_at_an_unchanged_board_is_one_command(redis_place: RedisPlace) -> None:
    board = redis_place.open()
    for n in range(100):
        await board.write(str(n), b"1")
    mark = await mark_of(board)
    before = commands(redis_place.server)
    for _ in range(10):
        await board.changes(mark)
    assert commands(redis_place.server) == before + 10


@pytest.mark.parametrize(("entries_max", "bytes_max"), [(1, 10**6), (3, 10**6), (100, 1), (100, 8)])
async def test_long_answer_comes_in_pages(
    redis_place: RedisPlace, monkeypatch: pytest.MonkeyPatch, entries_max: int, bytes_max: int
) -> None:
    monkeypatch.setattr(redis_board, "PAGE_ENTRIES_MAX", entries_max)
    monkeypatch.setattr(redis_board, "PAGE_BYTES_MAX", bytes_max)
    board = redis_place.open(limits=Limits(gone_kept_s=0.0))
    for n in range(10):
        await board.write(f"a{n}", b"1")
        await board.delete(f"a{n - 1}")  # forgotten at once: no mark in between is good
    first = await board.changes(None)
    assert (sorted(first.entries), first.whole) == (["a9"], True)
    for n in range(10):
        await board.write(f"b{n}", b"1")
    second = await board.changes(first.mark)
    assert (sorted(second.entries), second.whole) == ([f"b{n}" for n in range(10)], False)
    await redis_place.open().delete("b9")
    third = await board.changes(second.mark)
    assert (dict(third.entries), third.gone, third.whole) == ({}, {"b9"}, False)


async def test_answer_that_has_more_pages_than_it_may_is_not_waited_for(
    redis_place: RedisPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_board, "PAGE_ENTRIES_MAX", 1)
    monkeypatch.setattr(redis_board, "PAGES_MAX", 2)
    board = redis_place.open()
    for key in ("a", "b", "c"):
        await board.write(key, b"1")
    with pytest.raises(Unavailable):
        await board.changes(None)


async def test_rest_of_a_board_without_its_first_key_is_swept_away(redis_place: RedisPlace) -> None:
    board = redis_place.open()
    await board.write("old", b"1")
    mark = await mark_of(board)
    redis_place.server.cli("DEL", redis_board.KEY)
    await board.write("new", b"1")
    changes = await board.changes(mark)
    assert (sorted(changes.entries), changes.whole) == (["new"], True)


async def test_replica_that_became_the_master_without_the_last_write_tells_everything(
    redis_place: RedisPlace, tmp_path: Path
) -> None:
    with redis_server(tmp_path / "replica") as other:
        board, promoted = redis_place.open(), redis_place.closing(redis_at(other.url))
        await board.write("kept", b"1")
        other.cli("REPLICAOF", "127.0.0.1", str(redis_place.server.port))
        await eventually(lambda: everything(promoted), lambda found: "kept" in found)
        other.cli("REPLICAOF", "NO", "ONE")
        await board.write("lost", b"1")
        mark = await mark_of(board)
        for key in ("a", "b"):
            await promoted.write(key, b"1")
        changes = await promoted.changes(mark)
        assert (sorted(changes.entries), changes.whole) == (["a", "b", "kept"], True)


async def test_user_who_may_not_ask_for_the_servers_state_still_has_a_board(redis_place: RedisPlace) -> None:
    redis_place.server.cli("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-info")
    board = redis_place.closing(redis_at(f"redis://plain:secret@127.0.0.1:{redis_place.server.port}"))
    await board.write("a", b"1")
    mark = await mark_of(board)
    await board.delete("a")
    assert (await board.changes(mark)).gone == {"a"}


async def test_board_stands_in_a_cluster(redis_place: RedisPlace, tmp_path: Path) -> None:
    with redis_cluster(tmp_path) as cluster:
        board = redis_place.closing(redis_at(cluster.url))
        await board.write("a", b"1", ttl_s=60)
        mark = await mark_of(board)
        await board.delete("a")
        assert (await board.changes(mark)).gone == {"a"}
