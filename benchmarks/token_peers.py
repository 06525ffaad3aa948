"""One contender of `benchmarks.tokens` in this process: `python -m benchmarks.token_peers NAME SECONDS`."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks.tokens import Rates
from tifo.kernel.clock import SystemClock
from tifo.tokens.akamai import AkamaiTokens
from tifo.tokens.cat import CatTokens
from tifo.tokens.cloudfront import CloudFrontTokens
from tifo.tokens.keys import Keyring
from tifo.tokens.ports import Grant, UrlTokens

HERE = Path(__file__).parent
ORACLES = HERE.parent / "tests" / "oracles"
SECRET = bytes(range(32))
KEYS = Keyring("k1", {"k1": SECRET})
BASE = "https://cdn.example"
FOLDER, INSIDE = "/live/demo/", "/live/demo/v360/1234567.m4s"
BATCH = 50
"""Operations between two looks at the clock."""

NOW = int(SystemClock().now())
GRANT = Grant("ses_04xvy4l678n2pqk8q0f2", FOLDER, NOW, NOW + 3_600)
CLAIMS: Mapping[str, Any] = MappingProxyType(
    {
        "iss": "tifo",
        "exp": GRANT.end,
        "nbf": GRANT.begin,
        "iat": GRANT.begin,
        "cti": GRANT.session,
        "catv": 1,
        "catu": {3: {1: FOLDER}},
    }
)
CLAIM_KEYS = {"iss": 1, "exp": 4, "nbf": 5, "iat": 6, "cti": 7, "catv": 310, "catu": 312}

Once = Callable[[], object]


def per_s(once: Once, seconds: float) -> float:
    """How often it can be done a second."""
    once()
    began, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        for _ in range(BATCH):
            once()
        done += BATCH
    return done / passed


def _rates(seconds: float, sign: Once | None, verify: Once | None) -> Rates:
    return Rates(
        *(None if once is None else per_s(once, seconds) for once in (sign, verify)),
    )


def _of_tifo(tokens: UrlTokens, seconds: float) -> Rates:
    token = tokens.sign(GRANT)
    return _rates(seconds, lambda: tokens.sign(GRANT), lambda: tokens.verify(token, INSIDE, NOW + 1))


def _tifo_cat(seconds: float) -> Rates:
    return _of_tifo(CatTokens(KEYS, "tifo"), seconds)


def _cwt(seconds: float) -> Rates:
    import cwt  # noqa: PLC0415 - each contender is alone in its process

    key = cwt.COSEKey.from_symmetric_key(SECRET, alg="HS256", kid="k1")
    claims = {CLAIM_KEYS[name]: value for name, value in CLAIMS.items()} | {7: GRANT.session.encode()}
    token = cwt.encode_and_mac(claims, key, tagged=True)
    return _rates(
        seconds, lambda: cwt.encode_and_mac(claims, key, tagged=True), lambda: cwt.decode(token, key)
    )


def _eyevinn_cat(seconds: float) -> Rates:
    # It takes no session id from JSON: its token has one claim less.
    told = {name: value for name, value in CLAIMS.items() if name != "cti"}
    claims = msgspec.json.encode({**told, "catu": {"path": {"prefix-match": FOLDER}}}).decode()
    script = HERE / "peers" / "tokens" / "cat.mjs"
    command = ["node", str(script), str(ORACLES), SECRET.hex(), str(seconds), claims, BASE + INSIDE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Rates)


def _tifo_akamai(seconds: float) -> Rates:
    return _of_tifo(AkamaiTokens(KEYS, "sha256", "", False), seconds)


def _akamai_edgeauth(seconds: float) -> Rates:
    from akamai.edgeauth import EdgeAuth  # noqa: PLC0415 - it sets its process's time zone

    told = {"start_time": GRANT.begin, "end_time": GRANT.end, "session_id": GRANT.session}
    auth = EdgeAuth(key=SECRET.hex(), **told)
    return _rates(seconds, lambda: auth.generate_acl_token(f"{FOLDER}*"), None)


def _pem() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def _tifo_cloudfront(seconds: float) -> Rates:
    keys = Keyring.from_pem("cloudfront", "k1", {"k1": _pem()})
    return _of_tifo(CloudFrontTokens(BASE, keys, "SHA1"), seconds)


def _botocore(seconds: float) -> Rates:
    from botocore.signers import CloudFrontSigner  # noqa: PLC0415 - as above

    key = serialization.load_pem_private_key(_pem().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signer = CloudFrontSigner("k1", lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA1()))
    policy = (
        f'{{"Statement":[{{"Resource":"{BASE}{FOLDER}*","Condition":'
        f'{{"DateLessThan":{{"AWS:EpochTime":{GRANT.end}}}}}}}]}}'
    )
    return _rates(seconds, lambda: signer.generate_presigned_url(BASE + INSIDE, policy=policy), None)


PEERS: Mapping[str, Callable[[float], Rates]] = MappingProxyType(
    {
        "tifo-cat": _tifo_cat,
        "cwt": _cwt,
        "eyevinn-cat": _eyevinn_cat,
        "tifo-akamai": _tifo_akamai,
        "akamai-edgeauth": _akamai_edgeauth,
        "tifo-cloudfront": _tifo_cloudfront,
        "botocore": _botocore,
    }
)

if __name__ == "__main__":
    print(msgspec.json.encode(PEERS[sys.argv[1]](float(sys.argv[2]))).decode())
