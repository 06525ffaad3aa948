"""Keys as settings have them: in PEM."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> str:
    """The private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def public_pem(key: Any) -> str:
    """Its public half."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def p256() -> str:
    """A new private key for ES256."""
    return pem(ec.generate_private_key(ec.SECP256R1()))
