"""Keys by id: one that signs, and every one that is still accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tifo.kernel.errors import SettingsError
from tifo.tokens.pem import public_key

SECRET_BYTES_MIN = 32
"""An HMAC-SHA-256 key shorter than its digest weakens it (RFC 7518, section 3.2)."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Secrets by key id. `current` signs; all of them verify, so a rotation leaves no gap."""

    current: str
    secrets: Mapping[str, bytes]

    @classmethod
    def from_hex(
        cls, name: str, current: str, secrets: Mapping[str, str], bytes_min: int = SECRET_BYTES_MIN
    ) -> "Keyring":
        """Read secrets written in hexadecimal; raises `SettingsError` that names the key, never its value."""
        problems = [_problem(name, kid, text, bytes_min) for kid, text in secrets.items()]
        _refuse(name, current, secrets, problems)
        decoded = {kid: bytes.fromhex(text) for kid, text in secrets.items()}
        return cls(current, MappingProxyType(decoded))

    @classmethod
    def from_pem(cls, name: str, current: str, secrets: Mapping[str, str]) -> "Keyring":
        """Read key pairs in PEM: private ones sign, and public ones verify; raises like `from_hex`."""
        problems = [_problem_of_pair(name, kid, text) for kid, text in secrets.items()]
        if not any(problems) and "PRIVATE KEY" not in secrets.get(current, "PRIVATE KEY"):
            problems.append(f"keys.{name}.{current}: the current key signs, so it has to be a private one")
        _refuse(name, current, secrets, problems)
        return cls(current, MappingProxyType({kid: text.encode() for kid, text in secrets.items()}))


def _refuse(name: str, current: str, secrets: Mapping[str, str], problems: list[str]) -> None:
    if current not in secrets:
        problems.append(f"keys.{name}: the current key {current!r} is not among its keys")
    if found := tuple(p for p in problems if p):
        raise SettingsError(found)


def _problem_of_pair(name: str, kid: str, text: str) -> str:
    try:
        public_key(text.encode())
    except ValueError:
        return f"keys.{name}.{kid}: no key in PEM that can be read, RSA, P-256 or Ed25519"
    return ""


def _problem(name: str, kid: str, text: str, bytes_min: int) -> str:
    try:
        length = len(bytes.fromhex(text))
    except ValueError:
        return f"keys.{name}.{kid}: not hexadecimal"
    if length < bytes_min:
        return f"keys.{name}.{kid}: {length} bytes, needs at least {bytes_min}"
    return ""
