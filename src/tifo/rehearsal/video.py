"""The rehearsal `video`: what players ask the platform for while all of them watch.

Players come by the curve, ask for their playlist or MPD and then for their steering manifest, again and again
when its TTL says so. So many come that on the plateau, where all watch, the requests a second are the
reference's, by the interval that the platform itself gives out.
"""

from tifo.rehearsal import curve
from tifo.rehearsal.curve import Match, Size
from tifo.rehearsal.found import Found, p99, percent
from tifo.rehearsal.scenario import Kind, Objective, Rate, Scenario, Share
from tifo.rehearsal.sessions import (
    HEARTBEAT,
    HELD,
    LET_IN,
    PLAYLIST,
    PLAYLISTS_FAILED,
    START,
    STEERING,
    STEERINGS_FAILED,
)

REFERENCE_PER_S = 20_440.0
"""Playlist and metadata requests a second at the reference's whole fleet."""
METADATA_MS = 10.0
"""The 99th percentile that the reference states for them."""
PLATEAU_INTERVALS = 2
"""How often everybody asks on the plateau: enough that the rate is even."""
PLATEAU_S_MIN = 20.0
SHORT_PERCENT_MAX = 5.0
"""How far the rate may stay below the planned one: TTLs are whole seconds with jitter."""


def match(size: Size) -> Match:
    """As many viewers as ask so often in an interval, by the curve, and a plateau of some intervals."""
    per_s = REFERENCE_PER_S * size.scale
    plateau_s = max(PLATEAU_S_MIN, PLATEAU_INTERVALS * size.interval_s)
    return curve.spread(size, round(per_s * size.interval_s), plateau_s, per_s)


def in_words(size: Size) -> str:
    """One sentence that says what is played, and what of the reference it leaves out."""
    made = match(size)
    what = (
        f"{made.viewers:,} players in {size.minutes:g} min, then {made.plateau_s:g} s in which they ask "
        f"{made.plateau_per_s:,.0f} times a second, for this platform's TTL is {size.interval_s:g} s"
    )
    less = curve.left_out(size)
    if not less:
        return f"The reference's requests in full: {what}."
    return f"Not the whole reference ({REFERENCE_PER_S:,.0f} metadata requests/s) but {less}: {what}."


def asked_per_s(found: Found, match: Match) -> float:
    """Playlists, MPDs and steering manifests that were asked for in a second of the plateau."""
    return found.plateau_ms.count / match.plateau_s


def _short(found: Found, match: Match) -> float | None:
    planned = round(match.plateau_per_s * match.plateau_s)
    return percent(max(0, planned - found.plateau_ms.count), planned)


VIDEO = Scenario(
    name="video",
    objectives=(
        *LET_IN,
        Objective(
            "metadata_p99", "a playlist, MPD or steering manifest while all watch, p99", METADATA_MS, "ms",
            lambda found, _: p99(found.plateau_ms),
        ),
        Objective(
            "rate_short", "requests a second while all watch, below plan", SHORT_PERCENT_MAX, "%", _short
        ),
        PLAYLISTS_FAILED,
        Objective(
            "mpds_failed", "MPDs without a good answer", 0.1, "%",
            lambda found, _: percent(found.mpds_failed, found.mpds),
        ),
        STEERINGS_FAILED,
        Objective(
            "media_failed", "media playlists and segments that a CDN did not give", 0.1, "%",
            lambda found, _: percent(
                found.media_playlists_failed + found.segments_failed, found.media_playlists + found.segments
            ),
        ),
        *HELD,
    ),
    kinds=(
        START,
        PLAYLIST,
        Kind("MPD", lambda found: (found.mpds, found.mpds_failed, found.mpd_ms)),
        STEERING,
        Kind(
            "media playlist",
            lambda found: (found.media_playlists, found.media_playlists_failed, found.media_playlist_ms),
        ),
        Kind("segment", lambda found: (found.segments, found.segments_failed, found.segment_ms)),
        HEARTBEAT,
    ),
    rate=Rate("playlist and metadata requests", REFERENCE_PER_S, asked_per_s),
    without={
        "calendar": (),
        "sessions": ("starts_failed", "start_p99", "heartbeat_p99", "heartbeats_lost", "wrongly_ended"),
    },
    match=match,
    in_words=in_words,
    shares={
        "dash": Share(0.2, at_none=("mpds_failed",), at_all=("playlists_failed",)),
        "segments": Share(0.01, at_none=("media_failed",)),
    },
    asks_interval=True,
)  # fmt: skip
