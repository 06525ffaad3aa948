"""One table of codes: every refusal in the code and every problem of a route stands in it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tifo
from tifo import app
from tifo.kernel.errors import CODES, Refusal, SettingsError, Unavailable

ROUTES = (*app.COMMON_ROUTES, *(route for spec in app.SERVICES.values() for route in spec.routes))
SOURCES = sorted(Path(tifo.__file__).parent.rglob("*.py"))


def codes_in(source: str) -> Iterator[str]:
    """The literal codes with which a source makes refusals."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                yield first.value


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_problems_of_a_route_are_in_the_table(route) -> None:
    assert set(route.problems) <= CODES.keys()


def test_refusals_in_the_code_are_in_the_table() -> None:
    found = {code for path in SOURCES for code in codes_in(path.read_text())}
    assert found <= CODES.keys()
    assert {"bad-token", "not-found", "stream-limit", "internal"} <= found


def test_refusal_with_a_code_of_its_own_would_be_found() -> None:
    assert list(codes_in('raise Refusal("no-such-code", "x") from None')) == ["no-such-code"]


@pytest.mark.parametrize("code", sorted(CODES))
def test_code_is_stable_and_its_title_a_sentence(code: str) -> None:
    assert code == code.lower()
    assert 400 <= CODES[code].status < 600
    assert CODES[code].title[0].isupper()
    assert not CODES[code].title.endswith(".")


def test_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CODES["mine"] = CODES["internal"]  # type: ignore[index]


def test_unavailable_keeps_its_why_inside() -> None:
    error = Unavailable("eventlog", "disk I/O error at /var/secret")
    assert (error.status, error.code, error.detail) == (503, "unavailable", "eventlog is not available")
    assert "secret" not in str(error)
    assert error.retry_after_s == 1


def test_refusal_knows_its_status() -> None:
    assert Refusal("stream-limit").status == 409


def test_settings_error_says_all_its_problems() -> None:
    assert str(SettingsError(("one", "two"))) == "one; two"
