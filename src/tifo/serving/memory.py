"""The garbage collector of a running node: what lives as long as the node is not looked through again.

Python's full collections visit every object there is, and no request is answered meanwhile: 40 ms with
the modules alone, longer with each session that runs. Leases, profiles and routes hold no cycles, so
counting references frees them; the collector is left what requests leave behind.
"""

import gc

YOUNG_OBJECTS_MAX = 20_000
"""New objects until the youngest are looked through: about a millisecond."""

YOUNG_ROUNDS_MAX = 5
OLD_ROUNDS_MAX = 1_000
"""Rounds of the middle generation until everything is looked through once."""


def settle() -> None:
    """Set apart what start-up made, and look through the rest seldom. Called once, when a node is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX, YOUNG_ROUNDS_MAX, OLD_ROUNDS_MAX)
