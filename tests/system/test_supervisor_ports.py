import os
import socket
from collections.abc import Iterator

import pytest
from tcp_ports import free_port

from tifo.supervisor.tcp_ports import PortsTaken, Wanted, check_ports

pytestmark = pytest.mark.system


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        # As Envoy listens: the check must not slip in beside it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_said_with_its_holder_and_what_to_do(taken: int):
    with pytest.raises(PortsTaken) as refused:
        check_ports([Wanted("viewers", "127.0.0.1", taken), Wanted("origin", "127.0.0.1", free_port())])
    (problem,) = refused.value.problems
    assert problem.startswith(f"viewers: 127.0.0.1:{taken} is taken by process {os.getpid()} (")
    assert problem.endswith("); choose another with --port")


def test_a_port_taken_on_one_address_cannot_be_had_on_all(taken: int):
    with pytest.raises(PortsTaken, match="is taken"):
        check_ports([Wanted("viewers", "0.0.0.0", taken)])


def test_a_name_is_looked_up(taken: int):
    with pytest.raises(PortsTaken, match=f"localhost:{taken} is taken"):
        check_ports([Wanted("viewers", "localhost", taken)])


def test_free_ports_pass_and_stay_free():
    wanted = [Wanted("viewers", "localhost", free_port()), Wanted("any", "127.0.0.1", 0)]
    check_ports(wanted)
    check_ports(wanted)


def test_a_port_with_connections_fading_away_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()
            assert client.recv(1) == b""
    check_ports([Wanted("viewers", "127.0.0.1", port)])


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("192.0.2.1", 9000, "cannot be used"),
        ("no-such-host.invalid", 9000, "is not an address"),
        ("127.0.0.1", 70_000, "is not an address"),
    ],
)
def test_an_address_that_is_not_ours_is_said(host: str, port: int, said: str):
    with pytest.raises(PortsTaken, match=said):
        check_ports([Wanted("viewers", host, port, "--listen")])
