from typing import Annotated

import msgspec
from falcon.asgi import Request, Response

from tifo.api.control import KickBody
from tifo.api.fields import Code, Id, Timestamp
from tifo.api.sessions import Device, Kick, SessionPage
from tifo.kernel.clock import rfc3339
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import JSON_BODY_BYTES_MAX
from tifo.services.sessions.admission import Start
from tifo.services.sessions.service import SessionService, Started
from tifo.serving.bodies import SESSION_QUERY, bearer, read_json, session_query
from tifo.serving.guard import PlaybackGuard
from tifo.serving.routes import (
    Credential,
    Handlers,
    Lean,
    LeanAnswer,
    LeanRequest,
    PlainHandlers,
    Route,
    operators_route,
)

_BEAT_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to watch, on what; after a `stream-limit`, `takeover` its code and `end` the session to end."""

    event: Id
    device: Device
    takeover: Code | None = None
    end: Id | None = None


class Playback(msgspec.Struct, frozen=True):
    """Where the player begins, empty where the event is not there in that format; with `?renew=1` where it
    renews its addresses, for the first time after `renew_s`, at `/v1/playback/{token}/addresses`."""

    hls: str
    dash: str
    renew_s: int


class Streams(msgspec.Struct, frozen=True):
    """The account's slots."""

    limit: int
    used: int


class StartAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session that was let in. Heartbeats every `heartbeat_s`, with `token`, keep it past `expires_at`."""

    session: str
    token: str
    heartbeat_s: int
    expires_at: Timestamp
    playback: Playback
    streams: Streams
    grace_token: Annotated[
        str | None,
        msgspec.Meta(description="starts a session on this device while the login provider is gone"),
    ] = None


class HeartbeatAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`token` is there when the player must use a new one."""

    heartbeat_s: int
    expires_at: Timestamp
    token: Annotated[str | None, msgspec.Meta(description="replaces the token used so far")] = None


ROUTES = (
    Route(
        name="sessions.start",
        method="POST",
        path="/v1/sessions",
        summary="Start watching an event on a device",
        credential=Credential.ACCESS,
        body=StartBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=StartAnswer,
        status=201,
        problems=(
            "bad-token", "not-entitled", "not-found", "stream-limit", "bad-takeover", "event-over",
            "invalid", "unavailable",
        ),
    ),
    Route(
        name="sessions.heartbeat",
        method="POST",
        path="/v1/sessions/{session}/heartbeat",
        summary="Keep a session",
        credential=Credential.PLAYBACK,
        answer=HeartbeatAnswer,
        problems=("bad-token", "ended", "kicked"),
    ),
    Route(
        name="sessions.end",
        method="DELETE",
        path="/v1/sessions/{session}",
        summary="Stop watching; again is the same",
        credential=Credential.PLAYBACK,
        status=204,
        problems=("bad-token",),
    ),
)  # fmt: skip


PEER_ROUTES = (
    operators_route(
        name="sessions.peer-page",
        method="GET",
        path="/v1/peer/sessions",
        summary="Running sessions, for our services in other processes",
        query=SESSION_QUERY,
        answer=SessionPage,
        problems=("bad-credentials", "invalid"),
    ),
    operators_route(
        name="sessions.peer-end",
        method="POST",
        path="/v1/peer/sessions/{session}/end",
        summary="End a session, for our services in other processes",
        body=KickBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    # Control services of before `sessions.peer-kicks` ask for this one, while versions change.
    operators_route(
        name="sessions.peer-kick",
        method="POST",
        path="/v1/peer/sessions/{session}/kick",
        summary="Kick a session, for our services in other processes",
        body=KickBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    operators_route(
        name="sessions.peer-kicks",
        method="POST",
        path="/v1/peer/kicks",
        summary="Kick a session, an account or an event, for our services in other processes",
        body=Kick,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
)


def peer_handlers(service: SessionService) -> PlainHandlers:
    """The handlers of the peer routes; who calls them was checked before."""

    async def page(req: Request, resp: Response) -> None:
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode(await service.page(**session_query(req)))

    async def end(req: Request, resp: Response, session: str) -> None:
        body = await read_json(req, KickBody, JSON_BODY_BYTES_MAX)
        await service.end(session, body.account, body.reason)
        resp.status = 204

    async def kick(req: Request, resp: Response, session: str) -> None:
        body = await read_json(req, KickBody, JSON_BODY_BYTES_MAX)
        await service.kick(Kick("session", session, body.reason, body.account))
        resp.status = 204

    async def kick_many(req: Request, resp: Response) -> None:
        await service.kick(await read_json(req, Kick, JSON_BODY_BYTES_MAX))
        resp.status = 204

    return {
        "sessions.peer-page": page,
        "sessions.peer-end": end,
        "sessions.peer-kick": kick,
        "sessions.peer-kicks": kick_many,
    }


def handlers(service: SessionService, guard: PlaybackGuard, public_url: str, renew_s: int) -> Handlers:
    """The handlers of the routes above; `public_url` is where viewers reach us, and `renew_s` how long a
    player waits before it asks for new addresses."""
    encode = msgspec.json.Encoder().encode

    async def start(req: Request, resp: Response) -> None:
        body = await read_json(req, StartBody, JSON_BODY_BYTES_MAX)
        request = Start(
            access_token=bearer(req),
            event=body.event,
            device=body.device,
            # As the edge saw it, past the proxies that are trusted: no header of the viewer changes it.
            address=req.remote_addr or "",
            takeover=body.takeover or "",
            end=body.end or "",
        )
        answer = _start_answer(await service.start(request), public_url, renew_s)
        resp.status = 201
        resp.content_type = "application/json"
        resp.set_header("Cache-Control", "no-store")
        resp.data = encode(answer)

    async def heartbeat(request: LeanRequest) -> LeanAnswer:
        claims = guard.claims(bearer(request))
        _refuse_another(claims.sid, *request.parameters)
        beat = service.heartbeat(claims)
        answer = HeartbeatAnswer(beat.heartbeat_s, rfc3339(beat.expires_at), beat.token or None)
        return LeanAnswer(_BEAT_HEADERS, encode(answer))

    async def end(req: Request, resp: Response, session: str) -> None:
        claims = guard.signed(bearer(req))
        _refuse_another(claims.sid, session)
        await service.leave(claims)
        resp.status = 204

    return {"sessions.start": start, "sessions.heartbeat": Lean(heartbeat), "sessions.end": end}


def _refuse_another(of_token: str, of_path: str) -> None:
    if of_token != of_path:
        raise Refusal("bad-token", "The token is another session's.", members={"reason": "session"})


def _start_answer(started: Started, public_url: str, renew_s: int) -> StartAnswer:
    playback = f"{public_url}/v1/playback/{started.token}"
    return StartAnswer(
        session=started.lease.session,
        token=started.token,
        heartbeat_s=started.heartbeat_s,
        expires_at=rfc3339(started.lease.until),
        playback=Playback(
            hls=f"{playback}/master.m3u8" if "hls" in started.formats else "",
            dash=f"{playback}/manifest.mpd" if "dash" in started.formats else "",
            renew_s=renew_s,
        ),
        streams=Streams(limit=started.limit, used=started.used),
        grace_token=started.grace_token or None,
    )
