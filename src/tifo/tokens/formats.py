"""Every format by name, and what of the settings it understands."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from tifo.kernel.errors import SettingsError
from tifo.tokens.addresses import AddressSigner, Place
from tifo.tokens.akamai import AkamaiTokens
from tifo.tokens.cat import CatTokens
from tifo.tokens.cloudfront import CloudFrontTokens
from tifo.tokens.fastly import FastlyTokens
from tifo.tokens.keys import SECRET_BYTES_MIN, Keyring
from tifo.tokens.media_cdn import MediaCdnTokens
from tifo.tokens.nginx import NginxTokens
from tifo.tokens.path_jws import PathJws
from tifo.tokens.ports import UrlTokens
from tifo.tokens.uri_signing import UriSigning


class TokenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The format of one CDN's addresses; an empty text is the format's own default."""

    format: str = "path-jws"
    """`path-jws` (the local CDNs'), `cat` (Common Access Token), `akamai` (EdgeAuth 2),
    `cloudfront` (custom policies; key ids are those of AWS's public keys), `nginx` (secure_link),
    `media-cdn` (Google's), `uri-signing` (RFC 9246), `fastly` (checked by VCL)."""
    algorithm: str = ""
    """How it is signed. HMAC keys are written in hexadecimal, key pairs in PEM."""
    place: str = ""
    """`path`, which relative addresses inherit, or `query`."""
    name: str = ""
    """The folder before a token in the path, or the query's parameter."""
    issuer: str = "tifo"
    """Who signs, in the formats that say it."""
    salt: str = ""
    """A secret beside the key, where the CDN has one."""
    escape_early: bool = False
    """Akamai's option of that name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a format is made from: one CDN, its keys, and its settings with the defaults filled in."""

    pathway: str
    base_url: str
    keys: Keyring
    algorithm: str
    told: TokenSettings


Make: TypeAlias = Callable[[Wish], UrlTokens]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its algorithms (the default first), where its token usually stands, what else it reads."""

    make: Make
    algorithms: tuple[str, ...]
    places: tuple[Place, ...]
    name: str
    options: frozenset[str] = frozenset()
    secret_bytes_min: int = SECRET_BYTES_MIN


PAIRS = frozenset({"ES256", "SHA1", "SHA256", "ed25519"})
"""Algorithms whose keys are pairs, in PEM."""

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "path-jws": Format(lambda w: PathJws(w.pathway, w.keys), ("HS256",), ("path",), "t"),
        "cat": Format(
            lambda w: CatTokens(w.keys, w.told.issuer, w.algorithm),
            ("HS256", "ES256"),
            ("path", "query"),
            "cat",
            frozenset({"issuer"}),
        ),
        "akamai": Format(
            lambda w: AkamaiTokens(w.keys, w.algorithm, w.told.salt, w.told.escape_early),
            ("sha256", "sha1", "md5"),
            ("query", "path"),
            "hdnts",
            frozenset({"salt", "escape_early"}),
            secret_bytes_min=16,
        ),
        "cloudfront": Format(
            lambda w: CloudFrontTokens(w.base_url, w.keys, w.algorithm), ("SHA1", "SHA256"), ("query",), ""
        ),
        "media-cdn": Format(
            lambda w: MediaCdnTokens(w.keys, w.algorithm),
            ("ed25519", "sha256", "sha1"),
            ("query", "path"),
            "hdnts",
        ),
        "uri-signing": Format(
            lambda w: UriSigning(w.base_url, w.keys, w.told.issuer, w.algorithm),
            ("ES256", "HS256"),
            ("query",),
            "URISigningPackage",
            frozenset({"issuer"}),
        ),
        "nginx": Format(lambda w: NginxTokens(w.keys), ("md5",), ("path", "query"), "st"),
        "fastly": Format(lambda w: FastlyTokens(w.keys), ("sha256",), ("path", "query"), "token"),
    }
)

_OPTIONS = ("issuer", "salt", "escape_early")
_NAME = re.compile(r"[A-Za-z0-9._-]{0,64}")


@dataclass(frozen=True, slots=True)
class Choice:
    """How one CDN's addresses are signed, with every default filled in."""

    algorithm: str
    place: Place
    name: str


def choice(told: TokenSettings) -> Choice:
    """What settings without a problem come to."""
    form = FORMATS[told.format]
    place = next(one for one in form.places if one == (told.place or form.places[0]))
    name = told.name or ("t" if place == "path" else form.name)
    return Choice(told.algorithm or form.algorithms[0], place, name)


@dataclass(frozen=True, slots=True)
class PathwayTokens:
    """One CDN's format, ready: the tokens alone, and as parts of addresses."""

    tokens: UrlTokens
    signer: AddressSigner


def pathway_tokens(
    pathway: str, base_url: str, told: TokenSettings, current: str, secrets: Mapping[str, str]
) -> PathwayTokens:
    """Make a CDN's tokens as the settings say; raises `SettingsError` with all that cannot be."""
    where = f"pathways.{pathway}"
    if problems := unfit(where, told):
        raise SettingsError(problems)
    form, chosen = FORMATS[told.format], choice(told)
    try:
        keys = _keyring(where, chosen.algorithm, form, current, secrets)
        tokens = form.make(Wish(pathway, base_url, keys, chosen.algorithm, told))
    except ValueError as error:
        raise SettingsError((f"keys.{where}: {error}",)) from None
    return PathwayTokens(tokens, AddressSigner(base_url, tokens, chosen.place, chosen.name))


def unfit(where: str, told: TokenSettings) -> tuple[str, ...]:
    """A sentence for each setting of a token that cannot be."""
    form = FORMATS.get(told.format)
    if form is None:
        return (f"{where}.token.format: {told.format!r}; one of {', '.join(FORMATS)}",)
    fields = (("algorithm", form.algorithms), ("place", form.places))
    problems = [
        f"{where}.token.{field}: {value!r}; with {told.format} it is {' or '.join(allowed)}"
        for field, allowed in fields
        if (value := getattr(told, field)) and value not in allowed
    ]
    problems += [
        f"{where}.token.{field}: {told.format} has no place for it"
        for field in _OPTIONS
        if getattr(told, field) != getattr(TokenSettings(), field) and field not in form.options
    ]
    if not _NAME.fullmatch(told.name):
        problems.append(f"{where}.token.name: {told.name!r}; use letters, digits and . _ -")
    return tuple(problems)


def _keyring(where: str, algorithm: str, form: Format, current: str, secrets: Mapping[str, str]) -> Keyring:
    if algorithm in PAIRS:
        return Keyring.from_pem(where, current, secrets)
    return Keyring.from_hex(where, current, secrets, form.secret_bytes_min)
