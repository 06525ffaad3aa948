"""Keys that cannot be are named and never shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
)
from pems import pem, public_pem

from tifo.kernel.errors import SettingsError
from tifo.tokens.addresses import AddressSigner, Signed
from tifo.tokens.formats import TokenSettings, pathway_tokens
from tifo.tokens.keys import Keyring
from tifo.tokens.nginx import NginxTokens
from tifo.tokens.ports import Grant

P256 = ec.generate_private_key(ec.SECP256R1())


def problems(form: str, algorithm: str, current: str, **secrets: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        pathway_tokens("fast", "https://cdn", TokenSettings(form, algorithm), current, secrets)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    ["", "17" * 32, "-----BEGIN PRIVATE KEY-----", pem(P256, BestAvailableEncryption(b"x")),
     pem(dsa.generate_private_key(2048)), public_pem(dsa.generate_private_key(2048))],
    ids=["empty", "hexadecimal", "cut-off", "behind-a-passphrase", "another-kind", "another-kind-public"],
)  # fmt: skip
def test_text_that_is_no_key_is_named(text: str) -> None:
    assert problems("cat", "ES256", "k1", k1=text) == (
        "keys.pathways.fast.k1: no key in PEM that can be read, RSA, P-256 or Ed25519",
    )


def test_public_key_cannot_be_the_one_that_signs() -> None:
    (found,) = problems("cat", "ES256", "k1", k1=public_pem(P256))
    assert "the current key signs, so it has to be a private one" in found


def test_public_key_may_be_one_that_only_verifies() -> None:
    keys = {"k1": pem(P256), "k2": public_pem(ec.generate_private_key(ec.SECP256R1()))}
    assert pathway_tokens("fast", "https://cdn", TokenSettings("cat", "ES256"), "k1", keys)


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())]
)
def test_key_of_another_kind_than_the_algorithms_is_refused(key) -> None:
    assert problems("cat", "ES256", "k1", k1=pem(key)) == ("keys.pathways.fast: not a P-256 key",)


def test_current_key_has_to_be_there() -> None:
    assert "the current key 'k2' is not among" in problems("cat", "ES256", "k2", k1=pem(P256))[0]


def test_akamais_shorter_keys_are_enough_for_akamai_alone() -> None:
    short = {"k1": "17" * 16}
    assert pathway_tokens("fast", "https://cdn", TokenSettings("akamai"), "k1", short)
    assert problems("cat", "", "k1", **short) == ("keys.pathways.fast.k1: 16 bytes, needs at least 32",)


def test_address_is_the_token_before_the_path_or_after_it() -> None:
    keys = Keyring("k1", {"k1": b"1" * 32})
    tokens, grant = NginxTokens(keys), Grant("ses_1", "/ads/", 0, 9)
    token = tokens.sign(grant)
    assert AddressSigner("https://c/", tokens).address(grant) == Signed("https://c/t/", token)
    query = AddressSigner("https://c/", tokens, "query", "st").address(grant)
    assert query == Signed("https://c", query=f"?st={token}")


def test_what_would_end_a_folder_is_escaped_in_the_path() -> None:
    told = TokenSettings("akamai", place="path")
    made = pathway_tokens("fast", "https://cdn", told, "k1", {"k1": "17" * 16})
    grant = Grant("ses_1", "/ads/", 1, 9)
    base = made.signer.address(grant).base
    assert base.count("/") == 4
    assert made.tokens.verify(base.rpartition("/")[2], "/ads/x", 2) == grant
