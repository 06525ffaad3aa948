"""What a DynamoDB URL says, and what it cannot say."""

import pytest

from tifo.adapters.dynamodb.address import TableAddress


def test_url_names_region_and_table() -> None:
    address = TableAddress.parse("dynamodb://eu-west-3/tifo-profiles")
    assert address == TableAddress("eu-west-3", "tifo-profiles")
    assert not address.create and not address.endpoint


def test_table_may_be_made_on_demand_or_provisioned() -> None:
    assert TableAddress.parse("dynamodb://eu-west-3/tifo?create=1").on_demand
    address = TableAddress.parse("dynamodb://eu-west-3/tifo?create=1&read_units=300&write_units=2000")
    assert (address.create, address.on_demand) == (True, False)
    assert (address.read_units, address.write_units) == (300, 2_000)


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:8000", "http://localhost:8000", "https://dynamodb.example"]
)
def test_endpoint_is_this_machine_or_encrypted(endpoint: str) -> None:
    assert TableAddress.parse(f"dynamodb://eu-west-3/tifo?endpoint={endpoint}").endpoint == endpoint


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("dynamodb://", "use dynamodb://REGION/TABLE"),
        ("dynamodb://eu-west-3", "use dynamodb://REGION/TABLE"),
        ("dynamodb:///tifo", "use dynamodb://REGION/TABLE"),
        ("dynamodb://eu-west-3/a", "use dynamodb://REGION/TABLE"),
        ("dynamodb://eu-west-3/tifo/more", "use dynamodb://REGION/TABLE"),
        ('dynamodb://eu-west-3/"tifo"', "use dynamodb://REGION/TABLE"),
        ("dynamodb://key:word@eu-west-3/tifo", "use dynamodb://REGION/TABLE"),
        ("redis://eu-west-3/tifo", "use dynamodb://REGION/TABLE"),
        ("dynamodb://eu-west-3/tifo?endpoint=http://10.0.0.7:8000", "http:// on this machine"),
        ("dynamodb://eu-west-3/tifo?endpoint=ftp://127.0.0.1", "http:// on this machine"),
        ("dynamodb://eu-west-3/tifo?create=yes", "create is 1 or 0"),
        ("dynamodb://eu-west-3/tifo?read_units=-1&write_units=1", "read_units is a number"),
        ("dynamodb://eu-west-3/tifo?create=1&read_units=5", "both read_units and write_units"),
        ("dynamodb://eu-west-3/tifo?tabel=1", "there is no option 'tabel'"),
    ],
)
def test_url_that_names_no_table_is_explained(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        TableAddress.parse(url)
    assert "word" not in str(caught.value)
