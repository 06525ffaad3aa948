"""What dies on the night, with a crowd watching: nobody who watches is stopped, and what the others get."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from crowd import Crowd
from dynamodb_local import dynamodb_local
from oidc_provider import AUDIENCE, running
from redis_server import installed, redis_cluster, redis_server
from throttling_proxy import ThrottlingProxy
from twins import LEASE_S, STREAM_LIMIT, Twins, twins

LogIn = Callable[[str], Awaitable[str]]
Watch = Callable[..., Crowd]

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not installed(), reason="redis-server is not installed: no death was tried"),
]

CROWD = 120
ARRIVALS_PER_S = 2
CALM_S = 5
SHORT_S = 15
"""Seconds of an outage, where nothing asks for a longer one."""
REGISTERED_S_MAX = 15 * LEASE_S
"""Seconds until the store has everybody again; how long it took is a figure of the table."""

FURTHER_DEVICES_MAX = 5

FIGURES = "TIFO_DEATHS_FIGURES"
"""Names a file to which each story adds its figures: the README's table is made of them."""


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    crowds = []

    def one(platform: Twins, log_in: LogIn | None = None) -> Crowd:
        crowds.append(Crowd(platform.url, log_in))
        return crowds[-1]

    yield one
    for crowd in crowds:
        await crowd.close()


def note(death: str, crowd: Crowd, **more: Any) -> None:
    """Add a row's figures to the file, where one is asked for."""
    if file := os.environ.get(FIGURES):
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, death: {**crowd.figures(), **more}}, indent=2) + "\n")


async def all_registered(platform: Twins, crowd: Crowd, node: int = 0) -> float:
    """Seconds until the store has exactly the sessions that watch, each of them once."""
    began = monotonic()
    while True:
        listed = Counter(await asyncio.to_thread(platform.sessions, node))
        watching = {one.session for one in crowd.watching}
        if set(listed) == watching and set(listed.values()) <= {1}:
            return monotonic() - began
        assert monotonic() - began < REGISTERED_S_MAX, (
            f"{len(listed)} listed, {len(watching)} watch; "
            f"missing {len(watching - set(listed))}, too many {len(set(listed) - watching)}"
        )
        await asyncio.sleep(0.2)


async def limit_holds(crowd: Crowd, account: str) -> None:
    """A further device of an account that watches on as many as it may is refused.

    On a busy machine a store may be lost for a moment, or a lease run out before its heartbeat gets the
    processor: the device that was let in then watches too, and the next is one more.
    """
    for n in range(FURTHER_DEVICES_MAX):
        crowd.forget()
        if await crowd.arrive(account, f"further-{n}") is None:
            break
    assert set(crowd.seen.refusals) == {"stream-limit"}


async def begun(platform: Twins, watch: Watch, log_in: LogIn | None = None) -> Crowd:
    """A crowd that watches, one account of it on as many devices as it may."""
    crowd = watch(platform, log_in)
    await crowd.gather(CROWD)
    for n in range(STREAM_LIMIT):
        assert await crowd.arrive("family", f"device-{n}")
    await crowd.watch(CALM_S)
    await all_registered(platform, crowd)
    crowd.forget()
    return crowd


async def test_redis_dies_for_a_minute_and_nobody_notices(tmp_path, watch) -> None:
    with redis_server(tmp_path / "redis") as redis, twins(tmp_path, {"sessions": redis.url}) as platform:
        crowd = await begun(platform, watch)
        redis.kill()
        async with crowd.arriving(ARRIVALS_PER_S):
            await crowd.watch(60)
        redis.start()
        registered_s = await all_registered(platform, crowd)
        note("redis-60-s", crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        assert crowd.seen.refusals == {}
        assert crowd.seen.beats_failed == 0
        admitted = platform.metric('tifo_session_starts_total{outcome="admitted-locally"}')
        assert admitted >= crowd.seen.starts > 0
        await limit_holds(crowd, "family")


async def test_starts_are_refused_without_redis_where_that_is_set(tmp_path, watch) -> None:
    refuse = {"store_lost": "refuse", "heartbeat_s": 2, "lease_s": LEASE_S, "stream_limit": STREAM_LIMIT}
    with (
        redis_server(tmp_path / "redis") as redis,
        twins(tmp_path, {"sessions": redis.url}, sessions=refuse) as platform,
    ):
        crowd = await begun(platform, watch)
        redis.kill()
        async with crowd.arriving(ARRIVALS_PER_S):
            await crowd.watch(SHORT_S)
        assert (crowd.seen.starts, set(crowd.seen.refusals)) == (0, {"unavailable"})
        redis.start()
        registered_s = await all_registered(platform, crowd)
        note("redis-fail-closed", crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        await limit_holds(crowd, "family")


async def test_redis_master_fails_over_and_nobody_notices(tmp_path, watch) -> None:
    with (
        redis_cluster(tmp_path / "redis", replicas=1) as cluster,
        twins(tmp_path, {"sessions": cluster.url}) as platform,
    ):
        crowd = await begun(platform, watch)
        cluster.masters[0].kill()
        async with crowd.arriving(ARRIVALS_PER_S):
            await crowd.watch(SHORT_S)
        registered_s = await all_registered(platform, crowd)
        note("redis-failover", crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        assert crowd.seen.refusals == {}
        await limit_holds(crowd, "family")


async def test_api_process_is_killed_and_the_other_goes_on(tmp_path, watch) -> None:
    with redis_server(tmp_path / "redis") as redis, twins(tmp_path, {"sessions": redis.url}) as platform:
        crowd = await begun(platform, watch)
        platform.kill("node-0")
        async with crowd.arriving(ARRIVALS_PER_S):
            await crowd.watch(SHORT_S)
        registered_s = await all_registered(platform, crowd, node=1)
        note("api-process", crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        assert crowd.seen.refusals == {}
        await limit_holds(crowd, "family")


@pytest.mark.parametrize("redis_too", [False, True], ids=["redis-stays", "redis-too"])
async def test_whole_platform_restarts_and_every_viewer_is_taken_back(tmp_path, watch, redis_too) -> None:
    with redis_server(tmp_path / "redis") as redis, twins(tmp_path, {"sessions": redis.url}) as platform:
        crowd = await begun(platform, watch)
        for name in ("front", "node-0", "node-1"):
            platform.kill(name)
        if redis_too:
            redis.kill()
        await crowd.watch(LEASE_S + 3)
        if redis_too:
            redis.start()
        for node in range(2):
            platform.start_node(node)
        platform.start_front()
        await asyncio.to_thread(platform.wait, 0, 1)
        registered_s = await all_registered(platform, crowd)
        death = "restart-with-redis" if redis_too else "restart"
        note(death, crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        await limit_holds(crowd, "family")


async def test_profiles_are_throttled_whole_and_nobody_notices(tmp_path, watch, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with (
        redis_server(tmp_path / "redis") as redis,
        dynamodb_local() as endpoint,
        ThrottlingProxy(endpoint) as proxy,
        twins(
            tmp_path,
            {
                "sessions": redis.url,
                "profiles": f"dynamodb://eu-west-3/profiles?endpoint={proxy.url}&create=1",
            },
        ) as platform,
    ):
        crowd = await begun(platform, watch)
        proxy.share = 1.0
        async with crowd.arriving(ARRIVALS_PER_S):
            await crowd.watch(SHORT_S)
        registered_s = await all_registered(platform, crowd)
        note("profiles-throttled", crowd, registered_s=round(registered_s, 1))
        assert crowd.stopped == {}
        assert crowd.seen.refusals == {}
        assert platform.metric("tifo_profiles_lost_total") > 0
        await limit_holds(crowd, "family")


async def test_login_provider_is_gone_and_who_was_here_comes_in_again(tmp_path, watch) -> None:
    with redis_server(tmp_path / "redis") as redis, running() as provider:
        oidc = {"issuer": provider.issuer, "audience": AUDIENCE, "refresh_s": 1, "call_s_max": 5}
        accounts = {"grace_s": 3600, "oidc": oidc}
        with twins(tmp_path, {"sessions": redis.url}, accounts=accounts) as platform:

            async def log_in(account: str) -> str:
                return provider.token(account)

            crowd = await begun(platform, watch, log_in)
            known = crowd.viewers[0]
            provider.stop()
            async with crowd.arriving(ARRIVALS_PER_S):
                await crowd.watch(SHORT_S)
            over = provider.claims(known.account)["iat"] - 60
            expired = provider.token(known.account, iat=over - 600, exp=over)
            again = [await crowd.start_again(known, token) for token in (known.grace_token, expired)]
            assert [answer.status_code for answer in again] == [201, 201]
            assert {answer.json()["session"] for answer in again} == {known.session}
            registered_s = await all_registered(platform, crowd)
            note("login-provider", crowd, registered_s=round(registered_s, 1))
            assert crowd.stopped == {}
            assert crowd.seen.refusals == {}
            await limit_holds(crowd, "family")
