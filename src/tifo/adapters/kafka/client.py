"""What every client of the cluster is told, and what they say when it fails."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from tifo.adapters.kafka.address import KafkaAddress
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.telemetry.stores import StoreMeter

PART = "eventlog"

NO_TOKEN = "none"  # noqa: S105 - it opens nothing
NO_TOKEN_S = 5.0
"""What is shown to a broker while AWS gives us no credentials, and for how long."""

CONNECT_S_MAX = 2.0
REQUEST_S_MAX = 5.0
RECONNECT_MS_MAX = 1_000
"""Seconds for a connection and for an answer; milliseconds between two tries to connect."""

T = TypeVar("T")


class Client:
    """The settings that producers, consumers and administrators share, and their last trouble.

    Secrets are read when a client is made, so that a new one has the password of today.
    """

    def __init__(self, address: KafkaAddress, meter: StoreMeter, clock: Clock) -> None:
        self.address = address
        self.meter = meter
        self.clock = clock
        self._trouble = ""
        self._no_token = ""
        """Both are replaced as a whole, in whichever thread librdkafka calls back."""

    def make(self, kind: Callable[[dict[str, Any]], T], more: Mapping[str, Any]) -> T:
        """A client of that kind. Reads files and may ask AWS for credentials: not for the event loop.

        Raises `Unavailable` when it cannot be made.
        """
        try:
            return kind(self._config(more))
        except KafkaException as error:
            raise Unavailable(PART, self.explain(error.args[0])) from error

    def _config(self, more: Mapping[str, Any]) -> dict[str, Any]:
        try:
            security: dict[str, Any] = dict(self.address.security.config())
        except OSError as error:
            raise Unavailable(PART, f"{type(error).__name__}: {error}") from error
        if self.address.security.sasl == "msk-iam":
            security["oauth_cb"] = self._tokens()
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
        trouble = self._no_token or self._trouble
        return f"{error.str()} ({trouble})" if trouble else error.str()

    def heard(self, error: KafkaError) -> None:
        """Remember what librdkafka says is wrong, for whoever is failed by it."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._trouble = error.str()

    def well(self) -> None:
        """Forget it: the cluster answers."""
        self._trouble = ""

    def _tokens(self) -> Callable[[str], tuple[str, float]]:
        # AWS's client takes a fourth of a second to load, which only those who use it pay.
        from tifo.adapters.kafka.iam import msk_tokens  # noqa: PLC0415

        tokens = msk_tokens(self.address.security.region, self.clock.now)

        def token(config: str) -> tuple[str, float]:
            try:
                found = tokens(config)
            except Exception as error:
                # librdkafka's binding takes no exception here and would wait for a token without end. One
                # that opens nothing fails whoever needs it, with this reason, and is asked for again soon.
                self._no_token = str(error)
                return NO_TOKEN, self.clock.now() + NO_TOKEN_S
            self._no_token = ""
            return found

        return token
