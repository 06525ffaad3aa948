"""The closed list of our metrics: what is not here is not measured, and each says why it is.

No label ever holds a session, an account, a device or an address: every label has a bounded set of values.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

SESSIONS_LIVE = Gauge(
    "tifo_sessions_live", "Sessions with a running lease in this process's store.", registry=REGISTRY
)
SESSION_STARTS = Counter(
    "tifo_session_starts",
    "Session starts by outcome (admitted, admitted-locally, again, or the problem's code).",
    ["outcome"],
    registry=REGISTRY,
)
SESSION_ENDS = Counter(
    "tifo_session_ends",
    "Sessions that ended, by why (left, expired, taken-over, ended, kicked).",
    ["why"],
    registry=REGISTRY,
)
LEASE_RENEWALS = Counter(
    "tifo_lease_renewals",
    "Heartbeats that wrote the store, by outcome (renewed, adopted, full, ended, failed).",
    ["outcome"],
    registry=REGISTRY,
)
RENEWALS_OWED = Gauge(
    "tifo_renewals_owed",
    "Renewals that the session store has not taken yet because it did not answer.",
    registry=REGISTRY,
)
TOKENS_REFUSED = Counter(
    "tifo_tokens_refused",
    "Tokens refused, by kind of token and reason.",
    ["kind", "reason"],
    registry=REGISTRY,
)
BEACONS = Counter(
    "tifo_beacons",
    "Ad tracking requests, by outcome (kept, forged, deferred).",
    ["outcome"],
    registry=REGISTRY,
)
CMCD_RECORDS = Counter(
    "tifo_cmcd_records",
    "CMCD records, by outcome (kept, malformed, unknown-version).",
    ["outcome"],
    registry=REGISTRY,
)
EVENTS_APPENDED = Counter(
    "tifo_events_appended", "Events made durable, by topic.", ["topic"], registry=REGISTRY
)
EVENTS_DROPPED = Counter(
    "tifo_events_dropped",
    "Events lost because the log failed and there was no room for them on the disk or in memory, by topic.",
    ["topic"],
    registry=REGISTRY,
)
SPOOL_RECORDS = Gauge(
    "tifo_spool_records", "Events that wait on this node's disk for the event log.", registry=REGISTRY
)
SPOOL_BYTES = Gauge(
    "tifo_spool_bytes", "Bytes of the disk that events which wait for the log take.", registry=REGISTRY
)
SPOOL_OLDEST = Gauge(
    "tifo_spool_oldest_seconds",
    "Age of the oldest event that waits on the disk, or 0.",
    registry=REGISTRY,
)
SPOOL_REFUSED = Counter(
    "tifo_spool_refused",
    "Times an event that may not be dropped found no room on the disk; it then waits in memory, bounded.",
    registry=REGISTRY,
)
EVENTS_HANDLED = Counter(
    "tifo_events_handled",
    "Events a worker handled, by group and topic.",
    ["group", "topic"],
    registry=REGISTRY,
)
EVENTS_SKIPPED = Counter(
    "tifo_events_skipped",
    "Events a worker passed over because this version does not know their type, or cannot read them, by "
    "group and topic.",
    ["group", "topic"],
    registry=REGISTRY,
)
EVENTLOG_LAG = Gauge(
    "tifo_eventlog_lag_records",
    "Records not yet handled, by group and topic.",
    ["group", "topic"],
    registry=REGISTRY,
)
ANOMALIES_NOW = Gauge(
    "tifo_anomalies",
    "What looks wrong with those who watch now, by kind.",
    ["kind"],
    registry=REGISTRY,
)
EVENTLOG_LOST = Gauge(
    "tifo_eventlog_lost_records",
    "Records forgotten before a group had handled them, since its last commit, by group and topic.",
    ["group", "topic"],
    registry=REGISTRY,
)
EVENTS_PARKED = Counter(
    "tifo_events_parked",
    "Events a worker could not handle and set aside as dead letters, by group and topic.",
    ["group", "topic"],
    registry=REGISTRY,
)
WORKER_SILENT = Gauge(
    "tifo_worker_silent_seconds",
    "Seconds since a worker that reads the event log had handled all it had read, by group; what is not "
    "handled makes it grow, and the lake gathers for `lake.flush_s`.",
    ["group"],
    registry=REGISTRY,
)
BILLING_FACTS = Counter(
    "tifo_billing_facts",
    "What the event log told billing, by what became of it (new, repeated, stale).",
    ["outcome"],
    registry=REGISTRY,
)
LAKE_ROWS = Counter(
    "tifo_lake_rows",
    "Events of the lake, by what became of them (written, repeated: left out, for their id was there).",
    ["outcome"],
    registry=REGISTRY,
)
LAKE_FILES = Counter(
    "tifo_lake_files",
    "Files of the lake, by what became of them (written, merged, forgotten).",
    ["outcome"],
    registry=REGISTRY,
)
EXPOSURES = Counter(
    "tifo_exposures",
    "Caps over many nodes, by outcome: impressions that were told to the others or dropped, accounts that"
    " were read ahead or still unread when their break began.",
    ["outcome"],
    registry=REGISTRY,
)
BOARD_FAILING = Gauge(
    "tifo_board_failing",
    "1 while the board cannot be read and its last state stays in force.",
    registry=REGISTRY,
)
STORE_COMMANDS = Counter(
    "tifo_store_commands", "Commands sent to a store, by store.", ["store"], registry=REGISTRY
)
STORE_ROUND_TRIPS = Counter(
    "tifo_store_round_trips",
    "Exchanges with a store, each of one or more commands.",
    ["store"],
    registry=REGISTRY,
)
STORE_FAILING = Gauge(
    "tifo_store_failing", "1 while a store does not answer this node.", ["store"], registry=REGISTRY
)
CACHE_READS = Counter(
    "tifo_cache_reads",
    "Reads of a cache, by cache and outcome (hit, shared-hit, stale, coalesced, miss, failed).",
    ["cache", "outcome"],
    registry=REGISTRY,
)
CACHE_DOUBTED = Counter(
    "tifo_cache_doubted",
    "Times that all values of a cache were doubted because this node missed what others wrote.",
    ["cache"],
    registry=REGISTRY,
)
CACHE_ENTRIES = Gauge(
    "tifo_cache_entries", "Values a cache holds in this process.", ["cache"], registry=REGISTRY
)
DEPENDENCY_CALLS = Counter(
    "tifo_dependency_calls",
    "Calls to what is not ours, by dependency and outcome (ok, failed, timeout, full, open).",
    ["dependency", "outcome"],
    registry=REGISTRY,
)
DEPENDENCY_CALLS_UNDER_WAY = Gauge(
    "tifo_dependency_calls_under_way",
    "Calls to what is not ours that were let in and have not ended, by dependency.",
    ["dependency"],
    registry=REGISTRY,
)
DEPENDENCY_FAILING = Gauge(
    "tifo_dependency_failing",
    "1 while a dependency has failed so often in a row that it is only probed.",
    ["dependency"],
    registry=REGISTRY,
)
ORIGIN_READS = Counter(
    "tifo_origin_reads",
    "Readings of live origins elsewhere, by format and outcome (new, unchanged, failed).",
    ["format", "outcome"],
    registry=REGISTRY,
)
ORIGINS_FAILING = Gauge(
    "tifo_origins_failing",
    "Playlists and MPDs of live origins that cannot be read, by what viewers get (stale: the last one, "
    "failing: none).",
    ["state"],
    registry=REGISTRY,
)
LOGINS_BY_GRACE = Counter(
    "tifo_logins_by_grace",
    "Viewers let in while the login provider is gone, by what they showed (grace-token, expired-token).",
    ["shown"],
    registry=REGISTRY,
)
PROFILES_LOST = Counter(
    "tifo_profiles_lost",
    "Accounts whose profile could not be read anywhere, by what was done (let-in, refused).",
    ["outcome"],
    registry=REGISTRY,
)
SIGHTINGS_LOST = Counter(
    "tifo_device_sightings_lost",
    "Devices that were not written down because the profile store failed for long.",
    registry=REGISTRY,
)
OUTSIDE_ADS = Counter(
    "tifo_outside_ads",
    "Ads of outside servers, by server and what came of asking ahead (fetched, late, over: beyond what it "
    "declared, timeout, failed, unasked: its circuit is open, unreadable, wrong-length, no-ad, no-media, "
    "wrapper), and of places in pods (shown, house).",
    ["server", "outcome"],
    registry=REGISTRY,
)
STEERING_WEIGHT = Gauge(
    "tifo_steering_weight_ratio",
    "Share of the viewers that this node sends to each CDN, of those whose ISP has no shares of its own.",
    ["pathway"],
    registry=REGISTRY,
)
STEERING_BANDWIDTH_MAX = Gauge(
    "tifo_steering_bandwidth_max_bits_per_second",
    "Bandwidth above which this node's playlists leave renditions out; 0 while they leave out none.",
    registry=REGISTRY,
)
STEERING_FROZEN = Gauge(
    "tifo_steering_frozen",
    "1 while this node hears nothing of the steering loop and goes by its last weights; else 0.",
    registry=REGISTRY,
)
STEERING_TTL = Gauge(
    "tifo_steering_ttl_seconds",
    "Seconds between two questions of one player for its steering, as this node says them, before jitter.",
    registry=REGISTRY,
)
# `http_server_request_duration_seconds` (route, method, status) is collected by telemetry.requests,
# under the OpenTelemetry convention's Prometheus spelling, so that one dashboard fits both ways.
