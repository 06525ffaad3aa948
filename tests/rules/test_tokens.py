"""Every kind of broken token is refused with one stable word, and what is signed verifies."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from tifo.tokens.access import access_tokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.playback import PlaybackClaims, playback_tokens

NOW = 1_800_000_000
KEYS = Keyring("k2", {"k1": b"1" * 32, "k2": b"2" * 32})
TOKENS = playback_tokens(KEYS)


def claims(**changes: object) -> PlaybackClaims:
    values: dict[str, object] = {
        "aud": "playback",
        "nbf": NOW,
        "exp": NOW + 60,
        "sid": "ses_1",
        "acc": "demo",
        "ev": "final",
        "dev": "tv-1",
        "kind": "tv",
        "since": NOW,
        "until": NOW + 30,
    }
    return PlaybackClaims(**{**values, **changes})  # type: ignore[arg-type]


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def refused(token: str, now: float = NOW) -> str:
    with pytest.raises(TokenRefused) as caught:
        TOKENS.verify(token, now)
    return caught.value.reason


def test_signed_token_verifies() -> None:
    assert TOKENS.verify(TOKENS.sign(claims()), NOW) == claims()


def test_token_of_the_previous_key_verifies_after_a_rotation() -> None:
    old = playback_tokens(Keyring("k1", {"k1": b"1" * 32}))
    assert TOKENS.verify(old.sign(claims()), NOW).sid == "ses_1"


def test_independent_library_verifies_our_token() -> None:
    key = OctKey.import_key(b"2" * 32)
    assert jwt.decode(TOKENS.sign(claims()), key).claims["sid"] == "ses_1"


def test_empty_token_is_refused() -> None:
    assert refused("") == "empty"


def test_absurdly_long_token_is_refused_unread() -> None:
    assert refused("a" * 100_000) == "malformed"


@pytest.mark.parametrize("token", ["x", "..", "a.b", "a.b.c", "\x00", "é.é.é", "a.b.c.d", " " * 10])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    assert refused(token) in {"malformed", "unknown-key", "algorithm"}


@pytest.mark.parametrize("cut", [1, 10, 43, 44, 100])
def test_truncated_token_is_refused(cut: int) -> None:
    assert refused(TOKENS.sign(claims())[:-cut]) in {"signature", "malformed"}


def test_token_of_another_key_with_our_key_id_is_refused() -> None:
    assert refused(playback_tokens(Keyring("k2", {"k2": b"9" * 32})).sign(claims())) == "signature"


def test_token_of_an_unknown_key_id_is_refused() -> None:
    assert refused(playback_tokens(Keyring("k9", {"k9": b"2" * 32})).sign(claims())) == "unknown-key"


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "hs256"])
def test_other_algorithm_is_refused(algorithm: str) -> None:
    _, body, signature = TOKENS.sign(claims()).split(".")
    assert refused(f"{b64({'alg': algorithm, 'kid': 'k2', 'typ': 'JWT'})}.{body}.{signature}") == "algorithm"


def test_unsigned_token_is_refused() -> None:
    head, body, _ = TOKENS.sign(claims()).split(".")
    assert refused(f"{head}.{body}.") == "signature"


def test_expired_token_is_refused() -> None:
    assert refused(TOKENS.sign(claims()), NOW + 60) == "expired"


def test_token_that_is_not_valid_yet_is_refused() -> None:
    assert refused(TOKENS.sign(claims(nbf=NOW + 30))) == "not-yet-valid"


def test_token_signed_by_a_clock_slightly_ahead_is_accepted() -> None:
    assert TOKENS.verify(TOKENS.sign(claims(nbf=NOW + 3)), NOW).nbf == NOW + 3


def test_token_of_another_audience_is_refused() -> None:
    assert refused(TOKENS.sign(claims(aud="access"))) == "audience"


def test_token_of_another_kind_is_refused() -> None:
    with pytest.raises(TokenRefused) as caught:
        access_tokens(KEYS).verify(TOKENS.sign(claims()), NOW)
    assert caught.value.reason == "claims"


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=127))
def test_any_changed_character_is_refused(position: int, change: int) -> None:
    token = TOKENS.sign(claims())
    at = position % len(token)
    changed = chr((ord(token[at]) + change) % 128)
    if changed != token[at]:
        refused(token[:at] + changed + token[at + 1 :])


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    refused(text)
