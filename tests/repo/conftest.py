"""The files of the repository, read once, for the rules about them."""

import ast
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATED = ("contracts/", "requirements.lock", "web/package-lock.json", "tests/repo/data/")


@dataclass(frozen=True)
class Source:
    """One text file: its path from the root of the repository, and what stands in it."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        """`tifo.api.breaks` for `src/tifo/api/breaks.py`; the path itself for files outside the package."""
        if not self.path.startswith("src/"):
            return self.path
        return self.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def files() -> tuple[Source, ...]:
    """Every text file that is in git or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [path for path in listed.split("\0") if path and (ROOT / path).is_file()]
    return tuple(source for path in sorted(paths) if (source := _read(path)))


@pytest.fixture(scope="session")
def written(files: tuple[Source, ...]) -> tuple[Source, ...]:
    """Those that people write, without what is generated."""
    return tuple(one for one in files if not one.path.startswith(GENERATED))


@pytest.fixture(scope="session")
def python(written: tuple[Source, ...]) -> tuple[Source, ...]:
    return tuple(one for one in written if one.path.endswith(".py"))


@pytest.fixture(scope="session")
def package(python: tuple[Source, ...]) -> tuple[Source, ...]:
    return tuple(one for one in python if one.path.startswith("src/tifo/"))


@pytest.fixture(scope="session")
def snippet() -> Callable[[str, str], Source]:
    """A file that is not there, to break a rule with: `snippet(path, text)`."""
    return Source


def _read(path: str) -> Source | None:
    try:
        return Source(path, (ROOT / path).read_text())
    except UnicodeDecodeError:
        return None
