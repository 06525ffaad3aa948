"""The accounts service over parts that a test can take away and give back."""

from collections.abc import Sequence
from pathlib import Path

from tifo.adapters.sqlite.profiles import SqliteProfileStore
from tifo.cache.caches import Caches
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.services.accounts.ports import History, Identity, IdentityProvider, Profile, Sighting
from tifo.services.accounts.service import AccountService
from tifo.services.accounts.settings import AccountsSettings
from tifo.telemetry.stores import Meters
from tifo.tokens.keys import Keyring


class BrittleProfiles(SqliteProfileStore):
    """Profiles that can be taken away."""

    failing = False
    histories = 0

    def _answer(self) -> None:
        if self.failing:
            raise Unavailable("profiles", "connection refused")

    async def profile(self, account: str) -> Profile | None:
        self._answer()
        return await super().profile(account)

    async def put_profile(self, profile: Profile) -> Profile:
        self._answer()
        return await super().put_profile(profile)

    async def history(self, account: str) -> History:
        self.histories += 1
        self._answer()
        return await super().history(account)

    async def saw_devices(self, batch: Sequence[Sighting]) -> None:
        self._answer()
        await super().saw_devices(batch)


class ScriptedProvider(IdentityProvider):
    """Takes `outside:ACCOUNT:ISSUED:EXPIRES` for a token of its own; gone when the test says so."""

    def __init__(self) -> None:
        self.gone = False

    @property
    def failing(self) -> bool:
        return self.gone

    async def identify(self, token: str) -> Identity:
        sort, _, rest = token.partition(":")
        if sort != "outside":
            raise Refusal("bad-token", members={"reason": "signature"})
        account, issued_at, expires_at = rest.split(":")
        return Identity(account, float(issued_at), float(expires_at))

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Accounts:
    """Makes the service; `void` has until when each account's log-ins are void."""

    def __init__(self, folder: Path, keys: Keyring, clock: ManualClock) -> None:
        self.profiles = BrittleProfiles(folder / "profiles.db")
        self.provider = ScriptedProvider()
        self.void: dict[str, int] = {}
        self._keys = keys
        self._clock = clock
        self._opened: list[AccountService | Caches] = []

    async def opened(
        self, settings: AccountsSettings, *, outside: bool = True, keys: Keyring | None = None
    ) -> AccountService:
        caches = Caches(self._clock, SequentialIds(), Meters(self._clock))
        service = AccountService(
            profiles=self.profiles,
            keys=keys or self._keys,
            provider=self.provider if outside else None,
            void_before=lambda account: self.void.get(account, 0),
            caches=caches,
            clock=self._clock,
            settings=settings,
        )
        await service.open()
        self._opened += [caches, service]
        return service

    async def close(self) -> None:
        self.profiles.failing = False
        for one in reversed(self._opened):
            await one.close()
        await self.profiles.close()

    def outside(self, account: str, *, issued: float = 0.0, expires: float = 600.0) -> str:
        """A provider's token, its times relative to now."""
        now = self._clock.now()
        return f"outside:{account}:{now + issued}:{now + expires}"
