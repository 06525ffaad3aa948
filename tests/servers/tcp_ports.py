"""Ports of this machine that nobody listens on just now."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """As many, no two alike."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
