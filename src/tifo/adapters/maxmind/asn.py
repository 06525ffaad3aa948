"""ISPs from a file in the MaxMind DB format: GeoLite2-ASN, or any other with its two fields."""

import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import maxminddb
import structlog
from cachebox import LRUCache

from tifo.api.networks import ISP_LENGTH_MAX, Networks
from tifo.kernel.clock import Clock

CHECK_S = 60.0
"""Seconds between two looks at whether the file is another one now."""

FILE_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of the file; the usual ones have ten million."""

RECORDS_TRIED = 1_000
"""Records of a file in which there must be an AS number."""

ADDRESSES_MAX = 50_000
"""Addresses whose ISP is kept."""

ADDRESS_LENGTH_MAX = 45
"""Characters of an IPv6 address in its longest form."""

_log = structlog.get_logger(__name__)


class AsnFile(Networks):
    """The file at `path`; an empty path knows no ISP.

    A file that is replaced is in use within `CHECK_S`, read by whoever asks next. One that does not read
    is logged once, and the one before stays in use. What is mapped is a copy: a file that is written
    over while it is mapped would end the process.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._reader: maxminddb.Reader | None = None
        self._seen: object = None
        self._look_at = float("-inf")
        self._failing = False
        self._known: LRUCache[str, str] = LRUCache(ADDRESSES_MAX)

    def isp(self, address: str) -> str:
        """The ISP by the file's last state."""
        if self._path is None or not 0 < len(address) <= ADDRESS_LENGTH_MAX:
            return ""
        if self._clock.monotonic() >= self._look_at:
            self._look(self._path)
        # An IPv4 address as a listener for both kinds says it.
        address = address.removeprefix("::ffff:")
        known: str | None = self._known.get(address)
        if known is None:
            known = self._known[address] = self._read(address)
        return known

    async def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _read(self, address: str) -> str:
        if self._reader is None:
            return ""
        try:
            found = self._reader.get(address)
        except ValueError:
            return ""  # it is no address
        except maxminddb.InvalidDatabaseError as error:
            self._say_failing(error)
            return ""
        return _label(found) if isinstance(found, Mapping) else ""

    def _look(self, path: Path) -> None:
        self._look_at = self._clock.monotonic() + CHECK_S
        try:
            there = path.stat()
            seen = (there.st_ino, there.st_size, there.st_mtime_ns)
            if seen == self._seen:
                return
            self._seen, self._failing = seen, False
            before, self._reader = self._reader, _open_copy(path, there.st_size)
        except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
            self._say_failing(error)
            return
        self._known.clear()
        if before is not None:
            before.close()

    def _say_failing(self, error: Exception) -> None:
        if not self._failing:
            why = f"{type(error).__name__}: {error}"
            _log.warning("networks.file-failing", why=why, effect="viewers count without their ISP")
        self._failing = True


def unfit(path: Path) -> str:
    """Why a file cannot tell ISPs; an empty text where it can."""
    try:
        with _open_copy(path, path.stat().st_size) as reader:
            if any(
                _label(record) for _, record in islice(reader, RECORDS_TRIED) if isinstance(record, Mapping)
            ):
                return ""
            return f"it has no AS numbers; its type is {reader.metadata().database_type}"
    except FileNotFoundError:
        return "there is no such file"
    except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
        return f"it is no whole file in the MaxMind DB format ({type(error).__name__})"


def _open_copy(path: Path, size_bytes: int) -> maxminddb.Reader:
    if size_bytes > FILE_BYTES_MAX:
        raise ValueError(f"it has {size_bytes} bytes; at most {FILE_BYTES_MAX} are read")
    with tempfile.NamedTemporaryFile(prefix="tifo-asn-") as copy:
        copy.write(path.read_bytes())
        copy.flush()
        return maxminddb.open_database(copy.name)


def _label(record: Mapping[str, object]) -> str:
    number, name = record.get("autonomous_system_number"), record.get("autonomous_system_organization")
    if not isinstance(number, int):
        return ""
    return f"AS{number} {name or ''}".strip()[:ISP_LENGTH_MAX]
