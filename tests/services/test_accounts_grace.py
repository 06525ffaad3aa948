"""What counts while the login provider is gone, and what never does."""

import pytest
from accounts_parts import Accounts

from tifo.api.accounts import Viewer
from tifo.api.sessions import Device
from tifo.kernel.errors import Refusal
from tifo.services.accounts.rules import Outage, why_no_grace
from tifo.services.accounts.service import AccountService
from tifo.services.accounts.settings import AccountsSettings
from tifo.telemetry.metrics import REGISTRY
from tifo.tokens.access import access_tokens, grace_tokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring

GRACE_S = 3_600
SETTINGS = AccountsSettings(demo=(), grace_s=GRACE_S)


async def reason(service: AccountService, token: str, device: str = "tv") -> str:
    with pytest.raises(Refusal, match="bad-token") as caught:
        await service.viewer(token, device)
    return str(caught.value.members["reason"])


async def given(accounts: Accounts, service: AccountService, account: str = "ann") -> str:
    """The grace token of a viewer who just started on the television."""
    viewer = await service.viewer(accounts.outside(account), "tv")
    return service.grace_token(viewer, "tv")


# --- the rule -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "failing", "void_before", "why"),
    [
        (150, True, 0, ""), (199, True, 99, ""), (150, False, 0, "expired"), (200, True, 0, "expired"),
        (150, True, 100, "revoked"), (150, True, 120, "revoked"),
    ],
)  # fmt: skip
def test_grace_is_for_an_outage_bounded_and_revocable(now, failing, void_before, why) -> None:
    assert why_no_grace(100, 200, now, Outage(failing, void_before)) == why


# --- the grace token ----------------------------------------------------------------------------------


async def test_grace_token_starts_its_device_again_while_the_provider_is_gone(
    accounts: Accounts, clock
) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    accounts.provider.gone = True
    clock.advance(GRACE_S - 1)
    viewer = await service.viewer(token, "tv")
    assert (viewer.account, viewer.by_grace) == ("ann", True)
    clock.advance(1)
    assert await reason(service, token) == "expired"


async def test_grace_token_counts_for_nothing_while_the_provider_answers(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    assert await reason(service, token) == "expired"
    accounts.provider.gone = True
    assert await service.viewer(token, "tv")
    accounts.provider.gone = False
    assert await reason(service, token) == "expired"


async def test_grace_token_counts_on_its_device_only(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    accounts.provider.gone = True
    assert await reason(service, token, "phone") == "device"


async def test_grace_is_not_prolonged_by_grace(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    accounts.provider.gone = True
    assert service.grace_token(await service.viewer(token, "tv"), "tv") == ""


async def test_kick_voids_the_grace_tokens_of_before(accounts: Accounts, clock) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    accounts.void["ann"] = int(clock.now())
    clock.advance(5)
    later = await given(accounts, service)
    accounts.provider.gone = True
    assert await reason(service, token) == "revoked"
    assert (await service.viewer(later, "tv")).by_grace


async def test_kick_is_remembered_as_long_as_grace_may_last(accounts: Accounts) -> None:
    assert (await accounts.opened(SETTINGS)).kick_memory_s == 2 * GRACE_S
    assert (await accounts.opened(SETTINGS, outside=False)).kick_memory_s == 0


async def test_grace_token_is_no_access_token_and_the_other_way_round(
    keys: Keyring, accounts: Accounts
) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    with pytest.raises(TokenRefused, match="audience"):
        access_tokens(keys).verify(token, 0)
    with pytest.raises(TokenRefused, match="claims"):
        grace_tokens(keys).verify(service.login("ann"), 0)


async def test_grace_token_of_other_keys_is_refused(accounts: Accounts) -> None:
    stranger = await accounts.opened(SETTINGS, keys=Keyring("k1", {"k1": b"6" * 32}))
    token = await given(accounts, stranger)
    accounts.provider.gone = True
    assert await reason(await accounts.opened(SETTINGS), token) == "signature"


@pytest.mark.parametrize("outside", [True, False])
async def test_no_grace_token_without_grace_or_without_a_provider(accounts: Accounts, outside: bool) -> None:
    settings = AccountsSettings(demo=(), grace_s=0 if outside else GRACE_S)
    service = await accounts.opened(settings, outside=outside)
    assert service.grace_token(Viewer("ann"), "tv") == ""


async def test_grace_that_was_switched_off_ends_for_the_tokens_of_before(accounts: Accounts) -> None:
    token = await given(accounts, await accounts.opened(SETTINGS))
    accounts.provider.gone = True
    assert await reason(await accounts.opened(AccountsSettings(demo=(), grace_s=0)), token) == "expired"


# --- an access token whose time is over ---------------------------------------------------------------


async def known_on(service: AccountService, account: str, device: str) -> None:
    service.saw(Viewer(account), Device(device, "tv"))
    await service._sightings.flush()


async def test_expired_token_counts_on_a_known_device_while_the_provider_is_gone(
    accounts: Accounts, clock
) -> None:
    service = await accounts.opened(SETTINGS)
    token = accounts.outside("ann", expires=600)
    await known_on(service, "ann", "tv")
    clock.advance(600)
    assert await reason(service, token) == "expired"
    accounts.provider.gone = True
    viewer = await service.viewer(token, "tv")
    assert (viewer.by_grace, service.grace_token(viewer, "tv")) == (True, "")
    assert await reason(service, token, "phone") == "expired"
    clock.advance(GRACE_S)
    assert await reason(service, token) == "expired"


async def test_expired_token_counts_on_any_device_by_setting(accounts: Accounts) -> None:
    service = await accounts.opened(AccountsSettings(demo=(), grace_s=GRACE_S, grace_devices="any"))
    accounts.provider.gone = True
    assert (await service.viewer(accounts.outside("ann", issued=-600, expires=-1), "phone")).by_grace
    assert not accounts.profiles.histories


async def test_expired_token_of_a_kicked_account_does_not_count(accounts: Accounts, clock) -> None:
    service = await accounts.opened(SETTINGS)
    await known_on(service, "ann", "tv")
    token = accounts.outside("ann", expires=1)
    accounts.void["ann"] = int(clock.now())
    clock.advance(2)
    accounts.provider.gone = True
    assert await reason(service, token) == "revoked"


async def test_expired_token_issued_before_kicks_are_remembered_does_not_count(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    await known_on(service, "ann", "tv")
    accounts.provider.gone = True
    assert await reason(service, accounts.outside("ann", issued=-2 * GRACE_S, expires=-1)) == "expired"


async def test_device_list_that_cannot_be_read_knows_nobody(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    await known_on(service, "ann", "tv")
    accounts.provider.gone = accounts.profiles.failing = True
    assert await reason(service, accounts.outside("ann", issued=-9, expires=-1)) == "expired"


async def test_token_in_force_is_not_grace_while_the_provider_is_gone(accounts: Accounts) -> None:
    service = await accounts.opened(SETTINGS)
    accounts.provider.gone = True
    viewer = await service.viewer(accounts.outside("ann"), "phone")
    assert not viewer.by_grace
    assert service.grace_token(viewer, "phone")
    assert service.provider_failing


async def test_grace_is_counted_each_time_and_told_once_an_outage(accounts: Accounts, logged) -> None:
    service = await accounts.opened(SETTINGS)
    token = await given(accounts, service)
    before = REGISTRY.get_sample_value("tifo_logins_by_grace_total", {"shown": "grace-token"}) or 0
    for _ in range(2):
        accounts.provider.gone = True
        for _ in range(3):
            await service.viewer(token, "tv")
        accounts.provider.gone = False
        await given(accounts, service)
    assert REGISTRY.get_sample_value("tifo_logins_by_grace_total", {"shown": "grace-token"}) == before + 6
    assert [one["event"] for one in logged] == ["accounts.by-grace"] * 2
