"""HMAC (RFC 2104) with the key's two blocks hashed once.

The library's HMAC sets itself up anew at each call, which for a token costs more than the hashing.
"""

import hashlib
import hmac

BLOCK_BYTES = 64
"""The block of MD5, SHA-1 and SHA-256 alike."""


class Hmac:
    """One secret, ready to sign; `algorithm` is md5, sha1 or sha256."""

    def __init__(self, secret: bytes, algorithm: str = "sha256") -> None:
        def begun(raw: bytes) -> "hashlib._Hash":
            return hashlib.new(algorithm, raw, usedforsecurity=False)

        short = begun(secret).digest() if len(secret) > BLOCK_BYTES else secret
        block = short.ljust(BLOCK_BYTES, b"\0")
        self._inner = begun(bytes(byte ^ 0x36 for byte in block))
        self._outer = begun(bytes(byte ^ 0x5C for byte in block))

    def digest(self, signed: bytes) -> bytes:
        """The code of `signed`."""
        inner = self._inner.copy()
        inner.update(signed)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def signed(self, message: bytes, code: bytes) -> bool:
        """Whether `code` is the code of `message`, in a time that tells nothing."""
        return hmac.compare_digest(self.digest(message), code)
