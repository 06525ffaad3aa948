"""A whole platform of real processes for the stories, in each form it can run in, and a player to try it.

Test modules load this file by its path: they are imported without a package.
"""

import base64
import contextlib
import hmac
import json
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin

import httpx
import pytest
import tomli_w

from tifo.api.creatives import HOUSE_CREATIVES
from tifo.kernel.clock import SystemClock
from tifo.kernel.errors import CODES, PROBLEM_TYPES

START_S_MAX = 60.0
STOP_S_MAX = 20.0
ANSWER_S_MAX = 10.0
POLL_S = 0.05

PATHWAYS = ("cdn-a", "cdn-b", "cdn-c", "cdn-d")
HEARTBEAT_S, LEASE_S = 2, 8
STREAM_LIMIT = 2
BREAK_EVERY_S, BREAK_S = 30, 20
"""A break of 20 s every 30 s: whenever one looks, one stands in the playlists."""
ASKING_S = 3
"""Seconds that a story takes to ask for what it found."""

PROBLEM = "application/problem+json"

CLOCK = SystemClock()

T = TypeVar("T")
NewFolder = Callable[[], contextlib.AbstractContextManager[Path]]


def eventually(look: Callable[[], T], seconds: float = ANSWER_S_MAX, what: str = "") -> T:
    """What `look` gives once it is true; a failing assertion or a lost connection only means not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            found, last = look(), None
        except (AssertionError, httpx.TransportError) as error:
            found, last = None, error
        if found:
            return found
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds:g} s: {what or look}") from last
        time.sleep(POLL_S)


# --- ports and processes --------------------------------------------------------------------------------


def free_block(count: int) -> int:
    """The first of `count` neighbouring ports that are free, below those the system gives to clients."""
    while True:
        first = 20_000 + secrets.randbelow(12_000 - count)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def left_over(mark: str) -> list[str]:
    """The processes whose command line or environment has `mark` in it: those of one data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
                if mark.encode() in command + variables:
                    found.append(f"{entry.name} {command.decode().replace(chr(0), ' ')}")
    return found


def environment(**variables: str) -> dict[str, str]:
    """Our own environment without settings of Tifo's, and with these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIFO_")}
    return {**own, **variables}


def tifo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    command = [sys.executable, "-m", "tifo", *arguments]
    return subprocess.run(
        command,
        env=environment(COLUMNS="200", **variables),
        capture_output=True,
        text=True,
        timeout=START_S_MAX,
    )


@dataclass
class Processes:
    """Started together, stopped by their pids, none left behind; each with a log of its own."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "tifo", *arguments],
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        return self.running[name]

    def check(self) -> None:
        """That none has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                pytest.fail(f"{name} ended ({process.returncode}): {self.said(name)[-3000:]}")

    def said(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S_MAX)
        stubborn = [name for name, process in self.running.items() if process.poll() is None]
        for name in stubborn:
            self.running[name].kill()
        assert not stubborn, f"did not stop on SIGTERM: {stubborn}"
        eventually(lambda: not left_over(str(self.folder)), STOP_S_MAX, "processes are left")


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> NewFolder:
    """Makes data folders, each gone after its use. The house ads are encoded by the first platform only."""
    encoded = tmp_path_factory.mktemp("encoded") / "creatives"

    @contextlib.contextmanager
    def make() -> Iterator[Path]:
        # Not below pytest's own folder, whose paths are too long for Unix sockets.
        with tempfile.TemporaryDirectory(prefix="tifo-", ignore_cleanup_errors=True) as name:
            own = [Path(name) / part / "creatives" for part in ("data", "channel")]
            for folder in own if encoded.exists() else []:
                shutil.copytree(encoded, folder)
            yield Path(name)
            made = next(
                (folder for folder in own if len(list(folder.glob("*"))) >= len(HOUSE_CREATIVES)), None
            )
            if made and not encoded.exists():
                shutil.copytree(made, encoded)

    return make


# --- what players and operators do ------------------------------------------------------------------------


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


# --- tokens that are not as they should be ------------------------------------------------------------------


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_in(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def signed(keys: Mapping[str, Any], claims: Mapping[str, Any], **header: str) -> str:
    """A token as its issuer would sign it, with whatever claims and header."""
    kid = keys["current"]
    head = {"alg": "HS256", "kid": kid, "typ": "JWT", **header}
    body = ".".join(text_of(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    key = bytes.fromhex(keys["secrets"][kid])
    return f"{body}.{text_of(hmac.digest(key, body.encode(), 'sha256'))}"


def broken(good: str, keys: Mapping[str, Any]) -> dict[str, str]:
    """A good token, broken in each way in which tokens are; `keys` signed it."""
    head, body, signature = good.split(".")
    claims, now = claims_in(good), int(CLOCK.now())
    other = {"current": keys["current"], "secrets": {keys["current"]: "ab" * 32}}
    return {
        "truncated": good[:-7],
        "without a signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "signature of another": f"{head}.{body}.{signature[::-1]}",
        "signed by another key": signed(other, claims),
        "unknown key": signed(keys, claims, kid="k-unknown"),
        "algorithm none": signed(keys, claims, alg="none"),
        "another algorithm": signed(keys, claims, alg="HS512"),
        "expired": signed(keys, {**claims, "exp": now - 60}),
        "not yet valid": signed(keys, {**claims, "nbf": now + 3600}),
        "of another audience": signed(keys, {**claims, "aud": "another"}),
        "without claims": signed(keys, {}),
        "claims of wrong types": signed(keys, {**claims, "exp": "tomorrow"}),
        "very long": signed(keys, {**claims, "more": "x" * 3000}),
        "no token": "nothing-of-the-kind",
        "bytes": "%00%ff%fe",
    }


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


# --- the forms ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def one_machine(
    folder: Path,
    *arguments: str,
    break_every_s: int = BREAK_EVERY_S,
    break_s: int = BREAK_S,
    **variables: str,
) -> Iterator[Platform]:
    """`tifo up`."""
    first = free_block(7)
    data = folder / "data"
    processes = Processes(folder)
    settings = {
        "TIFO_SESSIONS__HEARTBEAT_S": str(HEARTBEAT_S),
        "TIFO_SESSIONS__LEASE_S": str(LEASE_S),
        "TIFO_SESSIONS__STREAM_LIMIT": str(STREAM_LIMIT),
        **variables,
    }
    try:
        processes.start(
            "up", "up", "--port", str(first), "--operator-port", str(first + 6), "--data", str(data),
            "--break-every", str(break_every_s), "--break-duration", str(break_s), *arguments, **settings,
        )  # fmt: skip
        eventually(lambda: processes.check() or "Ready after" in processes.said("up"), START_S_MAX, "ready")
        keys = json.loads((data / "keys.json").read_bytes())
        platform = Platform(
            form="one-machine",
            viewers=Http(f"http://127.0.0.1:{first}"),
            operators=Http(f"http://127.0.0.1:{first + 6}"),
            stores=data,
            folder=data,
            keys={**keys["keys"], "pathways": keys["pathways"]},
            cdn_ports={name: first + n for n, name in enumerate(PATHWAYS, 1)},
            channel=f"http://127.0.0.1:{first + 5}/healthz",
            processes=processes,
        )
        eventually(lambda: _serves(platform), START_S_MAX, "ads are encoded")
        yield platform
        platform.close()
    finally:
        processes.stop()


NODES: Mapping[str, tuple[str, ...]] = {
    "home": ("accounts", "catalogue", "pages"),
    "sessions": ("sessions",),
    "video": ("video", "steering"),
    "ads": ("ads", "beacons"),
    "control": ("control",),
}
"""Which services share a process, by its name."""


def key_set() -> dict[str, Any]:
    return {"current": "k1", "secrets": {"k1": secrets.token_hex(32)}}


def settings_of_many(folder: Path, first: int) -> dict[str, Any]:
    """One settings file for every process of the many-machines form; ports from `first` on."""
    shared = folder / "stores"
    names = ("profiles", "calendar", "board", "audit")
    operators = {name: first + 10 + n for n, name in enumerate(NODES)}
    viewers = {name: first + 20 + n for n, name in enumerate(NODES)}
    now = CLOCK.now()
    return {
        "public_url": f"http://127.0.0.1:{first}",
        "stores": {
            **{name: f"sqlite:///{shared / name}.db" for name in names},
            "eventlog": f"sqlite:///{shared / 'events.db'}",
        },
        "keys": {**{name: key_set() for name in ("playback", "access", "beacon")}, "operator_token": ""},
        "pathways": [
            {"id": name, "base_url": f"http://127.0.0.1:{first + n}", "port": first + n, "keys": key_set()}
            for n, name in enumerate(PATHWAYS, 1)
        ],
        "peers": {name: f"http://127.0.0.1:{operators[node]}" for name, node in PEERS.items()},
        "front": {
            "services": {
                name: f"127.0.0.1:{viewers[node]}"
                for node, services in NODES.items()
                for name in services
                if name != "control"
            }
        },
        "channel": {"port": first + 5, "break_every_s": BREAK_EVERY_S, "break_duration_s": BREAK_S},
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


PEERS = {"catalogue": "home", "sessions": "sessions"}


@contextlib.contextmanager
def many_machines(folder: Path) -> Iterator[Platform]:
    """Each service or two in a process of their own, behind a front; wired by settings alone."""
    first = free_block(30)
    settings = settings_of_many(folder, first)
    file = folder / "settings.toml"
    file.write_text(tomli_w.dumps(settings))
    processes = Processes(folder)

    def start(name: str, *command: str, port: int = 0, operator_port: int = 0, **more: str) -> None:
        variables = {"TIFO_CONFIG": str(file), "TIFO_NODE": name, "TIFO_DATA": str(folder / name), **more}
        if port:
            variables["TIFO_EDGE__PORT"] = str(port)
            variables["TIFO_EDGE__OPERATOR_PORT"] = str(operator_port)
        log = folder / "logs" / ("access.log" if name == "front" else f"{name}-access.log")
        processes.start(name, *command, TIFO_EDGE__ACCESS_LOG__PATH=str(log), **variables)

    try:
        start("channel", "serve", "channel")
        for name in PATHWAYS:
            start(name, "serve", name)
        for n, (name, services) in enumerate(NODES.items()):
            start(name, "serve", *services, port=first + 20 + n, operator_port=first + 10 + n)
        start("front", "serve", "front", port=first, operator_port=first + 29)
        start("insight", "worker", "insight")
        control = list(NODES).index("control")
        platform = Platform(
            form="many-machines",
            viewers=Http(f"http://127.0.0.1:{first}"),
            operators=Http(f"http://127.0.0.1:{first + 10 + control}"),
            stores=folder / "stores",
            folder=folder,
            keys={**settings["keys"], "pathways": {one["id"]: one["keys"] for one in settings["pathways"]}},
            cdn_ports={name: first + n for n, name in enumerate(PATHWAYS, 1)},
            channel=f"http://127.0.0.1:{first + 5}/healthz",
            processes=processes,
            nodes={name: Http(f"http://127.0.0.1:{first + 10 + n}") for n, name in enumerate(NODES)},
        )
        eventually(lambda: processes.check() or _serves(platform), START_S_MAX, "every process answers")
        yield platform
        platform.close()
    finally:
        processes.stop()


def _serves(platform: Platform) -> bool:
    """Whether a viewer could watch, ads included, and an operator could look."""
    channel = httpx.get(platform.channel, trust_env=False).json()
    if set(channel["creatives"].values()) != {"ready"}:
        return False
    paths = ("/readyz", "/v1/events/demo", "/v1/ads/t/nothing.of.ours")
    answers = [platform.viewers.get(path).status_code for path in paths]
    assert platform.operators.get("/healthz").status_code == 200
    assert platform.viewers("POST", "/v1/sessions/x/heartbeat", headers=bearer("a.b.c")).status_code == 401
    return answers[:2] == [200, 200] and answers[2] < 500 and bool(platform.overview()["eventlog"])


@contextlib.contextmanager
def on_granian(folder: Path) -> Iterator[Platform]:
    """Every service in one process on Granian, without Envoy; the channel and two CDNs beside it."""
    first = free_block(7)
    settings = settings_of_many(folder, first)
    settings |= {"server": "granian", "peers": {}, "front": {}}
    settings["pathways"] = settings["pathways"][:2]
    file = folder / "settings.toml"
    file.write_text(tomli_w.dumps(settings))
    processes = Processes(folder)
    variables = {"TIFO_CONFIG": str(file), "TIFO_SERVER": "granian"}
    services = [name for names in NODES.values() for name in names]
    try:
        processes.start("channel", "serve", "channel", TIFO_DATA=str(folder / "channel"), **variables)
        for name in PATHWAYS[:2]:
            processes.start(name, "serve", name, TIFO_DATA=str(folder / name), **variables)
        processes.start(
            "all", "serve", *services, TIFO_DATA=str(folder / "all"), TIFO_EDGE__PORT=str(first),
            TIFO_EDGE__OPERATOR_PORT=str(first + 6), **variables,
        )  # fmt: skip
        platform = Platform(
            form="granian",
            viewers=Http(f"http://127.0.0.1:{first}"),
            operators=Http(f"http://127.0.0.1:{first + 6}"),
            stores=folder / "stores",
            folder=folder,
            keys={**settings["keys"], "pathways": {one["id"]: one["keys"] for one in settings["pathways"]}},
            cdn_ports={name: first + n for n, name in enumerate(PATHWAYS[:2], 1)},
            channel=f"http://127.0.0.1:{first + 5}/healthz",
            processes=processes,
        )
        eventually(lambda: processes.check() or _serves(platform), START_S_MAX, "it answers")
        yield platform
        platform.close()
    finally:
        processes.stop()


FORMS = {"one-machine": one_machine, "many-machines": many_machines}


@pytest.fixture(scope="session", params=list(FORMS))
def platform(request: pytest.FixtureRequest, new_folder: NewFolder) -> Iterator[Platform]:
    """A running platform in each of its two forms, the same for all stories that change nothing for others.

    After the last of them, no log of any of its processes may hold a secret.
    """
    with new_folder() as folder:
        with FORMS[request.param](folder) as running:
            yield running
        assert len(running.logs) > len(PATHWAYS)
        assert running.leaks() == []
