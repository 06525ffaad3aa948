"""The checks in front of the handlers: a player's token, an operator's token."""

import hmac
from urllib.parse import urlsplit

from falcon.asgi import Request, Response

from tifo.board.revocations import Revocations
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.kernel.hosts import is_loopback
from tifo.serving.bodies import bearer
from tifo.serving.routes import Handler, PlainHandlers
from tifo.telemetry.metrics import TOKENS_REFUSED
from tifo.tokens.jws import TokenRefused
from tifo.tokens.playback import PlaybackClaims, PlaybackTokens


class PlaybackGuard:
    """Verifies playback tokens and refuses those of revoked sessions; reads memory only."""

    def __init__(self, tokens: PlaybackTokens, revocations: Revocations, clock: Clock) -> None:
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock

    def claims(self, token: str) -> PlaybackClaims:
        """What the token says; raises `Refusal` (bad-token, ended, kicked)."""
        claims = self.signed(token)
        self._revocations.check(claims.sid, claims.acc, claims.ev, claims.since)
        return claims

    def signed(self, token: str) -> PlaybackClaims:
        """What the token says, of a revoked session too; raises `Refusal` (bad-token)."""
        try:
            return self._tokens.verify(token, self._clock.now())
        except TokenRefused as refused:
            TOKENS_REFUSED.labels("playback", refused.reason).inc()
            raise Refusal("bad-token", "Start a new session.", members={"reason": refused.reason}) from None


def operators_only(handlers: PlainHandlers, operator_token: str) -> PlainHandlers:
    """The handlers behind the operators' token; an empty one, which only loopback may have, opens them.

    Never for another origin's page: an operator's browser would call us on its behalf. Without a token
    the address in the request must be this machine's own too, or a name that an attacker points at
    127.0.0.1 would be an origin of ours.
    """
    return {name: _checked(handler, operator_token.encode()) for name, handler in handlers.items()}


def _checked(handler: Handler, expected: bytes) -> Handler:
    async def checked(req: Request, resp: Response, **parameters: str) -> None:
        _refuse_foreign_page(req, open_to_all=not expected)
        if expected and not hmac.compare_digest(bearer(req).encode(), expected):
            raise Refusal("bad-credentials", "Send the operators' token as a bearer token.")
        await handler(req, resp, **parameters)

    return checked


def _refuse_foreign_page(request: Request, *, open_to_all: bool) -> None:
    host = request.get_header("Host") or ""
    origin = request.get_header("Origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise Refusal("foreign-page", "Call the operators' port from its own page.")
    if open_to_all and not is_loopback(urlsplit(f"//{host}").hostname or ""):
        raise Refusal("foreign-page", "Call this port by 127.0.0.1 or localhost, or set an operators' token.")
