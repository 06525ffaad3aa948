"""Where a token stands in an address: before the path, which relative addresses inherit, or in the query."""

import string
from dataclasses import dataclass
from typing import Literal

from tifo.tokens.ports import Grant, UrlTokens
from tifo.tokens.texts import percent_encoded

Place = Literal["path", "query"]

_PLAIN_IN_PATH = f"{string.ascii_letters}{string.digits}._~=,!*:-".encode()


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed address in its parts: the whole is `before` + `token` + path + `query`.

    A token in the path is one segment, which no address of the same CDN but the session's own has; where it
    stands in the query `token` is empty, and `query` begins with a question mark.
    """

    before: str
    token: str = ""
    query: str = ""

    @property
    def base(self) -> str:
        """What stands before the path."""
        return self.before + self.token


class AddressSigner:
    """Signs addresses of one CDN.

    In the path a token makes the first folders, `/<name>/<token>`; in the query it is the parameter `name`,
    or the whole query where `name` is empty.
    """

    def __init__(self, base_url: str, tokens: UrlTokens, place: Place = "path", name: str = "t") -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._before = f"{self._base_url}/{name}/" if place == "path" else "?" + (name and f"{name}=")
        self._in_path = place == "path"

    def address(self, grant: Grant) -> Signed:
        """The address that paths which the grant opens are put into."""
        token = self._tokens.sign(grant)
        if self._in_path:
            return Signed(self._before, percent_encoded(token, _PLAIN_IN_PATH))
        return Signed(self._base_url, query=self._before + token)

    def renew_at(self, grant: Grant) -> float:
        """When the holder of an address should have a new one (epoch seconds)."""
        return self._tokens.renew_at(grant)
