"""How a node treats a table that throttles it or does not answer: some tries again, then none for a while."""

from tifo.kernel.clock import Clock
from tifo.kernel.ids import Ids

RETRY_SHARE = 0.1
"""Tries again, as a share of calls: a table that throttles is not asked twice as often for it."""

RETRIES_IN_HAND_MAX = 10.0
"""Tries again that may be saved up, for a moment when many are needed at once."""

FAILURES_TO_OPEN = 5
"""Exchanges in a row of which nothing got through; past them calls fail at once."""

PROBE_S = 0.25
"""Seconds, give or take a quarter, between two calls that go through nevertheless, to see."""

BACKOFF_FIRST_S = 0.025
BACKOFF_S_MAX = 0.5
"""What a wait before a try again grows up to."""


class Patience:
    """One for each table and process. Not for threads."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._retries_in_hand = RETRIES_IN_HAND_MAX
        self._failures = 0
        self._probe_at = 0.0

    @property
    def given_up(self) -> bool:
        """Whether nothing got through lately, so that calls fail at once."""
        return self._failures >= FAILURES_TO_OPEN

    def may_call(self) -> bool:
        """Whether a call may go out; while given up that is one probe now and then."""
        if not self.given_up:
            return True
        now = self._clock.monotonic()
        if now < self._probe_at:
            return False
        self._probe_at = self._next_probe(now)
        return True

    def called(self) -> None:
        """A call went out for the first time: it earns its share of a try again."""
        self._retries_in_hand = min(self._retries_in_hand + RETRY_SHARE, RETRIES_IN_HAND_MAX)

    def may_retry(self) -> bool:
        """Whether a call may be tried again, and takes it from what is in hand."""
        if self.given_up or self._retries_in_hand < 1:
            return False
        self._retries_in_hand -= 1
        return True

    def backoff_s(self, tries: int) -> float:
        """Seconds to wait after so many tries: anything up to what doubles each time (full jitter)."""
        return self._ids.fraction() * min(BACKOFF_FIRST_S * 2.0 ** (tries - 1), BACKOFF_S_MAX)

    def worked(self) -> None:
        """Something got through."""
        self._failures = 0

    def failed(self) -> None:
        """Nothing got through."""
        self._failures += 1
        if self._failures == FAILURES_TO_OPEN:
            self._probe_at = self._next_probe(self._clock.monotonic())

    def give_up(self) -> None:
        """Nothing can get through for now."""
        self._failures = FAILURES_TO_OPEN
        self._probe_at = self._next_probe(self._clock.monotonic())

    def _next_probe(self, now: float) -> float:
        return now + PROBE_S * (0.75 + 0.5 * self._ids.fraction())
