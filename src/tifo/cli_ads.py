"""`tifo ads`: an inventory checked, put in force, and what it makes of a break, on the command line."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from tifo.adapters.http.operators import PlatformClient
from tifo.api.ad_control import AdLever, Explained, RevisionAnswer
from tifo.api.billing import BilledAnswer
from tifo.api.fields import DeviceKind
from tifo.api.inventory import Inventory
from tifo.cli_platform import WHICH_PLATFORM, Config, Json, NotDone, Url, table_of, with_platform, write_json
from tifo.services.ads.inventory_check import InventoryUnsound
from tifo.services.ads.inventory_file import FILE_BYTES_MAX, parse
from tifo.services.ads.operator_routes import FILE_NAME_LENGTH_MAX

out = Console(highlight=False)

app = App(
    name="ads",
    help="Check an ad inventory, put it in force on a running platform, ask why a pod is as it is, and see "
    "what was counted.\n\n"
    "An inventory is a TOML or a JSON file: campaigns, line items, creatives, caps, targeting, rules for "
    "pods, house ads and slate.\n\n" + WHICH_PLATFORM,
)

LEVER_WORDS: Mapping[AdLever, str] = MappingProxyType(
    {
        "personal": "decided for each viewer",
        "cohort": "decided once for all who are alike; places of outside servers get house ads",
        "house": "house ads only",
        "none": "breaks are left to the channel",
    }
)
"""What each lever does, in a few words."""

File = Annotated[Path, Parameter(help="The inventory: a file whose name ends in .toml or .json.")]


@app.command
def check(file: File, /) -> None:
    """Say all that is wrong with an inventory, with its lines; asks no platform."""
    inventory, _ = _read(file)
    out.print(f"{file} is sound: {_summary(inventory)}.")


@app.command
def load(
    file: File,
    /,
    *,
    on: Annotated[
        int | None, Parameter(help="Refuse unless the one in force has this revision.", show_default=False)
    ] = None,
    url: Url = "",
    config: Config = None,
) -> None:
    """Check an inventory and put it in force, on every node within a second.

    The audit trail has who did it, the file's name and SHA-256, and how many of what it changed.
    """
    inventory, digest = _read(file)
    name = file.name if file.name.isprintable() else ""

    async def put(platform: PlatformClient) -> RevisionAnswer:
        return await platform.load_inventory(inventory, on, name[-FILE_NAME_LENGTH_MAX:], digest)

    revision = with_platform(url, config, put).revision
    out.print(f"{file} is in force as revision {revision}: {_summary(inventory)}.")


@app.command
def explain(
    *,
    event: Annotated[str, Parameter(help="What is watched.")],
    device_kind: Annotated[DeviceKind, Parameter(help="On what.")] = "web",
    account: Annotated[str, Parameter(help="Whose caps count.", show_default=False)] = "",
    session: Annotated[str, Parameter(help="Whose turn it is.", show_default=False)] = "",
    isp: Annotated[str, Parameter(help="By AS number, such as AS64500.", show_default=False)] = "",
    region: Annotated[str, Parameter(help="The account's.", show_default=False)] = "",
    seconds: Annotated[int, Parameter(help="How long the break is.")] = 60,
    lever: Annotated[
        AdLever | None, Parameter(help="As if it were in force; else the one that is.", show_default=False)
    ] = None,
    as_json: Json = False,
    url: Url = "",
    config: Config = None,
) -> None:
    """Show the pod that a viewer would get now, and for each line item why it is in it or not.

    Nothing is spent by it. Budgets, caps and the lever in force are those that the node which answers knows.
    """
    query: dict[str, str | int] = {
        "event": event, "device_kind": device_kind, "account": account, "session": session, "isp": isp,
        "region": region, "duration_s": seconds, "lever": lever or "",
    }  # fmt: skip

    async def ask(platform: PlatformClient) -> Explained:
        return await platform.explain(query)

    explained = with_platform(url, config, ask)
    if as_json:
        write_json(explained)
        return
    _show(explained)


@app.command
def billed(
    *,
    event: Annotated[str, Parameter(help="Of this event only.", show_default=False)] = "",
    hours: Annotated[int, Parameter(help="Of so many whole hours, and the one that runs.")] = 24,
    as_json: Json = False,
    url: Url = "",
    config: Config = None,
) -> None:
    """Show what was counted of ads, each beacon once, and how that stands against what was decided.

    `late` came too long after its decision, and `unmatched` of a slot that no decision was told of: neither
    is counted among the impressions. --json has every creative and hour too.
    """

    async def ask(platform: PlatformClient) -> BilledAnswer:
        return await platform.billed(event, hours)

    answer = with_platform(url, config, ask)
    if as_json:
        write_json(answer)
        return
    _show_billed(answer)


def _show_billed(answer: BilledAnswer) -> None:
    if not answer.lines:
        out.print("Nothing was counted: did a break run, and does `tifo worker billing`?")
        return
    items = table_of("line item", "decided", "impressions", "completes", "clicks", "skips", "errors", "late")
    for one in answer.line_items:
        counts = (
            one.decided, one.impressions, one.completes, one.clicks, one.skips, one.errors, one.late,
        )  # fmt: skip
        items.add_row(one.line_item or "(house)", *map(str, counts))
    out.print(items)
    breaks = table_of("break", "event", "decided", "impressions", "share", "late", "unmatched")
    for brk in answer.breaks:
        share = "" if brk.share is None else f"{brk.share:.1%}"
        told = (brk.decided, brk.impressions, share, brk.late, brk.unmatched)
        breaks.add_row(brk.break_id, brk.event, *map(str, told))
    out.print()
    out.print(breaks)


def _show(explained: Explained) -> None:
    pod = table_of("slot", "creative", "seconds", "of")
    for n, slot in enumerate(explained.pod, 1):
        pod.add_row(str(n), slot.creative, str(slot.duration_s), slot.line_item or slot.kind)
    out.print(pod)
    if explained.rest_s:
        out.print(f"{explained.rest_s:g} seconds are left to the channel.")
    items = table_of("line item", "verdict", "why")
    for one in explained.line_items:
        items.add_row(one.line_item, one.verdict, one.why)
    if explained.line_items:
        out.print()
        out.print(items)
    out.print(f"\nBy revision {explained.revision} of the inventory, {_lever_words(explained)}.")


def _lever_words(explained: Explained) -> str:
    told, does = explained.in_force, LEVER_WORDS[explained.lever]
    if explained.lever != told.in_force:
        return f"as if the lever were {explained.lever} ({does}); in force is {told.in_force}"
    whose = {"nobody": "as ever", "posture": "by the posture", "operator": f"said by {told.operator}"}
    return f"under the lever in force, {told.in_force} ({does}), {whose[told.by]}"


def _read(file: Path) -> tuple[Inventory, str]:
    """What it says, and the SHA-256 of its bytes."""
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise NotDone(f"{file}: more than {FILE_BYTES_MAX} bytes.")
        content = file.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotDone(f"{file}: {error}") from None
    try:
        return parse(text, file.name), sha256(content).hexdigest()
    except InventoryUnsound as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise NotDone(f"{file} cannot be put in force:\n{lines}") from None


def _summary(inventory: Inventory) -> str:
    counts = msgspec.structs.asdict(inventory)
    said = [f"{len(counts[name])} {name.replace('_', ' ')}" for name in ("line_items", "campaigns")]
    return f"{', '.join(said)} and {len(inventory.creatives)} creatives"
