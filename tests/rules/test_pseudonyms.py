"""Pseudonyms in the event log: whom they stand for, for how long, and what is left of an account."""

import pytest
from event_samples import AT, full, kinds

from tifo.api.events import KICK_ACCOUNT, OperatorActed, SessionRefused
from tifo.eventlog.pseudonyms import Pseudonyms
from tifo.eventlog.records import from_record, to_record
from tifo.tokens.keys import Keyring

DAY_S = 86_400
START = 680.0 * 30 * 86_400
"""The first second of a period of 30 days."""


def pseudonyms(current: str = "p1", period_s: int = 30 * DAY_S) -> Pseudonyms:
    keys = Keyring.from_hex("pseudonyms", current, {"p1": "11" * 32, "p2": "22" * 32})
    return Pseudonyms(keys, period_s)


def test_account_has_one_pseudonym_for_a_period() -> None:
    first = pseudonyms().of("account", "ada", START)
    assert pseudonyms().of("account", "ada", START + 30 * DAY_S - 0.5) == first
    assert pseudonyms().of("account", "ada", START + 30 * DAY_S) != first
    assert pseudonyms().of("account", "ada", START - 0.5) != first


def test_pseudonym_says_its_key_and_period_and_nothing_else() -> None:
    key, period, digest = pseudonyms().of("account", "ada", START).split(".")
    assert (key, int(period), len(digest)) == ("p1", START // (30 * DAY_S), 22)


def test_other_accounts_kinds_and_keys_have_others() -> None:
    found = {
        pseudonyms().of("account", "ada", START),
        pseudonyms().of("account", "bob", START),
        pseudonyms().of("device", "ada", START),
        pseudonyms("p2").of("account", "ada", START),
    }
    assert len({one.rpartition(".")[2] for one in found}) == 4


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_no_record_has_an_account_or_a_device(kind) -> None:
    record = to_record(pseudonyms().hide(full(kind), AT), "evt_1", AT)
    assert b"account-1" not in record.value
    assert b"device-1" not in record.value
    assert record.key != "account-1"
    assert from_record(record) is not None


def test_account_that_orders_its_refusals_still_does() -> None:
    refused = SessionRefused(account="ada", event="final", code="stream-limit")
    record = to_record(pseudonyms().hide(refused, AT), "evt_1", AT)
    assert record.key == pseudonyms().of("account", "ada", AT)


def test_kicked_account_has_the_pseudonym_of_its_sessions() -> None:
    acted = OperatorActed(operator="bob", action=KICK_ACCOUNT, target="ada", detail="fraud")
    hidden = pseudonyms().hide(acted, AT)
    assert hidden == OperatorActed(
        operator="bob", action=KICK_ACCOUNT, target=pseudonyms().of("account", "ada", AT), detail="fraud"
    )


def test_other_acts_are_told_as_they_are() -> None:
    acted = OperatorActed(operator="bob", action="pathway-out", target="cdn-b")
    assert pseudonyms().hide(acted, AT) is acted
