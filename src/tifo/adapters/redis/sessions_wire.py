"""The session store's scripts, and how leases travel to them and back."""

import math
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from tifo.adapters.redis.connection import Script
from tifo.services.sessions.ports import Lease, Limits

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode


@cache
def script(name: str) -> Script:
    """A script by its file's name, `sessions_<name>.lua`, behind what all of them begin with."""
    here = files("tifo.adapters.redis")
    parts = [here.joinpath(f"sessions_{one}.lua").read_text(encoding="utf-8") for one in ("shard", name)]
    return Script(f"sessions.{name}", "\n".join(parts))


def packed(lease: Lease, ahead_s: int) -> tuple[str | float, ...]:
    """A lease as scripts take it, by the store's clock; they know its account."""
    since, until = round(lease.since + ahead_s, 3), math.ceil(lease.until) + ahead_s
    return (lease.session, lease.event, lease.device, lease.device_kind, since, until)


def limits_of(limits: Limits) -> tuple[int, int, int]:
    """Limits as scripts take them."""
    return (limits.account, limits.of_kind, limits.of_event)


def lease_of(account: str, kept: list[Any], ahead_s: int) -> Lease:
    """A lease as a script answered it, by our clock."""
    session, event, device, kind, since, until = kept
    return Lease(session, account, event, device, kind, round(since - ahead_s, 3), float(until - ahead_s))


def leases_of(account: str, kept: Iterable[list[Any]], ahead_s: int) -> tuple[Lease, ...]:
    """Several of one account."""
    return tuple(lease_of(account, one, ahead_s) for one in kept)
