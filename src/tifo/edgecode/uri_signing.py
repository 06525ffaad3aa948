"""RFC 9246 as Apache Traffic Server's plugin checks it: the issuer's keys, and a line of remap.config."""

import json

from tifo.edgecode.cat import public_jwk
from tifo.edgecode.filling import headed
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.tokens.pem import public_p256

CONFIG = "uri_signing.config"


def edge_code(subject: Subject) -> EdgeCode:
    """The plugin's key file and the line that uses it."""
    keys = [{"kid": kid, "alg": subject.chosen.algorithm, **_jwk(subject, kid)} for kid in subject.kids]
    config = {subject.token.issuer: {"renewal_kid": subject.current, "strip_token": True, "keys": keys}}
    line = f"map {subject.base_url}/ http://ORIGIN/ @plugin=uri_signing.so @pparam={CONFIG}\n"
    goes = "Goes into remap.config of Apache Traffic Server, with your origin."
    files = (
        EdgeFile(CONFIG, json.dumps(config, indent=2) + "\n"),
        EdgeFile("remap.config", headed("#", subject, goes, line)),
    )
    return EdgeCode(files, _steps(subject))


def _jwk(subject: Subject, kid: str) -> dict[str, str]:
    if subject.chosen.algorithm == "ES256":
        return public_jwk(public_p256(subject.secrets[kid].encode()))
    return {"kty": "oct", "k": f"put {subject.where(kid)} here, in base64url"}


def _steps(subject: Subject) -> tuple[str, ...]:
    secrets = (
        f"Replace each `put ... here` in `{CONFIG}` by the secret that it names, in base64url without `=`: "
        "`xxd -r -p | basenc --base64url` with its digits as the input. The plugin has no other place for "
        "it; let Traffic Server alone read the file."
    )
    public = f"The keys in `{CONFIG}` are public ones."
    return (
        secrets if subject.chosen.algorithm == "HS256" else public,
        f"Put `{CONFIG}` into Traffic Server's folder of configurations and the line into `remap.config`. "
        "The plugin comes first on its line, before any that changes the query.",
        "A playlist's relative addresses lose the query; DASH leaves this pathway out.",
        "Another CDN that speaks RFC 9246 takes the same keys: a JSON Web Key Set by issuer.",
    )
