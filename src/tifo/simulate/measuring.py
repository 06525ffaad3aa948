"""What a steering loop gets to know of the world: late, noisy, and by what players report."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from tifo.simulate.world import Second, Table

DELAY_S = 5
"""Seconds until what players have is in the reports: they report every few seconds, and those are counted."""
WINDOW_S = 30
"""What players waited is told of so many seconds together, as `insight.qoe_window_s` comes."""
NOISE = 0.03
"""Standard deviation of each figure, as a share of it."""
REBUFFERING = 0.002
ERRORS = 0.001
"""What is always a little wrong, somewhere, with somebody."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The reports of one second, by ISP and CDN; `bps` is what arrives, which is less than is asked for."""

    at: int
    viewers: NDArray[np.int64]
    bps: Table
    rebuffer_ratio: Table
    error_ratio: Table


class Eyes:
    """The reports of `DELAY_S` seconds ago; nothing before the first have come."""

    def __init__(self, seed: int) -> None:
        self._chance = default_rng((seed, 1))
        self._waiting: deque[Second] = deque()
        self._window: deque[tuple[Table, Table]] = deque(maxlen=WINDOW_S)

    def look(self, second: Second) -> Seen | None:
        """Take the newest second in, and tell of the one whose reports have come."""
        self._waiting.append(second)
        return self._report(self._waiting.popleft()) if len(self._waiting) > DELAY_S else None

    def _report(self, second: Second) -> Seen:
        arriving = np.where(second.dead, 0.0, second.asked_bps / np.maximum(1.0, second.load))
        waiting = self._waited(second)
        failing = np.where(second.dead, 1.0, np.full_like(second.load, ERRORS))
        return Seen(
            at=second.at,
            viewers=np.rint(second.viewers).astype(np.int64),
            bps=arriving * self._noise(arriving),
            rebuffer_ratio=np.minimum(1.0, waiting * self._noise(waiting)),
            error_ratio=np.minimum(1.0, failing * self._noise(failing)),
        )

    def _waited(self, second: Second) -> Table:
        """The share of the playing time that was spent waiting, over the window."""
        now = np.where(second.dead, 1.0, 1.0 - 1.0 / np.maximum(1.0, second.load) + REBUFFERING)
        self._window.append((second.viewers * now, second.viewers))
        waited, played = np.sum(self._window, axis=0)
        ratio: Table = waited / np.maximum(1.0, played)
        return ratio

    def _noise(self, table: Table) -> Table:
        return np.maximum(0.0, self._chance.normal(1.0, NOISE, table.shape))
