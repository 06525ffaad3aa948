"""Accounts: who a token is, and what the account may do."""

import contextlib

from cachebox import LRUCache

from tifo.api.accounts import Accounts, Viewer
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.accounts import rules
from tifo.services.accounts.ports import Profile, ProfileConflict, ProfileStore
from tifo.services.accounts.settings import AccountsSettings
from tifo.telemetry.metrics import TOKENS_REFUSED
from tifo.tokens.access import AUDIENCE, AccessClaims, AccessTokens
from tifo.tokens.jws import TokenRefused


class AccountService(Accounts):
    """Verifies access tokens by signature alone and reads profiles through a short memory.

    A profile read before stays in force while the store fails.
    """

    def __init__(
        self, profiles: ProfileStore, tokens: AccessTokens, clock: Clock, settings: AccountsSettings
    ) -> None:
        self._profiles = profiles
        self._tokens = tokens
        self._clock = clock
        self._settings = settings
        self._known: LRUCache[str, tuple[float, Viewer]] = LRUCache(settings.profile_cache_entries_max)

    async def open(self) -> None:
        """Make sure that the accounts of the settings exist."""
        for demo in self._settings.demo:
            await self._keep(rules.profile_of(demo))

    async def viewer(self, access_token: str, device: str) -> Viewer:
        """The account behind a token that is in force."""
        try:
            claims = self._tokens.verify(access_token, self._clock.now())
        except TokenRefused as refused:
            TOKENS_REFUSED.labels("access", refused.reason).inc()
            raise Refusal("bad-token", "Log in again.", members={"reason": refused.reason}) from None
        return await self._profile(claims.sub)

    def grace_token(self, viewer: Viewer, device: str) -> str:
        """None yet."""
        return ""

    def login(self, account: str) -> str:
        """An access token for any account: the laptop's own issuer."""
        now = int(self._clock.now())
        expires = now + self._settings.access_token_ttl_s
        return self._tokens.sign(AccessClaims(aud=AUDIENCE, nbf=now, exp=expires, sub=account))

    async def _profile(self, account: str) -> Viewer:
        now = self._clock.monotonic()
        known: tuple[float, Viewer] | None = self._known.get(account)
        if known is not None and now < known[0]:
            return known[1]
        try:
            viewer = rules.viewer_of(account, await self._profiles.profile(account))
        except Unavailable:
            if known is None:
                raise
            return known[1]
        self._known[account] = (now + self._settings.profile_cache_s, viewer)
        return viewer

    async def _keep(self, wanted: Profile) -> None:
        """Another node that keeps the same account at the same time says the same."""
        due = rules.due(wanted, await self._profiles.profile(wanted.account))
        if due is not None:
            with contextlib.suppress(ProfileConflict):
                await self._profiles.put_profile(due)
