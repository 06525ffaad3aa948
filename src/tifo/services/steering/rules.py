"""Which CDN carries a session: weighted rendezvous hashing, so that a change moves the fewest."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

_SCALE = float(1 << 48)
"""Few enough that a digest and a half stays below it as a float, so that no logarithm is ever zero."""


@dataclass(frozen=True, slots=True)
class Pathway:
    """One CDN; of two, the one with twice the weight carries twice the sessions."""

    id: str
    weight: float


def order(session: str, pathways: Sequence[Pathway], out: Collection[str]) -> tuple[str, ...]:
    """Every pathway, best first, for one session.

    The same session gets the same order while weights stand; taking a pathway out moves its own
    sessions only, spread over the others by weight. Pathways that are out stand last instead of being
    left out: a list of one would switch off the player's own failover. Were all of them out, none is.
    Before them stand those without weight, in an order of the session's own.
    """
    ranked = sorted(pathways, key=lambda pathway: _score(session, pathway), reverse=True)
    inside = tuple(pathway.id for pathway in ranked if pathway.id not in out)
    return inside + tuple(pathway.id for pathway in ranked if pathway.id in out)


def _score(session: str, pathway: Pathway) -> tuple[float, float]:
    digest = blake2b(f"{session}|{pathway.id}".encode(), digest_size=6).digest()
    fraction = (int.from_bytes(digest, "big") + 0.5) / _SCALE
    return pathway.weight / -math.log(fraction), fraction


def weighted(known: Iterable[str], weights: Mapping[str, float]) -> tuple[Pathway, ...]:
    """All known pathways by the steering loop's weights; one that it does not name has none."""
    return tuple(Pathway(id, max(0.0, weights.get(id, 0.0))) for id in known)


def seconds_to_next(ttl_s: int, jitter: float, chance: float) -> int:
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
