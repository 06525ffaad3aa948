"""`tifo sessions`: who watches a running platform, told and sent away from the command line."""

import sys
from typing import Annotated, Literal, NamedTuple

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from tifo.adapters.http.operators import Audience, PlatformClient
from tifo.api.reports import AudienceSplit
from tifo.api.sessions import PAGE_SESSIONS_MAX, Kick, RunningSession
from tifo.cli_platform import WHICH_PLATFORM, Config, Json, NotDone, Url, table_of, with_platform, write_json

PAGES_MAX = 20_000
"""Pages that one command reads; a filter may leave most of them empty."""

UNKNOWN = "unknown"

out = Console(highlight=False)

app = App(
    name="sessions",
    help="List, count and kick the sessions of a running platform, by its operators' port.\n\n"
    + WHICH_PLATFORM,
)

By = Literal["event", "device-kind", "isp"]


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

    found = with_platform(url, config, read)
    if as_json:
        write_json({"sessions": found.sessions, "more": found.more, "total": found.total})
        return
    table = table_of("account", "event", "device", "kind", "since", "session")
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
    seen = with_platform(url, config, PlatformClient.audience)
    split = _split(seen, by) if by else AudienceSplit()
    if as_json:
        groups = [{"name": one.name, "sessions": one.viewers} for one in split.top]
        more = {"by": by, "groups": groups, "others": split.others} if by else {}
        write_json({"sessions": seen.viewers, **more})
        return
    if by:
        table = table_of(by, "sessions")
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

    out.print(f"Kicked {with_platform(url, config, carry_out)}.")


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
