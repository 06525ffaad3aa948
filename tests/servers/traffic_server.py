"""An Apache Traffic Server of our own, in front of an origin that answers everything."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from http_servers import answering

PROGRAM = shutil.which("traffic_server", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

RECORDS = """
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.body_factory.template_sets_dir STRING /etc/trafficserver/body_factory
CONFIG proxy.config.admin.user_id STRING {user}
"""

ROOT = """
prefix: {folder}
exec_prefix: {folder}
bindir: /usr/bin
sbindir: /usr/bin
sysconfdir: {folder}
datadir: {folder}
includedir: {folder}
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: {folder}
runtimedir: {folder}
logdir: {folder}
cachedir: {folder}
"""


ALLOWED = """
ip_allow:
  - apply: in
    ip_addrs: 127.0.0.1
    action: allow
    methods: ALL
"""


class Origin(BaseHTTPRequestHandler):
    """Answers with what it was asked for."""

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: tests look at the answers."""


@contextmanager
def origin() -> Iterator[int]:
    """The port of an origin."""
    with answering(Origin) as port:
        yield port


@contextmanager
def running(port: int, files: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run it with configurations; it may have ended already where they cannot be."""
    if PROGRAM is None:
        pytest.skip("Apache Traffic Server is not installed: make system-packages")
    # It gives up root's rights, so its folder is one that everybody may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = "nobody" if os.geteuid() == 0 else "#-1"
        own = {
            "records.config": RECORDS.format(port=port, user=user),
            "root.yaml": ROOT.format(folder=folder),
            "ip_allow.yaml": ALLOWED,
            "storage.config": "",
        }
        for file, text in {**own, **files}.items():
            (folder / file).write_text(text)
        folder.chmod(0o777)
        command = [PROGRAM, f"--run-root={folder}/root.yaml"]
        with (folder / "output").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        try:
            _wait(port, process)
            yield process
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int, process: "subprocess.Popen[str]") -> None:
    for _ in range(400):
        if process.poll() is not None:
            return
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError
