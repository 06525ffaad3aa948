"""Servers that several suites share: started once, when the first test asks."""

import itertools
from collections.abc import Iterator

import dynamodb_local
import pytest


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    """The address of a real DynamoDB Local."""
    with dynamodb_local.dynamodb_local() as endpoint:
        yield endpoint


_tables = itertools.count()


@pytest.fixture
def dynamodb_table(dynamodb: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a table that nobody else has; it is made when it is first asked."""
    for name, value in dynamodb_local.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return f"dynamodb://{dynamodb_local.REGION}/profiles-{next(_tables)}?endpoint={dynamodb}&create=1"
