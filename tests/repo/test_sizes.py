"""Sizes by ratchet: what is too long today may only shrink, and nothing may join it."""

import ast
import statistics
from collections.abc import Iterator, Mapping

import pytest

FUNCTION_LINES_MAX = 50
FILE_LINES_MAX = 400
FUNCTION_LINES_MEDIAN_MAX = 8

LONG_FUNCTIONS: Mapping[str, int] = {}
"""Lines by `path::function`."""

LONG_FILES: Mapping[str, int] = {
    # The one wiring file. What it lists grows with every service; how it wires must not.
    "src/tifo/app.py": 685,
    # Every way in which a process can die; each story is short, and there are many.
    "tests/system/test_supervisor_processes.py": 492,
    # Both forms of the whole, and what the stories do with them. To be split by what it drives.
}
"""Lines by path."""

CODE = (".py", ".ts", ".css", ".html", ".sh", ".js")


def functions(source) -> Iterator[tuple[str, int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{source.path}::{node.name}", node.end_lineno - node.lineno + 1


def over(sizes: Mapping[str, int], limit: int, known: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each size above the limit or above what is known of it, and each stale exception."""
    for name, lines in sizes.items():
        if lines > known.get(name, limit):
            yield f"{name} has {lines} lines; at most {known.get(name, limit)}"
    for name in known:
        if sizes.get(name, 0) <= limit:
            yield f"{name} is no exception any more: take it off the list"


def test_no_function_is_long(python) -> None:
    sizes = {name: lines for source in python for name, lines in functions(source)}
    assert not list(over(sizes, FUNCTION_LINES_MAX, LONG_FUNCTIONS))


def test_no_file_is_long(written) -> None:
    sizes = {one.path: len(one.text.splitlines()) for one in written if one.path.endswith(CODE)}
    assert not list(over(sizes, FILE_LINES_MAX, LONG_FILES))


def test_functions_are_small(package) -> None:
    sizes = [lines for source in package for _, lines in functions(source)]
    assert statistics.median(sizes) <= FUNCTION_LINES_MEDIAN_MAX


@pytest.mark.parametrize(
    ("sizes", "known", "says"),
    [
        ({"a": 51}, {}, "at most 50"),
        ({"a": 71}, {"a": 70}, "at most 70"),
        ({"a": 50}, {"a": 70}, "take it off"),
        ({}, {"gone": 70}, "take it off"),
    ],
    ids=["too-long", "exception-grew", "exception-shrank", "exception-gone"],
)
def test_long_code_is_complained_of(sizes, known, says) -> None:
    (complaint,) = over(sizes, 50, known)
    assert says in complaint


def test_exception_that_shrinks_is_fine() -> None:
    assert not list(over({"a": 69}, 50, {"a": 70}))


def test_lines_of_a_function_are_counted_with_its_nested_ones(snippet) -> None:
    source = snippet(
        "src/tifo/x.py", "async def outer():\n    def inner():\n        pass\n    return inner\n"
    )
    assert dict(functions(source)) == {"src/tifo/x.py::outer": 4, "src/tifo/x.py::inner": 2}
