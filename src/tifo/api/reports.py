"""What processes say of themselves: written to the board by each, shown by the control service."""

from typing import Literal

import msgspec


class RouteReport(msgspec.Struct, frozen=True):
    """One route of one node over its last second; latencies in milliseconds."""

    route: str
    method: str
    requests_per_s: float
    errors_per_s: float
    p50_ms: float
    p99_ms: float


class PartReport(msgspec.Struct, frozen=True):
    """One process of `tifo up`; `since` is epoch seconds."""

    name: str
    state: Literal["starting", "running", "backing-off", "stopped"]
    pid: int | None
    restarts: int
    since: float
    error: str


LATER_GROUPS = frozenset({"lake"})
"""Groups that gather what they handle: that they are behind by seconds is how they work."""


class GroupLag(msgspec.Struct, frozen=True):
    """How many records of a topic a group has not handled yet; `lost` were forgotten before it had."""

    group: str
    topic: str
    lag: int
    lost: int = 0


class StoreReport(msgspec.Struct, frozen=True):
    """A store as one node sees it; `kind` is its URL's scheme, `since` (epoch seconds) when it last began
    to fail or to answer again."""

    name: str
    kind: str
    state: Literal["ok", "failing"]
    since: float
    commands_per_s: float
    round_trips_per_s: float


SpoolState = Literal["ok", "holding", "refusing", "absent"]


class SpoolReport(msgspec.Struct, frozen=True):
    """Events of one node that wait on its disk because the event log does not take them.

    `holding`: some do; `refusing`: there is no room even for those that may not be dropped; `absent`: the
    spool cannot be used, for instance because another process has it. `oldest_s` is the age of the oldest in
    seconds. Since the process began it has `dropped` so many of each topic, and `refused` so many.
    """

    state: SpoolState
    records: int
    bytes: int
    bytes_max: int
    oldest_s: float
    dropped: dict[str, int] = {}
    refused: int = 0


class OriginReport(msgspec.Struct, frozen=True):
    """An event's live origin as one node sees it, in one format.

    `stale`: it cannot be read, and what it said last is played; `failing`: there is nothing to play. `since`
    (epoch seconds) is when that began, `error` a sentence on why, `renditions` how many there are to choose
    from.
    """

    event: str
    format: Literal["hls", "dash"]
    address: str
    state: Literal["ok", "stale", "failing"]
    since: float
    error: str = ""
    renditions: int = 0


class CacheReport(msgspec.Struct, frozen=True):
    """A cache of one node: how many values it holds, and how it answered, each second.

    `stale`: with an old value while the source is asked again or fails. `coalesced`: by waiting for
    another request's answer.
    """

    name: str
    entries: int
    hits_per_s: float
    stale_per_s: float
    coalesced_per_s: float
    misses_per_s: float


class AudienceCount(msgspec.Struct, frozen=True):
    """Who is alike in one respect; `name` is empty where it is not known."""

    name: str
    viewers: int


class AudienceSplit(msgspec.Struct, frozen=True):
    """Everybody by one respect: the largest groups, largest first, and how many are in none of them."""

    top: tuple[AudienceCount, ...] = ()
    others: int = 0


class AudienceReport(msgspec.Struct, frozen=True):
    """Who watches now, by event, by kind of device and by ISP."""

    event: AudienceSplit = AudienceSplit()
    device_kind: AudienceSplit = AudienceSplit()
    isp: AudienceSplit = AudienceSplit()


class ReachView(msgspec.Struct, frozen=True):
    """How many different viewers there were, by sketch: right within the share `error` in 19 of 20 cases.

    `heard` are sessions of the last two minutes: beside `viewers`, which counts each by its lease. `accounts`
    have watched each event so far, those of the most first.
    """

    heard: int = 0
    accounts: tuple[AudienceCount, ...] = ()
    error: float = 0.0


class NetworkStarts(msgspec.Struct, frozen=True):
    """How many sessions began from one network over the last minute, and of how many accounts at most."""

    network: str
    starts: int
    accounts: int


class PatternsReport(msgspec.Struct, frozen=True):
    """What does not go with sessions as they are.

    `playless`: sessions that renew their lease and never played. `strays`: sessions that play on although
    they ended, or that nobody started. `networks`: where most of the last minute's sessions came from.
    """

    playless: int = 0
    strays: int = 0
    networks: tuple[NetworkStarts, ...] = ()


class QoeCell(msgspec.Struct, frozen=True):
    """What viewers on one CDN, at one ISP, on one kind of device have had over the last window.

    `viewers` are on it now and `bps` is what they take together, in bits/s, by the bitrates they report.
    Times in milliseconds, ratios from 0 to 1: `rebuffer_ratio` is the share of playing time spent waiting,
    `error_ratio` the share of the sessions heard of that reported an error. What nobody said is None.
    """

    pathway: str
    isp: str
    device_kind: str
    viewers: int
    bps: float
    startup_p50_ms: float | None = None
    startup_p95_ms: float | None = None
    rebuffer_ratio: float | None = None
    error_ratio: float | None = None
    throughput_p50_bps: float | None = None


class LineItemReport(msgspec.Struct, frozen=True):
    """A line item with a budget of its own, as one node knows it.

    Of its `goal`, all nodes together have `taken` so many impressions, and this one `held` back what it has
    not shown yet. `due` is what an even delivery would have shown by now, `gathers` what may gather between
    two breaks. The flight is in epoch seconds.
    """

    id: str
    goal: int
    taken: int
    held: int
    due: int
    gathers: int
    starts: float
    ends: float
    even: bool = True
    active: bool = True


class AdServerReport(msgspec.Struct, frozen=True):
    """What came of one node's asking an outside ad server ahead of breaks, over the last minutes.

    Of those `asked`, `answered` came back in time, an ad or not, and `fetched` with one that fits;
    `timed_out` and `failed` did not. `shaped` were not asked because the server's declared rate and viewers
    left no room for them in time, `unasked` because it is `failing`: only probes go out. The node may ask
    it `requests_per_s`.
    """

    id: str
    asked: int = 0
    answered: int = 0
    fetched: int = 0
    timed_out: int = 0
    failed: int = 0
    shaped: int = 0
    unasked: int = 0
    failing: bool = False
    requests_per_s: float = 0.0


class AdsReport(msgspec.Struct, frozen=True):
    """What one node does about ads; rates over the last seconds, latencies of a decision in milliseconds.

    `seconds` of breaks were filled each second, by what filled them: `ad`, `house`, `slate` or `nothing`.
    The inventory has the `revision`, in force since `since` (epoch seconds); 0 is the empty one. Of its line
    items with budgets the largest are listed. `capacity_per_s` is the pods that the
    node is said to carry, 0 where nobody has said.
    """

    revision: int
    since: float
    line_items: int
    pods_per_s: float
    refused_per_s: float
    seconds: dict[str, float]
    p50_ms: float
    p99_ms: float
    capacity_per_s: float = 0.0
    items: tuple[LineItemReport, ...] = ()
    servers: tuple[AdServerReport, ...] = ()
