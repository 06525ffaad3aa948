"""A lake of one match of some millions of events: a kick-off, a CDN that is lost, two breaks, an operator.

DuckDB makes the rows, so that ten million take seconds. Of the same size it is the same lake: chance is
a hash.
"""

from pathlib import Path

import duckdb

from tifo.lake.layout import MERGED, Place, name_of
from tifo.lake.tables import SQL_TYPES, TABLES, in_file

EVENT = "final"
EVENTS_A_SESSION = 20
"""About how many events there are for each session."""

BEGINS = "timestamp '2026-11-25 19:00:00'"
LOST_MIN, BACK_MIN = 47, 72
"""Minutes after the beginning at which `cdn-b` is lost and is back."""

CROWD = f"""
CREATE MACRO chance(i, n) AS (hash(i * 1009 + n) % 1000003) / 1000003.0;
CREATE MACRO moment(minutes) AS {BEGINS} + to_microseconds(CAST(minutes * 60e6 AS BIGINT));
CREATE MACRO pick(i, n) AS CASE WHEN chance(i, n) < 0.4 THEN 'cdn-a' WHEN chance(i, n) < 0.7 THEN 'cdn-b'
  WHEN chance(i, n) < 0.9 THEN 'cdn-c' ELSE 'cdn-d' END;
CREATE MACRO carries(i, minutes) AS CASE
  WHEN pick(i, 7) = 'cdn-b' AND minutes >= {LOST_MIN} + 2 * chance(i, 8) AND minutes < {BACK_MIN} + 3 *
  chance(i, 9)
  THEN CASE WHEN chance(i, 10) < 0.6 THEN 'cdn-c' ELSE 'cdn-a' END ELSE pick(i, 7) END;
CREATE TABLE crowd AS SELECT i, printf('ses_%020d', i) AS session, came,
  least(165 + 3 * chance(i, 4), came - ln(chance(i, 3) + 1e-9) * 75) AS went,
  CAST(floor(12 * chance(i, 5) * chance(i, 6)) AS INTEGER) AS isp_n
FROM (SELECT i, CASE WHEN chance(i, 0) < 0.7 THEN 13 * (chance(i, 1) + chance(i, 2) + chance(i, 11)) / 1.5
  ELSE 150 * chance(i, 1) END AS came FROM range($sessions) t(i));
"""

ROWS = {
    "session.started": """
      SELECT moment(came) AS happened_at, session, printf('acc_%d', i * 10 // 11) AS account,
      printf('dev_%d', i) AS device,
        ['tv', 'mobile', 'web', 'tablet'][1 + CAST(floor(4 * chance(i, 20) * chance(i, 21)) AS INTEGER)] AS
        device_kind,
        printf('AS%d Telecom %d', 64500 + isp_n, isp_n) AS isp, 90 AS lease_s FROM crowd
    """,
    "session.ended": """
      SELECT moment(went) AS happened_at, session, CASE WHEN chance(i, 22) < 0.8 THEN 'left' ELSE 'expired'
      END AS why
      FROM crowd WHERE chance(i, 23) < 0.95
    """,
    "playback.pathway": f"""
      SELECT moment(minutes) AS happened_at, session, carries(i, minutes) AS pathway,
        CAST(5e6 + 3e7 * chance(i, 24) AS BIGINT) AS throughput_bps
      FROM (
        SELECT i, session, came, went, unnest([came + 0.05, came + (went - came) * chance(i, 25),
          {LOST_MIN} + 2 * chance(i, 8) + 0.01, {BACK_MIN} + 3 * chance(i, 9) + 0.01]) AS minutes FROM crowd
      ) WHERE minutes BETWEEN came AND went
    """,
    "playback.reported": """
      SELECT moment(minutes) AS happened_at, session, 't' AS report, 'final' AS content, carries(i,
      minutes) AS pathway,
        'p' AS state, CAST(n AS BIGINT) AS number, [8e6, 8e6, 6e6, 3e6, 1e6][1 + CAST(floor(5 * chance(i,
        26)) AS INTEGER)]
        AS bitrate_bps, 2e7 AS throughput_bps, CASE WHEN n = 0 THEN 400 + 2500 * chance(i, 27) * chance(i, 28)
          * (1 + CAST(pick(i, 7) = 'cdn-d' AS INTEGER) + CAST(isp_n = 3 AS INTEGER)) END AS start_delay_ms,
        CASE WHEN pick(i, 7) = 'cdn-d' AND isp_n = 3 THEN 30000 * chance(i, n + 40)
          WHEN minutes BETWEEN 46 AND 49 AND pick(i, 7) = 'cdn-b' THEN 20000 * chance(i, n + 40)
          ELSE 900 * chance(i, n + 40) * chance(i, n + 60) END AS starved_ms,
        chance(i, 29) < 0.004 AS failed, '{"v":2,"e":"t"}' AS cmcd
      FROM (
        SELECT *, CASE WHEN n = 0 THEN came + 0.1 ELSE came + (went - came) * chance(i, n + 80) END AS minutes
        FROM crowd, range(8) r(n)
      )
    """,
    "ads.decided": """
      SELECT moment(minutes + 0.2 + 0.3 * chance(i, 30) * chance(i, b)) AS happened_at, session, 'brk-' ||
      b AS break_id,
        ['cr-brew', 'cr-car', 'cr-bank', 'house-1'] AS creatives, ['brew-tv', 'car-spring', 'bank-app', '']
        AS line_items
      FROM (SELECT *, [65.0, 112.0][b] AS minutes FROM crowd, range(1, 3) r(b)) WHERE minutes BETWEEN came
      AND went - 1
    """,
    "ads.tracked": """
      SELECT moment(minutes + 0.6 + slot * 0.3 + CAST(what = 'complete' AS INTEGER) * 0.3) AS happened_at,
      session,
        'brk-' || b AS break_id, CAST(slot AS BIGINT) AS slot,
        ['cr-brew', 'cr-car', 'cr-bank', 'house-1'][slot] AS creative, what, 0 AS code
      FROM (
        SELECT *, [65.0, 112.0][b] AS minutes, unnest(['impression', 'complete']) AS what
        FROM crowd, range(1, 3) r(b), range(1, 5) s(slot)
      ) WHERE minutes BETWEEN came AND went - 1
        AND chance(i, 31 + slot) < CASE WHEN what = 'impression' THEN 0.98 ELSE 0.95 - 0.02 * slot END
    """,
    "sessions.renewed": """
      SELECT happened_at, session_s[1] AS batch, session_s AS sessions, 'tv' AS device_kind, '' AS isp, 90
      AS lease_s
      FROM (
        SELECT moment(came + (went - came) * r.n / 10) AS happened_at,
          [session, printf('ses_%020d', (i + 1) % $sessions)] AS session_s FROM crowd, range(1, 10, 4) r(n)
      )
    """,
    "session.refused": """
      SELECT moment(came) AS happened_at, printf('acc_%d', i % 997) AS account,
        CASE WHEN chance(i, 33) < 0.7 THEN 'stream-limit' WHEN chance(i, 33) < 0.9 THEN 'not-entitled'
          ELSE 'waiting-room' END AS code FROM crowd WHERE chance(i, 32) < 0.02
    """,
    "control.acted": """
      SELECT moment(minutes) AS happened_at, operator, action, target, detail FROM (VALUES
        (12.5, 'ana', 'posture', 'guarded', ''), (47.6, 'ana', 'pathway-out', 'cdn-b', 'errors at 3 ISPs'),
        (64.2, 'ben', 'break', 'op-half', '120 s'), (72.0, 'ana', 'pathway-in', 'cdn-b', 'mended, they say'),
        (75.5, 'ben', 'posture', 'normal', '')) t(minutes, operator, action, target, detail)
    """,
    "anomaly.began": """
      SELECT moment(minutes) AS happened_at, anomaly, what, subject, evidence, '{}' AS figures FROM (VALUES
        (21.0, 'ano_1', 'strays', '', '4,200 players reported in a minute that no session knows'),
        (47.2, 'ano_2', 'cdn-lost', 'cdn-b', 'a third of its viewers stopped reporting within 20 seconds'))
        t(minutes, anomaly, what, subject, evidence)
    """,
    "anomaly.ended": """
      SELECT moment(minutes) AS happened_at, anomaly, what, subject, lasted_s FROM (VALUES
        (29.0, 'ano_1', 'strays', '', 480.0), (52.0, 'ano_2', 'cdn-lost', 'cdn-b', 288.0))
        t(minutes, anomaly, what, subject, lasted_s)
    """,
}
WITHOUT_EVENT = frozenset({"playback.reported", "control.acted", "anomaly.began", "anomaly.ended"})


def fill(root: Path, events: int) -> int:
    """Make the lake below `root`; how many events it has."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET memory_limit = '1GiB'")
        connection.execute("SET temp_directory = $1", [str(root / "drafts")])
        sessions = str(events // EVENTS_A_SESSION)
        connection.execute(CROWD.replace("$sessions", sessions))
        return sum(
            _write(connection, root, kind, sql.replace("$sessions", sessions)) for kind, sql in ROWS.items()
        )


def _write(connection: duckdb.DuckDBPyConnection, root: Path, kind: str, sql: str) -> int:
    """Every hour of one type as one file, as it is when the hour is long over."""
    made = connection.execute(f"CREATE OR REPLACE TABLE made AS {sql}").fetchone()
    there = {row[0] for row in connection.execute("DESCRIBE made").fetchall()}
    columns = [
        f"CAST({one.name if one.name in there else 'NULL'} AS {SQL_TYPES[one.kind]}) AS {one.name}"
        for one in in_file(TABLES[kind])
        if one.name != "id"
    ]
    hours = connection.execute("SELECT DISTINCT strftime(happened_at, '%Y-%m-%dT%H') FROM made").fetchall()
    for (hour,) in hours:
        place = Place(kind, "" if kind in WITHOUT_EVENT else EVENT, hour)
        (root / place.path).mkdir(parents=True, exist_ok=True)
        file = root / place.path / name_of(MERGED, [kind, hour])
        connection.execute(
            f"COPY (SELECT printf('evt_%d', row_number() OVER ()) AS id, {', '.join(columns)} FROM made "
            f"WHERE strftime(happened_at, '%Y-%m-%dT%H') = '{hour}' ORDER BY happened_at) "
            f"TO '{file}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
        )
    return int(made[0]) if made else 0
