import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tcp_ports import free_port

from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SequentialIds
from tifo.supervisor.parts import Part, PartState, Probe, State
from tifo.supervisor.probes import AliveProbe, FileProbe, HttpProbe
from tifo.supervisor.rules import Timing
from tifo.supervisor.service import NotReady, Supervisor

pytestmark = pytest.mark.system

WITHIN_S = 60.0
QUICK = Timing(
    backoff_s_min=0.05, probe_every_s=0.05, probe_s_max=0.5, start_s_max=60, failing_s_max=0.5, grace_s=0.5
)
UNHURRIED = replace(QUICK, grace_s=WITHIN_S)
"""For parts that end by themselves, on a machine that may let them wait."""
ALIVE = AliveProbe(0.0)

STAY = "import signal; signal.pause()"
CRASH = "import sys; print('cannot open the \\x1b[1mbox\\x1b[0m'); sys.exit(3)"
STUBBORN = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).touch()
while True:
    signal.pause()
"""
PARENT = """
import signal, subprocess, sys
from pathlib import Path
script = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
child.stdout.readline()
Path(sys.argv[1]).with_suffix(".new").write_text(str(child.pid))
Path(sys.argv[1]).with_suffix(".new").rename(sys.argv[1])
signal.pause()
"""
SERVE = """
import http.server, os, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            hung.set()
        if hung.is_set():
            threading.Event().wait()
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *args): pass
hung = threading.Event()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
NOTE_THE_STOP = """
import signal, sys
from pathlib import Path
def stop(*_):
    with Path(sys.argv[2]).open("a") as file:
        file.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
Path(sys.argv[2] + "." + sys.argv[1]).touch()
while True:
    signal.pause()
"""
SUPERVISE = """
import asyncio, signal, sys
from pathlib import Path
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.supervisor.parts import Part
from tifo.supervisor.probes import FileProbe
from tifo.supervisor.service import Supervisor

async def main(folder, parent, count):
    noted = [folder / f"grandchild-{n}" for n in range(count)]
    parts = [
        Part(f"part-{n}", (sys.executable, "-c", parent, str(path)), FileProbe(path))
        for n, path in enumerate(noted)
    ]
    supervisor = Supervisor(
        parts, logs=folder, clock=SystemClock(), ids=SystemIds(), on_change=lambda states: None
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.request_stop)
    await supervisor.start()
    await supervisor.wait_ready(60)
    print("ready", flush=True)
    await supervisor.run()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], 2))
"""


def python(
    name: str, script: str, *arguments: str, ready: Probe = ALIVE, needs: tuple[str, ...] = ()
) -> Part:
    return Part(name, (sys.executable, "-c", script, *arguments), ready, needs=needs)


class Seen:
    """Every state that was reported."""

    def __init__(self) -> None:
        self.all: list[PartState] = []

    def __call__(self, states: tuple[PartState, ...]) -> None:
        self.all.extend(state for state in states if state not in self.all[-len(states) :])

    def of(self, name: str, state: State) -> list[PartState]:
        found = [seen for seen in self.all if seen.name == name and seen.state is state]
        return list(dict.fromkeys(found))


@asynccontextmanager
async def supervised(
    folder: Path, *parts: Part, timing: Timing = QUICK, seen: Callable[..., None] | None = None
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(
        parts,
        logs=folder / "logs",
        clock=SystemClock(),
        ids=SequentialIds(),
        on_change=seen or Seen(),
        timing=timing,
    )
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - files and processes have no event
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(parent: int) -> set[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return {int(pid) for pid in text.split()}


def descendants_of(parent: int) -> set[int]:
    children = children_of(parent)
    return children.union(*(descendants_of(child) for child in children))


def guard_of(supervisor: int) -> int | None:
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in children_of(supervisor)}
    return next((pid for pid, line in lines.items() if "guard.py" in line and alive(pid)), None)


def pid_of(supervisor: Supervisor, index: int = 0) -> int:
    pid = supervisor.states[index].pid
    assert pid is not None
    return pid


async def test_a_part_that_crashes_is_restarted_with_growing_back_off(tmp_path: Path):
    seen = Seen()
    async with supervised(tmp_path, python("broken", CRASH, ready=AliveProbe(60)), seen=seen) as supervisor:
        await until(lambda: supervisor.states[0].restarts >= 4)
    waits = [
        again.since - failed.since
        for failed, again in pairwise(seen.all)
        if (failed.state, again.state) == (State.BACKING_OFF, State.STARTING)
    ]
    assert all(wait >= least for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.4), strict=False))
    assert len(waits) >= 4
    assert {state.error for state in seen.of("broken", State.BACKING_OFF)} == {
        "exited with status 3; its log ends:\ncannot open the box"
    }


async def test_a_killed_part_is_said_and_runs_again(tmp_path: Path):
    seen = Seen()
    async with supervised(tmp_path, python("stays", STAY), seen=seen) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        first = pid_of(supervisor)
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.states[0].restarts == 1)
        await supervisor.wait_ready(WITHIN_S)
        assert supervisor.states[0].error == ""
        assert pid_of(supervisor) != first
    (dead,) = seen.of("stays", State.BACKING_OFF)
    assert (dead.error, dead.pid, dead.restarts) == ("killed by SIGKILL", None, 0)


async def test_a_stubborn_part_is_killed_after_the_grace_period(tmp_path: Path):
    ready = tmp_path / "ready"
    async with supervised(
        tmp_path, python("stubborn", STUBBORN, str(ready), ready=FileProbe(ready))
    ) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        pid = pid_of(supervisor)
        async with asyncio.timeout(WITHIN_S):
            await supervisor.stop()
        assert not alive(pid)
        assert supervisor.states[0].state is State.STOPPED


async def test_a_stopped_part_with_a_suspended_process_is_killed(tmp_path: Path):
    async with supervised(tmp_path, python("stays", STAY)) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        pid = pid_of(supervisor)
        os.kill(pid, signal.SIGSTOP)
        await supervisor.stop()
        assert not alive(pid)


async def test_a_grandchild_ends_with_its_part(tmp_path: Path):
    noted = tmp_path / "grandchild"
    parent = python("parent", PARENT, str(noted), ready=FileProbe(noted))
    async with supervised(tmp_path, parent) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        grandchild = int(noted.read_text())
        assert alive(grandchild)
        await supervisor.stop()
        assert not alive(grandchild)


async def test_a_grandchild_of_a_crashed_part_is_gone_before_the_restart(tmp_path: Path):
    noted = tmp_path / "grandchild"
    left: list[bool] = []

    def seen(states: tuple[PartState, ...]) -> None:
        if states[0].state is State.BACKING_OFF:
            left.append(alive(int(noted.read_text())))

    parent = python("parent", PARENT, str(noted), ready=FileProbe(noted))
    async with supervised(tmp_path, parent, seen=seen) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        os.kill(pid_of(supervisor), signal.SIGKILL)
        await until(lambda: left)
    assert not left[0]


async def test_stop_leaves_no_process(tmp_path: Path):
    before = descendants_of(os.getpid())
    parts = [python(f"stays-{n}", STAY) for n in range(3)]
    async with supervised(tmp_path, *parts, python("broken", CRASH)) as supervisor:
        await until(lambda: supervisor.states[3].restarts >= 1)
        assert len(descendants_of(os.getpid()) - before) >= 4
    assert not {pid for pid in descendants_of(os.getpid()) - before if alive(pid)}


async def test_stop_in_the_middle_of_a_start_leaves_no_process(tmp_path: Path):
    before = descendants_of(os.getpid())
    for turns in range(8):
        async with supervised(tmp_path, *(python(f"stays-{n}", STAY) for n in range(2))):
            for _ in range(turns * 5):
                await asyncio.sleep(0)
        assert not {pid for pid in descendants_of(os.getpid()) - before if alive(pid)}


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path):
    before = descendants_of(os.getpid())
    supervisor = Supervisor(
        [python("stays", STAY)], logs=tmp_path, clock=SystemClock(), ids=SequentialIds(), on_change=Seen()
    )
    running = asyncio.create_task(supervisor.run())
    await until(lambda: supervisor.states[0].state is State.RUNNING)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not {pid for pid in descendants_of(os.getpid()) - before if alive(pid)}


async def test_a_defect_in_on_change_ends_everything_and_is_raised(tmp_path: Path):
    before = descendants_of(os.getpid())

    def broken(states: tuple[PartState, ...]) -> None:
        if states[0].state is State.RUNNING:
            raise ZeroDivisionError

    supervisor = Supervisor(
        [python("stays", STAY), python("other", STAY)],
        logs=tmp_path,
        clock=SystemClock(),
        ids=SequentialIds(),
        on_change=broken,
    )
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(supervisor.run(), WITHIN_S)
    assert not {pid for pid in descendants_of(os.getpid()) - before if alive(pid)}


async def test_parts_start_after_and_stop_before_what_they_need(tmp_path: Path):
    notes, seen = tmp_path / "notes", Seen()
    parts = [
        python(
            name, NOTE_THE_STOP, name, str(notes), ready=FileProbe(tmp_path / f"notes.{name}"), needs=needs
        )
        for name, needs in (("edge", ("cdn",)), ("cdn", ("channel",)), ("channel", ()))
    ]
    async with supervised(tmp_path, *parts, timing=UNHURRIED, seen=seen) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
    running = [state.name for state in seen.all if state.state is State.RUNNING]
    assert list(dict.fromkeys(running)) == ["channel", "cdn", "edge"]
    assert notes.read_text().split() == ["edge", "cdn", "channel"]


async def test_not_ready_names_the_part_and_quotes_its_log(tmp_path: Path):
    script = "import signal; print('still reading the cards', flush=True); signal.pause()"
    slow = python("slow", script, ready=AliveProbe(60))
    async with supervised(tmp_path, python("edge", STAY, needs=("slow",)), slow) as supervisor:
        await until(lambda: supervisor.states[1].pid)
        await until(lambda: "cards" in (tmp_path / "logs" / "slow.log").read_text())
        with pytest.raises(NotReady) as late:
            await supervisor.wait_ready(0.3)
    assert late.value.part == "slow"
    assert str(late.value).startswith(
        "slow is not ready after 0.3 s: not yet alive for 60 s; its log ends:\n"
    )
    assert "still reading the cards" in str(late.value)
    assert str(tmp_path / "logs" / "slow.log") in str(late.value)


async def test_a_part_that_never_starts_is_not_waited_for_until_the_end(tmp_path: Path):
    async with supervised(
        tmp_path, python("stays", STAY), python("broken", CRASH, ready=AliveProbe(60))
    ) as supervisor:
        with pytest.raises(
            NotReady, match="broken is not ready: exited with status 3; its log ends:\ncannot open"
        ):
            await asyncio.wait_for(supervisor.wait_ready(600), WITHIN_S)


async def test_a_command_that_is_not_there_is_said(tmp_path: Path):
    missing = Part("ghost", ("/no/such/program",), ALIVE)
    async with supervised(tmp_path, missing) as supervisor:
        with pytest.raises(NotReady, match="status 127; its log ends:\n/no/such/program: No such file"):
            await until(lambda: supervisor.states[0].restarts >= 1)
            await supervisor.wait_ready(0)


async def test_a_log_folder_that_cannot_be_made_is_a_failure_that_is_retried(tmp_path: Path):
    (tmp_path / "logs").write_text("not a folder")
    async with supervised(tmp_path, python("stays", STAY)) as supervisor:
        await until(lambda: supervisor.states[0].error.startswith("could not be started: "))
        (tmp_path / "logs").unlink()
        await supervisor.wait_ready(WITHIN_S)


async def test_a_part_that_hangs_is_restarted(tmp_path: Path):
    port, seen = free_port(), Seen()
    part = python("serves", SERVE, str(port), ready=HttpProbe(f"http://127.0.0.1:{port}/readyz"))
    async with supervised(tmp_path, part, seen=seen) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /hang HTTP/1.0\r\n\r\n")
        await until(lambda: supervisor.states[0].restarts >= 1)
        writer.close()
        await supervisor.wait_ready(WITHIN_S)
    hung, *_ = seen.of("serves", State.BACKING_OFF)
    assert hung.error == "not answering for 0.5 s: no answer within 0.5 s"


async def test_an_http_probe_says_what_it_was_answered(tmp_path: Path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    assert "Errno 111" in await HttpProbe(f"{url}/readyz").check(0)
    async with supervised(
        tmp_path, python("serves", SERVE, str(port), ready=HttpProbe(f"{url}/readyz"))
    ) as supervisor:
        await supervisor.wait_ready(WITHIN_S)
        assert await HttpProbe(f"{url}/other").check(0) == f"{url}/other answered 404 Not Found"
        assert await HttpProbe(f"{url}/other", status=404).check(0) == ""


async def test_a_ready_file_of_an_earlier_process_does_not_count(tmp_path: Path):
    stale = tmp_path / "ready"
    stale.touch()
    async with supervised(tmp_path, python("stays", STAY, ready=FileProbe(stale))) as supervisor:
        with pytest.raises(NotReady, match="ready is not there yet"):
            await supervisor.wait_ready(0.5)


async def test_the_part_has_its_own_variables_and_session_and_plain_signals(tmp_path: Path):
    script = (
        "import os; e = os.environ;print(e['OWN'], os.getsid(0) == os.getpid(), 'TIFO_PART_ENVIRONMENT' in e)"
    )
    parts = (
        Part("says", (sys.executable, "-c", script), AliveProbe(60), {"OWN": "yes"}),
        Part("signals", ("/bin/grep", "SigIgn", "/proc/self/status"), AliveProbe(60)),
    )
    async with supervised(tmp_path, *parts) as supervisor:
        await until(lambda: all(state.restarts for state in supervisor.states))
        assert "yes True False" in (tmp_path / "logs" / "says.log").read_text()
        ignored = int((tmp_path / "logs" / "signals.log").read_text().split("SigIgn:")[1].split()[0], 16)
        assert not ignored & sum(1 << (one - 1) for one in (signal.SIGPIPE, signal.SIGXFSZ))


async def test_two_supervisors_run_beside_each_other(tmp_path: Path):
    async with (
        supervised(tmp_path / "one", python("stays", STAY)) as one,
        supervised(tmp_path / "two", python("stays", STAY)) as two,
    ):
        await asyncio.gather(one.wait_ready(WITHIN_S), two.wait_ready(WITHIN_S))
        await one.stop()
        assert alive(pid_of(two))
        assert two.states[0].state is State.RUNNING


async def test_stop_may_be_repeated_and_comes_before_any_start(tmp_path: Path):
    supervisor = Supervisor(
        [python("stays", STAY)], logs=tmp_path, clock=SystemClock(), ids=SequentialIds(), on_change=Seen()
    )
    await supervisor.stop()
    async with supervised(tmp_path, python("stays", STAY)) as other:
        await asyncio.gather(other.stop(), other.stop())


@asynccontextmanager
async def supervisor_process(folder: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: ASYNC220 - returns at once
        [sys.executable, "-c", SUPERVISE, str(folder), PARENT], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
            yield process
        finally:
            process.kill()


async def test_a_killed_supervisor_leaves_no_process(tmp_path: Path):
    async with supervisor_process(tmp_path) as process:
        left = descendants_of(process.pid)
        assert {int((tmp_path / f"grandchild-{n}").read_text()) for n in range(2)} < left
        assert len(left) == 5  # two parts, two grandchildren, the guard
        process.kill()
        await until(lambda: not any(map(alive, left)))


async def test_parts_do_not_depend_on_the_guard_to_end_with_their_supervisor(tmp_path: Path):
    async with supervisor_process(tmp_path) as process:
        guard = guard_of(process.pid)
        assert guard is not None
        left = descendants_of(process.pid)
        parts = children_of(process.pid) - {guard}
        os.kill(guard, signal.SIGSTOP)
        try:
            process.kill()
            await until(lambda: not any(map(alive, parts)))
        finally:
            os.kill(guard, signal.SIGCONT)
        await until(lambda: not any(map(alive, left)))


async def test_a_killed_guard_is_replaced_and_still_knows_every_group(tmp_path: Path):
    async with supervisor_process(tmp_path) as process:
        guard = guard_of(process.pid)
        os.kill(guard, signal.SIGKILL)
        await until(lambda: guard_of(process.pid) not in (guard, None))
        left = descendants_of(process.pid)
        process.kill()
        await until(lambda: not any(map(alive, left - {guard})))


async def test_a_supervisor_asked_to_end_leaves_no_process(tmp_path: Path):
    async with supervisor_process(tmp_path) as process:
        left = descendants_of(process.pid)
        process.terminate()
        assert await asyncio.to_thread(process.wait, WITHIN_S) == 0
        assert not any(map(alive, left))


def test_states_are_plain_words():
    assert json.dumps([*State]) == '["starting", "running", "backing-off", "stopped"]'
