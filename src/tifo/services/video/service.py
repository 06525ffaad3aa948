"""Video: a session's playlists, every address signed in its CDN's own format."""

from collections.abc import Mapping

from tifo.api.catalogue import TEST_CHANNEL, CalendarEvent, Catalogue
from tifo.api.renditions import RENDITIONS
from tifo.api.steering import Steering
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal
from tifo.services.video import dash_origin, hls_origin, rules
from tifo.services.video.origins import Origins
from tifo.services.video.settings import VideoSettings
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant


class VideoService:
    """Writes playlists from memory: calendar, steering decision, origins and the signers' keys."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        origins: Origins,
        signers: Mapping[str, AddressSigner],
        clock: Clock,
        settings: VideoSettings,
        public_url: str,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._origins = origins
        self._signers = signers
        self._clock = clock
        self._settings = settings
        self._public_url = public_url

    async def playlist(self, claims: PlaybackClaims, token: str) -> str:
        """The HLS multivariant playlist.

        Raises `Refusal`: not-found when the event is gone or is not there in HLS, origin-unavailable while
        nothing is known of its origin.
        """
        event = await self._catalogue.event(claims.ev)
        if event.origin == TEST_CHANNEL:
            return rules.multivariant_playlist(self._program(event, claims, token))
        origin = self._origins.hls(event)
        program = self._program(event, claims, token, origin.folder)
        cap_bps = self._steering.bandwidth_max_bps
        return rules.playlist(program, origin.head, lambda pathway: hls_origin.form(pathway, origin, cap_bps))

    async def manifest(self, claims: PlaybackClaims, token: str) -> str:
        """The DASH MPD. Raises as `playlist`; not-found as well when no CDN's token survives in DASH."""
        event = await self._catalogue.event(claims.ev)
        now = rfc3339(self._clock.now())
        if event.origin == TEST_CHANNEL:
            return rules.mpd(_in_dash(self._program(event, claims, token)), now)
        origin = self._origins.dash(event)
        return dash_origin.mpd(_in_dash(self._program(event, claims, token, origin.folder)), origin, now)

    def _program(
        self, event: CalendarEvent, claims: PlaybackClaims, token: str, folder: str = "/"
    ) -> rules.Program:
        """Addresses that open `folder` of the event's channel."""
        channel = f"/live/{event.channel}"
        order = self._steering.order(claims.sid, claims.isp)
        return rules.Program(
            addresses=tuple(self._address(pathway, claims.sid, channel, folder) for pathway in order),
            renditions=rules.within(RENDITIONS, self._steering.bandwidth_max_bps),
            steering_url=f"{self._public_url}/v1/steering/{token}",
            ads_url=f"{self._public_url}/v1/ads/{token}",
        )

    def _address(self, pathway: str, session: str, channel: str, folder: str) -> rules.Address:
        now = int(self._clock.now())
        grant = Grant(session, channel + folder, now, now + self._settings.address_ttl_s)
        signed = self._signers[pathway].address(grant)
        return rules.Address(pathway, signed.base + channel, signed.query)


def _in_dash(program: rules.Program) -> rules.Program:
    if not rules.in_dash(program):
        raise Refusal("not-found", "This event is not there in DASH.")
    return program
