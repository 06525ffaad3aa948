from collections.abc import Mapping
from typing import Annotated

import msgspec
from falcon.uri import parse_query_string

from tifo.services.steering.service import SteeringService
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import Credential, Handlers, Lean, LeanAnswer, LeanRequest, Query, Route

MEDIA_TYPE = "application/vnd.apple.steering-list"
_HEADERS = ((b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store"))

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

    async def manifest(request: LeanRequest) -> LeanAnswer:
        (token,) = request.parameters
        claims = guard.claims(token)
        if request.query:
            query = parse_query_string(request.query.decode("latin-1"))
            service.reported(claims, _reported(query, "pathway"), _reported(query, "throughput"))
        reload_uri = f"{public_url}/v1/steering/{token}"
        answer = SteeringManifest(1, service.ttl_s(), reload_uri, service.order(claims.sid, claims.isp))
        return LeanAnswer(_HEADERS, encode(answer))

    return {"steering.manifest": Lean(manifest)}


def _reported(query: Mapping[str, str | list[str]], what: str) -> str:
    value = query.get(f"_HLS_{what}") or query.get(f"_DASH_{what}") or ""
    return (value if isinstance(value, str) else value[-1])[:QUERY_VALUE_LENGTH_MAX]
