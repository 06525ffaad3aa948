"""The playback token: a session's signed identity, so that its heartbeat reads no store."""

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "playback"


class PlaybackClaims(Claims, frozen=True, kw_only=True):
    """Who watches what on which device.

    `sid` session, `acc` account, `ev` event, `dev` and `kind` the device, `since` when the session
    started and `until` when its lease ends as far as this token knows (epoch seconds); `limit` is the
    account's stream limit when the session started, 0 where the token does not say; `isp` the network that
    the session started from, `reg` the region of the account; empty where it is not known.
    """

    sid: str
    acc: str
    ev: str
    dev: str
    kind: str
    since: int
    until: int
    limit: int = 0
    isp: str = ""
    reg: str = ""


PlaybackTokens = JwsCodec[PlaybackClaims]


def playback_tokens(keys: Keyring) -> PlaybackTokens:
    """The codec of playback tokens."""
    return JwsCodec(keys, PlaybackClaims, AUDIENCE)
