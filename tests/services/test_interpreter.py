import subprocess
import sys

import pytest

SETTLED = """
import os, threading
from tifo.serving import interpreter

os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
told, policies = threading.Event(), []
def say() -> None:
    told.wait()
    policies.append(os.sched_getscheduler(0))
before = threading.Thread(target=say)
before.start()
interpreter.settle()
after = threading.Thread(target=say)
after.start()
told.set()
before.join(), after.join()
print(sorted({os.sched_getscheduler(0), *policies}) == [os.SCHED_BATCH])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has batch threads")
def test_threads_of_a_node_do_not_push_each_other_aside() -> None:
    # In a process of its own: the policy stays.
    done = subprocess.run([sys.executable, "-c", SETTLED], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
