"""The calendar in one SQLite table."""

from pathlib import Path
from typing import Any

import msgspec

from tifo.adapters.sqlite.database import Database
from tifo.api.catalogue import CalendarEvent
from tifo.kernel.errors import Unavailable
from tifo.services.catalogue.ports import EVENTS_MAX, CalendarStore

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, starts REAL NOT NULL, event BLOB NOT NULL);"
)


class SqliteCalendarStore(CalendarStore):
    """Caveat: one file, hence one machine."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, "calendar", _SCHEMA)

    async def events(self) -> tuple[CalendarEvent, ...]:
        """Read and decode the table."""
        rows = await self._database.run(
            lambda c: c.execute(
                "SELECT event FROM events ORDER BY starts, id LIMIT ?", (EVENTS_MAX,)
            ).fetchall()
        )
        try:
            return tuple(_event(row[0]) for row in rows)
        except msgspec.DecodeError as error:
            raise Unavailable("calendar", f"an event does not read: {error}") from error

    async def put(self, event: CalendarEvent) -> None:
        """Insert or replace the row."""
        row = (event.id, event.starts, msgspec.json.encode(event))
        await self._database.run(lambda c: c.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?)", row))

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()


def _event(value: bytes) -> CalendarEvent:
    """Without the fields that a newer version wrote and this one does not know."""
    fields = msgspec.json.decode(value, type=dict[str, Any])
    known = {name: fields[name] for name in CalendarEvent.__struct_fields__ if name in fields}
    return msgspec.convert(known, CalendarEvent)
