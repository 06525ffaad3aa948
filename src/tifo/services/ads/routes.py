from typing import Any

import msgspec
from falcon.asgi import Request, Response

from tifo.services.ads.service import AdService, Slot
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import Credential, Handlers, Query, Route


class Asset(msgspec.Struct, frozen=True, rename={"uri": "URI", "duration": "DURATION"}):
    """One creative of an interstitial (draft-pantos-hls-rfc8216bis-22, appendix D.2)."""

    uri: str
    duration: float
    signaling: dict[str, Any] = msgspec.field(name="X-AD-CREATIVE-SIGNALING")


class AssetList(msgspec.Struct, frozen=True):
    """What a player puts in place of the break; an empty list is legal and means no fill."""

    assets: tuple[Asset, ...] = msgspec.field(name="ASSETS")


ROUTES = (
    Route(
        name="ads.break",
        method="GET",
        path="/v1/ads/{token}/breaks/{brk}",
        summary="The asset list of an interstitial, decided for the session",
        credential=Credential.PATH,
        query=(Query("_HLS_start_offset", "seconds into the break at which a late joiner begins", float),),
        answer=AssetList,
        problems=("bad-token", "ended", "kicked", "not-found"),
    ),
    Route(
        name="ads.track",
        method="GET",
        path="/v1/ads/t/{beacon}",
        summary="Ad tracking: 204 whatever happens",
        status=204,
    ),
)


def handlers(service: AdService, guard: PlaybackGuard) -> Handlers:
    """The handlers of the routes above."""
    encode = msgspec.json.Encoder().encode

    async def asset_list(req: Request, resp: Response, token: str, brk: str) -> None:
        # Whole also for a late joiner, who says so in _HLS_start_offset: players place the list at the
        # break's start and skip into it themselves.
        pod = service.pod(guard.claims(token), brk)
        resp.content_type = "application/json"
        resp.set_header("Cache-Control", "no-store")
        resp.data = encode(AssetList(tuple(map(_asset, pod))))

    async def track(req: Request, resp: Response, beacon: str) -> None:
        await service.track(beacon)
        resp.status = 204
        resp.set_header("Cache-Control", "no-store")

    return {"ads.break": asset_list, "ads.track": track}


def _asset(slot: Slot) -> Asset:
    creative = slot.creative
    tracking = [{"type": t.what, "offset": t.offset_s, "urls": [t.url]} for t in slot.tracking]
    payload = {
        "type": "linear",
        "start": 0,
        "duration": creative.duration_s,
        "identifiers": [{"scheme": "tifo", "value": creative.id}],
        "tracking": tracking,
    }
    return Asset(slot.url, float(creative.duration_s), {"version": 2, "type": "linear", "payload": [payload]})
