"""What a credential looks like, in RE2's words: whatever looks different is refused unread."""

_CHARACTER = "[A-Za-z0-9_-]"

BEARER = rf"[Bb]earer {_CHARACTER}+\.{_CHARACTER}+\.{_CHARACTER}+"
"""An `Authorization` header with a compact JWS; its length is bounded by that of all headers."""

JWS_HEADER_LENGTH_MAX = 400
JWS_CLAIMS_LENGTH_MAX = 1000
JWS_SIGNATURE_LENGTH_MAX = 600
"""Characters of the three parts of a token in a path: 2,002 with their dots. RE2 counts to 1,000."""

PATH_TOKEN = (
    rf"{_CHARACTER}{{8,{JWS_HEADER_LENGTH_MAX}}}"
    rf"\.{_CHARACTER}{{8,{JWS_CLAIMS_LENGTH_MAX}}}"
    rf"\.{_CHARACTER}{{8,{JWS_SIGNATURE_LENGTH_MAX}}}"
)
"""A compact JWS as one segment of a path."""
