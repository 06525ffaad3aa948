"""What the commands share that ask a running platform by its operators' port."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
from cyclopts import Parameter
from rich.table import Table

from tifo import machine
from tifo.adapters.http.operators import PlatformClient
from tifo.kernel.errors import Refusal, TifoError, Unavailable
from tifo.settings import Settings

WHICH_PLATFORM = (
    "The platform is the one of your settings (edge.operator_host and operator_port; 127.0.0.1:8090 by "
    "default), or the one that --url names. Where it asks for the operators' token, give it as "
    "TIFO_KEYS__OPERATOR_TOKEN or in the settings file of --config, for instance the data/run/settings.toml "
    "of `tifo up`: never on the command line, where everybody on the machine reads it."
)

Url = Annotated[
    str,
    Parameter(
        help="Where the operators' port is: http://HOST:PORT; else by the settings.", show_default=False
    ),
]
Config = Annotated[Path | None, Parameter(help="A TOML file of settings; TIFO_* variables go before it.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print one JSON document.")]

T = TypeVar("T")


class NotDone(TifoError):
    """A command that could not do its work; its text says what to do next."""


def with_platform(
    url: str, config: Path | None, do: Callable[[PlatformClient], Coroutine[None, None, T]]
) -> T:
    """Have something done with the platform that is meant, every failure told with what to do next."""
    settings = machine.load_base(os.environ, config)
    base = base_of(url, settings)

    async def run() -> T:
        async with _platform(base, settings.keys.operator_token) as platform:
            return await do(platform)

    try:
        return asyncio.run(run())
    except Unavailable as error:
        raise NotDone(
            f"{base} did not answer as a platform does ({error.why}). Is it running? Start one with "
            "`tifo up`, or say where its operators' port is with --url."
        ) from None
    except Refusal as refusal:
        raise NotDone(_explained(refusal, base)) from None


@asynccontextmanager
async def _platform(base: str, token: str) -> AsyncIterator[PlatformClient]:
    platform = PlatformClient(base, token)
    try:
        yield platform
    finally:
        await platform.close()


def base_of(url: str, settings: Settings) -> str:
    """Where the platform that is meant listens to operators. Raises `NotDone` for what is no address."""
    edge = settings.edge
    everywhere = edge.operator_host in ("0.0.0.0", "::")  # noqa: S104 - where it listens, not where we do
    here = f"http://{'127.0.0.1' if everywhere else edge.operator_host}:{edge.operator_port}"
    base = url.rstrip("/") or here
    try:
        parts = urlsplit(base)
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fit = False
    if not fit:
        raise NotDone(f"--url {url}: that is no address; it is http://HOST:PORT of an operators' port.")
    return base


def _explained(refusal: Refusal, base: str) -> str:
    if refusal.code == "bad-credentials":
        return (
            f"{base} asks for the operators' token, and yours is missing or another. Set "
            "TIFO_KEYS__OPERATOR_TOKEN, or name the platform's settings file with --config."
        )
    if refusal.code == "not-found" and not refusal.detail:
        return f"{base} answers, but not to operators: --url names the operators' port, 8090 by default."
    return f"{base} refused: {refusal.detail or refusal.code}"


def table_of(*headings: str) -> Table:
    """A table that never cuts what one may want to copy."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def write_json(document: object) -> None:
    """One document for a program, with the line feeds that a person wants."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    sys.stdout.buffer.flush()
