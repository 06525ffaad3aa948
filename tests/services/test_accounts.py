"""Who a token is, what the account may do, and which devices are written down."""

import pytest
from accounts_parts import Accounts

from tifo.api.accounts import Viewer
from tifo.api.sessions import Device
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.accounts import service as accounts_service
from tifo.services.accounts import sightings
from tifo.services.accounts.ports import Profile
from tifo.services.accounts.settings import AccountsSettings, DemoAccount
from tifo.telemetry.metrics import REGISTRY

DEMO = (DemoAccount("demo", stream_limit=2), DemoAccount("visitor", entitlements=()))
SETTINGS = AccountsSettings(demo=DEMO, access_token_ttl_s=100, profile_cache_fresh_s=5)
TV = Device("tv", "tv")


def counted(sample: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(sample, labels) or 0.0


async def devices(accounts: Accounts, account: str) -> list[str]:
    return [one.device for one in (await accounts.profiles.history(account)).devices]


# --- tokens of our own --------------------------------------------------------------------------------


async def test_accounts_of_the_settings_exist(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    assert await service.viewer(service.login("demo"), "tv") == Viewer("demo", ("*",), 2)
    assert await service.viewer(service.login("visitor"), "tv") == Viewer("visitor", (), None)


async def test_accounts_of_the_settings_are_written_once(accounts: Accounts) -> None:
    for _ in range(2):
        await accounts.opened(SETTINGS)
    demo = await accounts.profiles.profile("demo")
    assert demo is not None and demo.version == 1


async def test_accounts_of_the_settings_exist_later_when_the_store_fails_at_the_start(
    accounts: Accounts, monkeypatch, until
) -> None:
    monkeypatch.setattr(accounts_service, "KEEP_EVERY_S", 0.01)
    accounts.profiles.failing = True
    service = await accounts.opened(SETTINGS)
    accounts.profiles.failing = False
    await until(lambda: not service._owed)
    assert await accounts.profiles.profile("visitor")


async def test_account_without_a_profile_is_an_ordinary_subscriber(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    assert await service.viewer(service.login("somebody"), "tv") == Viewer("somebody", plan="subscriber")


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
async def test_text_that_is_no_token_is_refused(accounts: Accounts, token: str, outside: bool) -> None:
    service = await accounts.opened(SETTINGS, outside=outside)
    with pytest.raises(Refusal, match="bad-token"):
        await service.viewer(token, "tv")


async def test_token_that_has_expired_is_refused(accounts: Accounts, clock) -> None:
    service = await accounts.opened(SETTINGS)
    token = service.login("demo")
    clock.advance(SETTINGS.access_token_ttl_s)
    before = counted("tifo_tokens_refused_total", kind="access", reason="expired")
    with pytest.raises(Refusal) as caught:
        await service.viewer(token, "tv")
    assert caught.value.members == {"reason": "expired"}
    assert counted("tifo_tokens_refused_total", kind="access", reason="expired") == before + 1


async def test_token_of_the_provider_opens_the_same_door(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    assert await service.viewer(accounts.outside("demo"), "tv") == Viewer("demo", ("*",), 2)
    with pytest.raises(Refusal, match="bad-token"):
        await service.viewer(accounts.outside("demo", expires=0), "tv")


async def test_without_a_provider_only_our_own_tokens_count(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS, outside=False)
    with pytest.raises(Refusal, match="bad-token"):
        await service.viewer(accounts.outside("demo"), "tv")


# --- profiles -----------------------------------------------------------------------------------------


async def test_profile_is_read_again_after_its_time(accounts: Accounts, clock, until) -> None:
    service = await accounts.opened(SETTINGS)
    token = service.login("demo")
    await service.viewer(token, "tv")
    await accounts.profiles.put_profile(Profile("demo", entitlements=("final",), version=1))
    clock.advance(3)
    assert (await service.viewer(token, "tv")).entitlements == ("*",)
    clock.advance(SETTINGS.profile_cache_fresh_s + 61)
    assert (await service.viewer(token, "tv")).entitlements == ("final",)


async def test_known_profile_stays_in_force_for_hours_while_the_store_fails(
    accounts: Accounts, clock
) -> None:
    service = await accounts.opened(SETTINGS)
    await service.viewer(service.login("demo"), "tv")
    accounts.profiles.failing = True
    clock.advance(10 * 3600)
    assert (await service.viewer(service.login("demo"), "tv")).stream_limit == 2


async def test_viewer_whose_profile_is_lost_is_let_in_as_a_subscriber(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    accounts.profiles.failing = True
    before = counted("tifo_profiles_lost_total", outcome="let-in")
    assert await service.viewer(service.login("demo"), "tv") == Viewer("demo", plan="subscriber")
    assert counted("tifo_profiles_lost_total", outcome="let-in") == before + 1


async def test_viewer_whose_profile_is_lost_is_refused_by_setting(accounts: Accounts) -> None:
    service = await accounts.opened(AccountsSettings(demo=(), profiles_lost="refuse"))
    accounts.profiles.failing = True
    before = counted("tifo_profiles_lost_total", outcome="refused")
    with pytest.raises(Unavailable):
        await service.viewer(service.login("demo"), "tv")
    assert counted("tifo_profiles_lost_total", outcome="refused") == before + 1


# --- devices ------------------------------------------------------------------------------------------


async def test_device_that_was_let_in_is_written_down(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    service.saw(Viewer("ann"), TV)
    await service.close()
    assert await devices(accounts, "ann") == ["tv"]


async def test_device_let_in_by_grace_is_not_written_down(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    service.saw(Viewer("ann", by_grace=True), TV)
    await service.close()
    assert await devices(accounts, "ann") == []


async def test_devices_wait_for_a_store_that_fails(accounts: Accounts, monkeypatch, until) -> None:
    monkeypatch.setattr(sightings, "FLUSH_S", 0.01)
    service = await accounts.opened(SETTINGS)
    accounts.profiles.failing = True
    for n in range(sightings.BATCH_MAX + 1):
        service.saw(Viewer(f"fan-{n}"), TV)
    accounts.profiles.failing = False
    await until(lambda: not service._sightings._waiting)
    assert await devices(accounts, f"fan-{sightings.BATCH_MAX}") == ["tv"]


async def test_devices_past_the_limit_are_lost_and_counted(accounts: Accounts, monkeypatch) -> None:
    monkeypatch.setattr(sightings, "WAITING_MAX", 2)
    service = await accounts.opened(SETTINGS)
    before = counted("tifo_device_sightings_lost_total")
    accounts.profiles.failing = True
    for n in range(5):
        service.saw(Viewer(f"fan-{n}"), TV)
    assert counted("tifo_device_sightings_lost_total") == before + 3
    await service.close()
    assert counted("tifo_device_sightings_lost_total") == before + 5


async def test_device_that_comes_again_soon_is_not_written_again(accounts: Accounts, clock) -> None:
    service = await accounts.opened(SETTINGS)
    seen_at = []
    for wait_s in (0, 60, SETTINGS.device_seen_s):
        clock.advance(wait_s)
        service.saw(Viewer("ann"), TV)
        await service._sightings.flush()
        seen_at.append((await accounts.profiles.history("ann")).devices[0].last_seen)
    assert seen_at[0] == seen_at[1] == seen_at[2] - 60 - SETTINGS.device_seen_s
