"""How a node treats a table that throttles it or does not answer: some tries again, then none for a while."""

from tifo.kernel.clock import Clock
from tifo.kernel.ids import Ids

RETRY_SHARE = 0.1
"""Items tried again, as a share of those asked for: a table that throttles is not asked twice for it."""

RETRIES_IN_HAND_MAX = 50.0
"""Items tried again that may be saved up, for a moment when many are needed at once."""

FAILURES_TO_GIVE_UP = 5
QUIET_S_TO_GIVE_UP = 0.25
"""Exchanges in a row of which nothing got through, over so many seconds; past both calls fail at once.

Both, for of a table that throttles half of what it is asked five in a row are no news.
"""

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
        self._failing_since = 0.0
        self._probe_at = 0.0
        self.given_up = False
        """Whether nothing got through lately, so that calls fail at once."""

    def may_call(self) -> bool:
        """Whether a call may go out; while given up that is one probe now and then."""
        if not self.given_up:
            return True
        now = self._clock.monotonic()
        if now < self._probe_at:
            return False
        self._probe_at = self._next_probe(now)
        return True

    def called(self, items: int = 1) -> None:
        """So many items were asked for the first time: they earn their share of tries again."""
        self._retries_in_hand = min(self._retries_in_hand + RETRY_SHARE * items, RETRIES_IN_HAND_MAX)

    def may_retry(self, items: int = 1) -> bool:
        """Whether so many items may be tried again, and takes them from what is in hand."""
        if self.given_up or self._retries_in_hand < items:
            return False
        self._retries_in_hand -= items
        return True

    def backoff_s(self, tries: int) -> float:
        """Seconds to wait after so many tries: anything up to what doubles each time (full jitter)."""
        return self._ids.fraction() * min(BACKOFF_FIRST_S * 2.0 ** (tries - 1), BACKOFF_S_MAX)

    def worked(self) -> None:
        """Something got through."""
        self._failures = 0
        self.given_up = False

    def failed(self) -> None:
        """Nothing got through."""
        now = self._clock.monotonic()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        lasting = now - self._failing_since >= QUIET_S_TO_GIVE_UP
        if not self.given_up and lasting and self._failures >= FAILURES_TO_GIVE_UP:
            self.give_up()

    def give_up(self) -> None:
        """Nothing can get through for now."""
        self.given_up = True
        self._probe_at = self._next_probe(self._clock.monotonic())

    def _next_probe(self, now: float) -> float:
        return now + PROBE_S * (0.75 + 0.5 * self._ids.fraction())
