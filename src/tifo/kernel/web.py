"""Addresses on the web that an operator gives us: what we ask there, and what we refuse to."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

URL_LENGTH_MAX = 2_000

_PORTS = {"http": 80, "https": 443}
_LEGAL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class WebAddress:
    """Where a document is: `path` begins with a slash, `query` is without its question mark."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def server(self) -> tuple[str, str, int]:
        """Who answers there."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The server as a Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def without_query(self) -> str:
        """The address without what may be a secret in it."""
        return f"{self.scheme}://{self.authority}{self.path}"


def web_address(url: str) -> WebAddress:
    """Read an absolute http or https address; raises `ValueError` that says what is wrong with it."""
    if len(url) > URL_LENGTH_MAX:
        raise ValueError(f"it has more than {URL_LENGTH_MAX} characters")
    if not url.startswith(("http://", "https://")):
        raise ValueError("it begins with neither http:// nor https://")
    if not _LEGAL.fullmatch(url):
        raise ValueError("it has a character that an address cannot have; escape it with %")
    parts, port = _split(url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("it has a user name or a password; nobody could change them")
    if not parts.hostname:
        raise ValueError("it names no host")
    return WebAddress(
        parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port,
        parts.path or "/", parts.query,
    )  # fmt: skip


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise ValueError(f"it does not read: {error}") from None
