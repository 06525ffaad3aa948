"""What a generator counted and timed: the one document that k6 and the lighter generator both write."""

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """How long answers took, in milliseconds, and how many there were."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    count: int = 0


class Found(msgspec.Struct, frozen=True):
    """What a generator counted; `rehearsals/k6/figures.ts` writes it. What was not asked is zero."""

    arrivals: int = 0
    """Viewers who came."""
    unmade: int = 0
    """Viewers who did not, for too many requests waited for an answer."""
    entered: int = 0
    """Viewers who got a session, or brought one."""
    reloads: int = 0
    starts: int = 0
    """Tries to start, those after a refusal and those of a reload included."""
    starts_failed: int = 0
    """Tries that were refused or not answered; a stream limit that is taken over is neither."""
    takeovers: int = 0
    playlists: int = 0
    """HLS multivariant playlists."""
    playlists_failed: int = 0
    mpds: int = 0
    """DASH manifests."""
    mpds_failed: int = 0
    steerings: int = 0
    steerings_failed: int = 0
    media_playlists: int = 0
    """HLS media playlists at a CDN's signed address."""
    media_playlists_failed: int = 0
    segments: int = 0
    """Segments at a CDN's signed address."""
    segments_failed: int = 0
    pods: int = 0
    """Pods that were due: each viewer's of each break."""
    pods_in_window: int = 0
    """Those that were asked for within their spike's seconds."""
    pods_in_time: int = 0
    """Those that were well answered inside the deadline."""
    pods_failed: int = 0
    """Those without a good answer, illegal and unsent ones included."""
    pods_illegal: int = 0
    """Answers that are no asset list, or whose ads last longer than the break."""
    pods_empty: int = 0
    """Legal asset lists without an ad."""
    beacons: int = 0
    """Impressions, quartiles and completes that were due."""
    beacons_failed: int = 0
    """Those without a good answer, unsent ones included."""
    unsent: int = 0
    """Pods and beacons that were not sent, for too many requests waited for an answer."""
    heartbeats: int = 0
    heartbeats_lost: int = 0
    """Heartbeats without a good answer."""
    renewals: int = 0
    wrongly_ended: int = 0
    """Viewers whom the platform threw out though nobody wanted them to leave."""
    ended: int = 0
    silent: int = 0
    """Viewers who left without a word."""
    broken: int = 0
    """Errors of the scenario itself: an answer it cannot read."""
    requests: int = 0
    answered: dict[str, int] = {}
    """Answers that were no success, by status; `none` is no answer at all."""
    start_ms: Latency = Latency()
    arrival_ms: Latency = Latency()
    """From the page's first request to the playlist."""
    playlist_ms: Latency = Latency()
    mpd_ms: Latency = Latency()
    heartbeat_ms: Latency = Latency()
    steering_ms: Latency = Latency()
    media_playlist_ms: Latency = Latency()
    segment_ms: Latency = Latency()
    pod_ms: Latency = Latency()
    beacon_ms: Latency = Latency()
    plateau_ms: Latency = Latency()
    """Playlists, MPDs and steering manifests that were asked for on the plateau, all together."""
    late_ms: Latency = Latency()
    """How late arrivals, and what else was due, were begun: the generator's own delay."""
    spike_late_ms: Latency = Latency()
    """The same of pods alone."""


def percent(part: int, whole: int) -> float | None:
    """A share in percent; None of nothing."""
    return 100 * part / whole if whole else None


def p99(latency: Latency) -> float | None:
    """The 99th percentile in milliseconds; None where there was no answer."""
    return latency.p99 if latency.count else None
