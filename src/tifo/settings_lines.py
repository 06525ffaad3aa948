"""Where in a TOML file a setting stands, so that what is wrong with it is told with the line."""

import re
from collections.abc import Iterator
from pathlib import Path

from tifo.kernel.errors import SettingsError

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def located(error: SettingsError, file: Path | None) -> SettingsError:
    """The same problems, each with the file and the line that it is about, where the file has it."""
    if file is None or not file.is_file():
        return error
    lines = dict(_lines(file.read_text(encoding="utf-8", errors="replace")))
    return SettingsError(tuple(_located(one, lines, file) for one in error.problems))


def _located(problem: str, lines: dict[str, int], file: Path) -> str:
    """By the longest part of the setting's path that stands in the file."""
    path = problem.partition(":")[0]
    while path:
        if path in lines:
            return f"{file}:{lines[path]}: {problem}"
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return problem


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Each table and key of a file by its path, as problems spell it: `steering_loop.cdns[0].gbps`."""
    here, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            here = _path(table[2])
            if table[1] == "[[":
                counts[here] = counts.get(here, -1) + 1
                here += f"[{counts[here]}]"
            yield here, number
        elif key := _KEY.match(line):
            yield f"{here}.{_path(key[1])}".lstrip("."), number


def _path(text: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(text))
