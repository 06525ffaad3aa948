"""What the edge's tests share: real Envoys, an origin that counts, requests no client library sends.

Test modules load this file by its path: they are imported without a package.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from http_servers import answering

from tifo.edge import binary
from tifo.kernel.errors import CODES, PROBLEM_TYPES

START_S_MAX = 150
ANSWER_S_MAX = 30


def wait_for(condition: Callable[[], object], seconds: float = ANSWER_S_MAX) -> object:
    """Ask until the answer is true; the bound fails the test."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def running(config: dict, folder: Path) -> Iterator[subprocess.Popen]:
    """An Envoy with this configuration, ready to answer; stopped by its own process at the end."""
    path = folder / "envoy.json"
    binary.write_config(config, path)
    env = binary.environment(os.environ)
    env["PYTHONPATH"] = os.pathsep.join((str(Path(__file__).parent), env["PYTHONPATH"]))
    log = folder / "envoy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            binary.arguments(path, log_flush_ms=50), env=env, stdout=output, stderr=output
        )
    try:
        admin = config["admin"]["address"]["pipe"]["path"]
        wait_for(lambda: _ready(process, admin, log), START_S_MAX)
        yield process
    finally:
        process.terminate()
        process.wait(START_S_MAX)


def _ready(process: subprocess.Popen, admin: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return admin_text(admin, "/ready").strip() == "LIVE"
    except OSError:
        return False


def admin_text(admin: str, path: str) -> str:
    """One page of Envoy's admin interface, over its socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S_MAX)
        connection.connect(admin)
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.read().decode()


def counter(admin: str, name: str) -> int:
    """One counter or gauge of Envoy's; 0 while it has not been touched."""
    lines = (line.rpartition(": ") for line in admin_text(admin, "/stats").splitlines())
    return next((int(value) for key, _, value in lines if key == name), 0)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> str:
        """The code of a problem document that is whole; anything else fails the test."""
        assert self.headers["content-type"] == "application/problem+json", self
        document = json.loads(self.body)
        code = CODES[document["code"]]
        assert document["type"] == PROBLEM_TYPES + document["code"]
        assert (document["status"], document["title"]) == (code.status, code.title)
        assert self.status == code.status
        assert document["request_id"] == self.headers.get("x-request-id")
        return document["code"]


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S_MAX)
    try:
        connection.request(method, path, body=body or None, headers=headers or {})
        return _reply(connection.getresponse())
    finally:
        connection.close()


def say(port: int, text: bytes) -> Reply:
    """Send bytes as they are, and read the one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX) as connection:
        connection.sendall(text)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return _reply(answer)


def _reply(answer: http.client.HTTPResponse) -> Reply:
    with answer:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())


def lines_of(path: Path, count: int) -> list[dict]:
    """The first lines of an access log, once there are that many."""
    wait_for(lambda: path.exists() and len(path.read_text().splitlines()) >= count)
    return [json.loads(line) for line in path.read_text().splitlines()]


@dataclass
class Origin:
    """A server that keeps every request it got, and fails as often as it is told to."""

    port: int
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    failures: int = 0


@contextlib.contextmanager
def origin_server() -> Iterator[Origin]:
    origin = Origin(0)
    with answering(_handler(origin)) as origin.port:
        yield origin


def _handler(origin: Origin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            origin.requests.append((self.command, self.path, dict(self.headers.items())))
            failing = origin.failures > 0
            origin.failures -= failing
            body = f"bytes of {self.path}".encode()
            self.send_response(503 if failing else 200)
            self.send_header("Cache-Control", "public, max-age=60")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet: the requests are kept."""

    return Handler


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(key: bytes, header: dict, claims: dict) -> str:
    """A compact JWS with whatever header and claims, signed as HS256."""
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


H2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
H2_DATA, H2_HEADERS, H2_RESET, H2_SETTINGS, H2_PING, H2_GOAWAY, H2_WINDOW, H2_CONTINUATION = (
    0,
    1,
    3,
    4,
    6,
    7,
    8,
    9,
)


def h2_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def h2_header(name: bytes, value: bytes) -> bytes:
    """One header as a literal that is never indexed; lengths below 127 only."""
    return b"\x10" + bytes((len(name),)) + name + bytes((len(value),)) + value


def h2_request(
    stream: int, path: bytes = b"/v1/events", *, method: bytes = b"GET", ends: bool = True
) -> bytes:
    pairs = ((b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"tifo"))
    return h2_frame(H2_HEADERS, 0x5 if ends else 0x4, stream, b"".join(h2_header(*pair) for pair in pairs))


@contextlib.contextmanager
def h2_connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX) as connection:
        connection.sendall(H2_PREFACE + h2_frame(H2_SETTINGS, 0, 0))
        yield connection


def h2_flood(connection: socket.socket, frames: bytes) -> None:
    """Send frames; the other end may hang up in the middle of them."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(frames)


def h2_read(connection: socket.socket, enough: Callable[[list[tuple[int, int, bytes]]], bool]) -> list:
    """Frames as (kind, stream, payload), until there are enough or the other end hangs up."""
    data, frames = b"", []
    while not enough(frames):
        try:
            more = connection.recv(65_536)
        except ConnectionError:
            break
        if not more:
            break
        data += more
        while len(data) >= 9 and len(data) >= 9 + (size := int.from_bytes(data[:3])):
            frames.append((data[3], int.from_bytes(data[5:9]) & 0x7FFFFFFF, data[9 : 9 + size]))
            data = data[9 + size :]
    return frames


def h2_until_closed(connection: socket.socket) -> list:
    """Every frame until the other end hangs up."""
    return h2_read(connection, lambda frames: any(kind == H2_GOAWAY for kind, _, _ in frames))
