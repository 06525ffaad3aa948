"""The signed addresses that players call when something happens to an ad, and what comes back by them.

A tracking address is a pod's token with the place and what happened behind it: `<token>.<slot>.<what>`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from tifo.api.breaks import Break
from tifo.api.creatives import Creative
from tifo.api.events import AdTracked
from tifo.kernel.clock import Clock
from tifo.services.ads import rules
from tifo.services.ads.settings import AdsSettings
from tifo.tokens.beacon import AUDIENCE, CLICK_AUDIENCE, CREATIVES_MAX, BeaconTokens, ClickClaims, PodClaims
from tifo.tokens.jws import TokenRefused
from tifo.tokens.playback import PlaybackClaims

ERROR_CODE_MACRO = "[ERRORCODE]"
"""What a VAST player puts its error's number in place of (VAST 4.3, section 2.3.6.3)."""

OF_BREAK = ("breakStart", "breakEnd", "error")
"""What is told of a break itself (VMAP 1.0.1, section 2.3.3)."""

OF_SLOT = frozenset({*rules.TRACKED, "skip", "error"})
"""What is told of an ad; clicks have addresses of their own."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a beacon says: `slot` counts from 1 and is 0 for the break itself, which has no creative."""

    session: str
    event: str
    break_id: str
    slot: int
    creative: str
    what: str


class Beacons:
    """Signs and reads tracking addresses; nothing is stored."""

    def __init__(self, tokens: BeaconTokens, clock: Clock, settings: AdsSettings, public_url: str) -> None:
        self._tokens = tokens
        self._clock = clock
        self._ttl_s = settings.beacon_ttl_s
        self._base = f"{public_url}/v1/ads"

    def of_break(self, claims: PlaybackClaims, brk: Break) -> str:
        """What the addresses of the break itself begin with; `address` ends them."""
        return f"{self._base}/t/{self._pod(claims, brk, (), 1)}.0"

    def of_pod(self, claims: PlaybackClaims, brk: Break, creatives: Sequence[Creative]) -> tuple[str, ...]:
        """What the addresses of each slot begin with; `address` ends them."""
        found: list[str] = []
        for begin in range(0, len(creatives), CREATIVES_MAX):
            names = tuple(one.id for one in creatives[begin : begin + CREATIVES_MAX])
            where = f"{self._base}/t/{self._pod(claims, brk, names, begin + 1)}"
            found += [f"{where}.{place}" for place in range(begin + 1, begin + 1 + len(names))]
        return tuple(found)

    def click(self, claims: PlaybackClaims, brk: Break, place: int, creative: Creative) -> str:
        """The address that counts a click and leads on; empty for an ad that leads nowhere."""
        to = creative.click_url
        if not rules.leads_somewhere(to):
            return ""
        now = int(self._clock.now())
        said = ClickClaims(
            aud=CLICK_AUDIENCE, nbf=now, exp=now + self._ttl_s, sid=claims.sid, ev=claims.ev,
            brk=brk.id, slot=place, cr=creative.id, to=to,
        )  # fmt: skip
        return f"{self._base}/c/{self._tokens.clicks.sign(said)}"

    def read(self, beacon: str) -> Told:
        """What a beacon says; raises `TokenRefused` for one that is not ours or no longer counts."""
        token, slot, what = _parts(beacon)
        claims = self._tokens.pods.verify(token, self._clock.now())
        place = slot - claims.first
        if slot and not 0 <= place < len(claims.crs):
            raise TokenRefused("claims")
        creative = claims.crs[place] if slot else ""
        return Told(claims.sid, claims.ev, claims.brk, slot, creative, what)

    def read_click(self, click: str) -> tuple[Told, str]:
        """What a click says and where it leads; raises `TokenRefused` as `read` does."""
        claims = self._tokens.clicks.verify(click, self._clock.now())
        return Told(claims.sid, claims.ev, claims.brk, claims.slot, claims.cr, "click"), claims.to

    def _pod(self, claims: PlaybackClaims, brk: Break, creatives: tuple[str, ...], first: int) -> str:
        now = int(self._clock.now())
        said = PodClaims(
            aud=AUDIENCE, nbf=now, exp=now + self._ttl_s, sid=claims.sid, ev=claims.ev,
            brk=brk.id, crs=creatives, first=first,
        )  # fmt: skip
        return self._tokens.pods.sign(said)


def address(where: str, what: str) -> str:
    """The address to call when that happens there."""
    return f"{where}.{what}?code={ERROR_CODE_MACRO}" if what == "error" else f"{where}.{what}"


def tracked(told: Told, code: int = 0) -> AdTracked:
    """What a beacon tells the log; `code` counts for an error only."""
    return AdTracked(
        session=told.session,
        event=told.event,
        break_id=told.break_id,
        slot=told.slot,
        creative=told.creative,
        what=told.what,
        code=code if told.what == "error" else 0,
    )


def event_id(told: Told) -> str:
    """The same for all that says the same: a beacon called twice, and that of a pod that was asked for again.

    When it was signed and until when it counts is no part of it.
    """
    said = "\0".join((told.session, told.event, told.break_id, str(told.slot), told.creative, told.what))
    return f"evt_{blake2b(said.encode(), digest_size=10).hexdigest()}"


def error_code(text: str | None) -> int:
    """The number of a VAST error as a player wrote it; 0 for one that it did not put in place."""
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) <= 3 else 0


def _parts(beacon: str) -> tuple[str, int, str]:
    """Token, place and what happened; a place has one form, and only what is ever told there is read."""
    token, _, end = beacon.rpartition(".")
    token, _, place = token.rpartition(".")
    slot = int(place) if len(place) <= 3 and place.isdecimal() and place.isascii() else -1
    if str(slot) != place or end not in (OF_SLOT if slot else OF_BREAK):
        raise TokenRefused("malformed")
    return token, slot, end
