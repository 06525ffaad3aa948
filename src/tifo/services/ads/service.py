"""Ads: the pod of a viewer and a break, and the beacons that come back."""

from collections.abc import Callable, Mapping

from tifo.api.breaks import Break, Breaks
from tifo.api.events import BreakDecided
from tifo.api.steering import Steering
from tifo.board.ad_levers import AdLevers
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.services.ads.deciding import Decider
from tifo.services.ads.model import Viewer
from tifo.services.ads.outside import Device, OutsideAds
from tifo.services.ads.served import NOWHERE, Pod, Slot
from tifo.services.ads.settings import AdsSettings
from tifo.services.ads.tracking import Beacons, Told, address, event_id, tracked
from tifo.telemetry.metrics import BEACONS
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.beacon import BeaconTokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant

CROWD = "crowd"
"""Whom addresses of ads are signed for that are not decided for one viewer."""

SHARED_PER_TTL = 10
"""Such an address is handed out for this part of the time that it is valid."""


class AdService:
    """Decides from memory; nothing it does makes a break wait."""

    def __init__(
        self,
        breaks: Breaks,
        decider: Decider,
        levers: AdLevers,
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
        self._levers = levers
        self._outside = outside
        self._steering = steering
        self._signers = signers
        self.beacons = Beacons(tokens, clock, settings, public_url)
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._shared: dict[str, tuple[Signed, float]] = {}

    def serve(self, claims: PlaybackClaims, break_id: str) -> Pod:
        """The pod of a break for a session, the same at every request; raises `Refusal` (not-found)."""
        brk = self._announced(break_id)
        lever = self._levers.in_force
        if brk.end == brk.start:  # called off after players had read of it
            return Pod()
        if lever == "none":
            self._decider.tally.answered((), brk.duration_s)
            return Pod()
        viewer = _viewer(claims)
        decision = self._decider.pod(viewer, brk, lever)
        picks = decision.picks
        if lever != "house":
            picks = self._outside.settle(viewer, brk, picks)
        self._decider.tally.answered(picks, decision.rest_s)
        creatives = tuple([one.creative for one in picks])
        self._publisher.tell(
            BreakDecided(
                session=claims.sid,
                event=claims.ev,
                break_id=brk.id,
                creatives=tuple([creative.id for creative in creatives]),
                line_items=tuple([one.item.id if one.item is not None else "" for one in picks]),
            )
        )
        return Pod(
            session=claims.sid,
            break_id=brk.id,
            creatives=creatives,
            media=self._where(claims, alone=lever == "personal"),
            beacons=self.beacons.of_pod(claims, brk, creatives),
            clicks=tuple([self.beacons.click(claims, brk, n, one) for n, one in enumerate(creatives, 1)]),
            outside=tuple([one.outside for one in picks]),
        )

    def pod(self, claims: PlaybackClaims, break_id: str) -> tuple[Slot, ...]:
        """The slots of what `serve` serves."""
        return tuple(self.serve(claims, break_id).slots())

    def seen(self, claims: PlaybackClaims, device: Callable[[], Device]) -> None:
        """A viewer asks for ads, or for when they are: from now on outside ads are fetched ahead for them,
        and what the account saw on other nodes is read.

        What they have in their hands is asked for where there is an outside server to be told of it.
        """
        self._decider.present.arrived(claims.acc)
        if self._outside.declared:
            self._outside.seen(_viewer(claims), device())

    def upcoming(self) -> tuple[Break, ...]:
        """The breaks that are on or come within `vmap_ahead_s`, oldest first; those called off left out."""
        now = self._clock.now()
        found = self._breaks.between(now, now + self._settings.vmap_ahead_s)
        return tuple(one for one in found if one.end > one.start)

    def error_url(self, claims: PlaybackClaims, break_id: str) -> str:
        """Where to tell that a break had no ad that could be played."""
        return address(self.beacons.of_break(claims, self._announced(break_id)), "error")

    async def track(self, beacon: str, code: int = 0) -> None:
        """Count a beacon: durable when this returns, or waiting in the bounded backlog.

        `code` is that of an error. A beacon that was not signed by us is counted as forged and goes
        nowhere. Never raises: a player has nothing to do with our troubles.
        """
        try:
            told = self.beacons.read(beacon)
        except TokenRefused:
            BEACONS.labels("forged").inc()
        else:
            await self._count(told, code)

    async def click(self, click: str) -> str:
        """Count a click; the address that it leads to. Raises `Refusal` (bad-token)."""
        try:
            told, to = self.beacons.read_click(click)
        except TokenRefused as refused:
            BEACONS.labels("forged").inc()
            raise Refusal(
                "bad-token", "This click leads nowhere.", members={"reason": refused.reason}
            ) from None
        await self._count(told)
        return to

    async def _count(self, told: Told, code: int = 0) -> None:
        kept = await self._publisher.keep_or_tell(tracked(told, code), event_id(told))
        BEACONS.labels("kept" if kept else "deferred").inc()

    def _announced(self, break_id: str) -> Break:
        brk = self._breaks.find(break_id)
        now = self._clock.now()
        if brk is None or not brk.start - self._settings.early_s <= now < brk.end + self._settings.late_s:
            self._decider.tally.refused()
            raise Refusal("not-found", "There is no such break now.")
        return brk

    def _where(self, claims: PlaybackClaims, *, alone: bool) -> Signed:
        """Where the session's CDN has the ads: an address of its own, or one that a crowd shares."""
        now = int(self._clock.now())
        pathway = self._steering.first(claims.sid, claims.isp)
        if alone:
            return self._sign(pathway, claims.sid, now)
        signed, until = self._shared.get(pathway, (NOWHERE, 0.0))
        if now >= until:
            signed = self._sign(pathway, CROWD, now)
            self._shared[pathway] = (signed, now + self._settings.address_ttl_s / SHARED_PER_TTL)
        return signed

    def _sign(self, pathway: str, session: str, now: int) -> Signed:
        return self._signers[pathway].address(
            Grant(session, "/ads/", now, now + self._settings.address_ttl_s)
        )


def _viewer(claims: PlaybackClaims) -> Viewer:
    return Viewer(claims.sid, claims.acc, claims.ev, claims.kind, claims.isp, claims.reg)
