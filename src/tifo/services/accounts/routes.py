import msgspec
from falcon.asgi import Request, Response

from tifo.api.fields import Id
from tifo.kernel.limits import JSON_BODY_BYTES_MAX
from tifo.services.accounts.service import AccountService
from tifo.serving.answers import answer_json
from tifo.serving.bodies import read_json
from tifo.serving.routes import Handlers, Route


class LoginBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who to be."""

    account: Id


class LoginAnswer(msgspec.Struct, frozen=True):
    """The token to start sessions with."""

    access_token: str
    expires_in_s: int


DEV_ROUTES = (
    Route(
        name="accounts.dev-login",
        method="POST",
        path="/v1/dev/login",
        summary="Log in as any account: a laptop's issuer, absent elsewhere",
        body=LoginBody,
        body_bytes_max=JSON_BODY_BYTES_MAX,
        answer=LoginAnswer,
        problems=("invalid",),
    ),
)


def handlers(service: AccountService, ttl_s: int) -> Handlers:
    """The handlers of the routes above."""

    async def login(req: Request, resp: Response) -> None:
        body = await read_json(req, LoginBody, JSON_BODY_BYTES_MAX)
        answer_json(resp, LoginAnswer(service.login(body.account), ttl_s))

    return {"accounts.dev-login": login}
