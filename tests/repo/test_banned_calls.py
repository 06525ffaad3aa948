"""What code may not call or spell, and the few places that may."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from types import MappingProxyType

import pytest

PLACES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "time.time": {"tifo.kernel.clock": "the one place that asks the machine for the time"},
        "time.time_ns": {},
        "datetime.datetime.now": {},
        "datetime.datetime.utcnow": {},
        "datetime.datetime.today": {},
        "datetime.date.today": {},
        "time.sleep": {
            "tifo.adapters.sqlite.database": "opening a file that another process makes, in a thread"
        },
        "uuid.uuid1": {},
        "uuid.uuid4": {},
        "random.*": {"tifo.kernel.ids": "the one place that asks the machine for chance"},
        "secrets.*": {
            "tifo.kernel.ids": "the same, for what must not be guessed",
            "tifo.machine": "makes a laptop's keys on its first start",
        },
        "os.environ": {
            "tifo.app": "built inside Envoy, which passes nothing else",
            "tifo.cli": "the command line's own",
            "tifo.cli_letters": "the command line's own",
            "tifo.cli_query": "the command line's own",
            "tifo.cli_platform": "the command line's own",
            "tifo.cli_rehearse": "the command line's own",
            "tifo.cli_report": "the command line's own",
            "tifo.cli_token": "the command line's own",
            "tifo.processes": "what the next program is started with",
            "tifo.rehearsal.generator": "what the next program is started with",
            "tifo.supervisor.launcher": "what the next program is started with",
            "tifo.supervisor.processes": "what the next program is started with",
        },
        "os.getenv": {},
        "print": {},
        "eval": {},
        "exec": {},
        "breakpoint": {},
        "unittest.mock*": {},
    }
)
"""Where each name may be used in the package, and why there."""

ALSO_BANNED_IN_TESTS = ("unittest.mock*", "breakpoint", "uuid.uuid4", "datetime.datetime.utcnow")

BANNED_FILES = re.compile(r"(^|/)(utils?|helpers?|common|misc|stuff)(\.py|\.ts|/)")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
BARE_IGNORE = re.compile(
    r"# type[:] ignore(?!\[[a-z-]+(, ?[a-z-]+)*\])|# noq[a](?!: ?[A-Z]+[0-9]+)|# mypy[:] ignore"
)


def names_used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that is used or imported, with imports' aliases resolved."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                known[one.asname or one.name.partition(".")[0]] = (
                    one.name if one.asname else one.name.partition(".")[0]
                )
                yield node.lineno, one.name
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                known[one.asname or one.name] = f"{node.module}.{one.name}"
                yield node.lineno, f"{node.module}.{one.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := _dotted(node)):
            first, _, rest = dotted.partition(".")
            if first in known or not rest:  # a local variable may have a module's name
                yield node.lineno, ".".join(filter(None, (known.get(first, first), rest)))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def banned(source, patterns: Mapping[str, Mapping[str, str]] = PLACES) -> Iterator[str]:
    for line, name in names_used(source.tree):
        for pattern, places in patterns.items():
            if fnmatch(name, pattern) and source.module not in places:
                yield f"{source.path}:{line} uses {name}"


def blind_sleeps(source) -> Iterator[str]:
    """Sleeps of tests that do not stand in a loop that looks at a condition."""
    polling = {
        id(call)
        for loop in ast.walk(source.tree)
        if isinstance(loop, ast.While) or (isinstance(loop, ast.For | ast.AsyncFor) and _leaves(loop))
        for call in ast.walk(loop)
    }
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or _dotted(node.func) not in ("time.sleep", "asyncio.sleep"):
            continue
        lets_others_run = isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if id(node) not in polling and not lets_others_run:
            yield f"{source.path}:{node.lineno} sleeps and hopes: wait for a condition with a bound"


def _leaves(loop: ast.For | ast.AsyncFor) -> bool:
    return any(isinstance(node, ast.Break | ast.Return) for node in ast.walk(loop))


def relative_imports(source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{source.path}:{node.lineno} imports by a relative name"


def truth_of_text(source) -> Iterator[str]:
    """`bool(os.environ[...])`, for which "false" is true."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _dotted(node.func) == "bool" and "environ" in ast.dump(node):
            yield f"{source.path}:{node.lineno} takes any text of a variable for true"


def spelled(source, pattern: re.Pattern[str], what: str) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if pattern.search(line):
            yield f"{source.path}:{number} {what}"


def test_package_calls_nothing_banned(package) -> None:
    assert not [complaint for source in package for complaint in banned(source)]


def test_every_place_that_may_still_does(package) -> None:
    used = {
        (pattern, source.module)
        for source in package
        for _, name in names_used(source.tree)
        for pattern in PLACES
        if fnmatch(name, pattern)
    }
    allowed = {(pattern, place) for pattern, places in PLACES.items() for place in places}
    assert allowed <= used, "no place is on the list for nothing"


def test_tests_mock_nothing(python) -> None:
    patterns = {name: {} for name in ALSO_BANNED_IN_TESTS}
    tests = [one for one in python if one.path.startswith("tests/")]
    assert not [complaint for source in tests for complaint in banned(source, patterns)]


def test_tests_wait_for_conditions(python) -> None:
    tests = [one for one in python if one.path.startswith("tests/")]
    assert not [complaint for source in tests for complaint in blind_sleeps(source)]


def test_imports_are_absolute(python) -> None:
    assert not [complaint for source in python for complaint in relative_imports(source)]


def test_no_text_of_a_variable_is_taken_for_true(python) -> None:
    assert not [complaint for source in python for complaint in truth_of_text(source)]


def test_no_module_is_a_drawer_for_everything(files) -> None:
    assert not [one.path for one in files if BANNED_FILES.search(one.path)]


def test_nothing_is_left_unfinished(written) -> None:
    assert not [found for one in written for found in spelled(one, UNFINISHED, "is unfinished")]


def test_every_silenced_check_is_named(python) -> None:
    assert not [found for one in python for found in spelled(one, BARE_IGNORE, "silences without a code")]


@pytest.mark.parametrize(
    "text",
    [
        "import time\nnow = time.time()",
        "from time import time as now\nnow()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.datetime.utcnow()",
        "from uuid import uuid4",
        "import random\nrandom.random()",
        "import os\nos.environ['X']",
        "from os import environ",
        "import time\ntime.sleep(1)",
        "print('here')",
        "from unittest.mock import Mock",
        "from unittest import mock",
    ],
)
def test_banned_call_is_complained_of(snippet, text: str) -> None:
    assert list(banned(snippet("src/tifo/services/x/service.py", text)))


def test_named_place_may(snippet) -> None:
    assert not list(banned(snippet("src/tifo/kernel/clock.py", "import time\ntime.time()")))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (blind_sleeps, "import time\ntime.sleep(0.1)\n"),
        (blind_sleeps, "import asyncio\nasync def test():\n    await asyncio.sleep(1)\n"),
        (
            blind_sleeps,
            "import asyncio\nasync def test():\n    for _ in range(3):\n        await asyncio.sleep(1)\n",
        ),
        (relative_imports, "from . import service\n"),
        (truth_of_text, "import os\nlive = bool(os.environ['LIVE'])\n"),
        (truth_of_text, "import os\nlive = bool(os.environ.get('LIVE', ''))\n"),
    ],
)
def test_broken_habit_is_complained_of(snippet, rule: Callable, text: str) -> None:
    assert list(rule(snippet("tests/rules/test_x.py", text)))


def test_waiting_for_a_condition_is_fine(snippet) -> None:
    text = "import time\nwhile not ready():\n    time.sleep(0.02)\n"
    assert not list(blind_sleeps(snippet("tests/rules/test_x.py", text)))


@pytest.mark.parametrize(
    "path", ["src/tifo/utils.py", "src/tifo/edge/helpers.py", "web/shared/common.ts", "src/tifo/misc/a.py"]
)
def test_drawer_for_everything_is_complained_of(path: str) -> None:
    assert BANNED_FILES.search(path)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNFINISHED, "# TO" + "DO: later"),
        (UNFINISHED, "// FIX" + "ME"),
        (BARE_IGNORE, "x = y  # type: " + "ignore"),
        (BARE_IGNORE, "x = y  # no" + "qa"),
    ],
)
def test_unfinished_or_silenced_line_is_complained_of(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize("line", ["x = y  # type: ignore[arg-type]", "x = y  # noqa: S603 - our own program"])
def test_named_silence_is_fine(line: str) -> None:
    assert not BARE_IGNORE.search(line)
