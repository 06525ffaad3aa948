"""Ads: the pod of a viewer and a break, and the beacons that come back."""

from collections.abc import Mapping
from dataclasses import dataclass

from tifo.api.breaks import Break, BreakSchedule
from tifo.api.creatives import Creative
from tifo.api.events import AdTracked, BreakDecided
from tifo.api.steering import Steering
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.services.ads import rules
from tifo.services.ads.deciding import Decider
from tifo.services.ads.model import Viewer
from tifo.services.ads.settings import AdsSettings
from tifo.telemetry.metrics import BEACONS
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.beacon import AUDIENCE, BeaconClaims, BeaconTokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant


@dataclass(frozen=True, slots=True)
class Tracking:
    """One tracking point: `offset_s` into the creative, and the address to call once."""

    what: str
    offset_s: float
    url: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a pod: what plays, where it is, and what to report."""

    creative: Creative
    url: str
    tracking: tuple[Tracking, ...]


class AdService:
    """Decides from memory; nothing it does makes a break wait."""

    def __init__(
        self,
        schedule: BreakSchedule,
        decider: Decider,
        steering: Steering,
        signers: Mapping[str, AddressSigner],
        tokens: BeaconTokens,
        publisher: Publisher,
        clock: Clock,
        settings: AdsSettings,
        public_url: str,
    ) -> None:
        self._schedule = schedule
        self._decider = decider
        self._steering = steering
        self._signers = signers
        self._tokens = tokens
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._public_url = public_url

    def pod(self, claims: PlaybackClaims, break_id: str) -> tuple[Slot, ...]:
        """The slots of a break for a session, the same at every request; raises `Refusal` (not-found)."""
        brk = self._announced(break_id)
        decision = self._decider.pod(_viewer(claims), brk)
        pod = tuple(one.creative for one in decision.picks)
        self._publisher.tell(
            BreakDecided(
                session=claims.sid,
                event=claims.ev,
                break_id=brk.id,
                creatives=tuple(creative.id for creative in pod),
                line_items=tuple(one.item.id if one.item is not None else "" for one in decision.picks),
            )
        )
        where = self._where(claims)
        return tuple(self._slot(claims, brk, n, creative, where) for n, creative in enumerate(pod, 1))

    async def track(self, beacon: str) -> None:
        """Count a beacon: durable when this returns, or waiting in the bounded backlog.

        A beacon that was not signed by us is counted as forged and goes nowhere. Never raises: a
        player has nothing to do with our troubles.
        """
        try:
            claims = self._tokens.verify(beacon, self._clock.now())
        except TokenRefused:
            BEACONS.labels("forged").inc()
            return
        event = AdTracked(
            session=claims.sid,
            event=claims.ev,
            break_id=claims.brk,
            slot=claims.slot,
            creative=claims.cr,
            what=claims.what,
        )
        kept = await self._publisher.keep_or_tell(event)
        BEACONS.labels("kept" if kept else "deferred").inc()

    def _announced(self, break_id: str) -> Break:
        brk = self._schedule.find(break_id)
        now = self._clock.now()
        if brk is None or not brk.start - self._settings.early_s <= now < brk.end + self._settings.late_s:
            raise Refusal("not-found", "There is no such break now.")
        return brk

    def _slot(self, claims: PlaybackClaims, brk: Break, place: int, creative: Creative, at: Signed) -> Slot:
        tracking = tuple(
            Tracking(what, share * creative.duration_s, self._beacon(claims, brk, place, creative, what))
            for what, share in rules.QUARTILES
        )
        url = f"{at.base}/ads/{creative.id}/index.m3u8{at.query}"
        return Slot(creative, url, tracking)

    def _beacon(self, claims: PlaybackClaims, brk: Break, place: int, creative: Creative, what: str) -> str:
        now = int(self._clock.now())
        token = self._tokens.sign(
            BeaconClaims(
                aud=AUDIENCE,
                nbf=now,
                exp=now + self._settings.beacon_ttl_s,
                sid=claims.sid,
                ev=claims.ev,
                brk=brk.id,
                slot=place,
                cr=creative.id,
                what=what,
            )
        )
        return f"{self._public_url}/v1/ads/t/{token}"

    def _where(self, claims: PlaybackClaims) -> Signed:
        now = int(self._clock.now())
        pathway = self._steering.order(claims.sid, claims.isp)[0]
        grant = Grant(claims.sid, "/ads/", now, now + self._settings.address_ttl_s)
        return self._signers[pathway].address(grant)


def _viewer(claims: PlaybackClaims) -> Viewer:
    return Viewer(claims.sid, claims.acc, claims.ev, claims.kind, claims.isp, claims.reg)
