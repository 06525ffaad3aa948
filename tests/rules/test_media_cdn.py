"""Media CDN's tokens against the vectors of Google's own sample."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.media_cdn import MediaCdnTokens
from tifo.tokens.ports import Grant

PAIR = Ed25519PrivateKey.from_private_bytes(
    base64.urlsafe_b64decode("DJUcnLguVFKmVCFnWGubG1MZg7fWAnxacMjKDhVZMGI=")
)
PEM = PAIR.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SECRET = base64.urlsafe_b64decode("g_SlMILiIWKqsC6Z2L7gy0sReDOqtSrJrE7CXNr5Nl8=")
START, END = 1663027200, 1663070400
ALL = Grant("", "/", 0, END)
FILE = Grant("", "/example.m3u8", 0, END)


def tokens(algorithm: str) -> MediaCdnTokens:
    return MediaCdnTokens(Keyring("k1", {"k1": PEM if algorithm == "ed25519" else SECRET}), algorithm)


def refused(token: str, path: str, algorithm: str = "sha256") -> str:
    with pytest.raises(TokenRefused) as caught:
        tokens(algorithm).verify(token, path, START)
    return caught.value.reason


@pytest.mark.parametrize(
    ("algorithm", "grant", "token"),
    [
        ("ed25519", ALL, "PathGlobs=/*~Expires=1663070400~Signature="
            "9pBdD_6O6LB-4V67HZ_SOc2G_jIkSZ_tMsKnVqElmPlwKB_xDiW7DKAnv8L8CmweeZquaLFlnLogbMcIV8bNCQ"),
        ("ed25519", FILE, "FullPath~Expires=1663070400~Signature="
            "X74OTNjtseIUmsab-YiOTZ8jyX_KG7v4YQWwcFpfFmjhzaX8NdweMc9Wglj8wxEsEW85g3_MBG3T9jzLZFQDCw"),
        ("sha1", ALL, "PathGlobs=/*~Expires=1663070400~hmac="
            "c1c446eea24faa31392519f975fea7eefb945625"),
        ("sha1", FILE, "FullPath~Expires=1663070400~hmac="
            "7af78177d6bc001d5626eefe387b1774a4a99ca2"),
        ("sha256", ALL, "PathGlobs=/*~Expires=1663070400~hmac="
            "9439ecdd5c4919f76f915dea72afa85a045579794e63d8cda664f5a1140c8d93"),
        ("sha256", FILE, "FullPath~Expires=1663070400~hmac="
            "365b41fd77297371d890fc9a56e4e3d3baa4c7afbd230a0e9a81c8e1bcab9420"),
    ],
)  # fmt: skip
def test_vector_is_what_we_sign_and_verify(algorithm: str, grant: Grant, token: str) -> None:
    assert tokens(algorithm).sign(grant) == token
    assert tokens(algorithm).verify(token, "/example.m3u8", START) == grant


@pytest.mark.parametrize(
    ("algorithm", "token"),
    [
        ("ed25519", "URLPrefix=aHR0cDovLzEwLjIwLjMwLjQwLw~Expires=1663070400~Signature="
            "OQLXEjnApFGJaGZ_jvp2R7VY5q3ic-HT3igFpi9iPsJRXtQuvPF4cxZUT-rtCqzteXx3vSRhk09FxgDQauO_DA"),
        ("sha1", "URLPrefix=aHR0cDovLzEwLjIwLjMwLjQwLw~Expires=1663070400~hmac="
            "6f5b4bb82536810d5ee111cba3e534d49c6ac3cb"),
        ("sha256", "URLPrefix=aHR0cDovLzEwLjIwLjMwLjQwLw~Expires=1663070400~hmac="
            "409722313cf6d987da44bb360e60dccc3d79764520fc5e3b57654e1d4d2c862e"),
    ],
)  # fmt: skip
def test_vector_for_one_host_is_ours_and_more_than_we_process(algorithm: str, token: str) -> None:
    assert refused(token, "/example.m3u8", algorithm) == "claims"
    assert refused(token.replace("1663070400", "1663070401"), "/example.m3u8", algorithm) == "signature"


def test_vector_that_is_tied_to_headers_and_networks_is_refused() -> None:
    said = f"PathGlobs=/*~Starts={START}~Expires={END}~SessionID=test-id~Data=test-data~Headers=Foo,BAZ"
    networks = "~IPRanges=MjAzLjAuMTEzLjAvMjQsMjAwMTpkYjg6NGE3ZjphNzMyLzY0"
    code = "dda9c3d6f3b2e867a09fbb76209ea138dd81f8512210f970d1e92f90927bef4b"
    assert refused(f"{said}{networks}~hmac={code}", "/example.m3u8") == "signature"


@pytest.mark.parametrize(
    "said",
    [
        "PathGlobs=/l*~Expires=1663070400", "PathGlobs=/a/*,/b/*~Expires=1663070400",
        "PathGlobs=/*/b/*~Expires=1663070400", "PathGlobs=/a~Expires=1663070400", "PathGlobs=/*",
        "PathGlobs=/*~Expires=never", "PathGlobs=/*~Expires=1~Expires=1663070400", "Expires=1663070400",
        "PathGlobs=/*~Expires=1663070400~Data=x", "PathGlobs=/*~Expires=1663070400~IPRanges=x",
        "Expires=1663070400~PathGlobs=/*", "PathGlobs=/*~Starts=-1~Expires=1663070400",
    ],
)  # fmt: skip
def test_signed_fields_that_we_do_not_process_are_refused(said: str) -> None:
    code = hmac.new(SECRET, said.encode(), hashlib.sha256).hexdigest()
    assert refused(f"{said}~hmac={code}", "/a") == "claims"


def test_file_is_granted_exactly() -> None:
    assert refused(tokens("sha256").sign(FILE), "/example.m3u89") == "signature"


def test_public_key_verifies_and_does_not_sign() -> None:
    public = PAIR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    reader = MediaCdnTokens(Keyring("k1", {"k1": public}))
    assert reader.verify(tokens("ed25519").sign(FILE), "/example.m3u8", START) == FILE
    with pytest.raises(ValueError, match="cannot sign"):
        reader.sign(FILE)
