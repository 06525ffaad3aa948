"""The beacon token: one tracking address of one ad in one session, so that it cannot be made up."""

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "beacon"


class BeaconClaims(Claims, frozen=True, kw_only=True, omit_defaults=True):
    """`sid` session, `ev` event, `brk` break, `slot` place in the pod from 1 (0 is the break itself),
    `cr` creative, `what` happened; `to` is the address that a click leads to.
    """

    sid: str
    ev: str
    brk: str
    slot: int
    cr: str
    what: str
    to: str = ""


BeaconTokens = JwsCodec[BeaconClaims]


def beacon_tokens(keys: Keyring) -> BeaconTokens:
    """The codec of tracking addresses."""
    return JwsCodec(keys, BeaconClaims, AUDIENCE)
