"""Common Access Tokens at the edge: a CloudFront Function (HS256), an Akamai EdgeWorker (HS256 and ES256).

Both are one reader of tokens behind two platforms' ways to ask, to compute a signature and to keep secrets.
"""

import json
import re

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from tifo.edgecode.filling import filled, headed
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.kernel.errors import SettingsError
from tifo.kernel.limits import TOKEN_LENGTH_MAX
from tifo.tokens.cat import cose_head, cose_signed_head
from tifo.tokens.jws import CLOCK_SKEW_S
from tifo.tokens.pem import public_p256
from tifo.tokens.signing_keys import KEYS
from tifo.tokens.texts import to_base64url

FUNCTION = "cloudfront-function.js"
FUNCTION_BYTES_MAX = 10_240
"""What CloudFront takes."""

WORKER = "akamai-edgeworker/main.js"
BUNDLE = "akamai-edgeworker/bundle.json"

PATH_VARIABLE = "PMUSER_TIFO_PATH"
"""The property's variable for the path without its token."""

_STORED_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")

_IMPORT_HMAC_KEY = """\
  const raw = bytesOfHex(request.getVariable(KEYS[kid]) || '');
  return crypto.subtle.importKey('raw', raw, IMPORTED, false, ['verify']);"""

_IMPORT_PUBLIC_KEY = """\
  return crypto.subtle.importKey('jwk', KEYS[kid], IMPORTED, false, ['verify']);"""


def edge_code(subject: Subject) -> EdgeCode:
    """For both CDNs, of which one is taken; CloudFront Functions know no signatures but HMAC."""
    _refuse_unfit(subject)
    worker = _worker(subject)
    if subject.chosen.algorithm == "ES256":
        step = "CloudFront Functions cannot check ES256: they have HMAC only. With CloudFront choose HS256."
        return EdgeCode(worker.files, (step, *worker.steps))
    function = _function(subject)
    return EdgeCode((*function.files, *worker.files), (*function.steps, *worker.steps))


def _refuse_unfit(subject: Subject) -> None:
    if problems := tuple(
        f"keys.pathways.{subject.pathway}: {kid!r} cannot be a key's name at the edge; use letters, digits "
        "and . _ -"
        for kid in subject.kids
        if not _STORED_KEY.fullmatch(kid)
    ):
        raise SettingsError(problems)


def _function(subject: Subject) -> EdgeCode:
    prefix = f"{subject.pathway}."
    text = filled("cloudfront-function.js", KEY_PREFIX=json.dumps(prefix), CAT_TOKEN=_reader(subject))
    goes = "Goes to CloudFront as a function (cloudfront-js-2.0), on viewer requests."
    keys = ", ".join(f"the key `{prefix}{kid}` whose value is `{subject.where(kid)}`" for kid in subject.kids)
    came = f", whose path pattern is that of the addresses as they come (`/{subject.chosen.name}/*`)"
    steps = (
        f"With CloudFront: make a KeyValueStore, and put into it {keys}. The function finds a key by the id "
        "that a token names: a rotation changes the store and nothing else.",
        f"Make a function of the runtime `cloudfront-js-2.0` from `{FUNCTION}`, associate the store with "
        "it, publish it, and associate it with the viewer requests of the cache "
        f"behaviour{came if subject.in_path else ''}.",
        "The cache policy's key holds no query but `_HLS_msn` and `_HLS_part`.",
    )
    return EdgeCode((EdgeFile(FUNCTION, headed("//", subject, goes, text)),), steps)


def _worker(subject: Subject) -> EdgeCode:
    hmac = subject.chosen.algorithm == "HS256"
    text = filled(
        "akamai-edgeworker.js",
        KEYS=json.dumps(_variables(subject) if hmac else _public_keys(subject), indent=2),
        IMPORTED="{ name: 'HMAC', hash: 'SHA-256' }" if hmac else "{ name: 'ECDSA', namedCurve: 'P-256' }",
        PATH_VARIABLE=json.dumps(PATH_VARIABLE),
        VERIFIED="{ name: 'HMAC' }" if hmac else "{ name: 'ECDSA', hash: 'SHA-256' }",
        IMPORT_KEY=_IMPORT_HMAC_KEY if hmac else _IMPORT_PUBLIC_KEY,
        CAT_TOKEN=_reader(subject),
    )
    goes = "Goes to Akamai as main.js of an EdgeWorker, on client requests."
    bundle = {"edgeworker-version": "1.0.0", "description": f"Tifo: checks the tokens of {subject.pathway}"}
    files = (
        EdgeFile(WORKER, headed("//", subject, goes, text)),
        EdgeFile(BUNDLE, json.dumps(bundle, indent=2) + "\n"),
    )
    return EdgeCode(files, _worker_steps(subject, hmac=hmac))


def _worker_steps(subject: Subject, *, hmac: bool) -> tuple[str, ...]:
    secrets = ", ".join(f"`{name}` with `{subject.where(kid)}`" for kid, name in _variables(subject).items())
    hidden = f", and hidden ones ({secrets}); an EdgeWorker does not see sensitive ones" if hmac else ""
    path = (
        f", and its path is `{PATH_VARIABLE}` (Cache Key Path Rewrite, which Akamai's support adds). Ask "
        "for one segment with `Pragma: akamai-x-get-true-cache-key` before there is traffic: a key with "
        "the token in it is a cache for each viewer"
    )
    public = "The keys in `main.js` are public ones: make it again when a key is added or taken away."
    return (
        f"With Akamai: make the property's variable `{PATH_VARIABLE}`, empty{hidden}.",
        "Upload `akamai-edgeworker` as an EdgeWorker's bundle (`tar czf bundle.tgz main.js bundle.json`), "
        "activate it, and let the property's rule for this host run it.",
        "The property's cache key ignores every query parameter but `_HLS_msn` and "
        f"`_HLS_part`{path if subject.in_path else ''}.",
        *(() if hmac else (public,)),
    )


def _variables(subject: Subject) -> dict[str, str]:
    return {kid: f"PMUSER_TIFO_KEY_{number}" for number, kid in enumerate(subject.kids)}


def _public_keys(subject: Subject) -> dict[str, object]:
    return {kid: public_jwk(public_p256(subject.secrets[kid].encode())) for kid in subject.kids}


def public_jwk(key: EllipticCurvePublicKey) -> dict[str, str]:
    """A public key on P-256 as a JWK (RFC 7518, section 6.2)."""
    numbers = key.public_numbers()
    x, y = (to_base64url(one.to_bytes(32, "big")).decode() for one in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _reader(subject: Subject) -> str:
    algorithm = subject.chosen.algorithm
    return filled(
        "cat_token.js",
        HEAD=json.dumps(list(cose_head(algorithm))),
        SIGNED_HEAD=json.dumps(list(cose_signed_head(algorithm))),
        SIGNATURE_BYTES=str(KEYS[algorithm].SIGNATURE_BYTES),
        TOKEN_LENGTH_MAX=str(TOKEN_LENGTH_MAX),
        ISSUER=json.dumps(subject.token.issuer),
        CLOCK_SKEW_S=str(CLOCK_SKEW_S),
        IN_PATH=json.dumps(subject.in_path),
        NAME=json.dumps(subject.chosen.name),
    )
