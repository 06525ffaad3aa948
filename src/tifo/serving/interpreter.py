"""The interpreter of a running node: when it collects garbage, and how long threads take turns.

Python's full collections visit every object there is, and no request is answered meanwhile: 40 ms with
the modules alone, longer with each session that runs. Leases, profiles and routes hold no cycles, so
counting references frees them; the collector is left what requests leave behind.

Files are written in threads. One that is at work keeps the loop's thread waiting for a turn each time the
loop has let go of the interpreter for a moment, and the loop does that with every request.
"""

import gc
import sys

YOUNG_OBJECTS_MAX = 20_000
"""New objects until the youngest are looked through: about a millisecond."""

YOUNG_ROUNDS_MAX = 5
OLD_ROUNDS_MAX = 1_000
"""Rounds of the middle generation until everything is looked through once."""

THREAD_TURN_S = 0.0005
"""Seconds for which a thread keeps the interpreter while another waits; Python's own are 5 ms."""


def settle() -> None:
    """Set apart what start-up made, look through the rest seldom, and have threads
    take short turns. Called once, when a node is open."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(THREAD_TURN_S)
    gc.set_threshold(YOUNG_OBJECTS_MAX, YOUNG_ROUNDS_MAX, OLD_ROUNDS_MAX)
