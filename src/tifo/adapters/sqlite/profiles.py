"""Profiles in one SQLite table."""

from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.api.accounts import Viewer
from tifo.services.accounts.ports import ProfileStore

_SCHEMA = "CREATE TABLE IF NOT EXISTS profiles (account TEXT PRIMARY KEY, profile BLOB NOT NULL);"


class SqliteProfileStore(ProfileStore):
    """Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "profiles", _SCHEMA)

    async def profile(self, account: str) -> Viewer | None:
        """One row by its key."""
        row = await self._database.run(
            lambda c: c.execute("SELECT profile FROM profiles WHERE account = ?", (account,)).fetchone()
        )
        return None if row is None else msgspec.json.decode(row[0], type=Viewer)

    async def put(self, profile: Viewer) -> None:
        """Insert or replace the row."""
        value = msgspec.json.encode(profile)
        await self._database.run(
            lambda c: c.execute("INSERT OR REPLACE INTO profiles VALUES (?, ?)", (profile.account, value))
        )

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()
