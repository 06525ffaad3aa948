"""A program, not a module: kills what a supervisor leaves behind when it dies without a word.

    python -I -S guard.py [GROUP ...]        (then reads `+<group>` and `-<group>` lines)

The supervisor holds the other end of standard input. However it ends, SIGKILL included, the system
closes that end; every process group still listed is then killed, grandchildren with it, which
PR_SET_PDEATHSIG alone would leave running.
"""

import os
import signal
import sys


def main(groups: set[int]) -> None:
    """Keep the list until the supervisor is gone, then kill what is on it."""
    for asked_to_go in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A service manager may signal every process at once; the guard goes last.
        signal.signal(asked_to_go, signal.SIG_IGN)
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:  # gone already; the others must still be reached
            continue


if __name__ == "__main__":
    main({int(group) for group in sys.argv[1:]})
