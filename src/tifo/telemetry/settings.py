from collections.abc import Iterator

import msgspec

from tifo.kernel.hosts import is_loopback

OPERATOR_TOKEN_LENGTH_MIN = 32
PORT_MAX = 65_535


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What we say of ourselves, and to whom."""

    log_level: str = "info"
    """debug, info, warning or error."""
    otlp_endpoint: str = ""
    """Where spans of sampled requests go (OTLP over HTTP, `.../v1/traces`); empty sends none."""
    report_s: float = 1.0
    """Seconds between two reports of this node to the board."""


class WorkersSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where `tifo worker` answers `/healthz`, `/readyz` and, for operators, `/metrics`."""

    host: str = "127.0.0.1"
    """The address to listen on; beyond loopback `/metrics` asks for `keys.operator_token`."""
    port: int = 0
    """The port, one for each process on a machine; 0 opens none."""

    def problems(self, operator_token: str) -> Iterator[str]:
        """A sentence for each thing to mend."""
        if not 0 <= self.port <= PORT_MAX:
            yield f"workers.port: {self.port}; a port, or 0 for none"
        if self.port and not is_loopback(self.host) and len(operator_token) < OPERATOR_TOKEN_LENGTH_MIN:
            yield (
                f"keys.operator_token: the metrics of workers are read at {self.host} from elsewhere, so it "
                f"needs at least {OPERATOR_TOKEN_LENGTH_MIN} characters"
            )
