"""What fills a break: house creatives in a fair turn, and where their tracking stands."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

from tifo.api.breaks import Break
from tifo.api.creatives import Creative
from tifo.api.inventory import CLICK_URL_LENGTH_MAX

QUARTILES = (
    ("impression", 0.0),
    ("firstQuartile", 0.25),
    ("midpoint", 0.5),
    ("thirdQuartile", 0.75),
    ("complete", 1.0),
)
"""Tracking points of a linear ad, as shares of its duration (VAST 4.3, section 3.14.2)."""

TRACKED = frozenset(name for name, _ in QUARTILES)


def leads_somewhere(click_url: str) -> bool:
    """Whether a click may lead there: an http address in plain characters, and not too long a one."""
    if not click_url.startswith(("https://", "http://")) or len(click_url) > CLICK_URL_LENGTH_MAX:
        return False
    return click_url.isascii() and click_url.isprintable() and " " not in click_url


def fill(
    session: str, brk: Break, creatives: Sequence[Creative], left_s: float | None = None
) -> tuple[Creative, ...]:
    """Creatives that fill the break, or so many seconds of it, as far as their lengths add up to it.

    Whole seconds only. None comes twice before all were shown that fill it as well. The turn begins at a
    place drawn from the session and the break, so the same request gets the same answer and neighbours see
    different ads first.
    """
    if not creatives:
        return ()
    digest = blake2b(f"{session}|{brk.id}".encode(), digest_size=4).digest()
    first = int.from_bytes(digest, "big") % len(creatives)
    turn = (*creatives[first:], *creatives[:first])
    return _filling(int(brk.duration_s if left_s is None else left_s), turn)


def pad(left_s: int, creatives: Sequence[Creative]) -> tuple[Creative, ...]:
    """Slate for so many seconds as far as its lengths add up to them: long pieces before short ones."""
    bits = lengths((one.duration_s for one in creatives), left_s)
    left_s = bits.bit_length() - 1
    chosen: list[Creative] = []
    for creative in sorted(creatives, key=lambda one: -one.duration_s):
        while creative.duration_s <= left_s and bits >> left_s - creative.duration_s & 1:
            chosen.append(creative)
            left_s -= creative.duration_s
    return tuple(chosen)


def serving_id(session: str, break_id: str, place: int, creative: str) -> str:
    """One id for one ad served to one viewer in one break, the same at every request (VAST: AdServingId)."""
    said = f"{session}|{break_id}|{place}|{creative}"
    return blake2b(said.encode(), digest_size=16).hexdigest()


def shares(left_s: int, house: Sequence[Creative], slate: Sequence[Creative]) -> tuple[int, int]:
    """The seconds for house ads and for slate: as much of house ads as still fills it all."""
    of_house = lengths((one.duration_s for one in house), left_s)
    of_slate = lengths((one.duration_s for one in slate), left_s)
    for house_s in range(left_s, -1, -1):
        if of_house >> house_s & 1 and of_slate >> left_s - house_s & 1:
            return house_s, left_s - house_s
    house_s = of_house.bit_length() - 1
    return house_s, left_s - house_s


def lengths(durations: Iterable[int], most_s: int) -> int:
    """A bit for each number of seconds up to `most_s` that these durations add up to, each used at will."""
    return _lengths(frozenset(durations), most_s)


def _filling(left_s: int, turn: Sequence[Creative]) -> tuple[Creative, ...]:
    """The turn, round after round, without those that would leave seconds that the others cannot fill."""
    bits = lengths((one.duration_s for one in turn), left_s)
    left_s = bits.bit_length() - 1
    chosen: list[Creative] = []
    while left_s:
        for creative in turn:
            if creative.duration_s <= left_s and bits >> left_s - creative.duration_s & 1:
                chosen.append(creative)
                left_s -= creative.duration_s
    return tuple(chosen)


@lru_cache(maxsize=4_096)
def _lengths(durations: frozenset[int], most_s: int) -> int:
    bits, whole = 1, (1 << (most_s + 1)) - 1
    for duration in durations:
        step = duration
        while step <= most_s:
            bits |= bits << step & whole
            step *= 2
    return bits
