"""Arrivals: everything a viewer calls from log-in to the playlist, as on the minute of kick-off."""

from pathlib import Path

import httpx

from benchmarks import recipes
from benchmarks.instance import EVENT
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Benchmark
from benchmarks.shapes import Shape, of_answer
from tifo.kernel.ids import SystemIds
from tifo.settings import Settings

CONNECTIONS = 64


def arrival() -> Benchmark:
    """Log in, calendar, start of a session, playlist: four calls, an account and a device of one's own."""
    return Benchmark(
        name="arrival",
        title="Arrivals, from log-in to the signed playlist, on one core",
        operation="arrivals",
        parameters={"calls": "4", "connections": str(CONNECTIONS), "pathways": "4"},
        recipes=(recipes.tifo(), recipes.envoy_and_go()),
        load=_load,
        probe=_probe,
    )


def _load(settings: Settings, core: int, _: Path) -> Load:
    # Accounts of one's own in each run, also of the warm-up's.
    return Load("arrival.lua", [SystemIds().code()], settings.viewers_url, CONNECTIONS, core)


def _probe(settings: Settings) -> dict[str, Shape]:
    """The shapes of the four answers to one viewer."""
    with httpx.Client(base_url=settings.viewers_url, trust_env=False) as client:
        login = _sent(client.post("/v1/dev/login", json={"account": "probe"}))
        calendar = _sent(client.get("/v1/events"))
        start = _sent(
            client.post(
                "/v1/sessions",
                json={"event": EVENT, "device": {"id": "probe", "kind": "tv"}},
                headers={"authorization": f"Bearer {login.json()['access_token']}"},
            )
        )
        playlist = _sent(client.get(f"/v1/playback/{start.json()['token']}/master.m3u8"))
    answers = {"login": login, "calendar": calendar, "start": start, "playlist": playlist}
    return {name: of_answer(answer) for name, answer in answers.items()}


def _sent(answer: httpx.Response) -> httpx.Response:
    if answer.status_code not in (200, 201):
        raise CannotMeasure(f"{answer.request.url} was answered {answer.status_code}: {answer.text}")
    return answer
