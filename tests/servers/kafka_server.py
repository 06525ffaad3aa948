"""A real Apache Kafka for the tests, one broker or three: KRaft mode, on free ports of loopback.

`tests/system-packages.sh` fetches it with Maven into `tests/servers/kafka/libs`. Its data goes into a
folder of the test's, and every broker is stopped by its own process id.
"""

import base64
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from redis_server import make_certificates
from tcp_ports import free_ports

LIBS = Path(__file__).parent / "kafka" / "libs"
JAVA = shutil.which("java")

MISSING = (
    "java is not installed"
    if JAVA is None
    else ""
    if any(LIBS.glob("kafka_2.13-*.jar"))
    else "Apache Kafka is not there (make system-packages fetches it with Maven)"
)
"""Why it cannot be started here; empty when it can."""

NOT_RUN = f"{MISSING}: what needs a real Kafka was not run"

HEAP_MIB = 256
START_S_MAX = 90.0
STOP_S_MAX = 10.0
REPLICA_LAG_MS = 3_000
"""A broker that is silent for so long is no replica that counts, and no leader."""

USER = "tifo"
PASSWORD = "open sesame"

_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", f"-Xmx{HEAP_MIB}m"]


@dataclass
class Broker:
    """One process, broker and controller in one; `secure_port` speaks TLS and asks for a password."""

    folder: Path
    number: int
    port: int
    secure_port: int
    controller_port: int
    process: subprocess.Popen[bytes] | None = None

    def java(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "kafka.log").open("ab") as log:
            return subprocess.Popen(
                [str(JAVA), *_JVM, "-cp", f"{LIBS}/*", *arguments], stdout=log, stderr=log, cwd=self.folder
            )

    def start(self) -> None:
        self.process = self.java("kafka.Kafka", "server.properties")

    def wait(self) -> None:
        """Until it answers."""
        assert self.process is not None
        end = time.monotonic() + START_S_MAX
        while not _listens(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "kafka.log").read_text()[-4_000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """No goodbye: as a machine that loses its power."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """It accepts connections and answers nothing, until `resume`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@dataclass
class KafkaCluster:
    """Brokers that know each other; `seeds` is what a client is told."""

    folder: Path
    brokers: list[Broker] = field(default_factory=list)

    @property
    def seeds(self) -> str:
        return ",".join(f"127.0.0.1:{one.port}" for one in self.brokers)

    @property
    def secure_seeds(self) -> str:
        return ",".join(f"127.0.0.1:{one.secure_port}" for one in self.brokers)

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def start(self, count: int) -> None:
        ports = iter(free_ports(3 * count))
        for number in range(1, count + 1):
            folder = self.folder / f"broker-{number}"
            folder.mkdir(parents=True)
            self.brokers.append(Broker(folder, number, next(ports), next(ports), next(ports)))
        make_certificates(self.folder)
        (self.folder / "server.pem").write_bytes(
            (self.folder / "redis.key").read_bytes() + (self.folder / "redis.crt").read_bytes()
        )
        self._format()
        for one in self.brokers:
            one.start()
        for one in self.brokers:
            one.wait()

    def stop(self) -> None:
        for one in self.brokers:
            one.kill()

    def _format(self) -> None:
        under_way = []
        for one in self.brokers:
            (one.folder / "server.properties").write_text("\n".join(self._properties(one)))
            scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
            under_way.append(
                one.java(
                    "kafka.tools.StorageTool", "format", "--cluster-id", "A" * 22,
                    "--config", "server.properties", "--add-scram", scram,
                )
            )  # fmt: skip
        for one, process in zip(self.brokers, under_way, strict=True):
            if process.wait(START_S_MAX):
                raise RuntimeError((one.folder / "kafka.log").read_text()[-4_000:])

    def _properties(self, one: Broker) -> Sequence[str]:
        replicas = min(3, len(self.brokers))
        voters = ",".join(f"{each.number}@127.0.0.1:{each.controller_port}" for each in self.brokers)
        sasl = "org.apache.kafka.common.security"
        return (
            "process.roles=broker,controller",
            f"node.id={one.number}",
            f"controller.quorum.voters={voters}",
            f"listeners=PLAINTEXT://127.0.0.1:{one.port},SECURE://127.0.0.1:{one.secure_port}"
            f",CONTROLLER://127.0.0.1:{one.controller_port}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT",
            "controller.listener.names=CONTROLLER",
            "inter.broker.listener.name=PLAINTEXT",
            f"log.dirs={one.folder / 'data'}",
            "auto.create.topics.enable=false",
            f"offsets.topic.replication.factor={replicas}",
            "offsets.topic.num.partitions=3",
            f"transaction.state.log.replication.factor={replicas}",
            "group.initial.rebalance.delay.ms=0",
            "group.min.session.timeout.ms=500",
            f"broker.session.timeout.ms={REPLICA_LAG_MS}",
            "broker.heartbeat.interval.ms=500",
            f"replica.lag.time.max.ms={REPLICA_LAG_MS}",
            "log.retention.check.interval.ms=500",
            "log.segment.delete.delay.ms=100",
            "listener.name.secure.ssl.keystore.type=PEM",
            f"listener.name.secure.ssl.keystore.location={self.folder / 'server.pem'}",
            "listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER",
            "listener.name.secure.scram-sha-512.sasl.jaas.config="
            f"{sasl}.scram.ScramLoginModule required;",
            "listener.name.secure.plain.sasl.jaas.config="
            f'{sasl}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
            "listener.name.secure.oauthbearer.sasl.jaas.config="
            f'{sasl}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{USER}";',
        )  # fmt: skip


def unsigned_token(now: float, lives_s: float) -> str:
    """What this broker takes where MSK takes a signed address: a JSON Web Token of nobody's."""
    parts = ({"alg": "none"}, {"sub": USER, "iat": now, "exp": now + lives_s})
    encoded = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts]
    return f"{'.'.join(encoded)}."


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def kafka_cluster(folder: Path, brokers: int = 1) -> Iterator[KafkaCluster]:
    """So many brokers that run as long as the block."""
    cluster = KafkaCluster(folder)
    try:
        cluster.start(brokers)
        yield cluster
    finally:
        cluster.stop()
