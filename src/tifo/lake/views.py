"""What an analyst asks: a view for each table, and views that answer what is asked every day.

All times are UTC. Where a session's end was not told it is taken from its last lease.
"""

from typing import NamedTuple

from tifo.lake.tables import TABLES, Column, in_view

LIVES = """
WITH ended AS (
  SELECT session, event, min(happened_at) AS ended_at, arg_min(why, happened_at) AS why
  FROM session_ended GROUP BY session, event
), silent AS (
  SELECT session FROM session_started ANTI JOIN ended USING (session)
), renewed AS (
  SELECT session, max(until) AS until FROM (
    SELECT unnest(sessions) AS session, happened_at + to_seconds(lease_s) AS until FROM sessions_renewed
  ) SEMI JOIN silent USING (session) GROUP BY session
)
SELECT s.*, s.happened_at AS started_at, e.why,
  coalesce(e.ended_at, r.until, s.happened_at + to_seconds(s.lease_s)) AS ended_at
FROM session_started s
LEFT JOIN ended e ON e.session = s.session AND e.event IS NOT DISTINCT FROM s.event
LEFT JOIN renewed r ON r.session = s.session
"""

SESSIONS = f"""
SELECT s.*, c.pathway, greatest(0, epoch(ended_at) - epoch(started_at)) AS duration_s
FROM ({LIVES}) s
LEFT JOIN (
  SELECT session, event, arg_max(pathway, happened_at) AS pathway FROM playback_pathway
  GROUP BY session, event
) c ON c.session = s.session AND c.event IS NOT DISTINCT FROM s.event
"""  # noqa: S608 - of our own words

VIEWERS_BY_MINUTE = f"""
WITH steps AS (
  SELECT event, unnest([
    {{minute: date_trunc('minute', started_at), came: 1, went: 0}},
    {{minute: date_trunc('minute', greatest(ended_at, started_at)) + INTERVAL 1 MINUTE, came: 0, went: 1}}
  ], recursive := true) FROM ({LIVES})
), moved AS MATERIALIZED (
  SELECT event, minute, sum(came) AS came, sum(went) AS went FROM steps GROUP BY event, minute
), minutes AS (
  SELECT event, unnest(generate_series(min(minute), max(minute), INTERVAL 1 MINUTE)) AS minute
  FROM moved GROUP BY event
)
SELECT m.event, m.minute, CAST(sum(coalesce(came, 0) - coalesce(went, 0)) OVER (
    PARTITION BY m.event ORDER BY m.minute) AS BIGINT) AS viewers,
  CAST(coalesce(came, 0) AS BIGINT) AS starts
FROM minutes m LEFT JOIN moved s ON s.minute = m.minute AND s.event IS NOT DISTINCT FROM m.event
"""  # noqa: S608 - of our own words

AD_SLOTS = """
WITH decided AS (
  SELECT event, session, break_id, slot, creative, min(happened_at) AS decided_at,
    arg_min(line_item, happened_at) AS line_item
  FROM (
    SELECT event, session, break_id, happened_at, generate_subscripts(creatives, 1) AS slot,
      unnest(creatives) AS creative,
      unnest(list_resize(line_items, len(creatives), '')) AS line_item FROM ads_decided
  ) GROUP BY ALL
), tracked AS (
  SELECT event, session, break_id, slot, creative,
    min(happened_at) FILTER (what = 'impression') AS impression_at,
    min(happened_at) FILTER (what = 'firstQuartile') AS first_quartile_at,
    min(happened_at) FILTER (what = 'midpoint') AS midpoint_at,
    min(happened_at) FILTER (what = 'thirdQuartile') AS third_quartile_at,
    min(happened_at) FILTER (what = 'complete') AS complete_at,
    min(happened_at) FILTER (what = 'click') AS clicked_at,
    min(happened_at) FILTER (what = 'skip') AS skipped_at,
    min(happened_at) FILTER (what = 'error') AS failed_at
  FROM ads_tracked WHERE slot > 0 GROUP BY ALL
)
SELECT coalesce(d.event, t.event) AS event, coalesce(d.session, t.session) AS session,
  coalesce(d.break_id, t.break_id) AS break_id, coalesce(d.slot, t.slot) AS slot,
  coalesce(d.creative, t.creative) AS creative, d.line_item, d.decided_at,
  t.impression_at, t.first_quartile_at, t.midpoint_at, t.third_quartile_at, t.complete_at, t.clicked_at,
  t.skipped_at, t.failed_at
FROM decided d FULL JOIN tracked t ON d.session = t.session AND d.break_id = t.break_id
  AND d.slot = t.slot AND d.creative = t.creative AND d.event IS NOT DISTINCT FROM t.event
"""

REFUSALS = """
SELECT event, date_trunc('minute', happened_at) AS minute, code, count(*) AS refusals,
  count(DISTINCT account) AS accounts
FROM session_refused GROUP BY ALL
"""


class Answer(NamedTuple):
    """Rows by column, and whether there are more than were asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    more: bool


class View(NamedTuple):
    """One view: what one row is, its columns, and the query that it stands for; empty for a table's own."""

    name: str
    says: str
    columns: tuple[Column, ...]
    query: str = ""


_EVENT = Column("event", "text", "the match")
_SESSION = Column("session", "text", "the session")
_MINUTE = Column("minute", "moment", "when the minute begins, UTC")

TABLE_VIEWS = tuple(View(table.name, table.says, in_view(table)) for table in TABLES.values())

MADE_VIEWS = (
    View(
        "sessions", "one session from its start to its end",
        (
            _SESSION, _EVENT,
            Column("account", "text", "the account"), Column("device", "text", "the device"),
            Column("device_kind", "text", "what kind of device"),
            Column("isp", "text", "AS number and name; empty where it is not known"),
            Column("pathway", "text", "the CDN that carried it last; null if it never asked"),
            Column("started_at", "moment", "let in"),
            Column("ended_at", "moment", "the end as told, else when its last lease runs out"),
            Column("why", "text", "how it ended; null while no end was told"),
            Column("duration_s", "number", "seconds from start to end"),
        ),
        SESSIONS,
    ),
    View(
        "viewers_by_minute", "how many sessions lived at some time in a minute",
        (
            _EVENT, _MINUTE, Column("viewers", "integer", "sessions that lived in it"),
            Column("starts", "integer", "sessions that began in it"),
        ),
        VIEWERS_BY_MINUTE,
    ),
    View(
        "ad_slots", "one creative in one slot of one session's break; what was told twice counts once",
        (
            _EVENT, _SESSION, Column("break_id", "text", "the ad break"),
            Column("slot", "integer", "1 and up"), Column("creative", "text", "what was shown"),
            Column("line_item", "text", "whose it is; empty for house ads, null if no decision was told"),
            Column("decided_at", "moment", "when it was chosen"),
            *(
                Column(name, "moment", "when that was first told; null if never")
                for name in (
                    "impression_at", "first_quartile_at", "midpoint_at", "third_quartile_at", "complete_at",
                    "clicked_at", "skipped_at", "failed_at",
                )
            ),
        ),
        AD_SLOTS,
    ),
    View(
        "refusals", "starts that were not let in, by minute and problem",
        (
            _EVENT, _MINUTE, Column("code", "text", "the problem's code"),
            Column("refusals", "integer", "how many"), Column("accounts", "integer", "of how many accounts"),
        ),
        REFUSALS,
    ),
)  # fmt: skip

VIEWS = MADE_VIEWS + TABLE_VIEWS
"""Every view that a query may name. Those made of others come after what they are made of when created."""
