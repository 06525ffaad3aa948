"""What players and operators do with a platform, and what they check of each answer."""

import contextlib
import json
import re
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from commands import ANSWER_S_MAX, Processes

from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import CODES, PROBLEM_TYPES

PATHWAYS = ("cdn-a", "cdn-b", "cdn-c", "cdn-d")
BREAK_EVERY_S, BREAK_S = 30, 20
"""A break of 20 s every 30 s: whenever one looks, one stands in the playlists."""
ASKING_S = 3
"""Seconds that a story takes to ask for what it found."""

PROBLEM = "application/problem+json"
CLOCK = SystemClock()

NODES: Mapping[str, tuple[str, ...]] = {
    "home": ("accounts", "catalogue", "pages"),
    "sessions": ("sessions",),
    "video": ("video", "steering"),
    "ads": ("ads", "beacons"),
    "control": ("control",),
}
"""Which services share a process, by its name."""


class Http:
    """One address of the platform, asked as people's programs ask."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._client = httpx.Client(base_url=base, timeout=ANSWER_S_MAX, trust_env=False)

    def __call__(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        return self._client.request(method, path, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self._client.get(path, **arguments)

    def close(self) -> None:
        self._client.close()


def fetch(address: str, **arguments: Any) -> httpx.Response:
    """What stands at an address that a player was told."""
    return httpx.get(address, timeout=ANSWER_S_MAX, trust_env=False, **arguments)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of an answer, which must be whole."""
    assert answer.headers.get("content-type") == PROBLEM, (answer.status_code, answer.headers, answer.text)
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code, document
    assert document["type"] == PROBLEM_TYPES + document["code"], document
    assert document["title"], document
    if (code := CODES.get(document["code"])) is not None:
        assert (code.status, code.title) == (document["status"], document["title"])
    if "x-request-id" in answer.headers:
        assert document["request_id"] == answer.headers["x-request-id"], (document, answer.headers)
    return document


def refused(answer: httpx.Response) -> tuple[int, str]:
    """The status and the stable code of a refusal."""
    return answer.status_code, problem(answer)["code"]


@dataclass
class Player:
    """One device of one account, which knows what it was told last."""

    platform: "Platform"
    access: str
    account: str
    session: str
    token: str
    answer: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/v1/sessions/{self.session}"

    def beat(self, token: str = "") -> httpx.Response:
        answer = self.platform.viewers("POST", f"{self.path}/heartbeat", headers=bearer(token or self.token))
        if answer.status_code == 200 and "token" in answer.json():
            self.token = self.platform.new_secret(answer.json()["token"])
        return answer

    def end(self) -> httpx.Response:
        return self.platform.viewers("DELETE", self.path, headers=bearer(self.token))

    def master(self) -> httpx.Response:
        return self.platform.viewers.get(f"/v1/playback/{self.token}/master.m3u8")

    def addresses(self) -> httpx.Response:
        return self.platform.viewers.get(f"/v1/playback/{self.token}/addresses")

    def steering(self, **query: str) -> httpx.Response:
        return self.platform.viewers.get(f"/v1/steering/{self.token}", params=query)

    def asset_list(self, brk: str) -> httpx.Response:
        return self.platform.viewers.get(f"/v1/ads/{self.token}/breaks/{brk}")

    def everywhere(self) -> dict[str, httpx.Response]:
        """The session's answer of each service that asks for its token."""
        return {
            "heartbeat": self.beat(),
            "playlist": self.master(),
            "manifest": self.platform.viewers.get(f"/v1/playback/{self.token}/manifest.mpd"),
            "addresses": self.addresses(),
            "steering": self.steering(),
            "ads": self.asset_list(break_now()),
        }


def break_now() -> str:
    """A break that may be asked for now: the one that is on for a while yet, or the next."""
    return f"brk-{int(CLOCK.now() + BREAK_EVERY_S - BREAK_S + ASKING_S) // BREAK_EVERY_S}"


@dataclass
class Platform:
    """A running platform. `stores` has the SQLite files, `logs` every log file of every process."""

    form: str
    viewers: Http
    operators: Http
    stores: Path
    folder: Path
    keys: Mapping[str, Any]
    cdn_ports: Mapping[str, int]
    channel: str
    """Where the channel says how it is."""
    processes: Processes
    nodes: Mapping[str, Http] = field(default_factory=dict)
    """Each process of services by its name, on its operators' port; empty where one process has them all."""
    secrets_given: list[str] = field(default_factory=list)
    """Every token that was handed out, for the last story: none of them may stand in a log."""
    accounts: int = 0
    event_log: Path = Path()

    def __post_init__(self) -> None:
        self.event_log = self.stores / "events.db"

    def close(self) -> None:
        for one in (self.viewers, self.operators, *self.nodes.values()):
            one.close()

    @property
    def logs(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*.log*") if path.is_file())

    @property
    def access_log(self) -> Path:
        """What the viewers' edge writes."""
        return self.folder / "logs" / "access.log"

    def new_account(self) -> str:
        self.accounts += 1
        return f"fan-{self.accounts}-{secrets.token_hex(3)}"

    def log_in(self, account: str) -> str:
        answer = self.viewers("POST", "/v1/dev/login", json={"account": account})
        assert answer.status_code == 200, answer.text
        return self.new_secret(answer.json()["access_token"])

    def ask_to_start(self, access: str, device: str = "sofa", **more: str) -> httpx.Response:
        body = {"event": "demo", "device": {"id": device, "kind": "tv"}, **more}
        return self.viewers("POST", "/v1/sessions", json=body, headers=bearer(access))

    def player(self, account: str = "", device: str = "sofa", **more: str) -> Player:
        """A device of a new account, or of this one, that was let in."""
        account = account or self.new_account()
        access = self.log_in(account)
        answer = self.ask_to_start(access, device, **more)
        assert answer.status_code == 201, answer.text
        said = answer.json()
        return Player(self, access, account, said["session"], self.new_secret(said["token"]), said)

    def overview(self) -> dict[str, Any]:
        answer = self.operators.get("/v1/control/overview")
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def events(self, kind: str, holding: str = "") -> list[dict[str, Any]]:
        """The events of a type in the log, those with `holding` in their text."""
        with contextlib.closing(sqlite3.connect(self.event_log, timeout=5)) as log:
            rows = log.execute("SELECT value FROM records WHERE type = ? ORDER BY offset", (kind,)).fetchall()
        texts = [bytes(row[0]).decode() for row in rows]
        return [json.loads(text) for text in texts if holding in text]

    def metric(self, service: str, sample: str) -> float:
        """One sample of `/metrics` of the process with that service; 0 when it is not there."""
        node = next((name for name, services in NODES.items() if service in services), "")
        text = self.nodes.get(node, self.operators).get("/metrics").text
        rows = (row for row in text.splitlines() if row.startswith(sample))
        return next((float(row.rpartition(" ")[2]) for row in rows), 0.0)

    def new_secret(self, text: str) -> str:
        """The text, remembered as one that no log may hold."""
        self.secrets_given.append(text)
        return text

    def leaks(self) -> list[str]:
        """What stands in a log and should not: a token that was given out, or anything like one."""
        found = []
        for log in self.logs:
            text = log.read_text(errors="replace")
            shown = [one for one in (*self.secrets_given, *secrets_in(self.keys), "eyJ") if one in text]
            found += [f"{log}: {one[:12]}..." for one in shown]
        return found


def secrets_in(keys: object) -> list[str]:
    """Every secret of a tree of key sets."""
    if not isinstance(keys, Mapping):
        return []
    own = list(keys["secrets"].values()) if "secrets" in keys else []
    return own + [one for inner in keys.values() for one in secrets_in(inner)]


def uris(playlist: str) -> list[str]:
    """The lines of a playlist that are addresses."""
    return [line for line in playlist.splitlines() if line and not line.startswith("#")]


def attribute(line: str, name: str) -> str:
    """One attribute of a playlist's tag, without its quotes."""
    found = re.search(rf'[:,]{name}=("[^"]*"|[^,]*)', line)
    return found[1].strip('"') if found else ""


def media(address: str, player_of: httpx.Client | None = None) -> tuple[str, bytes]:
    """A media playlist and its first segment after its initialisation, as one file."""
    with contextlib.ExitStack() as stack:
        client = player_of or stack.enter_context(httpx.Client(timeout=ANSWER_S_MAX, trust_env=False))
        playlist = client.get(address)
        assert playlist.status_code == 200, (playlist.status_code, playlist.text)
        first = next(line for line in playlist.text.splitlines() if line.startswith("#EXT-X-MAP"))
        parts = (attribute(first, "URI"), uris(playlist.text)[-1])
        answers = [client.get(urljoin(address, part)) for part in parts]
        assert [one.status_code for one in answers] == [200, 200], [one.text[:200] for one in answers]
        return playlist.text, b"".join(one.content for one in answers)
