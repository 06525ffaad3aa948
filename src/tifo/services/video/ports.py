from abc import abstractmethod
from typing import Protocol

import msgspec

DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""Bytes of a playlist or an MPD, unpacked: hours of segments, one by one, in several languages."""


class Document(msgspec.Struct, frozen=True):
    """What an origin answered: `url` is where it was found in the end, `media_type` is what it calls it."""

    url: str
    media_type: str
    body: bytes


class OriginDocuments(Protocol):
    """Reads what a live origin publishes."""

    @abstractmethod
    async def read(self, url: str) -> Document:
        """The document at an address, at most `DOCUMENT_BYTES_MAX` long.

        Raises `Unavailable` that says why not: no answer in time, another status than 200, too long, or
        redirected more than a few times or to another server. May be repeated.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what the adapter holds."""
