"""The signed addresses that players call when something happens to an ad, and what comes back by them."""

from hashlib import blake2b

from tifo.api.breaks import Break
from tifo.api.creatives import Creative
from tifo.api.events import AdTracked
from tifo.kernel.clock import Clock
from tifo.services.ads import rules
from tifo.services.ads.settings import AdsSettings
from tifo.tokens.beacon import AUDIENCE, BeaconClaims, BeaconTokens
from tifo.tokens.playback import PlaybackClaims

ERROR_CODE_MACRO = "[ERRORCODE]"
"""What a VAST player puts its error's number in place of (VAST 4.3, section 2.3.6.3)."""


class Beacons:
    """Signs and reads tracking addresses; nothing is stored."""

    def __init__(self, tokens: BeaconTokens, clock: Clock, settings: AdsSettings, public_url: str) -> None:
        self._tokens = tokens
        self._clock = clock
        self._ttl_s = settings.beacon_ttl_s
        self._base = f"{public_url}/v1/ads"

    def of_break(self, claims: PlaybackClaims, brk: Break, what: str) -> str:
        """The address for what happens to the break itself."""
        return f"{self._base}/t/{self._sign(claims, brk.id, 0, '', what)}{_query(what)}"

    def of_slot(self, claims: PlaybackClaims, brk: Break, place: int, creative: Creative, what: str) -> str:
        """The address for what happens to the ad at a place of the pod."""
        return f"{self._base}/t/{self._sign(claims, brk.id, place, creative.id, what)}{_query(what)}"

    def click(self, claims: PlaybackClaims, brk: Break, place: int, creative: Creative) -> str:
        """The address that counts a click and leads on; empty for an ad that leads nowhere."""
        to = creative.click_url
        if not rules.leads_somewhere(to):
            return ""
        return f"{self._base}/c/{self._sign(claims, brk.id, place, creative.id, 'click', to)}"

    def read(self, beacon: str) -> BeaconClaims:
        """What a beacon says; raises `TokenRefused` for one that is not ours or no longer counts."""
        return self._tokens.verify(beacon, self._clock.now())

    def _sign(
        self, claims: PlaybackClaims, brk: str, place: int, creative: str, what: str, to: str = ""
    ) -> str:
        now = int(self._clock.now())
        return self._tokens.sign(
            BeaconClaims(
                aud=AUDIENCE,
                nbf=now,
                exp=now + self._ttl_s,
                sid=claims.sid,
                ev=claims.ev,
                brk=brk,
                slot=place,
                cr=creative,
                what=what,
                to=to,
            )
        )


def tracked(claims: BeaconClaims, code: int = 0) -> AdTracked:
    """What a beacon tells the log; `code` counts for an error only."""
    return AdTracked(
        session=claims.sid,
        event=claims.ev,
        break_id=claims.brk,
        slot=claims.slot,
        creative=claims.cr,
        what=claims.what,
        code=code if claims.what == "error" else 0,
    )


def event_id(claims: BeaconClaims) -> str:
    """The same for all that says the same: a beacon called twice, and that of a pod that was asked for again.

    When it was signed and until when it counts is no part of it.
    """
    said = "\0".join((claims.sid, claims.ev, claims.brk, str(claims.slot), claims.cr, claims.what))
    return f"evt_{blake2b(said.encode(), digest_size=10).hexdigest()}"


def error_code(text: str | None) -> int:
    """The number of a VAST error as a player wrote it; 0 for one that it did not put in place."""
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) <= 3 else 0


def _query(what: str) -> str:
    return f"?code={ERROR_CODE_MACRO}" if what == "error" else ""
