"""What happened can be asked in SQL: everything that the log has, once."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from typing import Any

import pytest
from commands import eventually
from players import Platform

from tifo.lake.tables import TABLES

pytestmark = pytest.mark.system

WRITTEN_S_MAX = 60.0
QUERY_S_MAX = 60.0


def asked(platform: Platform, sql: str) -> list[dict[str, Any]]:
    """What `tifo query` prints as JSON."""
    command = [sys.executable, "-m", "tifo", "query", sql, "--json", "--limit", "100000"]
    lake = f"file://{platform.stores / 'lake'}"
    done = subprocess.run([*command, "--lake", lake], capture_output=True, timeout=QUERY_S_MAX, check=False)
    assert done.returncode == 0, done.stderr.decode()
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


def in_the_log(platform: Platform) -> set[tuple[str, str]]:
    """Type and id of everything that happened until now."""
    with contextlib.closing(sqlite3.connect(platform.event_log, timeout=5)) as log:
        return set(log.execute("SELECT type, id FROM records"))


def test_what_the_log_has_the_lake_has_once(platform: Platform) -> None:
    players = [platform.player() for _ in range(3)]
    players[0].end()
    told = in_the_log(platform)
    everything = " UNION ALL ".join(
        f"SELECT '{one.type}' AS type, id FROM {one.name}" for one in TABLES.values()
    )

    def all_there() -> bool:
        found = [(row["type"], row["id"]) for row in asked(platform, everything)]
        assert len(found) == len(set(found))
        return told <= set(found)

    eventually(all_there, WRITTEN_S_MAX, "the lake has what the log had")
    sessions = {row["session"]: row for row in asked(platform, "SELECT * FROM sessions WHERE event = 'demo'")}
    assert sessions[players[0].session]["why"] == "left"
    assert {one.session for one in players} <= set(sessions)
    counted = asked(platform, "SELECT max(viewers) AS most FROM viewers_by_minute WHERE event = 'demo'")
    assert counted[0]["most"] >= len(players)
