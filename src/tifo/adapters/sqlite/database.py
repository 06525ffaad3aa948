"""One SQLite file and one thread that talks to it, so that the event loop never waits for a disk."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tifo.kernel.errors import Unavailable

BUSY_TIMEOUT_MS = 1_000
"""How long a statement waits for another process's write before it fails."""

OPEN_S_MAX = 1.0
OPEN_RETRY_S = 0.05
"""Turning a new file into a write-ahead log does not wait for another process doing the same: try again."""

KEPT_AFTER = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
"""Errors that leave a connection as good as it was. To open another one would write, and fail likewise."""

QUEUE_CALLS_MAX = 2_000
"""Calls that wait for the thread; one more is refused at once."""

T = TypeVar("T")


class Database:
    """Runs functions over one connection, one after the other, in a thread of its own.

    Several processes may open the same file (write-ahead log). `upgrade` sees it before `schema`, and brings
    one of an earlier version up to date. Every SQLite error becomes
    `Unavailable(part)`. A file that is locked or a disk that is full is tried again with the next call,
    and read meanwhile; after any other error that call opens the file anew.
    """

    def __init__(
        self,
        path: Path,
        part: str,
        schema: str,
        upgrade: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self._path = path
        self._part = part
        self._schema = schema
        self._upgrade = upgrade
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{part}")
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` inside one transaction: all of it happens, or none and `Unavailable` is raised."""
        if self._waiting >= QUEUE_CALLS_MAX:
            raise Unavailable(self._part, "its queue is full")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Wait for the calls under way and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connect()
            with connection:
                return work(connection)
        except (sqlite3.Error, OSError) as error:
            if _code(error) not in KEPT_AFTER:
                self._disconnect()
            raise Unavailable(self._part, f"{type(error).__name__}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        end = time.monotonic() + OPEN_S_MAX
        while True:
            try:
                return self._open_once()
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
                time.sleep(OPEN_RETRY_S)

    def _open_once(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_MS / 1000)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: a commit is on the disk, not only in the operating system, before it counts.
            connection.execute("PRAGMA synchronous = FULL")
            if self._upgrade is not None:
                self._upgrade(connection)
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _code(error: Exception) -> int:
    """SQLite's primary code of an error, or 0; the extended code has it in its low byte."""
    code: int = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF
