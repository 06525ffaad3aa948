"""The named limits that several parts share; a part's own limits stand in its own module."""

ID_LENGTH_MAX = 64
"""Characters of an account, device, event, session or pathway identifier."""

TOKEN_LENGTH_MAX = 2048
"""Characters of any token that is looked at; a longer one is refused unread."""

JSON_BODY_BYTES_MAX = 8 * 1024
"""Bytes of a JSON body on the viewers' port."""

TELEMETRY_BODY_BYTES_MAX = 64 * 1024
"""Bytes of one CMCD report."""
