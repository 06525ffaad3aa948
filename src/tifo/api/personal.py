"""Which fields of events are about a person, and how.

The word stands in each field's schema as `x-personal`: who erases, exports or hides personal data reads it
there. `account` and `device` are what pseudonyms can stand for in the event log.
"""

from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

Personal = Literal["account", "device", "session", "network", "operator", "acted-on", "remark"]
"""`session` leads to an account as long as a record says whose session it is; `acted-on` may be an account
or a session; `remark` is text that an operator wrote."""

X_PERSONAL = "x-personal"


def _about(personal: Personal, description: str) -> msgspec.Meta:
    assert personal in get_args(Personal)
    return msgspec.Meta(description=description, extra_json_schema={X_PERSONAL: personal})


PLAIN = msgspec.Meta(extra_json_schema={X_PERSONAL: False})
"""About nobody."""

OF_SESSION = _about("session", "Sessions by their ids, or what one of them did.")
ACTED_ON = _about("acted-on", "What was acted on, by its id.")

Text = Annotated[str, PLAIN]
AccountId = Annotated[str, _about("account", "The account's id, or its pseudonym.")]
DeviceId = Annotated[str, _about("device", "The device's id, or its pseudonym.")]
SessionId = Annotated[str, _about("session", "The session's id, made by chance for this one playback.")]
Network = Annotated[
    str, _about("network", "The viewer's ISP, or the network they come from; empty for unknown.")
]
Group = Annotated[str, _about("network", "Which viewers: by network, ISP, CDN or event; empty for all.")]
Operator = Annotated[str, _about("operator", "Who acted.")]
Remark = Annotated[str, _about("remark", "What the operator said to it; empty for nothing.")]


def personal_fields(kind: type[msgspec.Struct]) -> dict[str, Personal | Literal[False] | None]:
    """How each field of a type is about a person: False for nobody, None for one that says neither."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: _said(hints[name]) for name in kind.__struct_fields__}


def _said(hint: object) -> Personal | Literal[False] | None:
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra_json_schema:
            said: Personal | Literal[False] | None = meta.extra_json_schema.get(X_PERSONAL)
            return said
    return None
