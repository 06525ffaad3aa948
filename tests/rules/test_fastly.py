"""Fastly's tokens, held against what its VCL computes from their texts."""

import hashlib
import hmac

import pytest

from tifo.kernel.errors import SettingsError
from tifo.tokens.fastly import FastlyTokens
from tifo.tokens.formats import TokenSettings, pathway_tokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

SECRET = bytes(range(32))
TOKENS = FastlyTokens(Keyring("k1", {"k1": SECRET, "k2": b"2" * 32}))
GRANT = Grant("ses_1", "/live/demo/", 1_800_000_000, 1_800_000_120)


def test_token_is_what_vcl_signs_with_the_secrets_text() -> None:
    said = "k1,1800000000,1800000120,ses_1,~live~demo~"
    code = hmac.new(SECRET.hex().encode(), said.encode(), hashlib.sha256).hexdigest()
    assert TOKENS.sign(GRANT) == f"{said},{code}"


def test_secret_with_a_zero_byte_is_no_weaker() -> None:
    other = FastlyTokens(Keyring("k1", {"k1": bytes(32)}))
    with pytest.raises(TokenRefused, match="signature"):
        TOKENS.verify(other.sign(GRANT), "/live/demo/x", GRANT.begin)


def test_single_file_is_opened_alone() -> None:
    token = TOKENS.sign(Grant("", "/live/demo/one.m4s", 0, 9))
    assert TOKENS.verify(token, "/live/demo/one.m4s", 1) == Grant("", "/live/demo/one.m4s", 0, 9)
    with pytest.raises(TokenRefused, match="path"):
        TOKENS.verify(token, "/live/demo/one.m4s/x", 1)


def test_token_of_another_key_says_so() -> None:
    token = FastlyTokens(Keyring("k3", {"k3": SECRET})).sign(GRANT)
    with pytest.raises(TokenRefused, match="unknown-key"):
        TOKENS.verify(token, "/live/demo/x", GRANT.begin)


@pytest.mark.parametrize("kid", ["", "a,b", "a b", "a~", "a" * 65])
def test_key_id_that_a_token_cannot_name_is_refused(kid: str) -> None:
    with pytest.raises(SettingsError, match="no key id here"):
        pathway_tokens("fast", "https://cdn", TokenSettings("fastly"), kid, {kid: "17" * 32})
