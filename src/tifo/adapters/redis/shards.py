"""Into which part of Redis an account's sessions go."""

from binascii import crc_hqx
from functools import cache
from itertools import count
from zlib import crc32

from tifo.adapters.redis.servers import SLOTS

SHARDS = 128
"""Parts of the session store: 42 or 43 on each of three masters. It never changes while sessions run."""


def shard_of(account: str) -> int:
    """The shard of an account."""
    return crc32(account.encode()) % SHARDS


@cache
def tags() -> tuple[str, ...]:
    """A hash tag for each shard, so that the shards lie evenly over a cluster's slots. Some 30 ms, once."""
    wanted = {n * SLOTS // SHARDS: n for n in range(SHARDS)}
    found: dict[int, str] = {}
    for number in count():
        tag = format(number, "x")
        slot = crc_hqx(tag.encode(), 0) % SLOTS  # CRC16 as the cluster's specification has it
        if slot in wanted:
            found.setdefault(wanted[slot], tag)
            if len(found) == SHARDS:
                return tuple(found[n] for n in range(SHARDS))
    raise AssertionError("every slot has a tag")
