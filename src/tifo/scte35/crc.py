"""CRC-32/MPEG-2: polynomial 0x04C11DB7, begun with ones, neither reflected nor inverted."""

_POLYNOMIAL = 0x04C11DB7
_ONES = 0xFFFF_FFFF


def _entry(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = value << 1 ^ _POLYNOMIAL if value & 1 << 31 else value << 1
    return value & _ONES


_TABLE = tuple(map(_entry, range(256)))


def crc32_mpeg2(data: bytes) -> int:
    """The checksum; of data that ends with its own it is 0."""
    crc = _ONES
    for byte in data:
        crc = crc << 8 & _ONES ^ _TABLE[crc >> 24 ^ byte]
    return crc
