"""A whole platform of real processes for the stories, in each form it can run in."""

import contextlib
import json
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from commands import START_S_MAX, Processes, eventually, free_block
from players import BREAK_EVERY_S, BREAK_S, CLOCK, NODES, PATHWAYS, Http, Platform, Player, bearer, fetch

from tifo.api.creatives import HOUSE_CREATIVES

HEARTBEAT_S, LEASE_S = 2, 6
STREAM_LIMIT = 2
LAKE_FLUSH_S = 1
MOVE_PER_S = 1.0
"""The steering loop moves at once what it moves slowly elsewhere: a CDN that is in again is soon back."""

NewFolder = Callable[[], contextlib.AbstractContextManager[Path]]


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


@contextlib.contextmanager
def one_machine(
    folder: Path,
    *arguments: str,
    break_every_s: int = BREAK_EVERY_S,
    break_s: int = BREAK_S,
    **variables: str,
) -> Iterator[Platform]:
    """`tifo up`."""
    first = free_block(11)
    data = folder / "data"
    processes = Processes(folder)
    settings = {
        "TIFO_SESSIONS__HEARTBEAT_S": str(HEARTBEAT_S),
        "TIFO_SESSIONS__LEASE_S": str(LEASE_S),
        "TIFO_SESSIONS__STREAM_LIMIT": str(STREAM_LIMIT),
        "TIFO_LAKE__FLUSH_S": str(LAKE_FLUSH_S),
        "TIFO_STEERING_LOOP__MOVE_PER_S": str(MOVE_PER_S),
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


def key_set() -> dict[str, Any]:
    return {"current": "k1", "secrets": {"k1": secrets.token_hex(32)}}


def settings_of_many(folder: Path, first: int) -> dict[str, Any]:
    """One settings file for every process of the many-machines form; ports from `first` on."""
    shared = folder / "stores"
    names = ("profiles", "calendar", "board", "audit", "billing")
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
        "lake": {"url": f"file://{shared / 'lake'}", "flush_s": LAKE_FLUSH_S},
        "channel": {"port": first + 5, "break_every_s": BREAK_EVERY_S, "break_duration_s": BREAK_S},
        "accounts": {"dev_issuer": True},
        "sessions": {"heartbeat_s": HEARTBEAT_S, "lease_s": LEASE_S, "stream_limit": STREAM_LIMIT},
        "steering_loop": {"move_per_s": MOVE_PER_S},
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


PEERS = {
    "catalogue": "home",
    "sessions": "sessions",
    "ads": next(n for n, s in NODES.items() if "ads" in s),
    "control": next(n for n, s in NODES.items() if "control" in s),
}


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
        start("insight", "worker", "insight", "anomalies")
        start("billing", "worker", "billing")
        start("lake", "worker", "lake")
        start("steering", "worker", "steering")
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


@contextlib.contextmanager
def watching_on(players: list[Player]) -> Iterator[None]:
    """They go on meanwhile: what is done may take longer than the stories' short leases when all is busy."""
    enough = threading.Event()

    def beat() -> None:
        while not enough.wait(HEARTBEAT_S / 2):
            for player in players:
                player.beat()

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        yield
    finally:
        enough.set()
        beating.join()


def _serves(platform: Platform) -> bool:
    """Whether a viewer could watch, ads included, and an operator could look."""
    channel = fetch(platform.channel).json()
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


@pytest.fixture(scope="module")
def quiet(new_folder: NewFolder) -> Iterator[Platform]:
    """One machine, a match without planned breaks."""
    with new_folder() as folder, one_machine(folder, break_every_s=0) as running:
        yield running


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
