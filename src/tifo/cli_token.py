"""`tifo token`: one CDN's tokens made, checked and read on the command line."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tifo import machine
from tifo.cli_platform import NotDone, write_json
from tifo.kernel.clock import SystemClock
from tifo.settings import PathwaySettings, Settings
from tifo.tokens.cloudfront import CloudFrontTokens
from tifo.tokens.formats import FORMATS, PathwayTokens, TokenSettings
from tifo.tokens.inspection import said_by
from tifo.tokens.jws import TokenRefused
from tifo.tokens.ports import Grant

TOKEN_READ_CHARS_MAX = 64 * 1024

app = App(
    name="token",
    help="Make, check and read the tokens of one CDN, in the format and with the keys of your settings.\n\n"
    "The CDN is named by its pathway. Keys come from the settings file of --config, for instance the "
    "data/run/settings.toml of `tifo up`, or from TIFO_PATHWAYS: never from the command line, where "
    "everybody on the machine reads them.",
)

Pathway = Annotated[str, Parameter(help="The CDN, by its pathway's id in the settings.")]
Token = Annotated[str, Parameter(help="The token; without it, it is read from the input.")]
Form = Annotated[
    str, Parameter(name="--format", help="Another format than the pathway's.", show_default=False)
]
Config = Annotated[Path | None, Parameter(help="A TOML file of settings; TIFO_* variables go before it.")]

WHY: Mapping[str, str] = {
    "empty": "there is no token",
    "malformed": "it is no token of this format, or not all of one",
    "algorithm": "it is signed in another way than the settings say",
    "unknown-key": "none of the keys in the settings has the id that it names",
    "signature": "none of the keys signed this, or not for this path",
    "claims": "it is signed with our key and says what we do not process",
    "issuer": "another issuer signed it",
    "audience": "it is for another CDN",
    "expired": "its time is over",
    "not-yet-valid": "its time has not begun",
    "path": "it does not open this path",
}
"""What each reason of a refusal means."""


@app.command
def sign(
    pathway: Pathway,
    prefix: Annotated[str, Parameter(help="What it opens: a folder with a slash at its end, or one path.")],
    /,
    *,
    session: Annotated[str, Parameter(help="The session that it names.", show_default=False)] = "",
    seconds: Annotated[int, Parameter(help="How long it is valid from now.")] = 120,
    form: Form = "",
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document.")] = False,
    config: Config = None,
) -> None:
    """Print an address that a viewer could ask for, or as JSON the token and all that goes with it."""
    if seconds < 1:
        raise NotDone("--seconds is at least 1.")
    made = _tokens(pathway, form, config)
    now = int(SystemClock().now())
    try:
        grant = Grant(session, prefix, now, now + seconds)
        document = _signed(made, grant)
    except ValueError as error:
        raise NotDone(f"That cannot be signed: {error}.") from None
    if as_json:
        write_json(document)
    else:
        sys.stdout.write(f"{document['address']}\n")


@app.command
def verify(
    pathway: Pathway,
    path: Annotated[str, Parameter(help="The path that is asked for, without the token.")],
    token: Token = "",
    /,
    *,
    form: Form = "",
    config: Config = None,
) -> None:
    """Check a token as the CDN would, and print what it grants; status 2 and the reason when refused."""
    tokens = _tokens(pathway, form, config).tokens
    try:
        grant = tokens.verify(_read(token), path, SystemClock().now())
    except TokenRefused as refused:
        raise NotDone(f"Refused ({refused.reason}): {WHY[refused.reason]}.") from None
    write_json(_told(grant))


@app.command
def inspect(
    token: Token = "",
    /,
    *,
    form: Annotated[str, Parameter(name="--format", help=f"One of {', '.join(FORMATS)}.")] = "path-jws",
) -> None:
    """Print what a token says, without a key: nothing of it is proved."""
    if form not in FORMATS:
        raise NotDone(f"--format {form}: one of {', '.join(FORMATS)}.")
    try:
        write_json(said_by(_read(token), form))
    except TokenRefused as refused:
        raise NotDone(f"Not to be read as {form}: {WHY[refused.reason]}.") from None


def _tokens(pathway: str, form: str, config: Path | None) -> PathwayTokens:
    one = _pathway(machine.load_base(os.environ, config), pathway)
    if form:
        one = msgspec.structs.replace(one, token=TokenSettings(form))
    return one.tokens()


def _pathway(settings: Settings, name: str) -> PathwaySettings:
    found = {one.id: one for one in settings.pathways}
    if name not in found:
        there = f"there are {', '.join(found)}" if found else "your settings have none: see --config"
        raise NotDone(f"There is no pathway {name}; {there}.")
    return found[name]


def _signed(made: PathwayTokens, grant: Grant) -> dict[str, object]:
    address = made.signer.address(grant)
    cookies = made.tokens.cookies(grant) if isinstance(made.tokens, CloudFrontTokens) else None
    return {
        "token": made.tokens.sign(grant),
        "address": address.base + grant.prefix + address.query,
        "renew_at": int(made.tokens.renew_at(grant)),
        **_told(grant),
        **({"cookies": cookies} if cookies else {}),
    }


def _told(grant: Grant) -> dict[str, object]:
    """A grant; what its format has no place for is left out."""
    told = {"session": grant.session, "prefix": grant.prefix, "begin": grant.begin, "end": grant.end}
    return {name: value for name, value in told.items() if value}


def _read(token: str) -> str:
    return token or sys.stdin.read(TOKEN_READ_CHARS_MAX).strip()
