"""Which table: `dynamodb://REGION/TABLE`, as the settings write it."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tifo.kernel.hosts import is_loopback

OPTIONS = frozenset({"endpoint", "create", "read_units", "write_units"})

_REGION = re.compile(r"[a-z0-9-]{4,32}")
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")


@dataclass(frozen=True, slots=True)
class TableAddress:
    """A table of a region; credentials are found as AWS's own tools find them, and never in the URL.

    `endpoint` is empty for AWS itself. With `create` a table that is not there is made: on demand, or
    with so many units a second provisioned.
    """

    region: str
    table: str
    endpoint: str = ""
    create: bool = False
    read_units: int = 0
    write_units: int = 0

    @property
    def on_demand(self) -> bool:
        """Whether a table that is made is paid by request."""
        return not self.read_units

    @classmethod
    def parse(cls, url: str) -> "TableAddress":
        """Raises `ValueError` with a sentence for a URL that names no table."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        table = parts.path.removeprefix("/")
        if parts.scheme != "dynamodb" or not (_REGION.fullmatch(parts.netloc) and _TABLE.fullmatch(table)):
            raise ValueError("use dynamodb://REGION/TABLE")
        if unknown := sorted(options.keys() - OPTIONS):
            raise ValueError(f"there is no option {unknown[0]!r}; there are {', '.join(sorted(OPTIONS))}")
        read_units, write_units = _units(options, "read_units"), _units(options, "write_units")
        if bool(read_units) != bool(write_units):
            raise ValueError("provisioned is both read_units and write_units; on demand is neither")
        return cls(
            region=parts.netloc,
            table=table,
            endpoint=_endpoint(options.get("endpoint", "")),
            create=_yes(options.get("create", "0")),
            read_units=read_units,
            write_units=write_units,
        )


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if url and not (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    ):
        raise ValueError("an endpoint is https://, or http:// on this machine")
    return url


def _yes(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("create is 1 or 0")
    return text == "1"


def _units(options: dict[str, str], name: str) -> int:
    text = options.get(name, "0")
    if not text.isdecimal():
        raise ValueError(f"{name} is a number of units a second")
    return int(text)
