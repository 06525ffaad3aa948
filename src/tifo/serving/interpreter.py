"""How the process of a running node is set up: when Python collects garbage, and how its threads take turns.

Python's full collections visit every object there is, and no request is answered meanwhile: 40 ms with
the modules alone, longer with each session that runs. Leases, profiles and routes hold no cycles, so
counting references frees them; the collector is left what requests leave behind.

A request goes from Envoy's thread to Python's and back. Linux lets a thread that is woken push aside the one
that woke it, so on a busy core each request cost more than one change of threads. As batch threads they
finish what they are at, and the next one finds several requests instead of one.

Files are written in threads. One that is at work keeps the loop's thread waiting for a turn each time the
loop has let go of the interpreter for a moment, and the loop does that with every request.
"""

import contextlib
import gc
import os
import sys
from pathlib import Path

YOUNG_OBJECTS_MAX = 20_000
"""New objects until the youngest are looked through: about a millisecond."""

YOUNG_ROUNDS_MAX = 5
OLD_ROUNDS_MAX = 1_000
"""Rounds of the middle generation until everything is looked through once."""

THREAD_TURN_S = 0.0005
"""Seconds for which a thread keeps the interpreter while another waits; Python's own are 5 ms."""


def settle() -> None:
    """Set apart what start-up made, look through the rest seldom, and have threads take short turns in
    Python and push nobody aside. Called once, when a node is open."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(THREAD_TURN_S)
    gc.set_threshold(YOUNG_OBJECTS_MAX, YOUNG_ROUNDS_MAX, OLD_ROUNDS_MAX)
    _finish_what_you_are_at()


def _finish_what_you_are_at() -> None:
    """Have every thread of this process scheduled as SCHED_BATCH, and those that they will start: sched(7).
    Where the system has no such thing or forbids it, all stays as it was."""
    if sys.platform != "linux":
        return
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            os.sched_setscheduler(int(thread.name), os.SCHED_BATCH, os.sched_param(0))
