"""The reference mix: what a viewer's player calls from start to end, with sessions in Redis."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import httpx

from benchmarks import recipes
from benchmarks.instance import EVENT
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.population import Population, device
from benchmarks.runner import Benchmark
from benchmarks.shapes import Shape, of_answer
from tifo.kernel.clock import SystemClock
from tifo.settings import Settings
from tifo.tokens.access import AUDIENCE, AccessClaims, access_tokens

HEARTBEATS = 30
CALLS = 1 + HEARTBEATS + 2 + 1
CONNECTIONS = 64

RENEWING = 30_000
"""Sessions that were there before and whose leases are half over: at 20,000 requests/s the heartbeats of
the mix that are due come to each of them every 5 s, so no gathering makes two renewals one."""

UNDER_WAY = 256
"""Viewers at once; the first of them are in the store before, each at a step of its own."""

LOADS_MAX = 8
"""Loads that one store is put under, each with its own first viewers, for they end."""

POPULATION = Population(RENEWING + LOADS_MAX * UNDER_WAY)

NEAR_S = 12
"""Seconds until their leases end, as far as their tokens know; due at 15."""

NEWCOMERS = 20_000
"""Accounts that start sessions, one after the other: at 20,000 requests/s each does every 34 s."""

PARAMETERS = {
    "requests": f"1 start, {HEARTBEATS} heartbeats of which 10 renew, 2 playlists, 1 end",
    "connections": str(CONNECTIONS),
}


def mix() -> Benchmark:
    """The mix at full load."""
    return Benchmark(
        name="sessions-mix",
        title="The reference mix through the whole edge, on one core, sessions in Redis on the other",
        operation="requests",
        parameters=PARAMETERS,
        recipes=(
            recipes.tifo_on_redis(),
            recipes.envoy_and_go_on_redis(),
            recipes.envoy_and_go_on_redis_by_itself(),
        ),
        load=Viewers().load,
        probe=probe,
        population=POPULATION,
    )


class Viewers:
    """Makes loads of the mix; each has first viewers that no load before it had."""

    def __init__(self) -> None:
        self._loads = count()

    def load(self, settings: Settings, core: int, folder: Path) -> Load:
        """The mix at full load."""
        return self.paced(settings, core, folder, wait_ms=0)

    def paced(self, settings: Settings, core: int, folder: Path, *, wait_ms: int) -> Load:
        """The mix, each connection waiting so long before each request."""
        begin = RENEWING + next(self._loads) % LOADS_MAX * UNDER_WAY
        first = POPULATION.tokens(settings, range(begin, begin + UNDER_WAY))
        due = POPULATION.tokens(settings, range(RENEWING), 1, NEAR_S)
        files = [
            _written(folder / "starts.txt", newcomers(settings, POPULATION, range(NEWCOMERS))),
            _written(folder / "first.txt", map(" ".join, first)),
            _written(folder / "due.txt", map(" ".join, due)),
        ]
        return Load("mix.lua", [*files, str(wait_ms)], settings.viewers_url, CONNECTIONS, core)


def _written(file: Path, lines: Iterable[str]) -> str:
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


def newcomers(settings: Settings, population: Population, which: range) -> Iterator[str]:
    """`access-token event device` of accounts that have no session yet."""
    for n in which:
        account = population.account(population.sessions + n)
        yield f"{access_token(settings, account)} {EVENT} {device(population.sessions + n)}"


def access_token(settings: Settings, account: str) -> str:
    codec, now = access_tokens(settings.keys.access.keyring("access")), int(SystemClock().now())
    ttl_s = settings.accounts.access_token_ttl_s
    return codec.sign(AccessClaims(aud=AUDIENCE, nbf=now, exp=now + ttl_s, sub=account))


def probe(settings: Settings) -> dict[str, Shape]:
    """The shapes of the answers to one viewer, and to one whose lease is half over."""
    due_session, due_token = next(POPULATION.tokens(settings, range(1), 1, NEAR_S))
    with httpx.Client(base_url=settings.viewers_url, trust_env=False) as client:
        bearer = _bearer(access_token(settings, "probe"))
        body = {"event": EVENT, "device": {"id": "probe", "kind": "tv"}}
        start = _sent(client.post("/v1/sessions", json=body, headers=bearer))
        session, token = start.json()["session"], start.json()["token"]
        mine, beat = _bearer(token), f"/v1/sessions/{session}/heartbeat"
        answers = {
            "start": start,
            "kept": _sent(client.post(beat, headers=mine)),
            "renewed": _sent(
                client.post(f"/v1/sessions/{due_session}/heartbeat", headers=_bearer(due_token))
            ),
            "playlist": _sent(client.get(f"/v1/playback/{token}/master.m3u8")),
            "end": _sent(client.delete(f"/v1/sessions/{session}", headers=mine)),
            "ended": client.post(beat, headers=mine),
        }
    if answers["ended"].status_code != httpx.codes.GONE:
        raise CannotMeasure(f"a heartbeat after the end was answered {answers['ended'].status_code}")
    return {name: of_answer(answer) for name, answer in answers.items() if name != "ended"}


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _sent(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise CannotMeasure(f"{answer.request.url} was answered {answer.status_code}: {answer.text}")
    return answer
