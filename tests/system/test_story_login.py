"""A login provider outside dies at kick-off: who watches goes on, and who was here before comes in again."""

from collections.abc import Iterator

import httpx
import pytest
from commands import eventually
from oidc_provider import AUDIENCE, OidcServer, running
from platforms import LEASE_S, NewFolder, one_machine
from players import Platform, Player, refused

pytestmark = pytest.mark.system

REFRESH_S = 0.4
GONE_S_MAX = 30
"""Within which a node knows that the provider is gone or back: some looks at it."""
SETTINGS = {
    "TIFO_ACCOUNTS__GRACE_S": "3600",
    "TIFO_ACCOUNTS__OIDC__AUDIENCE": AUDIENCE,
    "TIFO_ACCOUNTS__OIDC__LEEWAY_S": "0",
    "TIFO_ACCOUNTS__OIDC__REFRESH_S": str(REFRESH_S),
    # One that is gone refuses at once: only one that is slow because all is would be given up sooner.
    "TIFO_ACCOUNTS__OIDC__CALL_S_MAX": "5",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcServer]:
    with running() as provider:
        yield provider


@pytest.fixture(scope="module")
def platform(new_folder: NewFolder, provider: OidcServer) -> Iterator[Platform]:
    settings = {**SETTINGS, "TIFO_ACCOUNTS__OIDC__ISSUER": provider.issuer}
    with new_folder() as folder, one_machine(folder, **settings) as running:
        yield running
        assert running.leaks() == []


@pytest.fixture(autouse=True)
def back(platform: Platform, provider: OidcServer) -> Iterator[None]:
    """Every story begins and ends with the provider there."""
    yield
    if provider.stopped:
        provider.start()
    failing(platform, 0)


def failing(platform: Platform, wanted: int) -> None:
    sample = 'tifo_dependency_failing{dependency="login-provider"}'
    eventually(lambda: platform.metric("", sample) == wanted, GONE_S_MAX, f"the node says {wanted}")


def log_in(platform: Platform, provider: OidcServer, account: str, **claims: object) -> str:
    return platform.new_secret(provider.token(account, **claims))


def watching(platform: Platform, access: str, device: str = "sofa") -> Player:
    answer = platform.ask_to_start(access, device)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    if "grace_token" in said:
        platform.new_secret(said["grace_token"])
    return Player(platform, access, "", said["session"], platform.new_secret(said["token"]), said)


def die(platform: Platform, provider: OidcServer) -> None:
    provider.stop()
    failing(platform, 1)


def expired(platform: Platform, provider: OidcServer, account: str) -> str:
    over = provider.claims(account)["iat"] - 60
    return log_in(platform, provider, account, iat=over - 600, exp=over)


def why(answer: httpx.Response) -> str:
    assert refused(answer) == (401, "bad-token")
    return str(answer.json()["reason"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_viewer_with_the_providers_token_watches(platform, provider, algorithm: str) -> None:
    access = platform.new_secret(provider.token(platform.new_account(), algorithm))
    player = watching(platform, access)
    assert player.beat().status_code == 200
    assert player.master().status_code == 200


def test_tokens_of_nobody_are_refused(platform, provider) -> None:
    assert why(platform.ask_to_start(log_in(platform, provider, "ann", aud="another"))) == "audience"
    assert why(platform.ask_to_start(expired(platform, provider, "ann"))) == "expired"


def test_who_watches_goes_on_when_the_provider_dies(platform, provider) -> None:
    player = watching(platform, log_in(platform, provider, platform.new_account()))
    die(platform, provider)
    renewed = eventually(lambda: "token" in (answer := player.beat()).json() and answer, LEASE_S, "a renewal")
    assert renewed.status_code == 200
    assert player.master().status_code == 200


def test_the_same_device_starts_again_with_its_grace_token_and_no_other_does(platform, provider) -> None:
    account = platform.new_account()
    player = watching(platform, log_in(platform, provider, account), "sofa")
    grace = player.answer["grace_token"]
    player.end()
    assert why(platform.ask_to_start(grace, "sofa")) == "expired"
    die(platform, provider)
    again = watching(platform, grace, "sofa")
    assert again.beat().status_code == 200
    assert "grace_token" not in again.answer
    assert why(platform.ask_to_start(grace, "kitchen")) == "device"


def test_a_log_in_whose_time_is_over_counts_on_a_device_that_is_known(platform, provider) -> None:
    account = platform.new_account()
    watching(platform, log_in(platform, provider, account), "sofa").end()
    late = expired(platform, provider, account)
    die(platform, provider)
    eventually(lambda: platform.ask_to_start(late, "sofa").status_code == 201, what="the device is known")
    assert why(platform.ask_to_start(late, "kitchen")) == "expired"
    assert (
        why(platform.ask_to_start(expired(platform, provider, platform.new_account()), "sofa")) == "expired"
    )


def test_a_log_in_in_force_starts_a_device_nobody_knows_while_the_provider_is_gone(
    platform, provider
) -> None:
    access = log_in(platform, provider, platform.new_account())
    die(platform, provider)
    assert watching(platform, access).beat().status_code == 200


def test_a_kicked_account_does_not_come_back_by_grace(platform, provider) -> None:
    account = platform.new_account()
    grace = watching(platform, log_in(platform, provider, account)).answer["grace_token"]
    die(platform, provider)
    kick = {"what": "account", "id": account, "reason": "Shared."}
    answer = platform.operators("POST", "/v1/control/kicks", json=kick)
    assert answer.status_code == 204, answer.text
    eventually(lambda: why(platform.ask_to_start(grace)) == "revoked", what="the kick is known")


def test_new_keys_are_followed(platform, provider) -> None:
    provider.rotate("RS256", "key-after")
    access = log_in(platform, provider, platform.new_account())
    eventually(lambda: platform.ask_to_start(access).status_code == 201, what="the new key is known")


def test_the_log_says_once_that_the_provider_is_gone_and_that_it_is_back(platform, provider) -> None:
    gone, there = "login-provider.failing", "login-provider.back"
    eventually(lambda: said(platform, gone) == said(platform, there), GONE_S_MAX, "all before is over")
    before = said(platform, there)
    die(platform, provider)
    assert said(platform, gone) == before + 1
    provider.start()
    eventually(lambda: said(platform, there) == before + 1, GONE_S_MAX, "it is said")


def said(platform: Platform, event: str) -> int:
    return sum(log.read_text(errors="replace").count(f'"{event}"') for log in platform.logs)
