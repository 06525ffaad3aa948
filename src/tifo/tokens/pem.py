"""Key pairs in PEM: one that signs is private, one that only verifies may be public."""

from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


def private_key(pem: bytes) -> PrivateKey | None:
    """The private key, or none in a text with a public one; raises `ValueError` for what is neither."""
    if b"PRIVATE KEY" not in pem:
        return None
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("a key behind a passphrase, or of an unknown kind") from None
    if not isinstance(key, PrivateKey):
        raise ValueError("neither RSA, P-256 nor Ed25519")
    return key


def public_key(pem: bytes) -> PublicKey:
    """The public key of either text; raises `ValueError` for what is no key."""
    private = private_key(pem)
    key = private.public_key() if private else load_pem_public_key(pem)
    if not isinstance(key, PublicKey):
        raise ValueError("neither RSA, P-256 nor Ed25519")
    return key


def private_p256(pem: bytes) -> EllipticCurvePrivateKey | None:
    """The private key on P-256, or none; raises `ValueError` for a key of another kind."""
    key = private_key(pem)
    if key is None:
        return None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("not a P-256 key")
    return key


def public_p256(pem: bytes) -> EllipticCurvePublicKey:
    """The public key on P-256; raises `ValueError` for a key of another kind."""
    key = public_key(pem)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("not a P-256 key")
    return key
