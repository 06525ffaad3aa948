"""What every client of the cluster is told, and what they say when it fails."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from tifo.adapters.kafka.address import KafkaAddress
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.stores import StoreMeter

PART = "eventlog"

CONNECT_S_MAX = 2.0
REQUEST_S_MAX = 10.0
RECONNECT_MS_MAX = 1_000
"""Seconds for a connection and for an answer; milliseconds between two tries to connect."""


class Client:
    """The settings that producers, consumers and administrators share, and their last trouble.

    Secrets are read when a client is made, so that a new one has the password of today.
    """

    def __init__(self, address: KafkaAddress, meter: StoreMeter, clock: Clock) -> None:
        self.address = address
        self.meter = meter
        self.clock = clock
        self._trouble = ""
        """Replaced as a whole, in whichever thread librdkafka calls back."""

    def config(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """All settings of a client. Raises `Unavailable` when a secret cannot be read."""
        try:
            security: dict[str, Any] = dict(self.address.security.config())
        except OSError as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error
        if self.address.security.sasl == "msk-iam":
            # AWS's client takes a fourth of a second to load, which only those who use it pay.
            from tifo.adapters.kafka.iam import msk_tokens  # noqa: PLC0415

            security["oauth_cb"] = msk_tokens(self.address.security.region, self.clock.now)
        return {
            "bootstrap.servers": ",".join(self.address.seeds),
            "client.id": "tifo",
            "socket.connection.setup.timeout.ms": round(CONNECT_S_MAX * 1_000),
            "socket.timeout.ms": round(REQUEST_S_MAX * 1_000),
            "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
            "allow.auto.create.topics": False,
            "log_level": 2,
            "error_cb": self.heard,
            **security,
            **more,
        }

    def explain(self, error: KafkaError) -> str:
        """Its words, and what a broker was heard to say before."""
        return f"{error.str()} ({self._trouble})" if self._trouble else error.str()

    def heard(self, error: KafkaError) -> None:
        """Remember what librdkafka says is wrong, for whoever is failed by it."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error.str()

    def well(self) -> None:
        """Forget it: the cluster answers."""
        self._trouble = ""
