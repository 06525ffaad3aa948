from typing import Annotated

import msgspec
from falcon.asgi import Request, Response

from tifo.services.video.service import Renewal, VideoService
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import Credential, Handlers, Lean, LeanAnswer, LeanRequest, Query, Route

HLS = "application/vnd.apple.mpegurl"
DASH = "application/dash+xml"

_PROBLEMS = ("bad-token", "ended", "kicked", "not-found", "origin-unavailable")
_RENEW = Query("renew", "1 from a player that renews its addresses: they are short-lived", int)
_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class PathwayAddress(msgspec.Struct, frozen=True):
    """A session's address of one pathway in parts: `before` + `token` + `after`, a path, and `query`.

    A token stands in the path, where it is one segment, or in the query; the other of the two is empty. An
    address is this pathway's when it begins with `before`, any one segment where there is a token, and
    `after`.
    """

    pathway: str
    before: str
    token: str
    after: str
    query: Annotated[str, msgspec.Meta(description="parameters, without a question mark")]


class AddressesAnswer(msgspec.Struct, frozen=True):
    """New addresses, good for `valid_s` seconds; ask again after `renew_s`. Those of before last as said."""

    addresses: tuple[PathwayAddress, ...]
    valid_s: int
    renew_s: int


ROUTES = (
    Route(
        name="video.playlist",
        method="GET",
        path="/v1/playback/{token}/master.m3u8",
        summary="The session's HLS multivariant playlist",
        credential=Credential.PATH,
        query=(_RENEW,),
        media=HLS,
        problems=_PROBLEMS,
    ),
    Route(
        name="video.manifest",
        method="GET",
        path="/v1/playback/{token}/manifest.mpd",
        summary="The session's DASH MPD",
        credential=Credential.PATH,
        query=(_RENEW,),
        media=DASH,
        problems=_PROBLEMS,
    ),
    Route(
        name="video.addresses",
        method="GET",
        path="/v1/playback/{token}/addresses",
        summary="The session's addresses anew, without a reload",
        credential=Credential.PATH,
        answer=AddressesAnswer,
        problems=_PROBLEMS,
    ),
)


def handlers(service: VideoService, guard: PlaybackGuard) -> Handlers:
    """The handlers of the routes above."""
    encode = msgspec.json.Encoder().encode

    def answer(resp: Response, media: str, text: str) -> None:
        resp.content_type = media
        resp.set_header("Cache-Control", "no-store")
        resp.data = text.encode()

    async def playlist(req: Request, resp: Response, token: str) -> None:
        claims = guard.claims(token)
        answer(resp, HLS, await service.playlist(claims, token, renews=_renews(req)))

    async def manifest(req: Request, resp: Response, token: str) -> None:
        claims = guard.claims(token)
        answer(resp, DASH, await service.manifest(claims, token, renews=_renews(req)))

    async def addresses(request: LeanRequest) -> LeanAnswer:
        renewal = await service.renewal(guard.claims(*request.parameters))
        return LeanAnswer(_HEADERS, encode(addresses_answer(renewal)))

    return {"video.playlist": playlist, "video.manifest": manifest, "video.addresses": Lean(addresses)}


def _renews(request: Request) -> bool:
    return request.get_param("renew") == "1"


def addresses_answer(renewal: Renewal) -> AddressesAnswer:
    """New addresses as players are told them."""
    return AddressesAnswer(
        addresses=tuple(
            PathwayAddress(
                one.pathway,
                one.signed.before,
                one.signed.token,
                one.folder,
                one.signed.query.removeprefix("?"),
            )
            for one in renewal.addresses
        ),
        valid_s=renewal.valid_s,
        renew_s=renewal.renew_s,
    )
