"""Where a row is: `type=session.started/event=final/hour=2026-11-25T18/part-<name>.parquet`.

No row is twice in one file. So a place with one file has each id once, and where there are several their
readers take each id once: a file that is written again, by a worker that died or by two that both thought
it was theirs, changes no answer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

NO_EVENT = "__HIVE_DEFAULT_PARTITION__"
"""Stands for no event in a path, as all that read partitioned folders have it."""

PART, MERGED = "part", "merged"
"""What a worker wrote of the log, and what was made one of several files."""

_FILE = re.compile(
    r"type=(?P<type>[^/]+)/event=(?P<event>[^/]+)/hour=(?P<hour>\d{4}-\d\d-\d\dT\d\d)"
    r"/(?P<name>(?:part|merged)-[0-9a-f]{32}\.parquet)"
)


_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def _quoted(text: str) -> str:
    """Percent-encoded (RFC 3986, section 2.1), as all that read partitioned folders take it apart."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in text.encode())


def _unquoted(text: str) -> str:
    return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode(
        errors="replace"
    )


class Place(NamedTuple):
    """One folder: a type of events, a match (empty for none), an hour in UTC such as 2026-11-25T18."""

    type: str
    event: str
    hour: str

    @property
    def path(self) -> str:
        """Below the lake's root."""
        return f"type={_quoted(self.type)}/event={_quoted(self.event) or NO_EVENT}/hour={self.hour}"


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file of the lake: where it is, how long (bytes), and when it was written (epoch seconds)."""

    place: Place
    name: str
    size: int
    written_at: float

    @property
    def path(self) -> str:
        """Below the lake's root."""
        return f"{self.place.path}/{self.name}"

    @property
    def merged(self) -> bool:
        """Whether it was made of several."""
        return self.name.startswith(MERGED)


def file_at(path: str, size: int, written_at: float) -> LakeFile | None:
    """The file of that path below the root; None for what is no file of the lake, such as a draft."""
    found = _FILE.fullmatch(path)
    if found is None:
        return None
    event = "" if found["event"] == NO_EVENT else _unquoted(found["event"])
    place = Place(_unquoted(found["type"]), event, found["hour"])
    one = LakeFile(place, found["name"], size, written_at)
    return one if one.path == path else None


def name_of(kind: str, said: Iterable[object]) -> str:
    """A file's name by what it was made of: made of the same again, it is the same file."""
    text = "\0".join(sorted(map(str, said)))
    return f"{kind}-{blake2b(text.encode(), digest_size=16).hexdigest()}.parquet"
