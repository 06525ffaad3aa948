"""The keys of HS256 and ES256, whose signatures COSE (RFC 9053) and JOSE (RFC 7518) write alike."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tifo.tokens.hmacs import Hmac
from tifo.tokens.pem import private_p256, public_p256


class SigningKey(Protocol):
    """One key of one algorithm; `SIGNATURE_BYTES` is what it writes."""

    SIGNATURE_BYTES: int

    @abstractmethod
    def sign(self, message: bytes) -> bytes:
        """The signature, or the code, of a message."""
        raise NotImplementedError

    @abstractmethod
    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed it."""
        raise NotImplementedError


class MacKey(SigningKey):
    """HMAC 256/256."""

    SIGNATURE_BYTES = 32

    def __init__(self, secret: bytes) -> None:
        self._hmac = Hmac(secret)

    def sign(self, message: bytes) -> bytes:
        """The code of a message."""
        return self._hmac.digest(message)

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the code is this key's."""
        return self._hmac.signed(message, signature)


class EcKey(SigningKey):
    """ECDSA with P-256 and SHA-256; the signature is r and s, 32 bytes each (RFC 9053, section 2.1)."""

    SIGNATURE_BYTES = 64

    def __init__(self, pem: bytes) -> None:
        self._private = private_p256(pem)
        self._public = public_p256(pem)

    def sign(self, message: bytes) -> bytes:
        """Raises `ValueError` for a key that can only verify."""
        if self._private is None:
            raise ValueError("the current key is public: it cannot sign")
        r, s = decode_dss_signature(self._private.sign(message, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed it."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            self._public.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


KEYS: Mapping[str, type[MacKey] | type[EcKey]] = {"HS256": MacKey, "ES256": EcKey}
