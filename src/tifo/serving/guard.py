"""The checks in front of the handlers: a player's token, an operator's token."""

import hmac

from falcon.asgi import Request, Response

from tifo.board.revocations import Revocations
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
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
        self._revocations.check(claims.sid)
        return claims

    def signed(self, token: str) -> PlaybackClaims:
        """What the token says, of a revoked session too; raises `Refusal` (bad-token)."""
        try:
            return self._tokens.verify(token, self._clock.now())
        except TokenRefused as refused:
            TOKENS_REFUSED.labels("playback", refused.reason).inc()
            raise Refusal("bad-token", "Start a new session.", members={"reason": refused.reason}) from None


def operators_only(handlers: PlainHandlers, operator_token: str) -> PlainHandlers:
    """The handlers behind the operators' token; an empty one, which only loopback may have, opens them."""
    return {name: _checked(handler, operator_token.encode()) for name, handler in handlers.items()}


def _checked(handler: Handler, expected: bytes) -> Handler:
    async def checked(req: Request, resp: Response, **parameters: str) -> None:
        if expected and not hmac.compare_digest(bearer(req).encode(), expected):
            raise Refusal("bad-credentials", "Send the operators' token as a bearer token.")
        await handler(req, resp, **parameters)

    return checked
