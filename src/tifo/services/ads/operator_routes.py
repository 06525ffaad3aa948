"""What operators ask of the ad inventory: see it, check one, put it in force, and why a pod is as it is."""

from collections.abc import Mapping

import msgspec
from falcon.asgi import Request, Response

from tifo.api.ad_control import (
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
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.kernel.limits import ID_LENGTH_MAX, JSON_BODY_BYTES_MAX
from tifo.services.ads.deciding import Decider
from tifo.services.ads.desk import InventoryDesk
from tifo.services.ads.index import BREAK_S_MAX
from tifo.services.ads.inventory_check import InventoryUnsound, built
from tifo.services.ads.model import VERDICTS, Decision, Verdict, Viewer
from tifo.services.ads.ports import INVENTORY_BYTES_MAX
from tifo.serving.answers import answer_json
from tifo.serving.bodies import operator, read_bytes, read_json
from tifo.serving.routes import PlainHandlers, Query, operators_route

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
        query=(Query("on", "the revision that it takes the place of; without, any", int),),
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
        ),
        answer=Explained,
        problems=("bad-credentials", "invalid"),
    ),
)


def handlers(desk: InventoryDesk, decider: Decider, clock: Clock) -> PlainHandlers:
    """The handlers of the routes above; who calls them was checked before."""

    async def inventory(req: Request, resp: Response) -> None:
        answer_json(resp, InventoryAnswer(desk.kept.revision, desk.kept.inventory))

    async def load(req: Request, resp: Response) -> None:
        on = _number(req, "on")
        revision = await desk.load(operator(req), await _document(req), on)
        answer_json(resp, RevisionAnswer(revision))

    async def check(req: Request, resp: Response) -> None:
        answer_json(resp, CheckAnswer(_problems(await _document(req))))

    async def switch(req: Request, resp: Response, item: str) -> None:
        body = await read_json(req, SwitchBody, JSON_BODY_BYTES_MAX)
        revision = await desk.switch(operator(req), item[:ID_LENGTH_MAX], active=body.active)
        answer_json(resp, RevisionAnswer(revision))

    async def explain(req: Request, resp: Response) -> None:
        viewer, brk = _viewer(req), _break(req, clock.now())
        answer_json(resp, explained(desk.kept.revision, *decider.explain(viewer, brk)))

    return {
        "ads.inventory": inventory,
        "ads.load": load,
        "ads.check": check,
        "ads.switch": switch,
        "ads.explain": explain,
    }


def explained(revision: int, decision: Decision, told: Mapping[str, Verdict]) -> Explained:
    """The answer's form of a decision and of what became of every line item."""
    pod = (
        SlotExplained(
            one.creative.id, one.creative.duration_s, one.kind, one.item.id if one.item is not None else ""
        )
        for one in decision.picks
    )
    items = sorted(told.items(), key=lambda one: (one[1] != "chosen", one[0]))
    why = (ItemExplained(name, verdict, VERDICTS[verdict]) for name, verdict in items)
    return Explained(revision, tuple(pod), decision.rest_s, tuple(why))


async def _document(req: Request) -> object:
    body = await read_bytes(req, INVENTORY_BYTES_MAX)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("bad-request", f"The body is not JSON: {error}") from None


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


def _number(req: Request, name: str) -> int | None:
    text = req.get_param(name) or ""
    if text and not (text.isdecimal() and len(text) <= 12):
        raise Refusal("invalid", f"{name} is a whole number.")
    return int(text) if text else None
