"""RFC 9246 both ways against an independent JOSE library, and its expression against an engine for such."""

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant
from tifo.tokens.uri_signing import UriSigning

BASE = "https://cdn.example:8443"
NOW = 1_800_000_000
PATH = "/live/demo.1/v1/index.m3u8"
GRANT = Grant("ses_1", "/live/demo.1/", NOW, NOW + 60)
SECRET = b"1" * 32
PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KEYS = {"ES256": (PEM, ECKey.import_key(PEM.decode())), "HS256": (SECRET, OctKey.import_key(SECRET))}
CONTAINER = r"regex:https://cdn\.example:8443/live/demo\.1/.*"
CLAIMS = {"iss": "tifo", "exp": NOW + 60, "nbf": NOW, "sub": "ses_1", "cdniuc": CONTAINER}


def tokens(algorithm: str = "HS256") -> UriSigning:
    return UriSigning(BASE, Keyring("k1", {"k1": KEYS[algorithm][0]}), "tifo", algorithm)


def theirs(claims: dict[str, object], algorithm: str = "HS256", kid: str = "k1") -> str:
    return jwt.encode({"alg": algorithm, "kid": kid}, claims, KEYS[algorithm][1], algorithms=[algorithm])


def refused(token: str) -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens().verify(token, PATH, NOW)
    return caught.value.reason


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_library_reads_what_we_sign(algorithm: str) -> None:
    found = jwt.decode(tokens(algorithm).sign(GRANT), KEYS[algorithm][1], algorithms=[algorithm])
    assert found.claims == CLAIMS
    assert found.header["kid"] == "k1"


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_we_read_what_the_library_signs(algorithm: str) -> None:
    assert tokens(algorithm).verify(theirs(CLAIMS, algorithm), PATH, NOW) == GRANT
    assert tokens(algorithm).verify(theirs({**CLAIMS, "cdniv": 1}, algorithm), PATH, NOW) == GRANT


@pytest.mark.parametrize(
    ("address", "opened"),
    [
        (BASE + PATH, True),
        (BASE + "/live/demo.1/", True),
        (BASE + "/live/demo.10/x", False),
        (BASE + "/live/demo_1/x", False),
        ("https://cdn-example:8443" + PATH, False),
        ("http://cdn.example:8443" + PATH, False),
    ],
)
def test_expression_matches_what_it_should_and_nothing_else(address: str, opened: bool) -> None:
    claims = jwt.decode(tokens().sign(GRANT), KEYS["HS256"][1]).claims
    assert bool(re.fullmatch(claims["cdniuc"].removeprefix("regex:"), address)) == opened


@pytest.mark.parametrize(
    "change",
    [
        {"jti": "once"}, {"aud": "x"}, {"cdniip": "1.2.3.4"}, {"cdnicrit": "x"}, {"cdniets": 30},
        {"cdnistt": 1}, {"cdniv": 2}, {"cdniuc": "regex:.*"}, {"cdniuc": "hash:sha-256;x"},
        {"cdniuc": CONTAINER.replace("demo", ".*")}, {"cdniuc": CONTAINER.replace("cdn", "other")},
        {"cdniuc": CONTAINER.removesuffix("/.*") + ".*"}, {"exp": "soon"},
    ],
    ids=str,
)  # fmt: skip
def test_claim_that_is_not_processed_refuses_the_token(change: dict[str, object]) -> None:
    assert refused(theirs({**CLAIMS, **change})) == "claims"


def test_other_issuer_and_other_key_are_refused() -> None:
    assert refused(theirs({**CLAIMS, "iss": "other"})) == "issuer"
    assert refused(theirs(CLAIMS, kid="k9")) == "unknown-key"
    assert refused(theirs(CLAIMS, "ES256")) == "algorithm"


def test_single_file_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="folders only"):
        tokens().sign(Grant("ses_1", PATH, NOW, NOW + 60))
