"""A process of a test's own that dies where it is told to."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen
from types import ModuleType


@contextmanager
def dying_process(program: ModuleType, *arguments: str) -> Iterator[Popen[bytes]]:
    """The module run as a program; what is left of it is killed in the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = Popen([sys.executable, str(program.__file__), *arguments], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
