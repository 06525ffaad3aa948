"""Video: a session's playlists, every address signed in its CDN's own format."""

from collections.abc import Mapping

from tifo.api.catalogue import Catalogue
from tifo.api.renditions import RENDITIONS
from tifo.api.steering import Steering
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal
from tifo.services.video import rules
from tifo.services.video.settings import VideoSettings
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant


class VideoService:
    """Writes playlists from memory: the calendar, the steering decision and the signers' keys."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        signers: Mapping[str, AddressSigner],
        clock: Clock,
        settings: VideoSettings,
        public_url: str,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._signers = signers
        self._clock = clock
        self._settings = settings
        self._public_url = public_url

    async def playlist(self, claims: PlaybackClaims, token: str) -> str:
        """The HLS multivariant playlist. Raises `Refusal` (not-found) when the event is gone."""
        return rules.multivariant_playlist(await self._program(claims, token))

    async def manifest(self, claims: PlaybackClaims, token: str) -> str:
        """The DASH MPD. Raises `Refusal` (not-found) as well when no CDN's token survives in DASH."""
        program = await self._program(claims, token)
        if not rules.in_dash(program):
            raise Refusal("not-found", "This event is not there in DASH.")
        return rules.mpd(program, rfc3339(self._clock.now()))

    async def _program(self, claims: PlaybackClaims, token: str) -> rules.Program:
        event = await self._catalogue.event(claims.ev)
        folder = f"/live/{event.channel}"
        addresses = tuple(
            self._address(pathway, claims.sid, folder)
            for pathway in self._steering.order(claims.sid, claims.isp)
        )
        return rules.Program(
            addresses=addresses,
            renditions=rules.within(RENDITIONS, self._steering.bandwidth_max_bps(claims.isp)),
            steering_url=f"{self._public_url}/v1/steering/{token}",
            ads_url=f"{self._public_url}/v1/ads/{token}",
        )

    def _address(self, pathway: str, session: str, folder: str) -> rules.Address:
        now = int(self._clock.now())
        grant = Grant(session, f"{folder}/", now, now + self._settings.address_ttl_s)
        signed = self._signers[pathway].address(grant)
        return rules.Address(pathway, signed.base + folder, signed.query)
