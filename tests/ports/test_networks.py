"""Which ISP an address belongs to: what every source of it does."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mmdb import asn_database

from tifo.adapters.maxmind import asn
from tifo.adapters.maxmind.asn import AsnFile
from tifo.api.networks import ISP_LENGTH_MAX, Networks
from tifo.kernel.clock import ManualClock

KNOWN = {
    "203.0.113.0/24": (64500, "Example Telecom"),
    "198.51.100.0/25": (64501, "N" * 200),
    "2001:db8::/32": (64502, "Sechs"),
    "192.0.2.0/24": (64503, ""),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "asn.mmdb"
    file.write_bytes(asn_database(KNOWN))
    return file


@pytest.fixture(params=["maxmind"])
async def networks(file: Path, clock: ManualClock):
    adapter = AsnFile(str(file), clock)
    yield adapter
    await adapter.close()


@pytest.mark.parametrize(
    ("address", "isp"),
    [
        ("203.0.113.7", "AS64500 Example Telecom"),
        ("::ffff:203.0.113.7", "AS64500 Example Telecom"),
        ("2001:db8::7", "AS64502 Sechs"),
        ("192.0.2.1", "AS64503"),
        ("198.51.100.200", ""),
        ("8.8.8.8", ""),
        ("10.0.0.1", ""),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
        ("sofa", ""),
        ("203.0.113.7:443", ""),
        ("203.0.113.7, 10.0.0.1", ""),
        ("1" * 1000, ""),
    ],
)
def test_address_has_the_isp_of_its_network_or_none(networks: Networks, address: str, isp: str) -> None:
    assert [networks.isp(address) for _ in range(2)] == [isp] * 2


def test_isp_is_no_longer_than_it_may_be(networks: Networks) -> None:
    assert len(networks.isp("198.51.100.1")) == ISP_LENGTH_MAX


def test_file_of_isps_is_fit_and_one_of_towns_or_half_a_one_is_not(file: Path) -> None:
    assert asn.unfit(file) == ""
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"autonomous_system_number", b"autonomous_system_nothing"[:24]))
    assert asn.unfit(file) == "it has no AS numbers; its type is Test-ASN"
    file.write_bytes(whole[: len(whole) // 2])
    assert "no whole file" in asn.unfit(file)
    assert asn.unfit(file.with_suffix(".none")) == "there is no such file"


def test_no_file_knows_no_isp(clock: ManualClock) -> None:
    assert AsnFile("", clock).isp("203.0.113.7") == ""


def replace(file: Path, content: bytes) -> None:
    """As an updater does it: written aside, then renamed."""
    aside = file.with_suffix(".new")
    aside.write_bytes(content)
    aside.rename(file)


NEW = asn_database({"203.0.113.0/24": (64999, "Another")})


@pytest.mark.parametrize("change", [replace, Path.write_bytes])
def test_file_that_changed_is_in_use_within_a_minute(
    networks: Networks, file: Path, clock: ManualClock, change: Callable[[Path, bytes], object]
) -> None:
    assert networks.isp("203.0.113.7") == "AS64500 Example Telecom"
    change(file, NEW)
    assert networks.isp("203.0.113.7") == "AS64500 Example Telecom"
    clock.advance(asn.CHECK_S)
    assert networks.isp("203.0.113.7") == "AS64999 Another"


@pytest.mark.parametrize("content", [b"", b"not a database", asn_database(KNOWN)[:-40]])
def test_file_that_does_not_read_leaves_the_one_before_in_use(
    networks: Networks, file: Path, clock: ManualClock, logged, content: bytes
) -> None:
    assert networks.isp("203.0.113.7")
    replace(file, content)
    for _ in range(3):
        clock.advance(asn.CHECK_S)
        assert networks.isp("203.0.113.7") == "AS64500 Example Telecom"
    assert [one["event"] for one in logged] == ["networks.file-failing"]


def test_file_that_is_not_there_is_said_once_and_used_when_it_comes(
    networks: Networks, file: Path, clock: ManualClock, logged
) -> None:
    there = file.rename(file.with_suffix(".away"))
    for _ in range(3):
        assert networks.isp("203.0.113.7") == ""
        clock.advance(asn.CHECK_S)
    there.rename(file)
    assert networks.isp("203.0.113.7") == "AS64500 Example Telecom"
    assert [one["event"] for one in logged] == ["networks.file-failing"]


@pytest.fixture
def rotten(file: Path) -> Iterator[Path]:
    """A tree that reads, above data that does not."""
    whole = bytearray(asn_database(KNOWN))
    at = whole.index(b"autonomous_system_number") - 2
    whole[at] = 0xFF
    file.write_bytes(bytes(whole))
    return file


def test_data_that_does_not_read_is_said_once(rotten: Path, clock: ManualClock, logged) -> None:
    networks = AsnFile(str(rotten), clock)
    assert {networks.isp(f"203.0.113.{n}") for n in range(9)} == {""}
    assert [one["event"] for one in logged] == ["networks.file-failing"]


def test_file_that_is_too_large_is_left_alone(
    file: Path, clock: ManualClock, logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asn, "FILE_BYTES_MAX", 10)
    assert AsnFile(str(file), clock).isp("203.0.113.7") == ""
    assert "at most 10 are read" in logged[0]["why"]
