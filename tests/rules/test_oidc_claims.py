"""What an access token of a login provider must say, once its signature holds."""

from typing import Any

import pytest

from tifo.adapters.oidc.claims import Terms, account_id, identity_of
from tifo.kernel.errors import Refusal
from tifo.services.accounts.ports import Identity

NOW = 1_800_000_000.0
ISSUER, AUDIENCE = "https://login.example", "tifo"
TERMS = Terms(ISSUER, AUDIENCE, leeway_s=5.0)


def claims(**more: Any) -> dict[str, Any]:
    """What a token says; a claim of None is left out."""
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": NOW - 60, "exp": NOW + 600, **more}
    return {name: value for name, value in said.items() if value is not None}


def reason(said: dict[str, Any], terms: Terms = TERMS) -> str:
    with pytest.raises(Refusal, match="bad-token") as caught:
        identity_of(said, terms, NOW)
    return str(caught.value.members["reason"])


def test_token_says_who_it_is_and_from_when_until_when() -> None:
    assert identity_of(claims(), TERMS, NOW) == Identity("ann", NOW - 60, NOW + 605)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"iss": "https://elsewhere"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["another"]}, "audience"),
        ({"aud": {AUDIENCE: 1}}, "audience"),
        ({"aud": None}, "audience"),
        ({"exp": None}, "claims"),
        ({"exp": "soon"}, "claims"),
        ({"exp": True}, "claims"),
        ({"exp": float("inf")}, "claims"),
        ({"nbf": NOW + 6}, "not-yet-valid"),
        ({"sub": None}, "account"),
        ({"sub": 7}, "account"),
        ({"sub": ""}, "account"),
        ({"sub": "x" * 65}, "account"),
        ({"sub": "é" * 11}, "account"),
    ],
)
def test_token_with_wrong_claims_is_refused(wrong: dict[str, Any], why: str) -> None:
    assert reason(claims(**wrong)) == why


def test_token_for_several_audiences_is_taken() -> None:
    assert identity_of(claims(aud=["other", AUDIENCE]), TERMS, NOW).account == "ann"


def test_clocks_may_differ_by_the_leeway() -> None:
    assert identity_of(claims(nbf=NOW + 5), TERMS, NOW).account == "ann"


def test_token_whose_time_is_over_is_answered_with_when_that_was() -> None:
    assert identity_of(claims(exp=NOW - 60), TERMS, NOW).expires_at == NOW - 55


def test_token_that_does_not_say_when_it_was_issued_is_as_old_as_can_be() -> None:
    assert identity_of(claims(iat=None), TERMS, NOW).issued_at == 0


def test_account_may_stand_in_another_claim() -> None:
    terms = Terms(ISSUER, AUDIENCE, account_claim="customer")
    assert identity_of(claims(customer="c-1"), terms, NOW).account == "c-1"
    assert reason(claims(), terms) == "account"


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ({"scope": "openid watch"}, True), ({"scp": ["watch"]}, True), ({"scope": "openid"}, False),
        ({"scope": "watched"}, False), ({"scope": 1}, False), ({"scp": [["watch"]]}, False), ({}, False),
    ],
)  # fmt: skip
def test_scopes_that_are_required_must_be_there(told: dict[str, Any], taken: bool) -> None:
    terms = Terms(ISSUER, AUDIENCE, scopes=("watch",))
    if taken:
        assert identity_of(claims(**told), terms, NOW)
    else:
        assert reason(claims(**told), terms) == "scope"


@pytest.mark.parametrize(
    ("subject", "account"),
    [
        ("ann", "ann"), ("a.b_c-d@e", "a.b_c-d@e"), ("auth0|7", "auth0:7c7"), ("a:7c7", "a:3a7c7"),
        ("é", ":c3:a9"), ("a*{b}", "a:2a:7bb:7d"),
    ],
)  # fmt: skip
def test_account_is_an_id_of_ours_and_nobody_elses(subject: str, account: str) -> None:
    assert account_id(subject) == account
