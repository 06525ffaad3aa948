"""Signed addresses of CloudFront: no code, but a key group that the cache behaviour trusts."""

import json

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.tokens.pem import public_key

KEY_GROUP = "KEY-GROUP-ID"


def edge_code(subject: Subject) -> EdgeCode:
    """The public keys, and what the cache behaviour says of them."""
    keys = tuple(EdgeFile(f"{kid}.public.pem", _public_pem(subject.secrets[kid])) for kid in subject.kids)
    behaviour = {"TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": [KEY_GROUP]}}
    file = EdgeFile("cache-behavior.json", json.dumps(behaviour, indent=2) + "\n")
    return EdgeCode((*keys, file), _steps(subject))


def _public_pem(pem: str) -> str:
    return public_key(pem.encode()).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _steps(subject: Subject) -> tuple[str, ...]:
    sha256 = "Signatures are SHA-256: the distribution has to accept `Hash-Algorithm=SHA256`."
    return (
        "Nothing has to run at the edge, and no secret goes there: CloudFront checks by public keys.",
        "Upload each `.public.pem` as a public key of CloudFront. The id that CloudFront gives it is the "
        f"key's id in `pathways.{subject.pathway}.keys`: rename the key in the settings where it is another.",
        f"Make a key group of them, write its id for `{KEY_GROUP}`, and put `cache-behavior.json` into the "
        "distribution's cache behaviour (console: Restrict viewer access, Trusted key groups).",
        "A playlist's relative addresses lose the query: set the cookies that `tifo token sign --json` "
        "shows, on the host of the CDN.",
        *((sha256,) if subject.chosen.algorithm == "SHA256" else ()),
    )
