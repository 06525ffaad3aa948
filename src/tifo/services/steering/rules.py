"""Which CDN carries a session: weighted rendezvous hashing, so that a change moves the fewest."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from tifo.services.steering.settings import SteeringSettings

_SCALE = float(1 << 48)
"""Few enough that a digest and a half stays below it as a float, so that no logarithm is ever zero."""


@dataclass(frozen=True, slots=True)
class Pathway:
    """One CDN; of two, the one with twice the weight carries twice the sessions.

    `spare` is its weight among those that come after a session's first, for the day that one fails: where
    the steering loop says what room each has left, that and not what it carries already. None is as `weight`.
    """

    id: str
    weight: float
    spare: float | None = None


def order(session: str, pathways: Sequence[Pathway], out: Collection[str]) -> tuple[str, ...]:
    """Every pathway, best first, for one session.

    The same session gets the same order while weights stand. The first goes by weight, what comes after by
    the room it has, so that taking a pathway out moves its own sessions only, to where there is room.
    Pathways that are out stand last instead of being left out: a list of one would switch off the player's
    own failover. Were all of them out, none is. One without weight or room comes after those with some, in
    an order of the session's own.
    """
    drawn = [(pathway, *_draws(session, pathway.id)) for pathway in pathways]
    first, *others = sorted(drawn, key=_as_first, reverse=True)
    ranked = [pathway.id for pathway, _, _ in (first, *sorted(others, key=_as_spare, reverse=True))]
    return (*(id for id in ranked if id not in out), *(id for id in ranked if id in out))


def first(session: str, pathways: Sequence[Pathway], out: Collection[str]) -> str:
    """The first of `order`, without the work of ranking the others where it is not out."""
    best, best_rank = "", (-1.0, 0.0)
    for pathway in pathways:
        draw, _ = _draws(session, pathway.id)
        rank = pathway.weight / -math.log(draw), draw
        if rank > best_rank:
            best, best_rank = pathway.id, rank
    return best if best not in out else order(session, pathways, out)[0]


ROOM_MIN = 1e-9
"""Of all room together, what counts as none."""

Drawn = tuple[Pathway, float, float]
"""A pathway with a session's two draws for it, each above 0 and below 1."""


def _draws(session: str, pathway: str) -> tuple[float, float]:
    """Two, so that who follows whom does not depend on who had to be passed over to be first."""
    digest = blake2b(f"{session}|{pathway}".encode(), digest_size=12).digest()
    return (
        (int.from_bytes(digest[:6], "big") + 0.5) / _SCALE,
        (int.from_bytes(digest[6:], "big") + 0.5) / _SCALE,
    )


def _as_first(drawn: Drawn) -> tuple[float, float]:
    pathway, draw, _ = drawn
    return pathway.weight / -math.log(draw), draw


def _as_spare(drawn: Drawn) -> tuple[float, float]:
    pathway, _, draw = drawn
    return _as_first(drawn) if pathway.spare is None else (pathway.spare / -math.log(draw), draw)


def weighted(
    known: Iterable[str], weights: Mapping[str, float], spare: Mapping[str, float]
) -> tuple[Pathway, ...]:
    """All known pathways by the steering loop's weights; one that it does not name has none."""
    return tuple(
        Pathway(id, max(0.0, weights.get(id, 0.0)), max(0.0, spare.get(id, 0.0)) if spare else None)
        for id in known
    )


def unhurried(viewers: float, settings: SteeringSettings) -> float:
    """The TTL in seconds with which so many viewers ask one node no more than is its limit, within bounds."""
    longest_s = max(settings.ttl_s, settings.ttl_s_max)
    return min(max(float(settings.ttl_s), viewers / settings.asks_per_s_max), float(longest_s))


def seconds_to_next(ttl_s: float, jitter: float, chance: float) -> int:
    """The TTL with jitter, by a chance from 0 to 1; at least one second."""
    return max(1, round(ttl_s * (1 + jitter * (2 * chance - 1))))


def reported_pathway(value: str, known: Collection[str]) -> str:
    """The pathway a player says it is on, or an empty text.

    HLS players send one id, quoted or not; DASH players a quoted list of those used since (the last
    counts). Unknown ids are ignored.
    """
    names = [name.strip() for name in value.strip().strip('"').split(",")]
    return next((name for name in reversed(names) if name in known), "")


def reported_throughput(value: str) -> int | None:
    """Bits per second that a player measured, or None when it says nothing usable."""
    first = value.partition(",")[0].strip()
    return int(first) if first.isdecimal() and len(first) <= 12 else None


def drained(pathways: Sequence[Pathway], taken: Mapping[str, float]) -> tuple[Pathway, ...]:
    """The pathways with a share of its viewers `taken` off each that drains, for the others by their room.

    What drains has no room for anybody else. Where everything drains, nothing is changed.
    """
    whole = sum(one.weight for one in pathways)
    left = {one.id: one.weight * (1.0 - taken.get(one.id, 0.0)) for one in pathways}
    room = _room([one for one in pathways if one.id not in taken])
    if not room:
        return tuple(pathways)
    moved = (whole - sum(left.values())) / sum(room.values())
    return tuple(
        Pathway(
            one.id,
            left[one.id] + room.get(one.id, 0.0) * moved,
            0.0 if one.id in taken and one.spare is not None else one.spare,
        )
        for one in pathways
    )


def _room(pathways: Sequence[Pathway]) -> dict[str, float]:
    """What each takes of others' viewers: by its spare, else by its weight, else all alike."""
    spare = {one.id: one.weight if one.spare is None else one.spare for one in pathways}
    weight = {one.id: one.weight for one in pathways}
    known = (some for some in (spare, weight) if sum(some.values()) > ROOM_MIN)
    return next(known, dict.fromkeys(weight, 1.0))
