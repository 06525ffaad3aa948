"""The weighted rendezvous of `tifo.services.steering.rules`, for many sessions at once.

A session's score for a CDN is weight / -log(draw). With the energies -log(draw) at hand, the best score is
the smallest energy / weight: one multiplication and one comparison for each CDN.
"""

import numpy as np
from numpy.typing import NDArray

from tifo.simulate.crowd import Floats, Places


def best(energies: Floats, weights: NDArray[np.float64]) -> Places:
    """For each column of the energies (CDN x session), the CDN that comes first by these weights.

    A CDN without weight comes last; where none has any, the first one is taken.
    """
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


def order(energies: Floats, weights: NDArray[np.float64]) -> NDArray[np.int8]:
    """Every CDN for each session, best first (rank x session), as a steering manifest lists them."""
    with np.errstate(divide="ignore"):
        costs = energies.astype(np.float64) / weights[:, None]
    return np.argsort(costs, axis=0, kind="stable").astype(np.int8)
