"""A lake in a folder of this disk."""

import os
from pathlib import Path

from tifo.lake.layout import LakeFile, file_at


def files_in(root: Path) -> tuple[LakeFile, ...]:
    """Every file of the lake below `root`; none where there is no such folder."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            try:
                told = path.stat()
            except FileNotFoundError:  # one that was merged meanwhile
                continue
            one = file_at(path.relative_to(root).as_posix(), told.st_size, told.st_mtime)
            if one is not None:
                found.append(one)
    return tuple(found)
