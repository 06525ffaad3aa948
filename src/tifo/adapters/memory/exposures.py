"""The embedded store of what accounts have seen: a dictionary in one process."""

from collections.abc import Mapping, Sequence

from tifo.services.ads.exposures import joined
from tifo.services.ads.ports import MARKS_MAX, ExposureStore, Limit, Mark


class MemoryExposureStore(ExposureStore):
    """For tests and rehearsals in one process. Caveat: what lapsed goes when its account is shown more."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[Limit, tuple[float, ...]]] = {}

    async def add(self, marks: Sequence[Mark], now: float) -> None:
        """One after the other."""
        if len(marks) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} impressions")
        for mark in marks:
            seen = self._accounts.setdefault(mark.account, {})
            for cap in mark.caps:
                seen[cap] = joined(seen.get(cap, ()), (mark.at,), cap.times)
            for cap in [cap for cap, moments in seen.items() if moments[-1] <= now - cap.per_s]:
                del seen[cap]

    async def read(self, accounts: Sequence[str], now: float) -> tuple[Mapping[str, Sequence[float]], ...]:
        """A copy."""
        if len(accounts) > MARKS_MAX:
            raise ValueError(f"more than {MARKS_MAX} accounts")
        return tuple(
            {
                cap.key: moments
                for cap, moments in self._accounts.get(account, {}).items()
                if moments[-1] > now - cap.per_s
            }
            for account in accounts
        )

    async def close(self) -> None:
        """Nothing to release."""
