"""Video: a session's playlists, every address signed in its CDN's own format, and its addresses anew."""

from collections.abc import Mapping

import msgspec

from tifo.api.catalogue import Catalogue
from tifo.api.renditions import RENDITIONS
from tifo.api.steering import Steering
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal
from tifo.kernel.ids import Ids
from tifo.services.video import rules
from tifo.services.video.settings import VideoSettings
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant


class Renewal(msgspec.Struct, frozen=True, gc=False):
    """New addresses of everything below `folder`, each with its pathway: good for `valid_s`, and to be had
    anew after `renew_s`, both in seconds from now."""

    folder: str
    signed: tuple[tuple[str, Signed], ...]
    valid_s: int
    renew_s: int


class VideoService:
    """Writes playlists from memory: the calendar, the steering decision and the signers' keys."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        signers: Mapping[str, AddressSigner],
        clock: Clock,
        ids: Ids,
        settings: VideoSettings,
        public_url: str,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._signers = signers
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._public_url = public_url

    async def playlist(self, claims: PlaybackClaims, token: str, *, renews: bool = False) -> str:
        """The HLS multivariant playlist. Raises `Refusal` (not-found) when the event is gone.

        The addresses of a player that `renews` are short-lived.
        """
        return rules.multivariant_playlist(await self._program(claims, token, renews=renews))

    async def manifest(self, claims: PlaybackClaims, token: str, *, renews: bool = False) -> str:
        """The DASH MPD. Raises `Refusal` (not-found) as well when no CDN's token survives in DASH."""
        program = await self._program(claims, token, renews=renews)
        if not rules.in_dash(program):
            raise Refusal("not-found", "This event is not there in DASH.")
        return rules.mpd(program, rfc3339(self._clock.now()))

    async def renewal(self, claims: PlaybackClaims) -> Renewal:
        """New addresses for a session that plays. Raises `Refusal` (not-found) when the event is gone.

        Those that it had are valid to their end.
        """
        folder, ttl_s = await self._folder(claims), self._settings.renewed_ttl_s
        now = self._clock.now()
        grant = self._grant(claims, folder, ttl_s)
        renew_at = min(signer.renew_at(grant) for signer in self._signers.values())
        return Renewal(
            folder=folder,
            signed=tuple((pathway, signer.address(grant)) for pathway, signer in self._signers.items()),
            valid_s=ttl_s,
            renew_s=rules.seconds_to_renewal(self._settings.renew_s, renew_at, now, self._ids.fraction()),
        )

    async def _program(self, claims: PlaybackClaims, token: str, *, renews: bool) -> rules.Program:
        folder = await self._folder(claims)
        ttl_s = self._settings.renewed_ttl_s if renews else self._settings.address_ttl_s
        grant = self._grant(claims, folder, ttl_s)
        addresses = tuple(
            self._address(pathway, folder, grant) for pathway in self._steering.order(claims.sid, claims.isp)
        )
        return rules.Program(
            addresses=addresses,
            renditions=rules.within(RENDITIONS, self._steering.bandwidth_max_bps(claims.isp)),
            steering_url=f"{self._public_url}/v1/steering/{token}",
            ads_url=f"{self._public_url}/v1/ads/{token}",
        )

    async def _folder(self, claims: PlaybackClaims) -> str:
        event = await self._catalogue.event(claims.ev)
        return f"/live/{event.channel}"

    def _grant(self, claims: PlaybackClaims, folder: str, ttl_s: int) -> Grant:
        now = int(self._clock.now())
        return Grant(claims.sid, f"{folder}/", now, now + ttl_s)

    def _address(self, pathway: str, folder: str, grant: Grant) -> rules.Address:
        signed = self._signers[pathway].address(grant)
        return rules.Address(pathway, signed.base + folder, signed.query)
