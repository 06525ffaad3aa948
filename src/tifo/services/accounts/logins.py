"""Who a token is: our own issuer's, a login provider's, or by grace while that provider is gone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal
from tifo.services.accounts.ports import Identity, IdentityProvider
from tifo.services.accounts.rules import Outage, why_no_grace
from tifo.tokens.access import (
    AUDIENCE,
    GRACE_AUDIENCE,
    AccessClaims,
    AccessTokens,
    GraceClaims,
    GraceTokens,
)
from tifo.tokens.jws import TokenRefused

_NOT_OURS = frozenset({"malformed", "algorithm", "unknown-key"})
"""Why our own codec refuses what a provider may have signed."""

Known = Callable[[str, str], Awaitable[bool]]
VoidBefore = Callable[[str], int]


class Login(msgspec.Struct, frozen=True, gc=False):
    """An account that showed a token; `grace` is what it showed for grace, empty for a log-in in force."""

    account: str
    grace: str = ""


@dataclass(frozen=True, slots=True)
class Grace:
    """How long a log-in counts past its time, and whether an access token does on any device."""

    last_s: int
    any_device: bool = False


class Logins:
    """Reads tokens by signature alone.

    `known` says whether an account was seen on a device; `void_before` until which epoch second an operator
    made its log-ins void.
    """

    def __init__(
        self,
        own: AccessTokens,
        grace_tokens: GraceTokens,
        provider: IdentityProvider | None,
        grace: Grace,
        known: Known,
        void_before: VoidBefore,
        clock: Clock,
    ) -> None:
        self._own = own
        self._grace_tokens = grace_tokens
        self._provider = provider
        self._grace = grace
        self._known = known
        self._void_before = void_before
        self._clock = clock

    @property
    def provider_failing(self) -> bool:
        """Whether there is a login provider and it is known to be gone."""
        return self._provider is not None and self._provider.failing

    @property
    def counts_s(self) -> float:
        """Seconds after its issue within which a log-in may count by grace; 0 where there is none."""
        return 2.0 * self._grace.last_s if self._provider is not None else 0.0

    async def read(self, token: str, device: str) -> Login:
        """Who shows the token on the device; raises `Refusal` (bad-token) and `Unavailable`."""
        try:
            return Login(self._own.verify(token, self._clock.now()).sub)
        except TokenRefused as error:
            reason = error.reason
        if reason == "audience":
            return self._by_grace_token(token, device)
        if self._provider is not None and reason in _NOT_OURS:
            return await self._by_provider(await self._provider.identify(token), device)
        raise refused(reason)

    def sign(self, account: str, ttl_s: int) -> str:
        """An access token of our own issuer."""
        now = int(self._clock.now())
        return self._own.sign(AccessClaims(aud=AUDIENCE, nbf=now, exp=now + ttl_s, sub=account))

    def sign_grace(self, account: str, device: str) -> str:
        """A grace token; empty where there is no provider that could be gone, or no grace."""
        if self._provider is None or not self._grace.last_s:
            return ""
        now = int(self._clock.now())
        return self._grace_tokens.sign(
            GraceClaims(aud=GRACE_AUDIENCE, nbf=now, exp=now + self._grace.last_s, sub=account, dev=device)
        )

    def _by_grace_token(self, token: str, device: str) -> Login:
        try:
            claims = self._grace_tokens.verify(token, self._clock.now())
        except TokenRefused as error:
            # Neither ours nor one of grace: signed for something else.
            raise refused("audience" if error.reason == "claims" else error.reason) from None
        if claims.dev != device:
            raise refused("device")
        self._refuse_without_grace(claims.sub, claims.nbf, claims.exp)
        return Login(claims.sub, "grace-token")

    async def _by_provider(self, identity: Identity, device: str) -> Login:
        if self._clock.now() < identity.expires_at:
            return Login(identity.account)
        good_until = min(identity.expires_at + self._grace.last_s, identity.issued_at + self.counts_s)
        self._refuse_without_grace(identity.account, identity.issued_at, good_until)
        if not self._grace.any_device and not await self._known(identity.account, device):
            raise refused("expired")
        return Login(identity.account, "expired-token")

    def _refuse_without_grace(self, account: str, issued_at: float, good_until: float) -> None:
        # No setting of before outlives a change: without grace its tokens count for nothing.
        outage = Outage(self.provider_failing and bool(self._grace.last_s), self._void_before(account))
        if why := why_no_grace(issued_at, good_until, self._clock.now(), outage):
            raise refused(why)


def refused(reason: str) -> Refusal:
    """The refusal of a token, its reason one stable word."""
    return Refusal("bad-token", "Log in again.", members={"reason": reason})
