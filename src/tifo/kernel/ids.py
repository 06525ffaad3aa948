"""Identifiers and randomness, as constructor arguments."""

import random
import secrets
import string
from abc import abstractmethod
from typing import Protocol

_ALPHABET = string.digits + string.ascii_lowercase


class Ids(Protocol):
    """Where new identifiers and random fractions come from."""

    @abstractmethod
    def new(self, prefix: str) -> str:
        """A new identifier `<prefix>_<20 characters>`; unguessable, about 100 bits."""

    @abstractmethod
    def code(self) -> str:
        """A short one-time code of 10 characters for a person's screen, about 50 bits."""

    @abstractmethod
    def fraction(self) -> float:
        """A random number in [0, 1), for jitter; not for secrets."""


class SystemIds(Ids):
    """Identifiers from the operating system's source of randomness."""

    def new(self, prefix: str) -> str:
        """A new identifier from the system's randomness."""
        return f"{prefix}_{_characters(20)}"

    def code(self) -> str:
        """A one-time code from the system's randomness."""
        return _characters(10)

    def fraction(self) -> float:
        """A fraction from the ordinary generator: jitter needs no secrecy."""
        return random.random()  # noqa: S311


class SequentialIds(Ids):
    """Identifiers that count, for tests."""

    def __init__(self) -> None:
        self._next = 0

    def new(self, prefix: str) -> str:
        """`<prefix>_00000000000000000001` and so on."""
        self._next += 1
        return f"{prefix}_{self._next:020d}"

    def code(self) -> str:
        """`code000001` and so on."""
        self._next += 1
        return f"code{self._next:06d}"

    def fraction(self) -> float:
        """Always one half: no jitter to either side."""
        return 0.5


_CHARACTERS = bytes(ord(_ALPHABET[byte % len(_ALPHABET)]) for byte in range(256))


def _characters(count: int) -> str:
    return secrets.token_bytes(count).translate(_CHARACTERS).decode()
