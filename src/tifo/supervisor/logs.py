"""One part's log file: appended by its processes, rotated by size, read for its last lines."""

import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO

LOG_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of a log file at which it is rotated, at a start and while the part runs."""

LOG_FILES_KEPT_MAX = 3
"""Rotated files kept beside the log: `<name>.log.1` is the newest."""

TAIL_LINES_MAX = 12
"""Lines of a log that an error quotes."""

TAIL_BYTES_MAX = 4 * 1024
"""Bytes of a log that an error quotes."""

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class PartLog:
    """The file at `path`. One writer process at a time; the supervisor only rotates and reads."""

    def __init__(self, path: Path, *, bytes_max: int = LOG_BYTES_MAX) -> None:
        self.path = path
        self._bytes_max = bytes_max
        self._start = 0

    def open(self, heading: str) -> BinaryIO:
        """The file opened to append, with a heading for the new process. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.rotate()
        file = self.path.open("ab", buffering=0)
        file.write(f"== {heading}\n".encode())
        self._start = file.tell()
        return file

    def rotate(self) -> None:
        """Move the contents aside if there are too many. Raises OSError.

        The file is copied and emptied, not renamed: a running process keeps it open, and as it appends
        it goes on at the new end. Lines written between the two steps are lost.
        """
        if self.path.stat().st_size < self._bytes_max:
            return
        for number in range(LOG_FILES_KEPT_MAX - 1, 0, -1):
            if self._kept(number).exists():
                self._kept(number).replace(self._kept(number + 1))
        shutil.copy(self.path, self._kept(1))
        os.truncate(self.path, 0)
        self._start = 0

    def tail(self) -> str:
        """The last lines the newest process wrote, without terminal codes; empty if none."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, 2)
                file.seek(max(self._start, end - TAIL_BYTES_MAX))
                text = file.read(TAIL_BYTES_MAX).decode(errors="replace")
        except OSError:
            return ""
        lines = [_printable(line) for line in text.splitlines() if line.strip()]
        return "\n".join(lines[-TAIL_LINES_MAX:])

    def _kept(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _printable(line: str) -> str:
    plain = _TERMINAL_CODES.sub("", line).replace("\t", "    ")
    return "".join(character for character in plain if character.isprintable()).rstrip()
