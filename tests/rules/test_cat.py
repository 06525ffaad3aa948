"""Common Access Tokens, both ways against two implementations that are not ours, and a published token."""

import base64

import cbor2
import cwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from oracles import node
from tifo.tokens import cat
from tifo.tokens.cat import CatTokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

NOW = 2_000_000_000
SECRET = b"1" * 32
KEYS = Keyring("k1", {"k1": SECRET})
TOKENS = CatTokens(KEYS, "tifo")
GRANT = Grant("ses_1", "/live/demo/", NOW - 1_000_000_000, NOW)
INSIDE = "/live/demo/v1/index.m3u8"
CLAIMS = {1: "tifo", 4: NOW, 5: 1, 7: b"ses_1", 310: 1, 312: {3: {1: "/live/demo/"}}}
PUBLISHED = (
    "2D3RhEOhAQWhBFBha2FtYWlfa2V5X2hzMjU2WCijAXgYY29hcDovL2pvbmFzLmV4YW1wbGUuY29tBhpn1JipBRpn1JipWCCX4nQb8SYQ"
    "oa0SFLxE2Rh35DdTjoA9TzOSy1IP9O1BGQ"
)
PUBLISHED_KEY = "403697de87af64611c1d32a05dab0fe1fcb715a86ab435f1ec99192d79569388"


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def text(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def refused(token: str, tokens: CatTokens = TOKENS) -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens.verify(token, INSIDE, NOW - 1)
    return caught.value.reason


def signed(claims: dict[int, object], key: cwt.COSEKey | None = None) -> str:
    """A token that another library signed, with our key if with no other."""
    key = key or cwt.COSEKey.from_symmetric_key(SECRET, alg="HS256", kid="k1")
    cose = cwt.COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    return text(b"\xd8\x3d" + cose.encode(cbor2.dumps(claims), key))


def test_python_library_reads_our_token() -> None:
    key = cwt.COSEKey.from_symmetric_key(SECRET, alg="HS256", kid="k1")
    assert cwt.decode(raw(TOKENS.sign(GRANT)), key) == {
        1: "tifo", 4: GRANT.end, 5: GRANT.begin, 6: GRANT.begin, 7: b"ses_1", 310: 1,
        312: {3: {1: "/live/demo/"}},
    }  # fmt: skip


def test_we_read_the_python_librarys_token() -> None:
    assert TOKENS.verify(signed(CLAIMS), INSIDE, NOW - 1) == Grant("ses_1", "/live/demo/", 1, NOW)


def test_token_without_the_outer_tag_is_read() -> None:
    token = raw(TOKENS.sign(GRANT))
    assert token[:2] == b"\xd8\x3d"
    assert TOKENS.verify(text(token[2:]), INSIDE, NOW - 1) == GRANT


def test_javascript_library_accepts_our_token() -> None:
    asked = {"keys": {"k1": SECRET.hex()}, "token": TOKENS.sign(GRANT), "issuer": "tifo"}
    found = node("catValidate", url="https://cdn.example" + INSIDE, **asked)
    assert found["claims"]["iss"] == "tifo"
    assert "error" in node("catValidate", url="https://cdn.example/live/other/x", **asked)


def test_we_accept_the_javascript_librarys_token() -> None:
    claims = {"iss": "tifo", "exp": NOW, "nbf": 1, "catu": {"path": {"prefix-match": "/live/demo/"}}}
    found = node("catGenerate", keys={"k1": SECRET.hex()}, kid="k1", claims=claims)
    assert TOKENS.verify(found["token"], INSIDE, NOW - 1) == Grant("", "/live/demo/", 1, NOW)


def test_published_token_is_signed_as_we_sign() -> None:
    keys = Keyring("akamai_key_hs256", {"akamai_key_hs256": bytes.fromhex(PUBLISHED_KEY)})
    tokens = CatTokens(keys, "coap://jonas.example.com")
    # It has no end and no address: past its signature it is no grant of ours.
    assert refused(PUBLISHED, tokens) == "claims"
    assert refused(PUBLISHED[:-4] + "AAAA", tokens) == "signature"


def test_library_reads_and_writes_our_es256() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signer = CatTokens(Keyring("e1", {"e1": pem}), "tifo", "ES256")
    verifier = CatTokens(Keyring("e1", {"e1": public}), "tifo", "ES256")
    assert cwt.decode(raw(signer.sign(GRANT)), cwt.COSEKey.from_pem(public, kid="e1"))[7] == b"ses_1"
    theirs = signed(CLAIMS, cwt.COSEKey.from_pem(pem, kid="e1"))
    assert verifier.verify(theirs, INSIDE, NOW - 1).session == "ses_1"


def test_single_file_is_granted_exactly() -> None:
    token = TOKENS.sign(Grant("ses_1", INSIDE, 1, NOW))
    assert TOKENS.verify(token, INSIDE, NOW - 1).prefix == INSIDE
    with pytest.raises(TokenRefused, match="path"):
        TOKENS.verify(token, INSIDE + "8", NOW - 1)


@pytest.mark.parametrize(
    "change",
    [
        {308: 1}, {311: [64512]}, {313: ["GET"]}, {321: {}}, {324: {0: 1}}, {3: "other"}, {"sid": "x"},
        {310: 2}, {312: {}}, {312: {0: {0: "https"}}}, {312: {3: {2: "/demo/"}}}, {312: {3: {1: "/live/de"}}},
        {312: {3: {1: "/live/"}, 1: {0: "other"}}}, {312: "/live/"}, {4: "soon"}, {7: "text"}, {7: b"\xff"},
    ],
    ids=str,
)  # fmt: skip
def test_claim_that_is_not_processed_refuses_the_token(change) -> None:
    assert refused(signed({**CLAIMS, **change})) == "claims"


@pytest.mark.parametrize("gone", [1, 4, 312])
def test_token_without_what_we_ask_for_is_refused(gone: int) -> None:
    assert refused(signed({key: value for key, value in CLAIMS.items() if key != gone})) == "claims"


def test_token_of_another_issuer_is_refused() -> None:
    assert refused(CatTokens(KEYS, "other").sign(GRANT)) == "issuer"


def test_token_of_an_unknown_key_is_refused() -> None:
    assert refused(CatTokens(Keyring("k9", {"k9": SECRET}), "tifo").sign(GRANT)) == "unknown-key"


def test_other_algorithm_is_refused() -> None:
    key = cwt.COSEKey.from_symmetric_key(b"1" * 64, alg="HS512", kid="k1")
    assert refused(signed(CLAIMS, key)) in ("algorithm", "malformed")


def test_it_is_below_a_kilobyte_with_the_longest_names() -> None:
    grant = Grant("s" * 64, "/" + "p" * 200 + "/", 1, NOW)
    tokens = CatTokens(Keyring("k" * 64, {"k" * 64: SECRET}), "i" * 64)
    assert len(tokens.sign(grant)) < 1024


def test_every_claim_we_write_is_one_we_read() -> None:
    assert cbor2.loads(cbor2.loads(raw(TOKENS.sign(GRANT))).value.value[2]).keys() == cat.KNOWN
