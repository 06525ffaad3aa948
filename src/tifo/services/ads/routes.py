import math

from falcon.asgi import Request, Response

from tifo.kernel.errors import Refusal
from tifo.services.ads import vast
from tifo.services.ads.asset_list import AssetList, encoded
from tifo.services.ads.outside import Device
from tifo.services.ads.service import AdService
from tifo.services.ads.tracking import OF_BREAK, address, error_code
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import (
    Credential,
    Handler,
    Handlers,
    Lean,
    LeanAnswer,
    LeanRequest,
    Query,
    Route,
)
from tifo.tokens.playback import PlaybackClaims

EPOCH_S_MAX = 1e11
"""Epoch seconds of any moment that a request may name."""


_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))

_REFUSED = ("bad-token", "ended", "kicked", "not-found")

ROUTES = (
    Route(
        name="ads.break",
        method="GET",
        path="/v1/ads/{token}/breaks/{brk}",
        summary="The asset list of an interstitial, decided for the session",
        credential=Credential.PATH,
        query=(Query("_HLS_start_offset", "seconds into the break at which a late joiner begins", float),),
        answer=AssetList,
        problems=_REFUSED,
    ),
    Route(
        name="ads.vast",
        method="GET",
        path="/v1/ads/{token}/breaks/{brk}/vast",
        summary="The same pod as VAST",
        credential=Credential.PATH,
        query=(Query("version", "4.3, which it is without, or 4.2"),),
        media=vast.MEDIA,
        problems=(*_REFUSED, "invalid"),
    ),
    Route(
        name="ads.vmap",
        method="GET",
        path="/v1/ads/{token}/vmap",
        summary="The breaks that are on or to come, as VMAP",
        credential=Credential.PATH,
        query=(
            Query("since", "epoch second at which the content begins; without, the session's start", float),
        ),
        media=vast.MEDIA,
        problems=(*_REFUSED, "invalid"),
    ),
    Route(
        name="ads.present",
        method="POST",
        path="/v1/ads/{token}/present",
        summary="A player will come for breaks: ads of outside servers are fetched ahead for it",
        credential=Credential.PATH,
        status=204,
        problems=("bad-token", "ended", "kicked"),
    ),
    Route(
        name="ads.track",
        method="GET",
        path="/v1/ads/t/{beacon}",
        summary="Ad tracking: 204 whatever happens",
        query=(Query("code", "the number of a VAST error", int),),
        status=204,
    ),
    Route(
        name="ads.click",
        method="GET",
        path="/v1/ads/c/{beacon}",
        summary="A click: counted, and led on to the address that was signed with it",
        status=302,
        problems=("bad-token",),
    ),
)


def handlers(service: AdService, guard: PlaybackGuard, public_url: str) -> Handlers:
    """The handlers of the routes above."""

    async def asset_list(request: LeanRequest) -> LeanAnswer:
        # Whole also for a late joiner, who says so in _HLS_start_offset: players place the list at the
        # break's start and skip into it themselves.
        token, brk = request.parameters
        return LeanAnswer(_HEADERS, encoded(service.serve(_present(service, guard, request, token), brk)))

    async def present(req: Request, resp: Response, token: str) -> None:
        _present(service, guard, req, token)
        resp.status = 204
        resp.set_header("Cache-Control", "no-store")

    async def track(req: Request, resp: Response, beacon: str) -> None:
        await service.track(beacon, error_code(req.get_param("code")))
        resp.status = 204
        resp.set_header("Cache-Control", "no-store")

    async def click(req: Request, resp: Response, beacon: str) -> None:
        resp.set_header("Location", await service.click(beacon))
        resp.status = 302
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Referrer-Policy", "no-referrer")  # the address has the viewer's token in it

    return {
        "ads.break": Lean(asset_list),
        "ads.vast": _vast(service, guard),
        "ads.vmap": _vmap(service, guard, public_url),
        "ads.present": present,
        "ads.track": track,
        "ads.click": click,
    }


def _vast(service: AdService, guard: PlaybackGuard) -> Handler:
    async def answer(req: Request, resp: Response, token: str, brk: str) -> None:
        claims, version = _present(service, guard, req, token), _version(req)
        slots = service.pod(claims, brk)
        _xml(resp, vast.pod(slots, version, "" if slots else service.error_url(claims, brk)))

    return answer


def _vmap(service: AdService, guard: PlaybackGuard, public_url: str) -> Handler:
    async def answer(req: Request, resp: Response, token: str) -> None:
        claims = _present(service, guard, req, token)
        since = _since(req, float(claims.since))
        found = [
            (
                one,
                f"{public_url}/v1/ads/{token}/breaks/{one.id}/vast",
                [(what, address(service.beacons.of_break(claims, one), what)) for what in OF_BREAK],
            )
            for one in service.upcoming()
        ]
        _xml(resp, vast.schedule(found, since))

    return answer


def _present(
    service: AdService, guard: PlaybackGuard, req: Request | LeanRequest, token: str
) -> PlaybackClaims:
    """Who asks, and with what; raises `Refusal` of the guard's."""
    claims = guard.claims(token)
    service.seen(claims, lambda: _device(req))
    return claims


def _device(req: Request | LeanRequest) -> Device:
    agent, languages = req.get_header("User-Agent") or "", req.get_header("Accept-Language") or ""
    return Device(req.remote_addr or "", agent, languages)


def _version(req: Request) -> vast.Version:
    match req.get_param("version") or "4.3":
        case "4.3":
            return "4.3"
        case "4.2":
            return "4.2"
    raise Refusal("invalid", "version is 4.2 or 4.3.")


def _since(req: Request, otherwise: float) -> float:
    text = req.get_param("since") or ""
    try:
        since = float(text) if text else otherwise
    except ValueError:
        since = math.nan
    if not 0 <= since < EPOCH_S_MAX:
        raise Refusal("invalid", "since is a time in epoch seconds.")
    return since


def _xml(resp: Response, document: bytes) -> None:
    resp.content_type = vast.MEDIA
    resp.set_header("Cache-Control", "no-store")
    resp.data = document
