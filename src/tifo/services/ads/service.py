"""Ads: the pod of a viewer and a break, and the beacons that come back."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from tifo.api.breaks import Break, Breaks
from tifo.api.creatives import Creative
from tifo.api.events import BreakDecided
from tifo.api.steering import Steering
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.services.ads import rules
from tifo.services.ads.deciding import Decider
from tifo.services.ads.model import Pick, Viewer
from tifo.services.ads.outside import Device, OutsideAds
from tifo.services.ads.outside_vast import NOTHING, Told
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.tracking import Beacons, event_id, tracked
from tifo.telemetry.metrics import BEACONS
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.beacon import BeaconClaims, BeaconTokens
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
    """One place of a pod: what plays, where it is, and what to report.

    `serving_id` is the same for the same viewer, break and place. `error_url` holds the macro that a player
    puts its error's number in place of. `skip_url` is empty for an ad that may not be skipped, and
    `click_url` where a click leads nowhere. `others` is what the outside server of the ad is to be told.
    """

    creative: Creative
    url: str
    tracking: tuple[Tracking, ...]
    serving_id: str
    error_url: str
    skip_url: str = ""
    click_url: str = ""
    others: Told = NOTHING


class AdService:
    """Decides from memory; nothing it does makes a break wait."""

    def __init__(
        self,
        breaks: Breaks,
        decider: Decider,
        steering: Steering,
        signers: Mapping[str, AddressSigner],
        tokens: BeaconTokens,
        publisher: Publisher,
        clock: Clock,
        settings: AdsSettings,
        public_url: str,
        outside: OutsideAds,
    ) -> None:
        self._breaks = breaks
        self._decider = decider
        self._outside = outside
        self._steering = steering
        self._signers = signers
        self.beacons = Beacons(tokens, clock, settings, public_url)
        self._publisher = publisher
        self._clock = clock
        self._settings = settings

    def pod(self, claims: PlaybackClaims, break_id: str) -> tuple[Slot, ...]:
        """The slots of a break for a session, the same at every request; raises `Refusal` (not-found)."""
        brk = self._announced(break_id)
        if brk.end == brk.start:  # called off after players had read of it
            return ()
        viewer = _viewer(claims)
        picks = self._outside.settle(viewer, brk, self._decider.pod(viewer, brk).picks)
        self._publisher.tell(
            BreakDecided(
                session=claims.sid,
                event=claims.ev,
                break_id=brk.id,
                creatives=tuple(one.creative.id for one in picks),
                line_items=tuple(one.item.id if one.item is not None else "" for one in picks),
            )
        )
        where = self._where(claims)
        return tuple(self._slot(claims, brk, n, pick, where) for n, pick in enumerate(picks, 1))

    def seen(self, claims: PlaybackClaims, device: Device) -> None:
        """A viewer asks for ads, or for when they are: outside ads are fetched ahead for them from now on."""
        self._outside.seen(_viewer(claims), device)

    def upcoming(self) -> tuple[Break, ...]:
        """The breaks that are on or come within `vmap_ahead_s`, oldest first; those called off left out."""
        now = self._clock.now()
        found = self._breaks.between(now, now + self._settings.vmap_ahead_s)
        return tuple(one for one in found if one.end > one.start)

    def error_url(self, claims: PlaybackClaims, break_id: str) -> str:
        """Where to tell that a break had no ad that could be played."""
        return self.beacons.of_break(claims, self._announced(break_id), "error")

    async def track(self, beacon: str, code: int = 0) -> None:
        """Count a beacon: durable when this returns, or waiting in the bounded backlog.

        `code` is that of an error. A beacon that was not signed by us is counted as forged and goes
        nowhere. Never raises: a player has nothing to do with our troubles.
        """
        with contextlib.suppress(TokenRefused):
            await self._count(beacon, code)

    async def click(self, beacon: str) -> str:
        """Count a click; the address that it leads to. Raises `Refusal` (bad-token)."""
        try:
            claims = await self._count(beacon)
        except TokenRefused as refused:
            raise Refusal(
                "bad-token", "This click leads nowhere.", members={"reason": refused.reason}
            ) from None
        if not claims.to:
            raise Refusal("bad-token", "This click leads nowhere.", members={"reason": "claims"})
        return claims.to

    async def _count(self, beacon: str, code: int = 0) -> BeaconClaims:
        try:
            claims = self.beacons.read(beacon)
        except TokenRefused:
            BEACONS.labels("forged").inc()
            raise
        kept = await self._publisher.keep_or_tell(tracked(claims, code), event_id(claims))
        BEACONS.labels("kept" if kept else "deferred").inc()
        return claims

    def _announced(self, break_id: str) -> Break:
        brk = self._breaks.find(break_id)
        now = self._clock.now()
        if brk is None or not brk.start - self._settings.early_s <= now < brk.end + self._settings.late_s:
            self._decider.tally.refused()
            raise Refusal("not-found", "There is no such break now.")
        return brk

    def _slot(self, claims: PlaybackClaims, brk: Break, place: int, pick: Pick, at: Signed) -> Slot:
        creative, ad = pick.creative, pick.outside

        def beacon(what: str) -> str:
            return self.beacons.of_slot(claims, brk, place, creative, what)

        return Slot(
            creative=creative,
            url=ad.url if ad is not None else f"{at.base}/ads/{creative.id}/index.m3u8{at.query}",
            tracking=tuple(
                Tracking(what, share * creative.duration_s, beacon(what)) for what, share in rules.QUARTILES
            ),
            serving_id=rules.serving_id(claims.sid, brk.id, place, creative.id),
            error_url=beacon("error"),
            skip_url="" if creative.skip_after_s is None else beacon("skip"),
            click_url=self.beacons.click(claims, brk, place, creative),
            others=ad.told if ad is not None else NOTHING,
        )

    def _where(self, claims: PlaybackClaims) -> Signed:
        now = int(self._clock.now())
        pathway = self._steering.order(claims.sid, claims.isp)[0]
        grant = Grant(claims.sid, "/ads/", now, now + self._settings.address_ttl_s)
        return self._signers[pathway].address(grant)


def _viewer(claims: PlaybackClaims) -> Viewer:
    return Viewer(claims.sid, claims.acc, claims.ev, claims.kind, claims.isp, claims.reg)
