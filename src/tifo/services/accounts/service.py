"""Accounts: who a token is, and what the account may do."""

import contextlib

import structlog

from tifo.api.accounts import Accounts, Viewer
from tifo.api.sessions import Device
from tifo.cache.caches import Caches
from tifo.cache.policy import CachePolicy
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.accounts import rules
from tifo.services.accounts.logins import Grace, Login, Logins, VoidBefore
from tifo.services.accounts.ports import (
    History,
    IdentityProvider,
    Profile,
    ProfileConflict,
    ProfileStore,
    Sighting,
)
from tifo.services.accounts.settings import AccountsSettings
from tifo.services.accounts.sightings import Sightings
from tifo.telemetry.metrics import LOGINS_BY_GRACE, PROFILES_LOST, TOKENS_REFUSED
from tifo.tokens.access import access_tokens, grace_tokens
from tifo.tokens.keys import Keyring

KEEP_EVERY_S = 5.0
"""Between two tries to keep the accounts of the settings, until the store has taken them."""

_HISTORIES = CachePolicy(fresh_s=60.0, absent_s=60.0, entries_max=20_000)
"""Devices are asked for by grace only: then by everybody at once, and again at each try."""

_log = structlog.get_logger(__name__)


class AccountService(Accounts):
    """Verifies access tokens by signature alone and reads profiles through the node's caches.

    A profile of before stays in force for hours while its store fails. `keys` sign our own access tokens and
    the grace tokens; `provider` is None where nobody logs in outside.
    """

    def __init__(
        self,
        profiles: ProfileStore,
        keys: Keyring,
        provider: IdentityProvider | None,
        void_before: VoidBefore,
        caches: Caches,
        clock: Clock,
        settings: AccountsSettings,
    ) -> None:
        self._profiles = profiles
        self._clock = clock
        self._settings = settings
        self._viewers = caches.over("profiles", profiles.profile, Profile, _policy(settings))
        self._histories = caches.over("devices", profiles.history, History, _HISTORIES)
        self._sightings = Sightings(profiles, settings.device_seen_s)
        self._logins = Logins(
            own=access_tokens(keys),
            grace_tokens=grace_tokens(keys),
            provider=provider,
            grace=Grace(settings.grace_s, any_device=settings.grace_devices == "any"),
            known=self._is_known,
            void_before=void_before,
            clock=clock,
        )
        self._owed = tuple(map(rules.profile_of, settings.demo))
        self._keeping = Background("accounts.demo", KEEP_EVERY_S, self._keep, "accounts of the settings miss")
        self._told_of_grace = False

    @property
    def provider_failing(self) -> bool:
        """Whether the login provider is known to be gone."""
        return self._logins.provider_failing

    @property
    def kick_memory_s(self) -> float:
        """As long as a log-in may count by grace after its issue."""
        return self._logins.counts_s

    async def open(self) -> None:
        """Make the accounts of the settings exist, now or later, and begin to write devices down."""
        with contextlib.suppress(Unavailable):
            await self._keep()
        await self._keeping.open()
        await self._sightings.open()

    async def close(self) -> None:
        """Write down the last devices."""
        await self._keeping.close()
        await self._sightings.close()

    async def viewer(self, access_token: str, device: str) -> Viewer:
        """Who asks to watch: by a token in force, or by grace while the login provider is gone."""
        try:
            login = await self._logins.read(access_token, device)
        except Unavailable:
            raise
        except Refusal as refusal:
            TOKENS_REFUSED.labels("access", refusal.members.get("reason", refusal.code)).inc()
            raise
        self._say_grace(login)
        return rules.by_grace(await self._viewer(login.account), bool(login.grace))

    def grace_token(self, viewer: Viewer, device: str) -> str:
        """A token for `grace_s` from now; empty for a viewer who is here by grace."""
        return "" if viewer.by_grace else self._logins.sign_grace(viewer.account, device)

    def saw(self, viewer: Viewer, device: Device) -> None:
        """Have the device written down in the background. Grace makes no device known."""
        if not viewer.by_grace:
            sighting = Sighting(viewer.account, device.id, device.kind, self._clock.now())
            self._sightings.saw(sighting)

    def login(self, account: str) -> str:
        """An access token for any account: the laptop's own issuer."""
        return self._logins.sign(account, self._settings.access_token_ttl_s)

    async def _viewer(self, account: str) -> Viewer:
        try:
            return rules.viewer_of(account, await self._viewers.get(account))
        except Unavailable:
            if self._settings.profiles_lost == "refuse":
                PROFILES_LOST.labels("refused").inc()
                raise
            PROFILES_LOST.labels("let-in").inc()
            return rules.viewer_of(account, None)

    async def _is_known(self, account: str, device: str) -> bool:
        """A store that does not answer knows nobody: then the grace token is what counts."""
        try:
            history = await self._histories.get(account)
        except Unavailable:
            return False
        return history is not None and any(one.device == device for one in history.devices)

    async def _keep(self) -> None:
        """Another node that keeps the same account at the same time says the same."""
        while self._owed:
            wanted = self._owed[0]
            due = rules.due(wanted, await self._profiles.profile(wanted.account))
            if due is not None:
                with contextlib.suppress(ProfileConflict):
                    await self._profiles.put_profile(due)
            self._owed = self._owed[1:]

    def _say_grace(self, login: Login) -> None:
        """Each is counted; the log has the first of an outage."""
        if not login.grace:
            self._told_of_grace = self._told_of_grace and self.provider_failing
            return
        LOGINS_BY_GRACE.labels(login.grace).inc()
        if not self._told_of_grace:
            effect = "log-ins whose time is over count on their devices until the login provider is back"
            _log.warning("accounts.by-grace", effect=effect)
        self._told_of_grace = True


def _policy(settings: AccountsSettings) -> CachePolicy:
    return CachePolicy(
        fresh_s=settings.profile_cache_fresh_s,
        absent_s=settings.profile_cache_absent_s,
        stale_s=settings.profile_cache_stale_s,
        entries_max=settings.profile_cache_entries_max,
    )
