"""The rehearsal `sessions`: people who come to the watch page, as on the night."""

from tifo.rehearsal import curve
from tifo.rehearsal.curve import REFERENCE_PER_S, Match
from tifo.rehearsal.found import Found, p99, percent
from tifo.rehearsal.scenario import Kind, Objective, Rate, Scenario

LET_IN = (
    Objective(
        "not_let_in", "planned viewers who never got a session", 0.1, "%",
        lambda found, match: percent(max(0, match.viewers - found.entered), match.viewers),
    ),
    Objective(
        "starts_failed", "tries to start that were refused or not answered", 0.1, "%",
        lambda found, _: percent(found.starts_failed, found.starts),
    ),
    Objective("start_p99", "a start, p99", 500, "ms", lambda found, _: p99(found.start_ms)),
)  # fmt: skip
"""What everybody is promised who comes by a start."""

HELD = (
    Objective("heartbeat_p99", "a heartbeat, p99", 250, "ms", lambda found, _: p99(found.heartbeat_ms)),
    Objective(
        "heartbeats_lost", "heartbeats without a good answer", 0.1, "%",
        lambda found, _: percent(found.heartbeats_lost, found.heartbeats),
    ),
    Objective(
        "wrongly_ended", "viewers thrown out while they watched", 0, "viewers",
        lambda found, _: float(found.wrongly_ended) if found.heartbeats else None,
    ),
)  # fmt: skip
"""What everybody is promised whose session lives by heartbeats."""

PLAYLISTS_FAILED = Objective(
    "playlists_failed", "playlists without a good answer", 0.1, "%",
    lambda found, _: percent(found.playlists_failed, found.playlists),
)  # fmt: skip
STEERINGS_FAILED = Objective(
    "steerings_failed", "steering manifests without a good answer", 0.1, "%",
    lambda found, _: percent(found.steerings_failed, found.steerings),
)  # fmt: skip

START = Kind("start", lambda found: (found.starts, found.starts_failed, found.start_ms))
HEARTBEAT = Kind("heartbeat", lambda found: (found.heartbeats, found.heartbeats_lost, found.heartbeat_ms))
PLAYLIST = Kind("playlist", lambda found: (found.playlists, found.playlists_failed, found.playlist_ms))
STEERING = Kind("steering", lambda found: (found.steerings, found.steerings_failed, found.steering_ms))


def _starts_per_s(found: Found, match: Match) -> float:
    return (found.starts - found.starts_failed) / len(match.arrivals_per_s)


SESSIONS = Scenario(
    name="sessions",
    objectives=(
        *LET_IN,
        Objective(
            "arrival_p99", "from the page's first request to the playlist, p99", 2_000, "ms",
            lambda found, _: p99(found.arrival_ms),
        ),
        PLAYLISTS_FAILED,
        *HELD,
        STEERINGS_FAILED,
    ),
    kinds=(START, PLAYLIST, HEARTBEAT, STEERING),
    rate=Rate("starts", REFERENCE_PER_S, _starts_per_s),
    without={
        "calendar": (),
        "playlist": ("playlists_failed", "steerings_failed"),
        "steering": ("steerings_failed",),
    },
    match=curve.match,
    in_words=curve.in_words,
)  # fmt: skip
