"""A real DynamoDB Local for the tests: java, in memory, on a free port of loopback, stopped by its own pid.

`tests/system-packages.sh` fetches it with Maven into `tests/servers/dynamodb/libs`.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local_servers import listening
from tcp_ports import free_port

LIBS = Path(__file__).parent / "dynamodb" / "libs"
JAVA = shutil.which("java")

MISSING = (
    "java is not installed"
    if JAVA is None
    else ""
    if any(LIBS.glob("DynamoDBLocal-*.jar"))
    else "DynamoDB Local is not there (make system-packages fetches it with Maven)"
)
"""Why it cannot be started here; empty when it can."""

NOT_RUN = f"{MISSING}: what needs a real DynamoDB was not run"

REGION = "eu-west-3"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What its clients need in their environment: it asks for credentials and takes any."""


@contextlib.contextmanager
def dynamodb_local() -> Iterator[str]:
    """Its address, `http://127.0.0.1:PORT`, while it runs; every table is gone with it."""
    port = free_port()
    command = [
        str(JAVA), "-Xmx256m", f"-Djava.library.path={LIBS}", "-cp", f"{LIBS}/*",
        "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
        "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with listening("DynamoDB Local", process, port) as address:
        yield address
