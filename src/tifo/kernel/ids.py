"""Identifiers and randomness, as constructor arguments."""

import random
import secrets
import string
from abc import abstractmethod
from collections import deque
from typing import Protocol

CHARACTERS = 20
"""Of an identifier, after its prefix."""

MADE_AT_ONCE = 64
"""Identifiers of which the randomness is taken together."""

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
    """Identifiers from the operating system's source of randomness, which is asked for many at once: each
    time is a call into the kernel."""

    def __init__(self) -> None:
        self._made: deque[str] = deque()

    def new(self, prefix: str) -> str:
        """A new identifier from the system's randomness."""
        try:
            return f"{prefix}_{self._made.popleft()}"
        except IndexError:
            self._make()
            return self.new(prefix)

    def code(self) -> str:
        """A one-time code from the system's randomness."""
        return _characters(10)

    def fraction(self) -> float:
        """A fraction from the ordinary generator: jitter needs no secrecy."""
        return random.random()  # noqa: S311

    def _make(self) -> None:
        text = _characters(MADE_AT_ONCE * CHARACTERS)
        self._made.extend(text[begin : begin + CHARACTERS] for begin in range(0, len(text), CHARACTERS))


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
