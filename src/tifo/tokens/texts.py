"""The texts that tokens are made of, read in one way only.

A text that has two readings would let a changed token count as the signed one, so whatever is not in its
one canonical form is refused.
"""

import re
from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def to_base64url(raw: bytes) -> bytes:
    """Base64url without padding (RFC 7515, section 2)."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def from_base64url(text: bytes) -> bytes:
    """What `to_base64url` wrote; raises `ValueError` for every other text."""
    raw = a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise ValueError("not canonical")
    return raw


def percent_decoded(text: str) -> str:
    """The text with its %XX read once; what is no UTF-8 stays as it is."""
    return _ESCAPES.sub(_decoded, text) if "%" in text else text


def _decoded(found: re.Match[str]) -> str:
    try:
        return bytes.fromhex(found[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return found[0]


def percent_encoded(text: str, plain: bytes) -> str:
    """The text with every character that is not among `plain`, which are ASCII, written as %XX."""
    raw = text.encode()
    # Most texts are plain, and to see that costs a tenth of what an expression takes for it.
    if not raw.translate(None, plain):
        return text
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw)
