"""What tracking addresses are signed with, so that they cannot be made up.

A pod's token names its viewer, its break and its ads in their order. It opens every tracking address of these
ads: whoever holds one of them was given them all. Where a click leads is signed with the click itself.
"""

from typing import NamedTuple

from tifo.tokens.jws import Claims, JwsCodec
from tifo.tokens.keys import Keyring

AUDIENCE = "beacon"
CLICK_AUDIENCE = "click"

CREATIVES_MAX = 8
"""Ads that one token names, so that it stays short whatever they are called; a longer pod has more tokens."""


class PodClaims(Claims, frozen=True, kw_only=True, omit_defaults=True):
    """`sid` session, `ev` event, `brk` break; `crs` the creatives of its slots from `first` on."""

    sid: str
    ev: str
    brk: str
    crs: tuple[str, ...] = ()
    first: int = 1


class ClickClaims(Claims, frozen=True, kw_only=True):
    """`sid` session, `ev` event, `brk` break, `slot` place in the pod from 1, `cr` creative; `to` is where
    the click leads."""

    sid: str
    ev: str
    brk: str
    slot: int
    cr: str
    to: str


class BeaconTokens(NamedTuple):
    """The codecs of tracking addresses and of clicks."""

    pods: JwsCodec[PodClaims]
    clicks: JwsCodec[ClickClaims]


def beacon_tokens(keys: Keyring) -> BeaconTokens:
    """The codecs; both sign with the same keys, and neither takes what the other signed."""
    return BeaconTokens(JwsCodec(keys, PodClaims, AUDIENCE), JwsCodec(keys, ClickClaims, CLICK_AUDIENCE))
