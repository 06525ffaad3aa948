from collections.abc import AsyncIterator

import msgspec
from falcon.asgi import Request, Response

from tifo.api.ad_control import AdLeverAnswer, AdLeverBody, RevisionAnswer, SwitchBody
from tifo.api.audit import NoteBody
from tifo.api.control import (
    AuditAnswer,
    BreakBody,
    BreakDurationBody,
    BreaksAnswer,
    History,
    KickBody,
    Overview,
    PathwayAnswer,
    PathwayBody,
    PostureAnswer,
    PostureBody,
    TrafficBody,
)
from tifo.api.sessions import Kick, SessionPage, Sessions
from tifo.board.entries import PathwayState
from tifo.kernel.limits import ID_LENGTH_MAX, JSON_BODY_BYTES_MAX
from tifo.services.control.service import ControlService
from tifo.serving.answers import answer_json
from tifo.serving.bodies import SESSION_QUERY, read_json, session_query
from tifo.serving.bodies import operator as _operator
from tifo.serving.routes import Handler, PlainHandlers, Query, operators_route

ROUTES = (
    operators_route(
        name="control.overview",
        method="GET",
        path="/v1/control/overview",
        summary="One look at the whole",
        answer=Overview,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="control.stream",
        method="GET",
        path="/v1/control/stream",
        summary="The overview each second, after the curves so far",
        media="text/event-stream",
        problems=("bad-credentials", "unavailable"),
    ),
    operators_route(
        name="control.sessions",
        method="GET",
        path="/v1/control/sessions",
        summary="Running sessions",
        query=SESSION_QUERY,
        answer=SessionPage,
        problems=("bad-credentials", "invalid"),
    ),
    operators_route(
        name="control.kick",
        method="POST",
        path="/v1/control/sessions/{session}/kick",
        summary="End a session and tell its viewer why",
        body=KickBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.end",
        method="POST",
        path="/v1/control/sessions/{session}/end",
        summary="End a session",
        query=(Query("account", "whose session it is: its slot is then free at once"),),
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "unavailable"),
    ),
    operators_route(
        name="control.kicks",
        method="POST",
        path="/v1/control/kicks",
        summary="Kick a session, all sessions of an account, or everybody who watches an event",
        body=Kick,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "not-found", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.posture",
        method="GET",
        path="/v1/control/posture",
        summary="The step of the degradation ladder in force",
        answer=PostureAnswer,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="control.set-posture",
        method="PUT",
        path="/v1/control/posture",
        summary="Put a step of the degradation ladder in force; in `lean`, heartbeats are further apart "
        "and ads are decided by cohort",
        body=PostureBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=PostureAnswer,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.ad-lever",
        method="GET",
        path="/v1/control/ad-lever",
        summary="Whom ads are decided for",
        answer=AdLeverAnswer,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="control.set-ad-lever",
        method="PUT",
        path="/v1/control/ad-lever",
        summary="Decide ads for each viewer, by cohort, or fill breaks with house ads only, or with none",
        body=AdLeverBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=AdLeverAnswer,
        problems=("bad-credentials", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.pathway",
        method="PUT",
        path="/v1/control/pathways/{pathway}",
        summary="Take a CDN out, drain it or bring it back; fix its share of the traffic",
        body=PathwayBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=PathwayAnswer,
        problems=("bad-credentials", "not-found", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.breaks",
        method="GET",
        path="/v1/control/breaks",
        summary="The breaks of the last minutes and the next hours",
        answer=BreaksAnswer,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="control.start-break",
        method="POST",
        path="/v1/control/breaks",
        summary="Start a break, plan one, or say what a SCTE-35 cue says",
        body=BreakBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=BreaksAnswer,
        problems=("bad-credentials", "break-overlap", "not-found", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.resize-break",
        method="PUT",
        path="/v1/control/breaks/{brk}",
        summary="How long a break shall last in all",
        body=BreakDurationBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=BreaksAnswer,
        problems=("bad-credentials", "break-overlap", "not-found", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.return-break",
        method="DELETE",
        path="/v1/control/breaks/{brk}",
        summary="End a break early, or call off one that has not begun",
        answer=BreaksAnswer,
        problems=("bad-credentials", "not-found", "unavailable"),
    ),
    operators_route(
        name="control.switch-line-item",
        method="PUT",
        path="/v1/control/line-items/{item}",
        summary="Switch a line item on or off, wherever ads are decided",
        body=SwitchBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=RevisionAnswer,
        problems=("bad-credentials", "not-found", "invalid", "inventory-changed", "unavailable"),
    ),
    operators_route(
        name="control.traffic",
        method="POST",
        path="/v1/control/traffic",
        summary="What CDNs' own logs say they carry; it goes before what players report",
        body=TrafficBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "not-found", "invalid", "unavailable"),
    ),
    operators_route(
        name="control.audit",
        method="GET",
        path="/v1/control/audit",
        summary="Who did what to what, newest first",
        answer=AuditAnswer,
        problems=("bad-credentials", "unavailable"),
    ),
    operators_route(
        name="control.note",
        method="POST",
        path="/v1/control/audit",
        summary="Note what an operator did on the operators' port of another service",
        body=NoteBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        status=204,
        problems=("bad-credentials", "invalid"),
    ),
)


def handlers(service: ControlService, sessions: Sessions) -> PlainHandlers:
    """The handlers of the routes above; who calls them was checked before."""
    return {
        "control.overview": _overview(service),
        "control.stream": _stream(service),
        "control.sessions": _sessions(sessions),
        "control.kick": _kick(service),
        "control.end": _end(service),
        "control.kicks": _kicks(service),
        "control.posture": _posture(service),
        "control.set-posture": _set_posture(service),
        "control.ad-lever": _ad_lever(service),
        "control.set-ad-lever": _set_ad_lever(service),
        "control.pathway": _pathway(service),
        "control.breaks": _breaks(service),
        "control.start-break": _start_break(service),
        "control.resize-break": _resize_break(service),
        "control.return-break": _return_break(service),
        "control.switch-line-item": _switch_line_item(service),
        "control.traffic": _traffic(service),
        "control.audit": _audit(service),
        "control.note": _note(service),
    }


def _overview(service: ControlService) -> Handler:
    async def overview(req: Request, resp: Response) -> None:
        answer_json(resp, service.overview())

    return overview


def _stream(service: ControlService) -> Handler:
    async def stream(req: Request, resp: Response) -> None:
        resp.stream = _events(service.history(), service.overview(), service.watch())
        resp.content_type = "text/event-stream"
        resp.set_header("Cache-Control", "no-store")

    return stream


async def _events(
    history: History, now: Overview, following: AsyncIterator[Overview]
) -> AsyncIterator[bytes]:
    yield _event("history", history)
    yield _event("overview", now)
    async for overview in following:
        yield _event("overview", overview)


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _sessions(service: Sessions) -> Handler:
    async def sessions(req: Request, resp: Response) -> None:
        answer_json(resp, await service.page(**session_query(req)))

    return sessions


def _kick(service: ControlService) -> Handler:
    async def kick(req: Request, resp: Response, session: str) -> None:
        body = await read_json(req, KickBody, JSON_BODY_BYTES_MAX)
        kick = Kick("session", session[:ID_LENGTH_MAX], body.reason, body.account)
        await service.kick(_operator(req), kick)
        resp.status = 204

    return kick


def _end(service: ControlService) -> Handler:
    async def end(req: Request, resp: Response, session: str) -> None:
        account = (req.get_param("account") or "")[:ID_LENGTH_MAX]
        await service.end(_operator(req), session[:ID_LENGTH_MAX], account)
        resp.status = 204

    return end


def _kicks(service: ControlService) -> Handler:
    async def kicks(req: Request, resp: Response) -> None:
        await service.kick(_operator(req), await read_json(req, Kick, JSON_BODY_BYTES_MAX))
        resp.status = 204

    return kicks


def _posture(service: ControlService) -> Handler:
    async def posture(req: Request, resp: Response) -> None:
        answer_json(resp, PostureAnswer(service.posture))

    return posture


def _set_posture(service: ControlService) -> Handler:
    async def set_posture(req: Request, resp: Response) -> None:
        body = await read_json(req, PostureBody, JSON_BODY_BYTES_MAX)
        await service.set_posture(_operator(req), body.step)
        answer_json(resp, PostureAnswer(body.step))

    return set_posture


def _ad_lever(service: ControlService) -> Handler:
    async def ad_lever(req: Request, resp: Response) -> None:
        answer_json(resp, service.ad_lever)

    return ad_lever


def _set_ad_lever(service: ControlService) -> Handler:
    async def set_ad_lever(req: Request, resp: Response) -> None:
        body = await read_json(req, AdLeverBody, JSON_BODY_BYTES_MAX)
        await service.set_ad_lever(_operator(req), body.ads)
        answer_json(resp, service.ad_lever)

    return set_ad_lever


def _pathway(service: ControlService) -> Handler:
    async def set_pathway(req: Request, resp: Response, pathway: str) -> None:
        body = await read_json(req, PathwayBody, JSON_BODY_BYTES_MAX)
        await service.set_pathway(_operator(req), pathway, PathwayState(body.state, body.share))
        answer_json(resp, PathwayAnswer(pathway, body.state, body.share))

    return set_pathway


def _breaks(service: ControlService) -> Handler:
    async def breaks(req: Request, resp: Response) -> None:
        answer_json(resp, service.breaks())

    return breaks


def _start_break(service: ControlService) -> Handler:
    async def start_break(req: Request, resp: Response) -> None:
        body = await read_json(req, BreakBody, JSON_BODY_BYTES_MAX)
        answer_json(resp, await service.start_break(_operator(req), body))

    return start_break


def _resize_break(service: ControlService) -> Handler:
    async def resize_break(req: Request, resp: Response, brk: str) -> None:
        body = await read_json(req, BreakDurationBody, JSON_BODY_BYTES_MAX)
        answer_json(resp, await service.resize_break(_operator(req), brk[:ID_LENGTH_MAX], body.duration_s))

    return resize_break


def _return_break(service: ControlService) -> Handler:
    async def return_break(req: Request, resp: Response, brk: str) -> None:
        answer_json(resp, await service.return_break(_operator(req), brk[:ID_LENGTH_MAX]))

    return return_break


def _switch_line_item(service: ControlService) -> Handler:
    async def switch(req: Request, resp: Response, item: str) -> None:
        body = await read_json(req, SwitchBody, JSON_BODY_BYTES_MAX)
        revision = await service.switch_line_item(_operator(req), item[:ID_LENGTH_MAX], active=body.active)
        answer_json(resp, RevisionAnswer(revision))

    return switch


def _traffic(service: ControlService) -> Handler:
    async def traffic(req: Request, resp: Response) -> None:
        body = await read_json(req, TrafficBody, JSON_BODY_BYTES_MAX)
        await service.note_traffic(body.samples)
        resp.status = 204

    return traffic


def _audit(service: ControlService) -> Handler:
    async def audit(req: Request, resp: Response) -> None:
        answer_json(resp, await service.audit())

    return audit


def _note(service: ControlService) -> Handler:
    async def note(req: Request, resp: Response) -> None:
        await service.keep_note(await read_json(req, NoteBody, JSON_BODY_BYTES_MAX))
        resp.status = 204

    return note
