"""Debian's `redis-server` on free ports of loopback, one or a cluster: for tests and benchmarks.

Nothing is kept on disk, and every server is stopped by its own process id.
"""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = "redis-server"
NOT_RUN = f"{PROGRAM} is not installed: what needs a real Redis was not run"
START_S_MAX = 60.0
CLUSTER_S_MAX = 60.0
NODE_TIMEOUT_MS = 3_000
"""A cluster's masters replace one of them that is silent for so long: no less, for one that
lives may wait for the processor of a busy machine."""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


def free_port() -> int:
    """A port that is free now, and whose cluster bus port is too."""
    for _ in range(100):
        with closing(socket.create_server(("127.0.0.1", 0))) as one:
            port: int = one.getsockname()[1]
            if port < 55_000:
                with closing(socket.socket()) as bus:
                    if bus.connect_ex(("127.0.0.1", port + 10_000)):
                        return port
    raise RuntimeError("no free port")


@dataclass
class RedisServer:
    """One process; `url` reaches it. `options` are lines of its configuration."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    tls: bool = False
    password: str = ""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        if self.tls:
            return f"rediss://{secret}127.0.0.1:{self.port}?ca={self.folder / 'ca.crt'}"
        return f"redis://{secret}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.tls and not (self.folder / "ca.crt").exists():
            make_certificates(self.folder)
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, *self._arguments()], stdout=log, stderr=log)
        deadline = time.monotonic() + START_S_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "redis.log").read_text()[-2_000:])
            time.sleep(0.01)

    def stop(self) -> None:
        """End it, stopped or not; nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Empty again, on the same port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """It accepts connections and answers nothing, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def cli(self, *arguments: str) -> str:
        """What `redis-cli` answers."""
        door = ["--tls", "--cacert", str(self.folder / "ca.crt")] if self.tls else []
        secret = ["-a", self.password, "--no-auth-warning"] if self.password else []
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *door, *secret, *arguments]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=START_S_MAX)
        return (done.stdout + done.stderr).strip()

    def _arguments(self) -> list[str]:
        ports = ["--port", str(self.port)]
        if self.tls:
            files = [("cert", "redis.crt"), ("key", "redis.key"), ("ca-cert", "ca.crt")]
            ports = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            for option, name in files:
                ports += [f"--tls-{option}-file", str(self.folder / name)]
        lines = [word for line in self.options for word in f"--{line}".split(" ", 1)]
        secret = ["--requirepass", self.password] if self.password else []
        fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [*ports, *fixed, *secret, *lines]

    def _answers(self) -> bool:
        return self.cli("PING") == "PONG"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=5)
        self._process = None


@dataclass
class RedisCluster:
    """Three masters, each perhaps with a replica: `nodes` has the masters first."""

    folder: Path
    replicas: int = 0
    nodes: list[RedisServer] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{one.port}' for one in self.nodes)}"

    @property
    def masters(self) -> list[RedisServer]:
        return self.nodes[:3]

    def start(self) -> None:
        options = (
            "cluster-enabled yes",
            f"cluster-node-timeout {NODE_TIMEOUT_MS}",
            "cluster-require-full-coverage no",
            "cluster-allow-replica-migration no",
            "repl-diskless-sync-delay 0",
        )
        for n in range(3 * (1 + self.replicas)):
            self.nodes.append(RedisServer(self.folder / f"node-{n}", options=options))
            self.nodes[-1].start()
        addresses = [f"127.0.0.1:{one.port}" for one in self.nodes]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        done = subprocess.run(
            [*create, "--cluster-replicas", str(self.replicas)],
            capture_output=True, check=False, text=True, timeout=CLUSTER_S_MAX,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout[-2_000:] + done.stderr[-2_000:])
        self._wait_until_all_agree()

    def stop(self) -> None:
        for one in self.nodes:
            one.kill()

    def cli(self, *arguments: str) -> None:
        """The same command on every master."""
        for one in self.masters:
            one.cli(*arguments)

    def replica_of(self, master: RedisServer) -> RedisServer:
        (line,) = [one for one in master.cli("CLUSTER", "NODES").splitlines() if "myself" in one]
        name = line.split()[0]
        for one in self.nodes[3:]:
            if any("myself" in row and name in row for row in one.cli("CLUSTER", "NODES").splitlines()):
                return one
        raise LookupError("it has no replica")

    def _wait_until_all_agree(self) -> None:
        deadline = time.monotonic() + CLUSTER_S_MAX
        while not all(self._ready(one) for one in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError(self.nodes[0].cli("CLUSTER", "NODES"))
            time.sleep(0.05)

    def _ready(self, one: RedisServer) -> bool:
        whole = "cluster_state:ok" in one.cli("CLUSTER", "INFO")
        return whole and "master_link_status:down" not in one.cli("INFO", "replication")


@contextmanager
def redis_server(
    folder: Path, *, options: Sequence[str] = (), tls: bool = False, password: str = ""
) -> Iterator[RedisServer]:
    """A server that runs as long as the block."""
    server = RedisServer(folder, options=options, tls=tls, password=password)
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        yield server


@contextmanager
def redis_cluster(folder: Path, *, replicas: int = 0) -> Iterator[RedisCluster]:
    """A cluster that runs as long as the block."""
    cluster = RedisCluster(folder, replicas)
    with ExitStack() as stack:
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster


def make_certificates(folder: Path) -> None:
    """A throwaway authority, `ca.crt`, and the certificate of 127.0.0.1 that it signed."""
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for step in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=throwaway"
        " -addext keyUsage=critical,keyCertSign",
        "req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=127.0.0.1",
        "x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out redis.crt -days 2"
        " -extfile san",
    ):
        subprocess.run(["openssl", *step.split()], cwd=folder, capture_output=True, check=True, timeout=30)
