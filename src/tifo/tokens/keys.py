"""Keys by id: one that signs, and every one that is still accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tifo.kernel.errors import SettingsError

SECRET_BYTES_MIN = 32
"""An HMAC-SHA-256 key shorter than its digest weakens it (RFC 7518, section 3.2)."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Secrets by key id. `current` signs; all of them verify, so a rotation leaves no gap."""

    current: str
    secrets: Mapping[str, bytes]

    @classmethod
    def from_hex(cls, name: str, current: str, secrets: Mapping[str, str]) -> "Keyring":
        """Read secrets written in hexadecimal; raises `SettingsError` that names the key, never its value."""
        problems = [_problem(name, kid, text) for kid, text in secrets.items()]
        if current not in secrets:
            problems.append(f"keys.{name}: the current key {current!r} is not among its keys")
        if found := tuple(p for p in problems if p):
            raise SettingsError(found)
        decoded = {kid: bytes.fromhex(text) for kid, text in secrets.items()}
        return cls(current, MappingProxyType(decoded))


def _problem(name: str, kid: str, text: str) -> str:
    try:
        length = len(bytes.fromhex(text))
    except ValueError:
        return f"keys.{name}.{kid}: not hexadecimal"
    if length < SECRET_BYTES_MIN:
        return f"keys.{name}.{kid}: {length} bytes, needs at least {SECRET_BYTES_MIN}"
    return ""
