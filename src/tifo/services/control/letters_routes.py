"""The routes of dead letters."""

from falcon.asgi import Request, Response

from tifo.api.letters import LettersAnswer, ReplayAnswer, ReplayBody
from tifo.kernel.limits import ID_LENGTH_MAX, JSON_BODY_BYTES_MAX
from tifo.services.control.letters import LetterDesk
from tifo.serving.answers import answer_json
from tifo.serving.bodies import operator, read_json
from tifo.serving.routes import PlainHandlers, operators_route

ROUTES = (
    operators_route(
        name="control.letters",
        method="GET",
        path="/v1/control/letters/{group}",
        summary="What a group of workers set aside because it could not handle it, oldest first",
        answer=LettersAnswer,
        problems=("bad-credentials", "not-found", "unavailable"),
    ),
    operators_route(
        name="control.replay-letters",
        method="POST",
        path="/v1/control/letters/{group}/replay",
        summary="Deliver the oldest letters of a group again, to that group only",
        body=ReplayBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=ReplayAnswer,
        problems=("bad-credentials", "not-found", "invalid", "unavailable"),
    ),
)


def handlers(desk: LetterDesk) -> PlainHandlers:
    """The handlers of the routes above; who calls them was checked before."""

    async def letters(req: Request, resp: Response, group: str) -> None:
        answer_json(resp, await desk.letters(group[:ID_LENGTH_MAX]))

    async def replay(req: Request, resp: Response, group: str) -> None:
        body = await read_json(req, ReplayBody, JSON_BODY_BYTES_MAX)
        count = await desk.replay(operator(req), group[:ID_LENGTH_MAX], body.limit)
        answer_json(resp, ReplayAnswer(count))

    return {"control.letters": letters, "control.replay-letters": replay}
