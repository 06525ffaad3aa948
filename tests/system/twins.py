"""Two processes that each run every service, behind one front, over stores that the test can take away."""

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import tomli_w
from commands import ANSWER_S_MAX, START_S_MAX, Processes, eventually, free_block
from platforms import key_set
from players import CLOCK, PATHWAYS, fetch

SERVICES = ("accounts", "catalogue", "sessions", "video", "steering", "ads", "beacons", "control", "pages")
HEARTBEAT_S, LEASE_S = 2, 12
STREAM_LIMIT = 2


@dataclass
class Twins:
    """A front at `url`, and two nodes that can be killed one by one."""

    folder: Path
    processes: Processes
    first_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.first_port}"

    def operators(self, node: int) -> str:
        return f"http://127.0.0.1:{self.first_port + 20 + node}"

    def start_node(self, node: int) -> None:
        self._serve(f"node-{node}", SERVICES, self.first_port + 10 + node, self.first_port + 20 + node)

    def start_front(self) -> None:
        self._serve("front", ("front",), self.first_port, self.first_port + 29)

    def kill(self, name: str) -> None:
        process = self.processes.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def sessions(self, node: int = 0) -> list[str]:
        """Every session in the operators' list, page by page; none while the store does not answer."""
        found: list[str] = []
        after = ""
        with httpx.Client(base_url=self.operators(node), timeout=ANSWER_S_MAX, trust_env=False) as client:
            while True:
                answer = client.get("/v1/control/sessions", params={"limit": 200, "after": after})
                if answer.status_code == 503:
                    return []
                assert answer.status_code == 200, answer.text
                found += [one["session"] for one in answer.json()["sessions"]]
                after = answer.json()["next"]
                if not after:
                    return found

    def metric(self, name: str) -> float:
        """The sum of a metric's samples over both nodes that answer."""
        total = 0.0
        for node in range(2):
            with contextlib.suppress(httpx.HTTPError):
                text = fetch(f"{self.operators(node)}/metrics").text
                rows = (row for row in text.splitlines() if row.startswith(name))
                total += sum(float(row.rpartition(" ")[2]) for row in rows)
        return total

    def wait(self, *nodes: int) -> None:
        urls = [f"{self.operators(node)}/healthz" for node in nodes]
        for url in (*urls, f"{self.url}/v1/events"):
            eventually(lambda url=url: _answers(url), START_S_MAX, f"{url} answers")
        self.processes.check()

    def _serve(self, name: str, services: tuple[str, ...], port: int, operator_port: int) -> None:
        self.processes.start(
            name, "serve", *services, "--config", str(self.folder / "settings.toml"),
            TIFO_NODE=name, TIFO_DATA=str(self.folder / name),
            TIFO_EDGE__PORT=str(port), TIFO_EDGE__OPERATOR_PORT=str(operator_port),
        )  # fmt: skip


def _answers(url: str) -> bool:
    return fetch(url).is_success


def settings_of(folder: Path, first: int, stores: dict[str, str], more: dict[str, Any]) -> dict[str, Any]:
    """One settings file for all three; what `stores` does not name is SQLite in one folder."""
    shared = folder / "stores"
    files = {name: f"sqlite:///{shared / name}.db" for name in ("profiles", "calendar", "board", "audit")}
    now = CLOCK.now()
    both = ", ".join(f"127.0.0.1:{first + 10 + node}" for node in range(2))
    base = {
        "public_url": f"http://127.0.0.1:{first}",
        "stores": {**files, "eventlog": f"sqlite:///{shared / 'events.db'}", **stores},
        "keys": {**{name: key_set() for name in ("playback", "access", "beacon")}, "operator_token": ""},
        "pathways": [
            {"id": name, "base_url": f"http://127.0.0.1:{first + n}", "keys": key_set()}
            for n, name in enumerate(PATHWAYS, 1)
        ],
        "front": {"services": {name: both for name in SERVICES if name != "control"}},
        # One machine is the whole crowd: the limit of one client is not what is tried here.
        "edge": {"rate": {"requests_per_s": 0}},
        "accounts": {"dev_issuer": True},
        "sessions": {"heartbeat_s": HEARTBEAT_S, "lease_s": LEASE_S, "stream_limit": STREAM_LIMIT},
        "catalogue": {
            "events": [
                {
                    "id": "demo",
                    "title": "The match",
                    "channel": "demo",
                    "starts": now - 60,
                    "ends": now + 86_400,
                }
            ]
        },
    }
    return {**base, **{name: {**base.get(name, {}), **section} for name, section in more.items()}}


@contextlib.contextmanager
def twins(folder: Path, stores: dict[str, str], **more: Any) -> Iterator[Twins]:
    """Both nodes and the front, answering; `more` are sections of settings."""
    first = free_block(30)
    (folder / "settings.toml").write_text(tomli_w.dumps(settings_of(folder, first, stores, more)))
    platform = Twins(folder, Processes(folder), first)
    try:
        for node in range(2):
            platform.start_node(node)
        platform.start_front()
        platform.wait(0, 1)
        yield platform
    finally:
        platform.processes.stop()
