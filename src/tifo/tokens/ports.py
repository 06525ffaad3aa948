"""What every format of a CDN's token can do, and what such a token says."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

PREFIX_LENGTH_MAX = 256

_SESSION = re.compile(r"[A-Za-z0-9._:@-]{0,64}")
_PREFIX = re.compile(r"/[A-Za-z0-9._:@/-]*")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens, for whom, from `begin` until before `end` (epoch seconds).

    A `prefix` that ends with a slash opens every path below it, another one exactly itself. A format without
    a place for the session or the beginning verifies to a grant where they are "" and 0. No value holds a
    character that separates fields in any format; another one raises `ValueError`.
    """

    session: str
    prefix: str
    begin: int
    end: int

    def __post_init__(self) -> None:
        if not _SESSION.fullmatch(self.session):
            raise ValueError(f"{self.session!r} is no session that a token can name")
        if len(self.prefix) > PREFIX_LENGTH_MAX or not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"{self.prefix!r} is no path that a token can open")

    @property
    def folder(self) -> bool:
        """Whether everything below the prefix is open."""
        return self.prefix.endswith("/")


class UrlTokens(Protocol):
    """One format with one CDN's keys. Pure: the same calls give the same answers, from any thread."""

    @abstractmethod
    def sign(self, grant: Grant) -> str:
        """The token's text, fit for a query as it is; raises `ValueError` where the format cannot say it."""
        raise NotImplementedError

    @abstractmethod
    def verify(self, token: str, path: str, now: float) -> Grant:
        """What a token grants that is ours, in force at `now` and opens `path`; raises `TokenRefused`.

        Token and path may come percent-encoded once, as players' measurements leave them.
        """
        raise NotImplementedError

    @abstractmethod
    def renew_at(self, grant: Grant) -> float:
        """When the holder should have a new token, so that none runs out on the way."""
        raise NotImplementedError
