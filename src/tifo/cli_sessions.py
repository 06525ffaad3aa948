"""`tifo sessions`: who watches a running platform, told and sent away from the command line."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from tifo import machine
from tifo.adapters.http.operators import Audience, PlatformClient
from tifo.api.reports import AudienceSplit
from tifo.api.sessions import PAGE_SESSIONS_MAX, Kick, RunningSession
from tifo.kernel.errors import Refusal, TifoError, Unavailable
from tifo.settings import Settings

PAGES_MAX = 20_000
"""Pages that one command reads; a filter may leave most of them empty."""

UNKNOWN = "unknown"

out = Console(highlight=False)

app = App(
    name="sessions",
    help="List, count and kick the sessions of a running platform, by its operators' port.\n\n"
    "The platform is the one of your settings (edge.operator_host and operator_port; 127.0.0.1:8090 by "
    "default), or the one that --url names. Where it asks for the operators' token, give it as "
    "TIFO_KEYS__OPERATOR_TOKEN or in the settings file of --config, for instance the data/run/settings.toml "
    "of `tifo up`: never on the command line, where everybody on the machine reads it.",
)

By = Literal["event", "device-kind", "isp"]
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


@app.command(name="list")
def list_sessions(
    *,
    account: Annotated[str, Parameter(help="Only this account's sessions.", show_default=False)] = "",
    event: Annotated[str, Parameter(help="Only sessions that watch this event.", show_default=False)] = "",
    limit: Annotated[int, Parameter(help="Sessions to show at the most.")] = 50,
    as_json: Json = False,
    url: Url = "",
    config: Config = None,
) -> None:
    """Show running sessions: whose, what they watch, on which device, since when."""

    async def read(platform: PlatformClient) -> "_Found":
        return await _find(platform, account, event, limit)

    found = _with_platform(url, config, read)
    if as_json:
        _write_json({"sessions": found.sessions, "more": found.more, "total": found.total})
        return
    table = _table("account", "event", "device", "kind", "since", "session")
    for one in found.sessions:
        table.add_row(
            one.account,
            one.event,
            one.device.id,
            one.device.kind,
            one.since.replace(".000Z", "Z"),
            one.session,
        )
    if found.sessions:
        out.print(table)
    more = "; there are more, see --limit" if found.more else ""
    out.print(f"{len(found.sessions):,} shown of {found.total:,} running{more}")


@app.command
def count(
    *,
    by: Annotated[By | None, Parameter(help="Also tell them apart by this.")] = None,
    as_json: Json = False,
    url: Url = "",
    config: Config = None,
) -> None:
    """Count running sessions, in all or by event, kind of device or ISP.

    The split comes from the event log: it follows a second or two behind the total.
    """
    seen = _with_platform(url, config, PlatformClient.audience)
    split = _split(seen, by) if by else AudienceSplit()
    if as_json:
        groups = [{"name": one.name, "sessions": one.viewers} for one in split.top]
        more = {"by": by, "groups": groups, "others": split.others} if by else {}
        _write_json({"sessions": seen.viewers, **more})
        return
    if by:
        table = _table(by, "sessions")
        table.columns[1].justify = "right"
        for one in split.top:
            table.add_row(one.name or UNKNOWN, f"{one.viewers:,}")
        if split.others:
            table.add_row("all others", f"{split.others:,}")
        out.print(table if split.top else "Nobody has told them apart yet: does `tifo worker insight` run?")
    out.print(f"{seen.viewers:,} running")


@app.command
def kick(
    session: Annotated[
        str, Parameter(help="The session to end; with --account its slot is free at once.")
    ] = "",
    /,
    *,
    account: Annotated[str, Parameter(help="End every session of this account.", show_default=False)] = "",
    event: Annotated[
        str, Parameter(help="End every session that watches this event.", show_default=False)
    ] = "",
    reason: Annotated[str, Parameter(help="Why; the viewers read it.")],
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask before an event is kicked.")] = False,
    url: Url = "",
    config: Config = None,
) -> None:
    """End sessions and tell their viewers why: one session, an account's, or everybody's in an event.

    In force on every node within a second. A kicked viewer may start again: take the right away first
    where that must not be. Who is kicked with an event, or without --account, holds a slot and is counted
    until the lease lapses.
    """
    what = _what(session, account, event, reason)

    async def carry_out(platform: PlatformClient) -> str:
        whom = await _whom(platform, what)
        if what.what == "event" and not yes:
            _confirm(whom)
        await platform.kick(what)
        return whom

    out.print(f"Kicked {_with_platform(url, config, carry_out)}.")


class _Found(NamedTuple):
    sessions: tuple[RunningSession, ...]
    more: bool
    total: int


async def _find(platform: PlatformClient, account: str, event: str, limit: int) -> _Found:
    if limit < 1:
        raise NotDone("--limit is at least 1.")
    found: list[RunningSession] = []
    after, total = "", 0
    for _ in range(PAGES_MAX):
        # One more than is shown, to know whether there are more.
        wanted = min(PAGE_SESSIONS_MAX, limit + 1 - len(found))
        page = await platform.page(account=account, event=event, after=after, limit=wanted)
        found += page.sessions
        total = page.total
        if page.next is None or len(found) > limit:
            break
        after = page.next
    return _Found(tuple(found[:limit]), len(found) > limit, total)


def _what(session: str, account: str, event: str, reason: str) -> Kick:
    if event and not session and not account:
        what = Kick("event", event, reason)
    elif account and not session and not event:
        what = Kick("account", account, reason)
    elif session and not event:
        what = Kick("session", session, reason, account)
    else:
        raise NotDone("Say whom to kick: one SESSION, or --account A, or --event E.")
    try:
        return msgspec.convert(msgspec.structs.asdict(what), Kick)
    except msgspec.ValidationError as error:
        raise NotDone(f"Nobody can be called that, or the reason is too long: {error}") from None


async def _whom(platform: PlatformClient, kick: Kick) -> str:
    """Whom a kick hits, in words and numbers."""
    if kick.what == "event":
        return f"everybody who watches {kick.id}, {_viewers_of(await platform.audience(), kick.id)}"
    if kick.what == "account":
        found = await _find(platform, kick.id, "", PAGE_SESSIONS_MAX)
        number = f"more than {PAGE_SESSIONS_MAX}" if found.more else str(len(found.sessions))
        return f"account {kick.id}, sessions running: {number}"
    return f"session {kick.id}"


def _viewers_of(seen: Audience, event: str) -> str:
    split = seen.audience.event
    counted = {one.name: one.viewers for one in split.top}
    if event not in counted and (split.others or not split.top):
        return f"some of {seen.viewers:,} viewers in all"
    return f"about {counted.get(event, 0):,} of {seen.viewers:,} viewers"


def _confirm(whom: str) -> None:
    if not sys.stdin.isatty():
        raise NotDone(f"This kicks {whom}. Nobody can be asked here: repeat it with --yes.")
    if out.input(f"Kick {whom}? Type yes: ").strip().lower() not in ("y", "yes"):
        raise NotDone("Nobody was kicked.")


def _split(seen: Audience, by: By) -> AudienceSplit:
    audience = seen.audience
    return {"event": audience.event, "device-kind": audience.device_kind, "isp": audience.isp}[by]


def _with_platform(
    url: str, config: Path | None, do: Callable[[PlatformClient], Coroutine[None, None, T]]
) -> T:
    """Have something done with the platform that is meant, every failure told with what to do next."""
    settings = machine.load_base(os.environ, config)
    base = _base(url, settings)

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


def _base(url: str, settings: Settings) -> str:
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


def _table(*headings: str) -> Table:
    """A table that never cuts what one may want to copy."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _write_json(document: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    sys.stdout.buffer.flush()
