"""A real S3 server for the tests: versitygw over a folder, on a free port of loopback, stopped by its pid.

`tests/system-packages.sh` builds it from its Go module into `tests/servers/s3/bin`.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local_servers import listening
from tcp_ports import free_port

PROGRAM = Path(__file__).parent / "s3" / "bin" / "versitygw"
MISSING = "" if PROGRAM.exists() else "versitygw is not there (make system-packages builds it with Go)"
NOT_RUN = f"{MISSING}: what needs a real S3 was not run"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local-secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What its clients need in their environment."""


@contextlib.contextmanager
def s3_server(folder: Path, *buckets: str) -> Iterator[str]:
    """Its address, `http://127.0.0.1:PORT`, while it runs with these buckets, all of it below the folder."""
    for name in ("data", "attributes"):
        (folder / name).mkdir(parents=True)
    for bucket in buckets:
        (folder / "data" / bucket).mkdir()
    port = free_port()
    command = [
        str(PROGRAM), "--port", f"127.0.0.1:{port}", "--quiet",
        "posix", "--sidecar", str(folder / "attributes"), str(folder / "data"),
    ]  # fmt: skip
    keys = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    own = {"ROOT_ACCESS_KEY": keys[0], "ROOT_SECRET_KEY": keys[1]}
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **own})
    with listening("versitygw", process, port) as address:
        yield address
