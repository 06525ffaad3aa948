"""Who gets a slot: the stream limit as one pure function.

The memory store calls it; the Redis store says the same in a script, and the contract suite holds the
two against each other.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tifo.services.sessions.ports import LEASES_PER_ACCOUNT_MAX, Lease, Limits, Request


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`granted` is the lease as it is kept from now on, None for a refusal; `ended` give way to it."""

    granted: Lease | None
    ended: tuple[Lease, ...] = ()


def admit(running: Sequence[Lease], request: Request) -> Decision:
    """Decide on a start, given the account's leases that run, oldest first.

    1. What an operator kicked gives way.
    2. The same device in the same event goes on with its session: a seek, a reload, a reconnect or
       another CDN is no second stream, whatever the limit says.
    3. A free slot is taken. When there is none, the device's own session in another event gives way (a
       viewer who changes the match), then, with `give_way`, the oldest of those that fill the limit.
    """
    wanted = request.lease
    void = tuple(
        one for one in running if one.event == wanted.event and int(one.since) <= request.void_before
    )
    rest = [one for one in running if one not in void]
    for own in rest:
        if (own.device, own.event) == (wanted.device, wanted.event):
            return Decision(replace(own, until=max(own.until, wanted.until)), void)
    ended = list(void)
    while group := _over(rest, wanted, request.limits):
        one = _gives_way(group, wanted, give_way=request.give_way)
        if one is None:
            return Decision(None)
        rest.remove(one)
        ended.append(one)
    return Decision(wanted, tuple(ended))


def has_room(running: Sequence[Lease], wanted: Lease, limits: Limits) -> bool:
    """Whether the account may have one more session such as `wanted`."""
    return not _over(running, wanted, limits)


def _over(running: Sequence[Lease], wanted: Lease, limits: Limits) -> Sequence[Lease]:
    """The sessions that fill the first limit which leaves no room, oldest first; none when there is room."""
    groups = (
        (min(limits.account or LEASES_PER_ACCOUNT_MAX, LEASES_PER_ACCOUNT_MAX), running),
        (limits.of_kind, [one for one in running if one.device_kind == wanted.device_kind]),
        (limits.of_event, [one for one in running if one.event == wanted.event]),
    )
    return next((group for limit, group in groups if limit and len(group) >= limit), ())


def _gives_way(group: Sequence[Lease], wanted: Lease, *, give_way: bool) -> Lease | None:
    own = next((one for one in group if one.device == wanted.device), None)
    return own or (group[0] if give_way else None)
