"""Two processes over one Redis are one platform: its limit, its operators' words, its posture."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from commands import ANSWER_S_MAX, eventually
from players import bearer, refused
from redis_server import installed, redis_server
from twins import STREAM_LIMIT, Twins, twins

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not installed(), reason="redis-server is not installed: no shared store was tried"),
]

STARTS_AT_ONCE = 12


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("twins")
    with redis_server(folder / "redis") as redis:
        stores = {"sessions": redis.url, "board": redis.url, "cache": redis.url}
        with twins(folder, stores) as running:
            yield running


def node(platform: Twins, number: int) -> str:
    return f"http://127.0.0.1:{platform.first_port + 10 + number}"


def ask(platform: Twins, number: int, method: str, path: str, **arguments) -> httpx.Response:
    return httpx.request(
        method, node(platform, number) + path, timeout=ANSWER_S_MAX, trust_env=False, **arguments
    )


def operators(platform: Twins, number: int, method: str, path: str, **arguments) -> httpx.Response:
    answer = httpx.request(
        method, platform.operators(number) + path, timeout=ANSWER_S_MAX, trust_env=False, **arguments
    )
    assert answer.is_success, answer.text
    return answer


def start(platform: Twins, number: int, account: str, device: str) -> httpx.Response:
    access = ask(platform, number, "POST", "/v1/dev/login", json={"account": account}).json()["access_token"]
    body = {"event": "demo", "device": {"id": device, "kind": "tv"}}
    return ask(platform, number, "POST", "/v1/sessions", json=body, headers=bearer(access))


def beat(platform: Twins, number: int, session: dict) -> httpx.Response:
    path = f"/v1/sessions/{session['session']}/heartbeat"
    return ask(platform, number, "POST", path, headers=bearer(session["token"]))


def test_starts_at_both_nodes_never_win_more_slots_than_there_are(platform: Twins) -> None:
    with ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
        answers = list(
            pool.map(lambda n: start(platform, n % 2, "racers", f"device-{n}"), range(STARTS_AT_ONCE))
        )
    won = [answer for answer in answers if answer.status_code == 201]
    lost = [refused(answer) for answer in answers if answer.status_code != 201]
    assert len(won) == STREAM_LIMIT
    assert lost == [(409, "stream-limit")] * (STARTS_AT_ONCE - STREAM_LIMIT)


def test_device_that_starts_at_the_other_node_goes_on_with_its_session(platform: Twins) -> None:
    first, second = (start(platform, n, "traveller", "phone").json() for n in range(2))
    assert first["session"] == second["session"]


@pytest.mark.parametrize(
    "kick",
    [{"what": "account", "id": "kicked"}, {"what": "event", "id": "demo"}],
    ids=["account", "event"],
)
def test_kick_at_one_node_is_in_force_at_the_other(platform: Twins, kick: dict) -> None:
    session = start(platform, 1, "kicked", f"tv-{kick['what']}").json()
    assert beat(platform, 1, session).status_code == 200
    operators(platform, 0, "POST", "/v1/control/kicks", json={**kick, "reason": "Rights."})
    eventually(lambda: beat(platform, 1, session).status_code == 410, what="the other node knows")
    assert refused(beat(platform, 0, session)) == (410, "kicked")
    for address in (f"/v1/playback/{session['token']}/master.m3u8", f"/v1/steering/{session['token']}"):
        answer = ask(platform, 1, "GET", address)
        assert "cdn-" not in answer.text, answer.text


def test_posture_reaches_every_node(platform: Twins) -> None:
    session = start(platform, 1, "patient", "tv").json()
    operators(platform, 0, "PUT", "/v1/control/posture", json={"step": "lean"})
    eventually(lambda: beat(platform, 1, session).json()["heartbeat_s"] > 50, what="the other node is lean")
    operators(platform, 0, "PUT", "/v1/control/posture", json={"step": "normal"})
    eventually(lambda: beat(platform, 1, session).json()["heartbeat_s"] <= 2, what="and not any more")


def test_cockpit_sees_every_nodes_stores(platform: Twins) -> None:
    def seen() -> bool:
        overview = operators(platform, 0, "GET", "/v1/control/overview").json()
        return {"sessions", "board"} <= {one["name"] for one in overview["stores"] if one["state"] == "ok"}

    eventually(seen, what="sessions and board in the overview")
