"""What operators ask of the ad inventory: see it, check one, put it in force, and why a pod is as it is."""

import re
from collections.abc import Mapping

import msgspec
from falcon.asgi import Request, Response

from tifo.api.ad_control import (
    AD_LEVERS,
    AdLever,
    AdLeverAnswer,
    CheckAnswer,
    Explained,
    InventoryAnswer,
    ItemExplained,
    RevisionAnswer,
    SlotExplained,
    SwitchBody,
)
from tifo.api.breaks import Break
from tifo.api.inventory import Inventory, Problem
from tifo.board.ad_levers import AdLevers
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX, JSON_BODY_BYTES_MAX
from tifo.services.ads.changes import Source, source_of
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import InventoryDesk
from tifo.services.ads.index import BREAK_S_MAX
from tifo.services.ads.inventory_check import InventoryUnsound, built
from tifo.services.ads.model import VERDICTS, Decision, Verdict, Viewer
from tifo.services.ads.ports import INVENTORY_BYTES_MAX
from tifo.serving.answers import answer_json
from tifo.serving.bodies import operator, read_bytes, read_json
from tifo.serving.routes import PlainHandlers, Query, operators_route

FILE_NAME_LENGTH_MAX = 100
"""Characters of a file's name in the audit trail."""

_DIGEST = re.compile(r"[0-9a-f]{64}")

ROUTES = (
    operators_route(
        name="ads.inventory",
        method="GET",
        path="/v1/control/ads/inventory",
        summary="The ad inventory in force",
        answer=InventoryAnswer,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="ads.load",
        method="PUT",
        path="/v1/control/ads/inventory",
        summary="Put an ad inventory in force, on every node within a second",
        query=(
            Query("on", "the revision that it takes the place of; without, any", int),
            Query("file", "the name of the file that it is from, for the audit trail"),
            Query("sha256", "the hash of that file, for the audit trail; without, the body's"),
        ),
        body=Inventory,
        body_bytes_max=INVENTORY_BYTES_MAX,
        answer=RevisionAnswer,
        problems=("bad-credentials", "invalid", "inventory-changed", "unavailable"),
    ),
    operators_route(
        name="ads.check",
        method="POST",
        path="/v1/control/ads/check",
        summary="All that is wrong with an ad inventory; changes nothing",
        body=Inventory,
        body_bytes_max=INVENTORY_BYTES_MAX,
        answer=CheckAnswer,
        problems=("bad-credentials",),
    ),
    operators_route(
        name="ads.switch",
        method="PUT",
        path="/v1/control/ads/line-items/{item}",
        summary="Switch a line item on or off",
        body=SwitchBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=RevisionAnswer,
        problems=("bad-credentials", "not-found", "invalid", "inventory-changed", "unavailable"),
    ),
    operators_route(
        name="ads.explain",
        method="GET",
        path="/v1/control/ads/explain",
        summary="The pod that a viewer would get now, and why each line item is in it or not",
        query=(
            Query("event", "what is watched"),
            Query("device_kind", "web, mobile, tablet, tv or console"),
            Query("account", "whose caps count; without, nobody's"),
            Query("session", "whose turn it is; without, anybody's"),
            Query("isp", "AS number, such as AS64500"),
            Query("region", "the account's"),
            Query("break", "the break's id, which the turn depends on too"),
            Query("duration_s", "seconds of the break; 60 without", int),
            Query("lever", f"as if this one were in force: {', '.join(AD_LEVERS)}; without, the one that is"),
        ),
        answer=Explained,
        problems=("bad-credentials", "invalid"),
    ),
)


def handlers(desk: InventoryDesk, decider: Decider, levers: AdLevers, clock: Clock) -> PlainHandlers:
    """The handlers of the routes above; who calls them was checked before."""

    async def inventory(req: Request, resp: Response) -> None:
        answer_json(resp, InventoryAnswer(desk.kept.revision, desk.kept.inventory))

    async def load(req: Request, resp: Response) -> None:
        on = _number(req, "on")
        document, body = await _document(req)
        revision = await desk.load(operator(req), document, on, _source(req, body))
        answer_json(resp, RevisionAnswer(revision))

    async def check(req: Request, resp: Response) -> None:
        answer_json(resp, CheckAnswer(_problems((await _document(req))[0])))

    async def switch(req: Request, resp: Response, item: str) -> None:
        body = await read_json(req, SwitchBody, JSON_BODY_BYTES_MAX)
        revision = await desk.switch(operator(req), item[:ID_LENGTH_MAX], active=body.active)
        answer_json(resp, RevisionAnswer(revision))

    async def explain(req: Request, resp: Response) -> None:
        viewer, brk, in_force = _viewer(req), _break(req, clock.now()), levers.answer
        lever = _lever(req) or in_force.in_force
        decision, told = decider.explain(viewer, brk, lever)
        answer_json(resp, explained(desk.kept.revision, decision, told, lever, in_force))

    return {
        "ads.inventory": inventory,
        "ads.load": load,
        "ads.check": check,
        "ads.switch": switch,
        "ads.explain": explain,
    }


def explained(
    revision: int,
    decision: Decision,
    told: Mapping[str, Verdict],
    lever: AdLever,
    in_force: AdLeverAnswer,
) -> Explained:
    """The answer's form of a decision and of what became of every line item."""
    pod = (
        SlotExplained(
            one.creative.id, one.creative.duration_s, one.kind, one.item.id if one.item is not None else ""
        )
        for one in decision.picks
    )
    items = sorted(told.items(), key=lambda one: (one[1] != "chosen", one[0]))
    why = (ItemExplained(name, verdict, VERDICTS[verdict]) for name, verdict in items)
    return Explained(revision, tuple(pod), decision.rest_s, tuple(why), lever, in_force)


async def _document(req: Request) -> tuple[object, bytes]:
    body = await read_bytes(req, INVENTORY_BYTES_MAX)
    try:
        return msgspec.json.decode(body), body
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("bad-request", f"The body is not JSON: {error}") from None


def _source(req: Request, body: bytes) -> Source:
    file, digest = req.get_param("file") or "", req.get_param("sha256") or ""
    if digest and not _DIGEST.fullmatch(digest):
        raise Refusal("invalid", "sha256 is 64 hexadecimal digits, lower case.")
    if len(file) > FILE_NAME_LENGTH_MAX or not file.isprintable():
        raise Refusal("invalid", f"file is a name of at most {FILE_NAME_LENGTH_MAX} characters.")
    return source_of(body, file, digest)


def _problems(document: object) -> tuple[Problem, ...]:
    try:
        built(document)
    except InventoryUnsound as error:
        return error.problems
    return ()


def _viewer(req: Request) -> Viewer:
    def text(name: str) -> str:
        return (req.get_param(name) or "")[:ID_LENGTH_MAX]

    return Viewer(
        text("session"), text("account"), text("event"), text("device_kind"), text("isp"), text("region")
    )


def _break(req: Request, now: float) -> Break:
    duration_s = _number(req, "duration_s")
    duration_s = 60 if duration_s is None else duration_s
    if duration_s > BREAK_S_MAX:
        raise Refusal("invalid", f"duration_s is at most {BREAK_S_MAX}.")
    return Break((req.get_param("break") or "")[:ID_LENGTH_MAX], now, float(duration_s))


def _lever(req: Request) -> AdLever | None:
    text = req.get_param("lever") or ""
    lever = next((one for one in AD_LEVERS if one == text), None)
    if text and lever is None:
        raise Refusal("invalid", f"lever is one of {', '.join(AD_LEVERS)}.")
    return lever


def _number(req: Request, name: str) -> int | None:
    text = req.get_param(name) or ""
    if text and not (text.isdecimal() and len(text) <= 12):
        raise Refusal("invalid", f"{name} is a whole number.")
    return int(text) if text else None
