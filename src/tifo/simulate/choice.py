"""The weighted rendezvous of `tifo.services.steering.rules`, for many sessions at once.

A session's score for a CDN is weight / -log(draw). With the energies -log(draw) at hand, the best score is
the smallest energy / weight: one multiplication and one comparison for each CDN.
"""

import numpy as np
from numpy.typing import NDArray

from tifo.simulate.crowd import Floats, Places


def best(energies: Floats, weights: NDArray[np.float64]) -> Places:
    """For each column of the energies (CDN x session), the CDN that comes first by these weights.

    A CDN without weight comes last; where none has any, each session has an order of its own.
    """
    if not weights.any():
        weights = np.ones_like(weights)
    chosen = np.zeros(energies.shape[1], dtype=np.int8)
    lowest = np.full(energies.shape[1], np.inf, dtype=np.float32)
    for cdn, weight in enumerate(weights):
        if weight > 0:
            cost = energies[cdn] * np.float32(1 / weight)
            better = cost < lowest
            np.copyto(chosen, np.int8(cdn), where=better)
            np.minimum(lowest, cost, out=lowest)
    return chosen


def without(weights: NDArray[np.float64], cdn: int) -> NDArray[np.float64]:
    """The same weights with one CDN out; were it the only one, the others share alike."""
    left = weights.copy()
    left[cdn] = 0.0
    if not left.any():
        left[:] = 1.0
        left[cdn] = 0.0
    return left
