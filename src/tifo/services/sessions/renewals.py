"""Renewals on their way to the store: gathered while players are answered, sent together."""

import math
from collections.abc import Callable
from itertools import islice

from tifo.kernel.clock import Clock
from tifo.services.sessions.ports import Renew, Renewal, SessionStore
from tifo.telemetry.metrics import LEASE_RENEWALS, RENEWALS_OWED

OWED_MAX = 200_000
"""Renewals that the store has not taken and that are kept; past it the oldest make room. What is dropped
comes again with the session's next renewal."""

OWED_PROBE = 100
"""Owed renewals that are tried while the store takes none."""

OWED_PER_FLUSH_MIN = 500
"""Owed renewals that a store which answers again gets at once, at the least."""

PER_CALL_MAX = 5_000
"""Renewals in one call of the store."""

# Each outcome's counter is looked up once: to find it costs four times what counting does.
_OUTCOMES = {outcome: LEASE_RENEWALS.labels(outcome.value) for outcome in Renewal}

Stop = Callable[[Renew, Renewal], None]
"""Told of a session that the store would not renew: it has ended, or its slot is another's."""


class Renewals:
    """The latest renewal of each session since the last flush, and those that the store still owes us.

    A store that comes back is not met by everybody at once: what is owed is sent over `spread_s` seconds.
    Leases that are refused are told to `stop`.
    """

    def __init__(
        self,
        store: SessionStore,
        local: SessionStore,
        clock: Clock,
        stop: Stop,
        *,
        gather_s: float,
        spread_s: float,
    ) -> None:
        self._store = store
        self._local = local
        self._clock = clock
        self._stop = stop
        self._flushes_to_spread = max(1.0, spread_s / gather_s)
        self._gathered: dict[str, Renew] = {}
        self._owed: dict[str, Renew] = {}
        self._owed_at_most = 0
        self._failing = False

    def put(self, renew: Renew) -> None:
        """Have a lease renewed within the gathering interval; replaces an earlier renewal of the session."""
        self._gathered[renew.lease.session] = renew

    def drop(self, session: str) -> None:
        """Renew the session no more: it has left."""
        self._gathered.pop(session, None)
        self._owed.pop(session, None)

    async def flush(self) -> None:
        """Send what was gathered, and a part of what is owed."""
        gathered, self._gathered = self._gathered, {}
        for session in gathered:
            self._owed.pop(session, None)
        again = self._some_owed()
        batch = [*gathered.values(), *again]
        for begin in range(0, len(batch), PER_CALL_MAX):
            await self._send(batch[begin : begin + PER_CALL_MAX])
        self._settle_pace(again)
        RENEWALS_OWED.set(len(self._owed))

    def _some_owed(self) -> list[Renew]:
        if self._failing:
            count = OWED_PROBE
        else:
            count = max(OWED_PER_FLUSH_MIN, math.ceil(self._owed_at_most / self._flushes_to_spread))
        sessions = list(islice(self._owed, count))
        return [self._owed.pop(session) for session in sessions]

    def _settle_pace(self, again: list[Renew]) -> None:
        """Whether the store takes what is owed, by what became of those that were tried."""
        self._failing = bool(again) and all(one.lease.session in self._owed for one in again)
        self._owed_at_most = max(self._owed_at_most, len(self._owed)) if self._owed else 0

    async def _send(self, batch: list[Renew]) -> None:
        now = self._clock.now()
        outcomes = await self._store.renew(batch, now=now)
        failed = []
        for renew, outcome in zip(batch, outcomes, strict=True):
            _OUTCOMES[outcome].inc()
            if outcome is Renewal.FAILED:
                self._owe(renew)
                failed.append(Renew(renew.lease, None))
            elif outcome in (Renewal.ENDED, Renewal.FULL):
                self._stop(renew, outcome)
        if failed:
            # Starts are held against what this node knows while the store is gone.
            await self._local.renew(failed, now=now)

    def _owe(self, renew: Renew) -> None:
        if renew.lease.session in self._gathered:
            return
        if len(self._owed) >= OWED_MAX:
            del self._owed[next(iter(self._owed))]
        self._owed[renew.lease.session] = renew
