"""The bounded field types that request bodies and answers share."""

from typing import Annotated, Literal

import msgspec

from tifo.kernel.limits import ID_LENGTH_MAX, TOKEN_LENGTH_MAX

# In Python `$` also stands before a last line feed; the rest of each pattern keeps it out.

Id = Annotated[
    str, msgspec.Meta(min_length=1, max_length=ID_LENGTH_MAX, pattern=r"^[A-Za-z0-9._:@-]+$(?!\n)")
]
"""An identifier of ours or of a client: letters, digits and . _ : @ -"""

AccountName = Annotated[str, msgspec.Meta(max_length=ID_LENGTH_MAX)]
"""An account, or empty where it is not known."""

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9]+$(?!\n)")]
"""A one-time code."""

Reason = Annotated[str, msgspec.Meta(max_length=200)]
"""A sentence for a person."""

Token = Annotated[str, msgspec.Meta(max_length=TOKEN_LENGTH_MAX)]
"""A compact JWS."""

DeviceKind = Literal["web", "mobile", "tablet", "tv", "console"]

Timestamp = Annotated[str, msgspec.Meta(description="RFC 3339 in UTC")]
