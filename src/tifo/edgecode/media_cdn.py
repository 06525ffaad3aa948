"""Google Media CDN's dual-token authentication: a key set, and routes that ask for tokens."""

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tifo.edgecode.filling import filled, headed
from tifo.edgecode.model import EdgeCode, EdgeFile, Subject
from tifo.tokens.pem import public_key
from tifo.tokens.texts import to_base64url

ALGORITHMS = {"ed25519": "ED25519", "sha256": "HMAC_SHA_256", "sha1": "HMAC_SHA1"}


def edge_code(subject: Subject) -> EdgeCode:
    """Two key sets (ours, and Google's for the cookie that follows) and the two routes."""
    if subject.in_path:
        return EdgeCode(
            why_none="Media CDN does not take a token out of a folder before the path: set token.place = "
            '"query"; its answer to a playlist is then a cookie, which the segments bring along.'
        )
    keyset = f"tifo-{subject.pathway}"
    keys = filled("media-cdn-keyset.yaml", KEYSET=keyset, KEYS=_keys(subject, keyset))
    routes = filled(
        "media-cdn-routes.yaml",
        KEYSET=keyset,
        NAME=subject.chosen.name,
        ALGORITHM=ALGORITHMS[subject.chosen.algorithm],
    )
    cookie = filled("media-cdn-cookie-keyset.yaml", KEYSET=keyset)
    goes = "Goes to Google Cloud: gcloud edge-cache keysets import"
    return EdgeCode(
        (
            EdgeFile("keyset.yaml", headed("#", subject, f"{goes} {keyset} --source=keyset.yaml", keys)),
            EdgeFile(
                "cookie-keyset.yaml",
                headed("#", subject, f"{goes} {keyset}-cookie --source=cookie-keyset.yaml", cookie),
            ),
            EdgeFile(
                "routes.yaml", headed("#", subject, "Goes into the path matcher of the service.", routes)
            ),
        ),
        _steps(subject, keyset),
    )


def _keys(subject: Subject, keyset: str) -> str:
    if subject.chosen.algorithm == "ed25519":
        rows = [f"- id: {kid}\n  value: {_public(subject.secrets[kid])}" for kid in subject.kids]
        return "publicKeys:\n" + "\n".join(rows)
    rows = [f"- secretVersion: projects/PROJECT/secrets/{keyset}-{kid}/versions/1" for kid in subject.kids]
    return "validationSharedKeys:\n" + "\n".join(rows)


def _public(pem: str) -> str:
    raw = public_key(pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return to_base64url(raw).decode() + "="


def _steps(subject: Subject, keyset: str) -> tuple[str, ...]:
    secrets = ", ".join(f"`{keyset}-{kid}` from `{subject.where(kid)}`" for kid in subject.kids)
    shared = (
        f"Make the secrets {secrets} in Secret Manager: the bytes that the digits stand for, for instance "
        f"by `xxd -r -p | gcloud secrets create {keyset}-{subject.current} --data-file=-` with the digits "
        "as the input. Write your project's id for `PROJECT` in `keyset.yaml`."
    )
    public = "The keys in `keyset.yaml` are public ones."
    return (
        public if subject.chosen.algorithm == "ed25519" else shared,
        f"Import both key sets: `gcloud edge-cache keysets import {keyset} --source=keyset.yaml`, and "
        f"`{keyset}-cookie` of `cookie-keyset.yaml`, whose private key Google keeps and signs its cookie "
        "with.",
        "Put the routes of `routes.yaml` into the service's path matcher, your origin's name in them, and "
        "import the service.",
    )
