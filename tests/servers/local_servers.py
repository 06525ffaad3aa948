"""A server of the tests: started, waited for until it listens, and stopped by its own process id."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

START_S_MAX = 30.0
STOP_S_MAX = 10.0


@contextlib.contextmanager
def listening(name: str, process: subprocess.Popen[bytes], port: int) -> Iterator[str]:
    """Its address, `http://127.0.0.1:PORT`, from when it listens there; it ends with the caller."""
    try:
        _wait_for(name, process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_S_MAX
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"{name} does not listen after {START_S_MAX:.0f} s")
