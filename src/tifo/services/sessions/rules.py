"""The rules of sessions: how often a player reports, when its lease is renewed, who is taken back.

The lease. A session holds a slot until a time, its lease's end, which its signed token carries too. A
heartbeat before half of the lease has passed reads and writes nothing. One after that gets a token with
a new lease at once, and the store is told within the gathering interval (`renewals.py`). Leases are
longer than three heartbeats, so one that is lost on the way ends nothing.

The limit stands in `slots.py`.

When the store fails. Whoever is watching goes on: the lease in the token is our own signature, and the
token is renewed on its strength alone. A start is let in on a lease of this node, or refused, by setting
(`let_in_without_store`). Once the store answers, each session that runs is registered again, spread over
time, whether it still fits the limit or not (`taken_back_freely`): nobody who is watching pays for our
fault. The limit holds for every start again from then on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from tifo.api.control import Posture
from tifo.services.sessions.ports import Lease, Limits
from tifo.tokens.playback import PlaybackClaims

_HOST_BITS = {4: 8, 6: 80}
"""Bits of an address, by its version, that a network leaves open."""

DEPARTED_MAX = 200_000
"""Sessions that left and are remembered on one node."""

HEARTBEATS_PER_LEASE_MIN = 3
"""A lease outlives this many heartbeats: two may be lost."""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """Seconds between heartbeats, of a lease, and of a token's validity.

    `take_back_s`: seconds of silence that are forgiven while memories are young.
    """

    heartbeat_s: int
    lease_s: int
    token_ttl_s: int
    take_back_s: int


def in_posture(policy: LeasePolicy, posture: Posture, lean_heartbeat_s: int) -> LeasePolicy:
    """The policy in force: `lean` has players report less often, on leases that are as much longer."""
    if posture != "lean":
        return policy
    lease_s = max(policy.lease_s, math.ceil(lean_heartbeat_s * policy.lease_s / policy.heartbeat_s))
    return LeasePolicy(lean_heartbeat_s, lease_s, policy.token_ttl_s, policy.take_back_s)


def next_heartbeat_s(policy: LeasePolicy, early_share: float, fraction: float, rounding: float) -> int:
    """Seconds until a player's next heartbeat: up to `early_share` early, by a `fraction` in [0, 1).

    In whole seconds, rounded up or down by chance (`rounding`, in [0, 1)), so that the mean is kept.
    """
    wanted_s = policy.heartbeat_s * (1 - early_share * fraction)
    return max(1, min(policy.heartbeat_s, int(wanted_s + rounding)))


def lease_begin(now: float, void_before: float) -> float:
    """When a session that begins now is said to begin, to the millisecond: after what an operator has just
    kicked, or a viewer who comes again in the same second would be kicked with it."""
    return round(max(now, void_before + 1), 3)


def kicked_before(now: float, *begun: float) -> int:
    """Up to which second sessions are kicked: now, and those known to have `begun` a moment later, because
    another kick was so short a while ago."""
    return int(max(now, *begun)) if begun else int(now)


def lease_end(now: float, policy: LeasePolicy) -> float:
    """When a lease that begins now ends, in whole seconds: never later than it may."""
    return float(int(now + policy.lease_s))


def renewal_due(claims: PlaybackClaims, now: float, policy: LeasePolicy) -> bool:
    """Whether a heartbeat must write: half of the lease its token knows of has passed."""
    return claims.until - now <= policy.lease_s / 2


def taken_back_freely(
    claims: PlaybackClaims, now: float, remembers_since: float, policy: LeasePolicy
) -> bool:
    """Whether a session that the store does not know is taken back without asking for a free slot.

    Its lease still runs, as we signed it: then the store has forgotten it. Or the lease has lapsed, but
    nobody may have been there to renew it: for two leases after this node or the store's memory began
    (`remembers_since`), a silence of `take_back_s` is forgiven. At any other time a session whose lease
    has lapsed is a newcomer, or the limit would bind nobody who is silent at the right moments.
    """
    if claims.until > now:
        return True
    return now < remembers_since + 2 * policy.lease_s and now <= claims.until + policy.take_back_s


def limits_of(
    account_limit: int, event_limit: int, device_kind: str, limits_by_kind: Mapping[str, int]
) -> Limits:
    """The limits that a start keeps within."""
    return Limits(account_limit, limits_by_kind.get(device_kind, 0), event_limit)


def why_full(running: Sequence[Lease], wanted: Lease, limits: Limits) -> str:
    """A sentence for the viewer: which limit leaves no room, and how it is filled."""
    kind = wanted.device_kind
    of_kind = sum(one.device_kind == kind for one in running)
    of_event = sum(one.event == wanted.event for one in running)
    if limits.of_kind and of_kind >= limits.of_kind:
        return f"The account watches on {of_kind} devices of the kind {kind} and may on {limits.of_kind}."
    if limits.of_event and of_event >= limits.of_event:
        return f"The account watches this event on {of_event} devices and may on {limits.of_event}."
    return f"The account watches on {len(running)} devices and may on {limits.account}."


def network_of(address: str) -> str:
    """The neighbourhood of an address, which says more than its ISP and less than who it is; "" for none."""
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    bits = _HOST_BITS[one.version]
    base = int(one) >> bits << bits
    return f"{type(one)(base)}/{one.max_prefixlen - bits}"


def token_claims(
    lease: Lease, limit: int, isp: str, region: str, now: float, policy: LeasePolicy
) -> PlaybackClaims:
    """What the session's next token says."""
    return PlaybackClaims(
        aud="playback",
        nbf=int(now),
        exp=int(now) + policy.token_ttl_s,
        sid=lease.session,
        acc=lease.account,
        ev=lease.event,
        dev=lease.device,
        kind=lease.device_kind,
        since=int(lease.since),
        until=int(lease.until),
        limit=limit,
        isp=isp,
        reg=region,
    )


def lease_of(claims: PlaybackClaims, until: float) -> Lease:
    """The lease that a token's session asks for."""
    return Lease(
        session=claims.sid,
        account=claims.acc,
        event=claims.ev,
        device=claims.dev,
        device_kind=claims.kind,
        since=float(claims.since),
        until=until,
    )


class Departed:
    """Sessions that left this node a moment ago, oldest first, each remembered until a time."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, session: str, until: float) -> None:
        """Remember a session until `until`; the oldest makes room past `DEPARTED_MAX`."""
        if len(self._until) >= DEPARTED_MAX:
            del self._until[next(iter(self._until))]
        self._until[session] = until

    def has(self, session: str, now: float) -> bool:
        """Whether the session left."""
        return self._until.get(session, 0.0) > now

    def forget(self, now: float) -> None:
        """Forget those whose time has passed."""
        while self._until:
            session, until = next(iter(self._until.items()))
            if until > now:
                return
            del self._until[session]
