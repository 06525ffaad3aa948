from falcon.asgi import Request, Response

from tifo.kernel.errors import Refusal
from tifo.kernel.limits import TELEMETRY_BODY_BYTES_MAX
from tifo.services.beacons.service import BeaconService
from tifo.serving.bodies import read_bytes
from tifo.serving.routes import Handlers, Route

MEDIA_TYPES = frozenset({"application/cmcd", "text/cmcd", "text/plain"})
"""CTA-5004-B's own type, its predecessor's, and what a beacon API sends of itself."""

ROUTES = (
    Route(
        name="beacons.cmcd",
        method="POST",
        path="/v1/cmcd",
        summary="CMCD v2 events; 204 means they are kept",
        body=str,
        body_media=tuple(sorted(MEDIA_TYPES)),
        body_bytes_max=TELEMETRY_BODY_BYTES_MAX,
        status=204,
        problems=("unsupported-media-type", "bad-request", "too-large", "unavailable"),
    ),
)


def handlers(service: BeaconService) -> Handlers:
    """The handlers of the routes above."""

    async def cmcd(req: Request, resp: Response) -> None:
        media = (req.content_type or "").partition(";")[0].strip().lower()
        if media not in MEDIA_TYPES:
            raise Refusal("unsupported-media-type", "Send CMCD events as application/cmcd.")
        body = await read_bytes(req, TELEMETRY_BODY_BYTES_MAX)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise Refusal("bad-request", "CMCD events are UTF-8.") from None
        if not await service.report(text) and text.strip():
            raise Refusal("bad-request", "None of the lines is a CMCD record with a session id.")
        resp.status = 204

    return {"beacons.cmcd": cmcd}
