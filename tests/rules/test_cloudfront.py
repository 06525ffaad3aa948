"""CloudFront's signatures against both of AWS's own signers."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from oracles import node
from tifo.tokens.cloudfront import CloudFrontTokens
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant

BASE = "https://d111.cloudfront.example"
PATH = "/live/demo/v1/index.m3u8"
BEGIN, END = 1_900_000_000, 1_900_000_300
FOLDER = Grant("", "/live/demo/", BEGIN, END)
FILE = Grant("", PATH, 0, END)
RSA = rsa.generate_private_key(65537, 2048)


def pem(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def tokens(key=RSA, algorithm: str = "SHA1") -> CloudFrontTokens:
    return CloudFrontTokens(BASE, Keyring("K1", {"K1": pem(key)}), algorithm)


def botocore(**told: object) -> str:
    signer = CloudFrontSigner("K1", lambda text: RSA.sign(text, padding.PKCS1v15(), SHA1()))
    return urlsplit(signer.generate_presigned_url(BASE + PATH, **told)).query


def policy(**condition: object) -> str:
    import json

    statement = {"Resource": f"{BASE}/live/demo/*", "Condition": condition}
    return json.dumps({"Statement": [statement]}, separators=(",", ":"))


BEFORE, AFTER = {"AWS:EpochTime": END}, {"AWS:EpochTime": BEGIN}


def test_botocore_writes_the_same_canned_query() -> None:
    from datetime import UTC, datetime

    assert tokens().sign(FILE) == botocore(date_less_than=datetime.fromtimestamp(END, UTC))


def test_botocore_writes_the_same_custom_query() -> None:
    told = policy(DateLessThan=BEFORE, DateGreaterThan=AFTER)
    assert tokens().sign(FOLDER) == botocore(policy=told)


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256"])
def test_javascript_signer_writes_the_same(algorithm: str) -> None:
    ours = tokens(algorithm=algorithm)
    told = {"keyPairId": "K1", "privateKey": pem(RSA).decode(), "algorithm": algorithm}
    for grant, more in (
        (FILE, {"url": BASE + PATH, "dateLessThan": END * 1000}),
        (FOLDER, {"url": BASE + PATH, "policy": policy(DateLessThan=BEFORE, DateGreaterThan=AFTER)}),
    ):
        theirs = node("cloudfront", **told, **more)
        assert dict(parse_qsl(urlsplit(theirs["url"]).query)) == dict(parse_qsl(ours.sign(grant)))
        assert {name: str(value) for name, value in theirs["cookies"].items()} == ours.cookies(grant)
        assert ours.verify(urlsplit(theirs["url"]).query, PATH, BEGIN) == grant


def test_key_on_p256_signs_as_well() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    theirs = node(
        "cloudfront", keyPairId="K1", privateKey=pem(key).decode(), url=BASE + PATH, dateLessThan=END * 1000
    )
    assert tokens(key).verify(urlsplit(theirs["url"]).query, PATH, BEGIN) == FILE


def test_public_key_verifies_and_does_not_sign() -> None:
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    reader = CloudFrontTokens(BASE, Keyring("K1", {"K1": public}))
    assert reader.verify(tokens().sign(FOLDER), PATH, BEGIN) == FOLDER
    with pytest.raises(ValueError, match="cannot sign"):
        reader.sign(FOLDER)


def refused(token: str, path: str = PATH, algorithm: str = "SHA1") -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens(algorithm=algorithm).verify(token, path, BEGIN)
    return caught.value.reason


@pytest.mark.parametrize(
    "told",
    [
        policy(DateLessThan=BEFORE, IpAddress={"AWS:SourceIp": "1.2.3.4/32"}),
        policy(),
        policy(DateLessThan=BEFORE).replace("demo/*", "d*"),
        policy(DateLessThan=BEFORE).replace("demo/*", "*/v1/*"),
        policy(DateLessThan=BEFORE).replace("https://d111", "http*://d111"),
        policy(DateLessThan=BEFORE).replace("d111", "d222"),
    ],
    ids=[
        "address-of-the-viewer",
        "no-end",
        "part-of-a-name",
        "wildcard-inside",
        "any-scheme",
        "another-host",
    ],
)
def test_policy_that_we_would_not_write_is_refused(told: str) -> None:
    assert refused(botocore(policy=told)) == "claims"


def test_canned_query_is_for_one_path() -> None:
    assert refused(tokens().sign(FILE), PATH + "8") == "signature"


def test_other_hash_is_refused() -> None:
    assert refused(tokens(algorithm="SHA256").sign(FOLDER)) == "algorithm"
    assert refused(tokens().sign(FOLDER), algorithm="SHA256") == "algorithm"


def test_doubled_field_is_refused() -> None:
    assert refused(tokens().sign(FOLDER) + "&Key-Pair-Id=K1") == "malformed"
