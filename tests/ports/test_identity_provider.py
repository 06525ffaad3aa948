"""What a login provider's adapter promises: who signed what, and what holds while the provider is gone."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from oidc_provider import (
    ALGORITHMS,
    AUDIENCE,
    DISCOVERY_PATH,
    HEALTH_PATH,
    KEYS_PATH,
    OidcServer,
    new_key,
    running,
    signed,
)

from tifo.adapters.oidc.claims import Terms
from tifo.adapters.oidc.provider import OidcProvider, Sources
from tifo.kernel.bulkhead import Budget, Bulkhead
from tifo.kernel.clock import ManualClock, SystemClock
from tifo.kernel.errors import Refusal, SettingsError, Unavailable
from tifo.kernel.ids import SequentialIds
from tifo.services.accounts.ports import IdentityProvider

NEVER_S = 10_000.0
BUDGET = Budget(call_s_max=0.5, failures_max=2, probe_s=0.01)
NONE_ALG = "eyJhbGciOiJub25lIn0"

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    with running(*ALGORITHMS) as server:
        yield server


@pytest.fixture
def own() -> Iterator[OidcServer]:
    """A provider that the test may break."""
    with running() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def opened(clock: ManualClock) -> AsyncIterator[Opened]:
    """Opens an adapter over a provider; its keys are asked for once unless `sources` says otherwise."""
    async with AsyncExitStack() as stack:

        async def open(
            server: OidcServer, *, budget: Budget = BUDGET, terms: Any = None, **sources: Any
        ) -> IdentityProvider:
            bulkhead = Bulkhead("login provider", budget, clock, SequentialIds(), lambda _: None)
            asked = Sources(**{"jwks_uri": server.keys_uri, "refresh_s": NEVER_S, **sources})
            told = Terms(server.issuer, AUDIENCE, **(terms or {}))
            provider = OidcProvider(told, asked, bulkhead, clock, SequentialIds())
            stack.push_async_callback(provider.close)
            await provider.open()
            return provider

        yield open


async def reason(call: Any) -> str:
    with pytest.raises(Refusal) as caught:
        await call
    assert caught.value.code == "bad-token"
    return str(caught.value.members["reason"])


# --- who signed it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_token_is_verified_by_each_allowed_algorithm(server, opened, clock, algorithm: str) -> None:
    provider = await opened(server, terms={"algorithms": ALGORITHMS})
    identity = await provider.identify(server.token("ann", algorithm))
    assert identity.account == "ann"
    assert identity.issued_at <= clock.now() + 1 < identity.expires_at


@pytest.mark.parametrize("algorithm", sorted(frozenset(ALGORITHMS) - {"RS256", "ES256"}))
async def test_algorithm_that_is_not_allowed_is_refused(server, opened, algorithm: str) -> None:
    assert await reason((await opened(server)).identify(server.token("ann", algorithm))) == "algorithm"


async def test_token_signed_with_the_public_key_as_a_secret_is_refused(server, opened) -> None:
    public = server.keys["RS256"].as_pem(private=False)
    body = server.token("ann").split(".")[1].encode()
    text = urlsafe_b64encode(b'{"alg":"HS256","kid":"key-RS256"}').rstrip(b"=") + b"." + body
    mac = urlsafe_b64encode(hmac.digest(public, text, "sha256")).rstrip(b"=")
    forged = (text + b"." + mac).decode()
    assert await reason((await opened(server)).identify(forged)) == "algorithm"


async def test_token_without_a_signature_is_refused(server, opened) -> None:
    provider = await opened(server)
    head, body, signature = server.token("ann").split(".")
    assert await reason(provider.identify(f"{NONE_ALG}.{body}.")) == "algorithm"
    assert await reason(provider.identify(f"{head}.{body}.")) == "signature"
    assert await reason(provider.identify(f"{head}.{body}.{signature[:-8]}AAAAAAAA")) == "signature"


async def test_token_of_another_signer_under_the_same_key_id_is_refused(server, opened) -> None:
    forged = signed({"alg": "RS256", "kid": "key-RS256"}, server.claims("ann"), RSAKey.generate_key(2048))
    assert await reason((await opened(server)).identify(forged)) == "signature"


async def test_key_serves_no_other_algorithm_than_its_own(server, opened) -> None:
    provider = await opened(server, terms={"algorithms": ALGORITHMS})
    key = server.keys["RS256"]
    bare = RSAKey.import_key({k: v for k, v in key.as_dict(private=True).items() if k not in ("alg", "use")})
    forged = signed({"alg": "RS384", "kid": key.kid}, server.claims("ann"), bare)
    assert await reason(provider.identify(forged)) == "algorithm"
    crossed = signed({"alg": "ES256", "kid": key.kid}, server.claims("ann"), new_key("x", "ES256"))
    assert await reason(provider.identify(crossed)) == "algorithm"


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "é.é.é", "x" * 10_000, "eyJh.eyJh", f"{NONE_ALG}..", "...."]
)
async def test_text_that_is_no_token_is_refused(server, opened, text: str) -> None:
    assert await reason((await opened(server)).identify(text)) in ("malformed", "algorithm")


async def test_token_of_another_kind_is_refused(server, opened) -> None:
    key = server.keys["RS256"]
    logout = signed({"alg": "RS256", "kid": key.kid, "typ": "logout+jwt"}, server.claims("ann"), key)
    assert await reason((await opened(server)).identify(logout)) == "type"


async def test_signed_text_that_is_no_set_of_claims_is_refused(server, opened) -> None:
    provider, key = await opened(server), server.keys["RS256"]
    for body in (b"[]", b"ann", b"\xff", b""):
        assert (
            await reason(provider.identify(signed({"alg": "RS256", "kid": key.kid}, body, key)))
            == "malformed"
        )


# --- the keys -----------------------------------------------------------------------------------------


async def test_keys_are_found_by_discovery(own, opened) -> None:
    provider = await opened(own, jwks_uri="")
    assert (await provider.identify(own.token("ann"))).account == "ann"
    assert (own.asked[DISCOVERY_PATH], own.asked[KEYS_PATH]) == (1, 1)


async def test_discovery_of_another_issuer_is_not_believed(own, opened) -> None:
    own.answers[DISCOVERY_PATH] = json.dumps({"issuer": "http://x", "jwks_uri": own.keys_uri}).encode()
    with pytest.raises(Unavailable):
        await (await opened(own, jwks_uri="")).identify(own.token("ann"))
    assert not own.asked[KEYS_PATH]


async def test_nothing_is_asked_about_a_viewer(own, opened) -> None:
    provider = await opened(own)
    for n in range(50):
        await provider.identify(own.token(f"fan-{n}"))
    assert own.asked.total() == 1


async def test_new_key_is_looked_for_at_once(own, opened) -> None:
    provider = await opened(own)
    own.rotate("RS256", "key-2")
    assert (await provider.identify(own.token("ann"))).account == "ann"
    assert own.asked[KEYS_PATH] == 2


async def test_many_who_come_with_a_new_key_share_one_look(own, opened) -> None:
    provider = await opened(own)
    own.rotate("RS256", "key-2")
    found = await asyncio.gather(*(provider.identify(own.token(f"fan-{n}")) for n in range(100)))
    assert len({one.account for one in found}) == 100
    assert own.asked[KEYS_PATH] == 2


async def test_flood_of_unknown_keys_makes_one_look(own, opened, clock) -> None:
    provider = await opened(own, search_s=10.0)
    key = own.keys["RS256"]
    forged = [signed({"alg": "RS256", "kid": f"x{n}"}, own.claims("ann"), key) for n in range(200)]
    assert {await reason(provider.identify(one)) for one in forged} == {"unknown-key"}
    assert own.asked[KEYS_PATH] == 2
    clock.advance(10)
    await reason(provider.identify(forged[0]))
    await reason(provider.identify(forged[1]))
    assert own.asked[KEYS_PATH] == 3


async def test_keys_are_fetched_again_and_again(own, opened, until) -> None:
    provider = await opened(own, refresh_s=0.02)
    token = own.token("ann")
    await provider.identify(token)
    own.rotate("RS256", "key-2")
    asked = own.asked[KEYS_PATH]
    await until(lambda: own.asked[KEYS_PATH] > asked + 1)
    assert (await provider.identify(own.token("bob"))).account == "bob"


async def test_key_that_was_withdrawn_takes_its_tokens_with_it(own, opened) -> None:
    provider = await opened(own)
    token = own.token("ann")
    await provider.identify(token)
    own.rotate("RS256", "key-2")
    await provider.identify(own.token("bob"))
    assert await reason(provider.identify(token)) == "unknown-key"


async def test_verified_token_is_not_verified_again(server, opened) -> None:
    provider = await opened(server)
    token = server.token("ann")
    assert await provider.identify(token) is await provider.identify(token)


async def test_sole_key_needs_no_id(opened) -> None:
    with running("RS256") as server:
        token = signed({"alg": "RS256"}, server.claims("ann"), server.keys["RS256"])
        assert (await (await opened(server)).identify(token)).account == "ann"


async def test_token_that_names_no_key_among_several_is_refused(server, opened) -> None:
    token = signed({"alg": "RS256"}, server.claims("ann"), server.keys["RS256"])
    assert await reason((await opened(server)).identify(token)) == "unknown-key"


# --- the provider is gone -----------------------------------------------------------------------------


async def test_last_good_keys_stay_in_force_while_the_provider_is_gone(
    own, opened, clock, until, logged
) -> None:
    provider = await opened(own, refresh_s=0.02, stale_s=3_600.0)
    assert not provider.failing
    token = own.token("ann", exp=int(clock.now()) + NEVER_S)
    own.stop()
    await until(lambda: provider.failing)
    clock.advance(3_000)
    assert (await provider.identify(token)).account == "ann"
    assert [one["event"] for one in logged] == ["login-provider.failing"]
    clock.advance(600)
    with pytest.raises(Unavailable):
        await provider.identify(token)
    own.start()
    clock.advance(BUDGET.probe_s * 2)
    await until(lambda: not provider.failing)
    assert (await provider.identify(token)).account == "ann"


async def test_provider_that_is_gone_at_the_start_keeps_nobody_from_starting(own, opened, clock) -> None:
    token = own.token("ann")
    own.stop()
    provider = await opened(own)
    with pytest.raises(Unavailable):
        await provider.identify(token)
    own.start()
    clock.advance(10)
    assert (await provider.identify(token)).account == "ann"


async def test_file_of_keys_holds_until_the_provider_answers(own, opened, tmp_path) -> None:
    token = own.token("ann")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(own.jwks()))
    own.stop()
    assert (await (await opened(own, keys_file=str(file))).identify(token)).account == "ann"


async def test_file_of_keys_that_cannot_be_used_is_told(own, opened, tmp_path) -> None:
    (tmp_path / "empty.json").write_text('{"keys": []}')
    for name in ("missing.json", "empty.json"):
        with pytest.raises(SettingsError, match=r"accounts\.oidc\.keys_file"):
            await opened(own, keys_file=str(tmp_path / name))


async def test_provider_that_hangs_costs_its_budget_and_no_more(own, opened, until) -> None:
    own.slow.set()
    budget = Budget(calls_max=1, waiting_max=0, call_s_max=0.05, failures_max=1, probe_s=0.01)
    provider = await opened(own, budget=budget)
    assert provider.failing
    with pytest.raises(Unavailable):
        await provider.identify(own.token("ann"))


@pytest.mark.parametrize(
    "rubbish",
    [
        b"", b"<html>", b"[]", b"\xff", b'{"keys": []}', b'{"keys": [7, null, {}]}', b"x" * 300_000,
        b'{"keys": [{"kty": "oct", "kid": "key-RS256", "k": "c2VjcmV0"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "key-RS256", "n": "", "e": ""}]}',
        b'{"keys": [{"kty": "EC", "kid": "key-ES256", "crv": "P-256", "x": "AA", "y": "AA"}]}',
    ],
)  # fmt: skip
async def test_rubbish_changes_no_key(own, opened, until, rubbish: bytes) -> None:
    provider = await opened(own, refresh_s=0.02)
    own.answers[KEYS_PATH] = rubbish
    await until(lambda: provider.failing)
    assert (await provider.identify(own.token("ann"))).account == "ann"


async def test_one_odd_key_does_not_take_the_others_away(own, opened) -> None:
    odd = [{"kty": "?"}, {"kty": "oct", "k": "eA"}, {"use": "enc", "kty": "RSA"}, 7]
    own.answers[KEYS_PATH] = json.dumps({"keys": [*odd, *own.jwks()["keys"]]}).encode()
    assert (await (await opened(own)).identify(own.token("ann"))).account == "ann"


async def test_key_that_is_too_short_verifies_nothing(own, opened) -> None:
    numbers = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers()
    n, e = (urlsafe_b64encode(one.to_bytes(128, "big")).decode() for one in (numbers.n, numbers.e))
    own.answers[KEYS_PATH] = json.dumps(
        {"keys": [{"kty": "RSA", "kid": "key-RS256", "n": n, "e": e}]}
    ).encode()
    with pytest.raises(Unavailable):
        await (await opened(own)).identify(own.token("ann"))


async def test_provider_whose_log_in_is_gone_is_gone_although_its_keys_are_there(own, opened, until) -> None:
    provider = await opened(own, refresh_s=0.02, health_uri=own.health_uri)
    await until(lambda: own.asked[HEALTH_PATH] > 1)
    assert not provider.failing
    gone = await opened(own, refresh_s=0.02, health_uri=own.issuer + "/nothing-here")
    await until(lambda: gone.failing)
    assert (await gone.identify(own.token("ann"))).account == "ann"
