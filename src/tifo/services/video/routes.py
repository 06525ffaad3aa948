from falcon.asgi import Request, Response

from tifo.services.video.service import VideoService
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import Credential, Handlers, Route

HLS = "application/vnd.apple.mpegurl"
DASH = "application/dash+xml"

_PROBLEMS = ("bad-token", "ended", "kicked", "not-found", "origin-unavailable")

ROUTES = (
    Route(
        name="video.playlist",
        method="GET",
        path="/v1/playback/{token}/master.m3u8",
        summary="The session's HLS multivariant playlist",
        credential=Credential.PATH,
        media=HLS,
        problems=_PROBLEMS,
    ),
    Route(
        name="video.manifest",
        method="GET",
        path="/v1/playback/{token}/manifest.mpd",
        summary="The session's DASH MPD",
        credential=Credential.PATH,
        media=DASH,
        problems=_PROBLEMS,
    ),
)


def handlers(service: VideoService, guard: PlaybackGuard) -> Handlers:
    """The handlers of the routes above."""

    def answer(resp: Response, media: str, text: str) -> None:
        resp.content_type = media
        resp.set_header("Cache-Control", "no-store")
        resp.data = text.encode()

    async def playlist(req: Request, resp: Response, token: str) -> None:
        answer(resp, HLS, await service.playlist(guard.claims(token), token))

    async def manifest(req: Request, resp: Response, token: str) -> None:
        answer(resp, DASH, await service.manifest(guard.claims(token), token))

    return {"video.playlist": playlist, "video.manifest": manifest}
