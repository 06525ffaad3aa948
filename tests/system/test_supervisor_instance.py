import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tifo.supervisor.instance import LOCK_FILE, Instance, InstanceInUse

pytestmark = pytest.mark.system

HOLD = """
import signal, sys
from pathlib import Path
from tifo.supervisor.instance import Instance
with Instance(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""
HOLD_WITH_CHILD = """
import signal, subprocess, sys
from pathlib import Path
from tifo.supervisor.instance import Instance
script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
with Instance(Path(sys.argv[1])):
    subprocess.Popen([sys.executable, "-c", script], close_fds=False)
    signal.pause()
"""


def test_a_folder_in_use_is_refused_with_the_pid_that_holds_it(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(InstanceInUse, match=f"in use by process {holder.pid};") as refused,
            Instance(tmp_path),
        ):
            pass
        assert refused.value.pid == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with Instance(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_the_lock_is_free_again_after_leaving(tmp_path: Path):
    instance = Instance(tmp_path / "new" / "folder")
    for _ in range(2):
        with instance:
            pass


def test_two_instances_in_one_process_exclude_each_other(tmp_path: Path):
    with Instance(tmp_path), pytest.raises(InstanceInUse), Instance(tmp_path):
        pass


def test_two_folders_are_two_instances(tmp_path: Path):
    with Instance(tmp_path / "a"), Instance(tmp_path / "b"):
        pass


def test_a_child_that_outlives_the_holder_does_not_keep_the_lock(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_WITH_CHILD, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        holder.kill()
        holder.wait(10)
        try:
            with Instance(tmp_path):
                os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)
