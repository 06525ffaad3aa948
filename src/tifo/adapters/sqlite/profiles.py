"""Profiles, devices and resume positions in three SQLite tables."""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.kernel.errors import Unavailable
from tifo.services.accounts.ports import (
    DEVICES_MAX,
    POSITIONS_MAX,
    PROFILE_BYTES_MAX,
    History,
    KnownDevice,
    Position,
    Profile,
    ProfileConflict,
    ProfileStore,
    Sighting,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS profiles (account TEXT PRIMARY KEY, profile BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS devices (
  account TEXT NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  first_seen REAL NOT NULL, last_seen REAL NOT NULL, PRIMARY KEY (account, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
  account TEXT NOT NULL, event TEXT NOT NULL, position_s REAL NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (account, event)
) WITHOUT ROWID;
"""

_SAW = """
INSERT INTO devices VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (account, device) DO UPDATE
SET kind = excluded.kind, name = excluded.name, last_seen = excluded.last_seen
WHERE excluded.last_seen > last_seen
"""

_STOPPED = """
INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (account, event) DO UPDATE
SET position_s = excluded.position_s, at = excluded.at WHERE excluded.at > at
"""

_CROWDED_DEVICES = """
SELECT account FROM devices WHERE account IN (SELECT value FROM json_each(?))
GROUP BY account HAVING COUNT(*) > ?
"""

_CROWDED_POSITIONS = """
SELECT account FROM positions WHERE account IN (SELECT value FROM json_each(?))
GROUP BY account HAVING COUNT(*) > ?
"""

_FORGET_DEVICES = """
DELETE FROM devices WHERE account = ?1 AND device IN
(SELECT device FROM devices WHERE account = ?1 ORDER BY last_seen DESC, device LIMIT -1 OFFSET ?2)
"""

_FORGET_POSITIONS = """
DELETE FROM positions WHERE account = ?1 AND event IN
(SELECT event FROM positions WHERE account = ?1 ORDER BY at DESC, event LIMIT -1 OFFSET ?2)
"""


class _History(NamedTuple):
    """How rows of an account are written, which accounts have more than `kept_max`, and what those lose."""

    write: str
    crowded: str
    forget: str
    kept_max: int


_DEVICES = _History(_SAW, _CROWDED_DEVICES, _FORGET_DEVICES, DEVICES_MAX)
_POSITIONS = _History(_STOPPED, _CROWDED_POSITIONS, _FORGET_POSITIONS, POSITIONS_MAX)

GATHER_S = 0.003
"""For how long reads gather before they go to the thread: the way there and back costs more than they do."""

READS_MAX = 500
"""Profiles in one hop to the thread."""

Row = bytes | None


class SqliteProfileStore(ProfileStore):
    """Caveat: one file, hence one machine. What it is told is read by everybody at once."""

    def __init__(self, path: Path) -> None:
        # Two connections: nobody's start waits for a thousand devices to be written.
        self._database = Database(path, "profiles", _SCHEMA)
        self._behind = Database(path, "profiles", _SCHEMA)
        self._asked: dict[str, list[asyncio.Future[Row]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def profile(self, account: str) -> Profile | None:
        """One row by its key, together with all that are asked for in the same few milliseconds."""
        row: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(account, []).append(row)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_asked(), name="profiles")
        return _profile(await row)

    async def put_profile(self, profile: Profile) -> Profile:
        """Compare the row's version and replace it, in one transaction."""
        kept = msgspec.structs.replace(profile, version=profile.version + 1)
        value = msgspec.json.encode(kept)
        if len(value) > PROFILE_BYTES_MAX:
            raise ValueError(f"{len(value)} bytes of a profile, at most {PROFILE_BYTES_MAX}")
        await self._database.run(lambda c: _put(c, profile, value))
        return kept

    async def history(self, account: str) -> History:
        """Both tables by the account."""
        return await self._database.run(lambda c: _history(c, account))

    async def saw_devices(self, batch: Sequence[Sighting]) -> None:
        """All rows in one transaction."""
        rows = [(one.account, one.device, one.kind, one.name, one.at) for one in batch]
        await self._behind.run(lambda c: _write(c, _DEVICES, rows))

    async def put_positions(self, batch: Sequence[Position]) -> None:
        """All rows in one transaction."""
        rows = [(one.account, one.event, one.position_s, one.at) for one in batch]
        await self._behind.run(lambda c: _write(c, _POSITIONS, rows))

    async def delete_account(self, account: str) -> None:
        """From all three tables in one transaction."""
        await self._database.run(lambda c: _delete(c, account))

    async def close(self) -> None:
        """Close the file."""
        if self._reading is not None:
            await self._reading
        await self._database.close()
        await self._behind.close()

    async def _read_asked(self) -> None:
        while self._asked:
            await asyncio.sleep(GATHER_S)
            asked = {account: self._asked.pop(account) for account in list(self._asked)[:READS_MAX]}
            try:
                found = await self._database.run(partial(_profiles, accounts=tuple(asked)))
            except Unavailable as error:
                for waiting in asked.values():
                    _answer(waiting, error)
            else:
                for account, waiting in asked.items():
                    _answer(waiting, found.get(account))
        self._reading = None


def _answer(waiting: Sequence["asyncio.Future[Row]"], row: Row | Unavailable) -> None:
    for one in waiting:
        if one.done():
            continue  # who asked has gone
        if isinstance(row, Unavailable):
            one.set_exception(row)
        else:
            one.set_result(row)


def _profiles(c: sqlite3.Connection, *, accounts: Sequence[str]) -> dict[str, bytes]:
    found = "SELECT account, profile FROM profiles WHERE account IN (SELECT value FROM json_each(?))"
    return dict(c.execute(found, (msgspec.json.encode(accounts).decode(),)))


def _profile(row: Row) -> Profile | None:
    if row is None:
        return None
    try:
        profile = msgspec.json.decode(row, type=Profile)
    except msgspec.DecodeError as error:
        raise Unavailable("profiles", f"a profile does not read: {error}") from error
    # Rows of the version before have no version of their own: they were written once.
    return profile if profile.version else msgspec.structs.replace(profile, version=1)


def _put(c: sqlite3.Connection, profile: Profile, value: bytes) -> None:
    c.execute("BEGIN IMMEDIATE")  # nobody else writes between the look and the word
    found = _profile(_profiles(c, accounts=(profile.account,)).get(profile.account))
    if profile.version != (0 if found is None else found.version):
        raise ProfileConflict(found)
    c.execute("INSERT OR REPLACE INTO profiles VALUES (?, ?)", (profile.account, value))


def _history(c: sqlite3.Connection, account: str) -> History:
    devices = c.execute(
        "SELECT device, kind, name, first_seen, last_seen FROM devices WHERE account = ?"
        " ORDER BY last_seen DESC, device LIMIT ?",
        (account, DEVICES_MAX),
    )
    positions = c.execute(
        "SELECT account, event, position_s, at FROM positions WHERE account = ?"
        " ORDER BY at DESC, event LIMIT ?",
        (account, POSITIONS_MAX),
    )
    return History(
        devices=tuple(KnownDevice(*row) for row in devices),
        positions=tuple(Position(*row) for row in positions),
    )


def _write(c: sqlite3.Connection, history: _History, rows: Sequence[tuple[object, ...]]) -> None:
    c.executemany(history.write, rows)
    # Few accounts have so many: looking for those is cheaper than tidying all.
    accounts = msgspec.json.encode([row[0] for row in rows]).decode()
    crowded = c.execute(history.crowded, (accounts, history.kept_max)).fetchall()
    c.executemany(history.forget, [(account, history.kept_max) for (account,) in crowded])


def _delete(c: sqlite3.Connection, account: str) -> None:
    c.execute("DELETE FROM profiles WHERE account = ?", (account,))
    c.execute("DELETE FROM devices WHERE account = ?", (account,))
    c.execute("DELETE FROM positions WHERE account = ?", (account,))
