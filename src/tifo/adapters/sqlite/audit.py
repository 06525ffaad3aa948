"""The audit trail in one SQLite table."""

from pathlib import Path

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.api.control import AuditEntry
from tifo.services.control.ports import AuditTrail

_SCHEMA = "CREATE TABLE IF NOT EXISTS audit (n INTEGER PRIMARY KEY AUTOINCREMENT, entry BLOB NOT NULL);"


class SqliteAuditTrail(AuditTrail):
    """Caveat: one file, hence one machine. Nothing is ever removed from it."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "audit", _SCHEMA)

    async def note(self, entry: AuditEntry) -> None:
        """Append a row."""
        value = msgspec.json.encode(entry)
        await self._database.run(lambda c: c.execute("INSERT INTO audit (entry) VALUES (?)", (value,)))

    async def latest(self, limit: int) -> tuple[AuditEntry, ...]:
        """The last rows."""
        rows = await self._database.run(
            lambda c: c.execute("SELECT entry FROM audit ORDER BY n DESC LIMIT ?", (limit,)).fetchall()
        )
        return tuple(msgspec.json.decode(row[0], type=AuditEntry) for row in rows)

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()
