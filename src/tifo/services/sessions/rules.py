"""The rules of sessions: when a lease is renewed, whose it may be, which one gives way."""

from collections.abc import Sequence
from dataclasses import dataclass

from tifo.services.sessions.ports import Lease
from tifo.tokens.playback import PlaybackClaims

DEPARTED_MAX = 200_000
"""Sessions that left and are remembered on one node."""


@dataclass(frozen=True, slots=True)
class LeasePolicy:
    """Seconds between heartbeats, of a lease, and of a token's validity."""

    heartbeat_s: int
    lease_s: int
    token_ttl_s: int


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


def renewal_due(claims: PlaybackClaims, now: float, policy: LeasePolicy) -> bool:
    """Whether a heartbeat must write: half of the lease its token knows of has passed.

    The token carries the end of its lease, so a heartbeat before that reads and writes nothing.
    """
    return claims.until - now <= policy.lease_s / 2


def adopted_freely(claims: PlaybackClaims, now: float, opened_at: float, policy: LeasePolicy) -> bool:
    """Whether a session that the store does not know is taken back without asking for a free slot.

    A store that has just lost its memory takes back every session that was running: for two leases
    after it was opened, sessions that were silent for no longer than one lease more than they had. At
    any other time a session whose lease has lapsed is a newcomer, or the limit would bind nobody who
    is silent at the right moments.
    """
    return now < opened_at + 2 * policy.lease_s and now <= claims.until + policy.lease_s


def one_to_end(running: Sequence[Lease], wanted: str, limit: int) -> Lease | None:
    """The session that gives way to a take-over: the one named, else the oldest.

    None when the one named has ended, or none was named and a slot has become free meanwhile.
    """
    if wanted:
        return next((lease for lease in running if lease.session == wanted), None)
    if len(running) < limit:
        return None
    return min(running, key=lambda lease: lease.since, default=None)


def token_claims(lease: Lease, limit: int, now: float, policy: LeasePolicy) -> PlaybackClaims:
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
