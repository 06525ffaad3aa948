"""Video: a session's playlists, every address signed in its CDN's own format, and its addresses anew."""

from collections.abc import Mapping

import msgspec

from tifo.api.catalogue import TEST_CHANNEL, CalendarEvent, Catalogue
from tifo.api.renditions import RENDITIONS
from tifo.api.steering import Steering
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal
from tifo.kernel.ids import Ids
from tifo.services.video import dash_origin, hls_origin, rules
from tifo.services.video.origins import Origins
from tifo.services.video.settings import VideoSettings
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.playback import PlaybackClaims
from tifo.tokens.ports import Grant


class NewAddress(msgspec.Struct, frozen=True, gc=False):
    """A pathway's address of everything below `folder`, which begins and ends with a slash."""

    pathway: str
    folder: str
    signed: Signed


class Renewal(msgspec.Struct, frozen=True, gc=False):
    """New addresses: good for `valid_s`, and to be had anew after `renew_s`, both in seconds from now."""

    addresses: tuple[NewAddress, ...]
    valid_s: int
    renew_s: int


class VideoService:
    """Writes playlists from memory: calendar, steering decision, origins and the signers' keys."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        origins: Origins,
        signers: Mapping[str, AddressSigner],
        clock: Clock,
        ids: Ids,
        settings: VideoSettings,
        public_url: str,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._origins = origins
        self._signers = signers
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._public_url = public_url

    async def playlist(self, claims: PlaybackClaims, token: str, *, renews: bool = False) -> str:
        """The HLS multivariant playlist; the addresses of a player that `renews` are short-lived.

        Raises `Refusal`: not-found when the event is gone or is not there in HLS, origin-unavailable while
        nothing is known of its origin.
        """
        event = await self._catalogue.event(claims.ev)
        if event.origin == TEST_CHANNEL:
            return rules.multivariant_playlist(self._program(event, claims, token, renews=renews))
        origin = self._origins.hls(event)
        program = self._program(event, claims, token, origin.folder, renews=renews)
        cap_bps = self._steering.bandwidth_max_bps(claims.isp)
        return rules.playlist(program, origin.head, lambda pathway: hls_origin.form(pathway, origin, cap_bps))

    async def manifest(self, claims: PlaybackClaims, token: str, *, renews: bool = False) -> str:
        """The DASH MPD. Raises as `playlist`; not-found as well when no CDN's token survives in DASH."""
        event = await self._catalogue.event(claims.ev)
        now = rfc3339(self._clock.now())
        if event.origin == TEST_CHANNEL:
            return rules.mpd(_in_dash(self._program(event, claims, token, renews=renews)), now)
        origin = self._origins.dash(event)
        program = self._program(event, claims, token, origin.folder, renews=renews)
        return dash_origin.mpd(_in_dash(program), origin, now)

    async def renewal(self, claims: PlaybackClaims) -> Renewal:
        """New addresses for a session that plays. Raises as `playlist`.

        Those that it had are valid to their end.
        """
        event = await self._catalogue.event(claims.ev)
        folders = ("/",) if event.origin == TEST_CHANNEL else self._origins.folders(event)
        ttl_s, now = self._settings.renewed_ttl_s, self._clock.now()
        grants = [self._grant(claims, _channel(event) + folder, ttl_s) for folder in folders]
        renew_at = min(signer.renew_at(grant) for signer in self._signers.values() for grant in grants)
        return Renewal(
            addresses=tuple(
                NewAddress(pathway, grant.prefix, signer.address(grant))
                for pathway, signer in self._signers.items()
                for grant in grants
            ),
            valid_s=ttl_s,
            renew_s=rules.seconds_to_renewal(self._settings.renew_s, renew_at, now, self._ids.fraction()),
        )

    def _program(
        self, event: CalendarEvent, claims: PlaybackClaims, token: str, folder: str = "/", *, renews: bool
    ) -> rules.Program:
        """Addresses that open `folder` of the event's channel."""
        channel = _channel(event)
        ttl_s = self._settings.renewed_ttl_s if renews else self._settings.address_ttl_s
        grant = self._grant(claims, channel + folder, ttl_s)
        order = self._steering.order(claims.sid, claims.isp)
        return rules.Program(
            addresses=tuple(self._address(pathway, channel, grant) for pathway in order),
            renditions=rules.within(RENDITIONS, self._steering.bandwidth_max_bps(claims.isp)),
            steering_url=f"{self._public_url}/v1/steering/{token}",
            ads_url=f"{self._public_url}/v1/ads/{token}",
        )

    def _grant(self, claims: PlaybackClaims, folder: str, ttl_s: int) -> Grant:
        now = int(self._clock.now())
        return Grant(claims.sid, folder, now, now + ttl_s)

    def _address(self, pathway: str, channel: str, grant: Grant) -> rules.Address:
        signed = self._signers[pathway].address(grant)
        return rules.Address(pathway, signed.base + channel, signed.query)


def _channel(event: CalendarEvent) -> str:
    return f"/live/{event.channel}"


def _in_dash(program: rules.Program) -> rules.Program:
    if not rules.in_dash(program):
        raise Refusal("not-found", "This event is not there in DASH.")
    return program
