"""An inventory from the text of a TOML or JSON file, with the line of each problem."""

import re
import tomllib
from collections.abc import Mapping

import msgspec

from tifo.api.inventory import Inventory, Problem
from tifo.services.ads.inventory_check import InventoryUnsound, built

FILE_BYTES_MAX = 32 * 1024 * 1024
"""Bytes of an inventory's text."""

_TABLES = re.compile(r"\s*\[\[\s*([\w.-]+)\s*\]\]")
_TABLE = re.compile(r"\s*\[\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w.-]+)\s*=")
_LINE = re.compile(r"\(at line (\d+)")


def parse(text: str, name: str) -> Inventory:
    """The inventory of a file whose name ends in .toml or .json.

    Raises `InventoryUnsound` with every problem; those of a TOML file have the lines they are on.
    """
    if name.endswith(".json"):
        return built(_json(text))
    try:
        return built(_toml(text))
    except InventoryUnsound as error:
        lines = lines_of(text)
        placed = (_placed(one, lines) for one in error.problems)
        raise InventoryUnsound(tuple(sorted(placed, key=lambda one: one.line))) from None


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InventoryUnsound((Problem("", f"this is no JSON: {error}"),)) from None


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        problem = Problem("", f"this is no TOML: {error}", int(found[1]) if found else 0)
        raise InventoryUnsound((problem,)) from None


def lines_of(text: str) -> Mapping[str, int]:
    """The line on which each table and each key of a TOML text stands, by its path."""
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        if tables := _TABLES.match(line):
            below = _inside(tables[1], counts)
            counts[below] = counts.get(below, -1) + 1
            here = f"{below}[{counts[below]}]"
            found[here] = number
        elif table := _TABLE.match(line):
            here = _inside(table[1], counts)
            found[here] = number
        elif key := _KEY.match(line):
            found.setdefault(f"{here}.{key[1]}".lstrip("."), number)
    return found


def _inside(name: str, counts: Mapping[str, int]) -> str:
    """A header's name with the number of the last table at each step on its way."""
    path = ""
    *parents, last = name.split(".")
    for part in parents:
        path += part
        path += f"[{counts[path]}]." if path in counts else "."
    return path + last


def _placed(problem: Problem, lines: Mapping[str, int]) -> Problem:
    """With the line of its path, or of the nearest thing around it."""
    path = problem.path
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return msgspec.structs.replace(problem, line=problem.line or lines.get(path, 0))
