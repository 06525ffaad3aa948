"""A program, not a module: ties itself to the supervisor's life, then becomes the part.

    python -I -S launcher.py SUPERVISOR_PID COMMAND [ARGUMENT ...]

Why a program and not `preexec_fn`: code between fork and exec runs in a copy of a process whose other
threads are gone but whose locks are as they were, so Python there can hang for ever. After an exec
there is nothing to inherit. It costs some milliseconds at each start and no process, since it execs.

PR_SET_PDEATHSIG survives exec and sends SIGKILL when the *thread* that forked dies: the supervisor
forks in its event loop's thread, which must live as long as the supervisor does. Not every
system has it; there, and for grandchildren, `guard.py` does the work.
"""

import ctypes
import json
import os
import signal
import sys

ENVIRONMENT = "TIFO_PART_ENVIRONMENT"
"""Carries the part's own variables as JSON, so that an LD_PRELOAD meant for the part is not ours; not
an argument, because every user may read those."""

NOT_STARTED_STATUS = 127
"""The exit status when the command cannot be run, as shells have it."""

_PR_SET_PDEATHSIG = 1


def main(supervisor: int, argv: list[str]) -> int:
    """Become `argv`; returns an exit status only if that is not possible."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it died before the line above
        return NOT_STARTED_STATUS
    own = json.loads(os.environ.pop(ENVIRONMENT))
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, {**os.environ, **own})  # noqa: S606 - the whole purpose
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
    return NOT_STARTED_STATUS


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
