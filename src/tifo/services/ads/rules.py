"""What fills a break: house creatives in a fair turn, and where their tracking stands."""

from collections.abc import Sequence
from hashlib import blake2b

from tifo.api.breaks import Break
from tifo.api.creatives import Creative

QUARTILES = (
    ("impression", 0.0),
    ("firstQuartile", 0.25),
    ("midpoint", 0.5),
    ("thirdQuartile", 0.75),
    ("complete", 1.0),
)
"""Tracking points of a linear ad, as shares of its duration (VAST 4.3, section 3.14.2)."""

TRACKED = frozenset(name for name, _ in QUARTILES)

CLICK_URL_LENGTH_MAX = 1000
"""Characters of the address that a click leads to: it travels in a token."""


def leads_somewhere(click_url: str) -> bool:
    """Whether a click may lead there: an http address in plain characters, and not too long a one."""
    plain = click_url.isascii() and click_url.isprintable() and " " not in click_url
    return plain and click_url.startswith(("https://", "http://")) and len(click_url) <= CLICK_URL_LENGTH_MAX


def fill(session: str, brk: Break, creatives: Sequence[Creative]) -> tuple[Creative, ...]:
    """Creatives whose durations fit the break, none twice before all were shown.

    The turn begins at a place drawn from the session and the break, so the same request gets the same
    answer and neighbours see different ads first.
    """
    if not creatives:
        return ()
    digest = blake2b(f"{session}|{brk.id}".encode(), digest_size=4).digest()
    first = int.from_bytes(digest, "big") % len(creatives)
    chosen: list[Creative] = []
    left = brk.duration_s
    for step in range(len(creatives) * 4):
        creative = creatives[(first + step) % len(creatives)]
        if creative.duration_s <= left:
            chosen.append(creative)
            left -= creative.duration_s
    return tuple(chosen)


def serving_id(session: str, break_id: str, place: int, creative: str) -> str:
    """One id for one ad served to one viewer in one break, the same at every request (VAST: AdServingId)."""
    said = f"{session}|{break_id}|{place}|{creative}"
    return blake2b(said.encode(), digest_size=16).hexdigest()
