"""Fields of any number of bits, read and written in the order of the wire."""

from typing import Self


class CueError(ValueError):
    """What was given is no SCTE-35 cue; the text says where it goes wrong, and may be shown."""


class BitReader:
    """Takes fields off the front of some bytes; raises `CueError` when they are over too soon."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def bytes_left(self) -> int:
        """Whole bytes that were not read yet."""
        return self._left // 8

    def take(self, bits: int) -> int:
        """The next unsigned number of that many bits."""
        if not 0 <= bits <= self._left:
            raise CueError("it ends too soon")
        self._left -= bits
        return self._value >> self._left & (1 << bits) - 1

    def flag(self) -> bool:
        """The next bit."""
        return self.take(1) == 1

    def skip(self, bits: int) -> None:
        """Leave reserved bits out, whatever they are."""
        self.take(bits)

    def octets(self, count: int) -> bytes:
        """The next bytes as they are."""
        return self.take(8 * count).to_bytes(count, "big")

    def part(self, count: int) -> "BitReader":
        """A reader of the next bytes alone, so that what is in them cannot reach past their end."""
        return BitReader(self.octets(count))

    def end(self, what: str) -> None:
        """Raise `CueError` unless everything was read."""
        if self._left:
            raise CueError(f"{self._left} bits are left over after {what}")


class BitWriter:
    """Puts fields one behind the other."""

    def __init__(self) -> None:
        self._value = 0
        self._bits = 0

    def put(self, bits: int, value: int) -> Self:
        """An unsigned number of that many bits; raises `CueError` when it does not fit."""
        if not 0 <= value < 1 << bits:
            raise CueError(f"{value} does not fit into {bits} bits")
        self._value = self._value << bits | value
        self._bits += bits
        return self

    def flag(self, value: bool) -> Self:
        """One bit."""
        return self.put(1, int(value))

    def reserved(self, bits: int) -> Self:
        """Reserved bits, which are ones."""
        return self.put(bits, (1 << bits) - 1)

    def octets(self, data: bytes) -> Self:
        """Bytes as they are."""
        return self.put(8 * len(data), int.from_bytes(data, "big"))

    def done(self) -> bytes:
        """Everything; the fields must fill whole bytes."""
        return self._value.to_bytes(self._bits // 8, "big")
