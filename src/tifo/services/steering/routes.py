from typing import Annotated

import msgspec
from falcon.asgi import Request, Response

from tifo.services.steering.service import SteeringService
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import Credential, Handlers, Query, Route

MEDIA_TYPE = "application/vnd.apple.steering-list"

QUERY_VALUE_LENGTH_MAX = 256
"""Characters of a player's report that are looked at."""


class SteeringManifest(msgspec.Struct, frozen=True):
    """A steering manifest (draft-pantos-content-steering-05, section 3)."""

    version: Annotated[int, msgspec.Meta(ge=1, le=1)] = msgspec.field(name="VERSION")
    ttl: int = msgspec.field(name="TTL")
    reload_uri: str = msgspec.field(name="RELOAD-URI")
    priority: tuple[str, ...] = msgspec.field(name="PATHWAY-PRIORITY")


ROUTES = (
    Route(
        name="steering.manifest",
        method="GET",
        path="/v1/steering/{token}",
        summary="The steering manifest of a session, for HLS and DASH",
        credential=Credential.PATH,
        query=(
            Query("_HLS_pathway", "the pathway an HLS player is on"),
            Query("_HLS_throughput", "its throughput in bits per second", int),
            Query("_DASH_pathway", "the pathway a DASH player is on, in quotation marks"),
            Query("_DASH_throughput", "its throughput in bits per second", int),
        ),
        answer=SteeringManifest,
        media=MEDIA_TYPE,
        problems=("bad-token", "ended", "kicked"),
    ),
)


def handlers(service: SteeringService, guard: PlaybackGuard, public_url: str) -> Handlers:
    """The handlers of the routes above; RELOAD-URI is absolute, for players disagree on its base."""
    encode = msgspec.json.Encoder().encode

    async def manifest(req: Request, resp: Response, token: str) -> None:
        claims = guard.claims(token)
        service.reported(claims, _reported(req, "pathway"), _reported(req, "throughput"))
        resp.content_type = MEDIA_TYPE
        resp.set_header("Cache-Control", "no-store")
        resp.data = encode(
            SteeringManifest(
                1, service.ttl_s(), f"{public_url}/v1/steering/{token}", service.order(claims.sid)
            )
        )

    return {"steering.manifest": manifest}


def _reported(request: Request, what: str) -> str:
    value = request.get_param(f"_HLS_{what}") or request.get_param(f"_DASH_{what}") or ""
    return value[:QUERY_VALUE_LENGTH_MAX]
