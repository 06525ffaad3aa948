"""Names that stand for accounts and devices in the event log, so that its readers do not know them."""

import hmac
from base64 import urlsafe_b64encode
from typing import Literal, get_args

import msgspec

from tifo.api.events import KICK_ACCOUNT, AnyEvent, Event, OperatorActed
from tifo.api.personal import personal_fields
from tifo.tokens.keys import Keyring

DIGEST_BYTES = 16
"""Of HMAC-SHA-256: no two of a billion accounts meet."""

Named = Literal["account", "device"]


class Pseudonyms:
    """HMAC-SHA-256 of an account or device: the same one for `period_s` seconds, then another.

    A pseudonym says which key and which period it is of. Who has the key can make the pseudonym of an
    account they know; once the key is destroyed, nobody can.
    """

    def __init__(self, keys: Keyring, period_s: int) -> None:
        self._key_id = keys.current
        self._key = keys.secrets[keys.current]
        self._period_s = period_s
        self._fields = {kind: _named(kind) for kind in get_args(AnyEvent)}

    def of(self, named: Named, id: str, at: float) -> str:
        """What stands for an account or device in the records of a time (epoch seconds)."""
        period = int(at // self._period_s)
        digest = hmac.digest(self._key, f"{named}\0{period}\0{id}".encode(), "sha256")[:DIGEST_BYTES]
        return f"{self._key_id}.{period}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    def hide(self, event: Event, at: float) -> Event:
        """The event as the log may have it; what it says of nobody by name is as it was."""
        fields = self._fields[type(event)]
        if isinstance(event, OperatorActed) and event.action == KICK_ACCOUNT:
            fields = {"target": "account"}
        if not fields:
            return event
        hidden = {name: self.of(named, getattr(event, name), at) for name, named in fields.items()}
        return msgspec.structs.replace(event, **hidden)


def _named(kind: type[Event]) -> dict[str, Named]:
    said = personal_fields(kind)
    return {name: one for name, one in said.items() if one in ("account", "device")}
