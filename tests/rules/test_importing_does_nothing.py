"""Importing the package opens nothing: no socket, no file to write, no thread, no setting read."""

import subprocess
import sys

import pytest

WATCHED_IMPORT = """
import os, pkgutil, importlib, sys, threading

def watch(event, args):
    if event.startswith("socket.") and event != "socket.gethostname":
        raise RuntimeError(f"{event} {args}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise RuntimeError(f"opens {args[0]} to write")
    if event in ("subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect"):
        raise RuntimeError(f"{event} {args}")

class Environment(dict):
    def __getitem__(self, name):
        return dict.__getitem__(self, watched(name))
    def get(self, name, default=None):
        return dict.get(self, watched(name), default)
    def __contains__(self, name):
        return dict.__contains__(self, watched(name))

def watched(name):
    if str(name).startswith("TIFO_"):
        raise RuntimeError(f"reads {name}")
    return name

sys.dont_write_bytecode = True
os.environ = Environment(os.environ)
sys.addaudithook(watch)
%s
import tifo
names = {one.name for one in pkgutil.walk_packages(tifo.__path__, "tifo.")} - {"tifo.__main__"}
for name in sorted(names):
    importlib.import_module(name)
assert threading.active_count() == 1, threading.enumerate()
print(len(names))
"""


def run(misdeed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", WATCHED_IMPORT % misdeed]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_importing_every_module_does_nothing() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.parametrize(
    "misdeed",
    [
        "import socket; socket.socket()",
        "open('/tmp/never-written', 'w')",
        "os.environ.get('TIFO_CONFIG')",
        "os.environ['TIFO_CONFIG']",
        "'TIFO_CONFIG' in os.environ",
        "import sqlite3; sqlite3.connect(':memory:')",
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    ],
)
def test_misdeed_would_be_seen(misdeed: str) -> None:
    assert run(misdeed).returncode != 0
