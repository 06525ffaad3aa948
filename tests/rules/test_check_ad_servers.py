"""Whether outside ad servers are declared well, before anything starts."""

import pytest

from tifo.check import refuse_unfit
from tifo.kernel.errors import SettingsError
from tifo.services.ads.settings import AdServerSettings, AdsSettings
from tifo.settings import Settings

GOOD = {"id": "one", "base_url": "https://ads.example", "requests_per_s": 200.0, "viewers_max": 5_000}


def problems(*servers: dict[str, object], **more: object) -> tuple[str, ...]:
    found = tuple(AdServerSettings(**{**GOOD, **one}) for one in servers)
    try:
        refuse_unfit(Settings(ads=AdsSettings(servers=found, **more)), {"beacons"})
    except SettingsError as error:
        return error.problems
    return ()


def test_servers_that_are_declared_well_are_let_through() -> None:
    two = {"id": "two", "base_url": "http://other.example:81/", "follows": ("dsp.example", "a.b-c.example")}
    assert problems({}, two, nodes=4) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "a b"), ("base_url", "ads.example"), ("base_url", "https://me:pw@ads.example"),
        ("requests_per_s", 0.0), ("requests_per_s", float("inf")), ("requests_per_s", float("nan")),
        ("viewers_max", 0), ("deadline_s", 0.01), ("deadline_s", 60.0), ("wrappers_max", -1),
        ("wrappers_max", 11), ("follows", ("*",)), ("follows", ("https://x.example",)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(field: str, value: object) -> None:
    (problem,) = problems({field: value})
    assert problem.startswith(f"ads.servers.{'a b' if field == 'id' else 'one'}.{field}: ")


def test_one_server_is_declared_once() -> None:
    assert problems({}, {"id": "two", "base_url": "https://ads.example/other"}) == (
        "ads.servers.two.base_url: another ad server is there; what it can take is declared once",
    )
    assert problems({}, {"base_url": "https://x.example"}) == ("ads.servers: one is there 2 times",)


@pytest.mark.parametrize("more", [{"fetch_until_s": 90.0}, {"fetch_until_s": 10.0}, {"nodes": 0}])
def test_times_and_nodes_that_cannot_be_are_named(more: dict[str, float]) -> None:
    (problem,) = problems({}, **more)
    assert problem.startswith(f"ads.{next(iter(more))}: ")


def test_each_node_has_a_viewer_at_least() -> None:
    (problem,) = problems({"viewers_max": 3}, nodes=4)
    assert problem.startswith("ads.servers.one.viewers_max: 3; at least one for each node")
