"""The beacon token: one tracking address of one ad in one session, so that it cannot be made up."""

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "beacon"


class BeaconClaims(Claims, frozen=True, kw_only=True):
    """`sid` session, `ev` event, `brk` break, `slot` place in the pod from 1,
    `cr` creative, `what` happened.
    """

    sid: str
    ev: str
    brk: str
    slot: int
    cr: str
    what: str


BeaconTokens = JwsCodec[BeaconClaims]


def beacon_tokens(keys: Keyring) -> BeaconTokens:
    """The codec of tracking addresses."""
    return JwsCodec(keys, BeaconClaims, AUDIENCE)
