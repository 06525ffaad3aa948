"""One data folder, one instance: a lock that the system releases however the holder ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from tifo.kernel.errors import TifoError

LOCK_FILE = "instance.lock"
"""The lock's name in the data folder; the file stays there, only the lock on it comes and goes."""

_PID_BYTES_MAX = 20


class InstanceInUse(TifoError):
    """Another process uses the data folder; `pid` is None if it could not be known."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{folder} is in use by {who}; stop it, or choose another data folder")
        self.pid = pid


class Instance:
    """The lock on a data folder, as a context manager; the folder is made if it is not there.

    Entering raises InstanceInUse when the folder is in use, OSError when it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Take the lock and write down our pid."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # Not inherited by the parts, which would hold the lock after us.
        file = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstanceInUse(self._folder, _pid_in(file)) from None
        else:
            self._file, file = file, -1
        finally:
            if file != -1:
                os.close(file)
        os.truncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        if self._file is not None:
            # The file is not removed: who opened it a moment ago would lock a file that nobody finds.
            os.truncate(self._file, 0)
            # Said explicitly: a child caught between fork and exec still has a copy of the file.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = None


def _pid_in(file: int) -> int | None:
    text = os.pread(file, _PID_BYTES_MAX, 0).strip()
    return int(text) if text.isdigit() else None
