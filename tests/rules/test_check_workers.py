"""Whether the port of workers is fit to be opened."""

import pytest

from tifo.check import refuse_unfit
from tifo.kernel.errors import SettingsError
from tifo.settings import KeysSettings, Settings
from tifo.telemetry.settings import WorkersSettings

OPEN = "keys.operator_token: the metrics of workers are read at 0.0.0.0 from elsewhere"


def problems(host: str, port: int, token: str = "") -> tuple[str, ...]:
    """What is wrong before workers start."""
    settings = Settings(workers=WorkersSettings(host, port), keys=KeysSettings(operator_token=token))
    try:
        refuse_unfit(settings, ())
    except SettingsError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("token", ["", "x" * 31])
def test_beyond_loopback_it_needs_a_token(token: str) -> None:
    (problem,) = problems("0.0.0.0", 9100, token)
    assert problem.startswith(OPEN)


@pytest.mark.parametrize(
    ("host", "port", "token"),
    [("0.0.0.0", 9100, "x" * 32), ("127.0.0.1", 9100, ""), ("0.0.0.0", 0, "")],
    ids=["token", "loopback", "no-port"],
)
def test_it_is_fit(host: str, port: int, token: str) -> None:
    assert problems(host, port, token) == ()


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    assert problems("127.0.0.1", port) == (f"workers.port: {port}; a port, or 0 for none",)
