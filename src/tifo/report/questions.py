"""What the lake is asked for a report, over its views. `$event`, `$first` and `$last` are given.

Every answer is a row for each minute, CDN, break, code and so on: never one for each viewer.
"""

from typing import NamedTuple


class Question(NamedTuple):
    """What is found out, as whoever waits reads it, and the SELECT that says it."""

    says: str
    sql: str


LIVES = Question(
    "who watched, and for how long",
    """
    SELECT session, account, device_kind, coalesce(isp, '') AS isp, pathway, why, started_at, ended_at
    FROM sessions WHERE event = $event
    """,
)
"""Kept as `lives`: what everything else is about."""

STAYS = Question(
    "which CDN each viewer was on, and when",
    """
    WITH moved AS (
      SELECT session, pathway, happened_at FROM playback_pathway WHERE event = $event
      QUALIFY pathway IS DISTINCT FROM lag(pathway) OVER (PARTITION BY session ORDER BY happened_at)
    )
    SELECT l.session, l.isp, coalesce(m.pathway, '') AS pathway,
      CASE WHEN lag(m.happened_at) OVER each IS NULL THEN l.started_at
        ELSE least(m.happened_at, l.ended_at) END AS began_at,
      least(coalesce(lead(m.happened_at) OVER each, l.ended_at), l.ended_at) AS ended_at
    FROM lives l LEFT JOIN moved m ON m.session = l.session
    WINDOW each AS (PARTITION BY l.session ORDER BY m.happened_at)
    """,
)
"""Kept as `stays`: a session on one CDN, from its start or a move to the next move or its end."""

TOTALS = Question(
    "how many they were",
    """
    SELECT count(*), count(DISTINCT account), epoch(min(started_at)), epoch(max(ended_at)),
      median(epoch(ended_at) - epoch(started_at)),
      coalesce(sum(greatest(0, epoch(ended_at) - epoch(started_at))), 0)
    FROM lives
    """,
)

MINUTES = Question(
    "the audience by minute",
    """
    WITH seconds AS (
      SELECT date_trunc('second', started_at) AS second, count(*) AS n FROM lives GROUP BY ALL
    ), starts AS (
      SELECT date_trunc('minute', second) AS minute, sum(n) AS n, max(n) AS most, arg_max(second, n) AS
      most_at
      FROM seconds GROUP BY ALL
    ), gone AS (
      SELECT date_trunc('minute', greatest(started_at, ended_at)) + INTERVAL 1 MINUTE AS minute, count(*) AS n
      FROM lives GROUP BY ALL
    ), minutes AS (
      SELECT unnest(generate_series((SELECT min(minute) FROM starts),
        (SELECT max(minute) FROM gone) - INTERVAL 1 MINUTE, INTERVAL 1 MINUTE)) AS minute
    )
    SELECT epoch(m.minute), CAST(sum(coalesce(s.n, 0) - coalesce(g.n, 0)) OVER (ORDER BY m.minute) AS BIGINT),
      CAST(coalesce(s.n, 0) AS BIGINT), coalesce(s.most, 0), epoch(s.most_at)
    FROM minutes m LEFT JOIN starts s ON s.minute = m.minute LEFT JOIN gone g ON g.minute = m.minute
    ORDER BY m.minute
    """,
)
"""Viewers are counted as in the view `viewers_by_minute`: who watched at some time in the minute."""

FLOWS = Question(
    "the audience of each CDN",
    """
    WITH steps AS (
      SELECT pathway, began_at AS step, 1 AS came FROM stays
      UNION ALL SELECT pathway, greatest(began_at, ended_at), -1 FROM stays
    ), moved AS (
      SELECT pathway, date_trunc('minute', step) AS minute, sum(came) AS came,
        sum(came * (60 - (epoch(step) - epoch(date_trunc('minute', step))))) AS part_s
      FROM steps GROUP BY ALL
    ), minutes AS (
      SELECT pathway, minute FROM (SELECT DISTINCT pathway FROM moved),
        (SELECT unnest(generate_series(min(minute), max(minute), INTERVAL 1 MINUTE)) AS minute FROM moved)
    )
    SELECT epoch(m.minute), m.pathway, greatest(0, coalesce(s.part_s, 0) + 60 * coalesce(sum(s.came) OVER (
        PARTITION BY m.pathway ORDER BY m.minute ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))
    FROM minutes m LEFT JOIN moved s ON s.minute = m.minute AND s.pathway = m.pathway
    ORDER BY m.minute, m.pathway
    """,
)
"""Seconds watched in each minute on each CDN: who was there before watched all of it, who came or went a
part."""

PLACES = Question(
    "how long they stayed on each CDN",
    """
    SELECT pathway, isp, count(DISTINCT session), sum(greatest(0, epoch(ended_at) - epoch(began_at)))
    FROM stays GROUP BY GROUPING SETS ((pathway, isp), (pathway))
    """,
)

_TOLD = """
    playback_reported r JOIN lives l ON l.session = r.session WHERE r.hour BETWEEN $first AND $last
"""
_PATHWAY = "coalesce(nullif(r.pathway, ''), l.pathway, '')"

BITRATES = Question(
    "what they saw",
    f"""
    SELECT epoch(date_trunc('minute', r.happened_at)), {_PATHWAY} AS pathway, avg(bitrate_bps), count(*)
    FROM {_TOLD} AND bitrate_bps > 0 GROUP BY ALL
    """,  # noqa: S608 - of our own words
)

RUNGS = Question(
    "in which quality",
    """
    SELECT r.bitrate_bps, count(*) AS n
    FROM playback_reported r SEMI JOIN lives l ON l.session = r.session
    WHERE r.hour BETWEEN $first AND $last AND bitrate_bps > 0 GROUP BY ALL ORDER BY n DESC LIMIT 100
    """,
)

QUALITY = Question(
    "who had to wait",
    f"""
    WITH had AS (
      SELECT r.session, any_value(l.isp) AS isp, {_PATHWAY} AS pathway, max(start_delay_ms) AS start_ms,
        coalesce(sum(starved_ms), 0) AS starved_ms, coalesce(bool_or(failed), false) AS failed
      FROM {_TOLD} GROUP BY r.session, {_PATHWAY}
    )
    SELECT pathway, isp, count(*) AS n, quantile_cont(start_ms, 0.95), sum(starved_ms),
      count(*) FILTER (failed)
    FROM had GROUP BY GROUPING SETS ((pathway, isp), (pathway), ()) ORDER BY n DESC LIMIT 1000
    """,  # noqa: S608 - of our own words
)

GROUPS = Question(
    "from where, and with what",
    """
    SELECT 'isp' AS what, isp AS name, count(*) AS n FROM lives GROUP BY ALL
    UNION ALL SELECT 'device', device_kind, count(*) FROM lives GROUP BY ALL
    UNION ALL SELECT 'end', coalesce(why, ''), count(*) FROM lives GROUP BY ALL
    ORDER BY n DESC, name LIMIT 1000
    """,
)


BREAKS = Question(
    "the ad breaks",
    """
    WITH seconds AS (
      SELECT break_id, date_trunc('second', happened_at) AS second, count(*) AS n
      FROM ads_decided WHERE event = $event GROUP BY ALL
    ), asked AS (
      SELECT break_id, count(DISTINCT session) AS n FROM ads_decided WHERE event = $event GROUP BY ALL
    )
    SELECT s.break_id, epoch(min(second)) AS first, any_value(a.n), max(s.n)
    FROM seconds s JOIN asked a ON a.break_id = s.break_id GROUP BY s.break_id ORDER BY first
    """,
)

SLOTS = Question(
    "what was shown in them",
    """
    SELECT break_id, coalesce(line_item, ''), creative, count(decided_at), count(impression_at),
      count(complete_at), count(failed_at)
    FROM ad_slots WHERE event = $event GROUP BY ALL ORDER BY ALL
    """,
)

REFUSALS = Question(
    "who was not let in",
    """
    SELECT epoch(minute), code, sum(refusals)::BIGINT FROM refusals WHERE event = $event
    GROUP BY ALL ORDER BY ALL
    """,
)

REFUSED = Question(
    "and why",
    """
    SELECT code, count(*), count(DISTINCT account), epoch(min(happened_at)), epoch(max(happened_at))
    FROM session_refused WHERE event = $event GROUP BY ALL ORDER BY 2 DESC
    """,
)

ACTS = Question(
    "what operators did",
    """
    SELECT epoch(happened_at), operator, action, target, detail FROM control_acted
    WHERE hour BETWEEN $first AND $last AND epoch(happened_at) BETWEEN $from_s::DOUBLE AND $until_s::DOUBLE
    ORDER BY happened_at LIMIT 1000
    """,
)

ANOMALIES = Question(
    "what looked wrong",
    """
    SELECT epoch(b.happened_at), e.lasted_s, b.what, b.subject, b.evidence
    FROM anomaly_began b LEFT JOIN anomaly_ended e ON e.anomaly = b.anomaly
    WHERE b.hour BETWEEN $first AND $last
      AND epoch(b.happened_at) BETWEEN $from_s::DOUBLE AND $until_s::DOUBLE
    ORDER BY b.happened_at LIMIT 1000
    """,
)

EVENTS = Question(
    "which events there are",
    """
    SELECT DISTINCT event FROM (
      SELECT event FROM session_started UNION ALL SELECT event FROM session_refused
    ) WHERE event IS NOT NULL ORDER BY event LIMIT 20
    """,
)
