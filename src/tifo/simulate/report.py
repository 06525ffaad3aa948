"""What a simulation says: how far it is, a table, or one JSON document."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tifo.simulate import scenarios
from tifo.simulate.course import Figures, OverWithRoom
from tifo.simulate.match import Size, Tell
from tifo.simulate.policies import SAYS
from tifo.simulate.scenarios import Scenario


class Told(msgspec.Struct, frozen=True):
    """The JSON document of `tifo simulate steering`: the figures of the first policy, and the others'."""

    scenario: str
    policy: str
    viewers: int
    seed: int
    ttl_s: int
    peak_tbps: float
    seconds_to_last_move: int | None
    highest_load: float
    wall_s: float
    figures: Figures
    compared: tuple[Figures, ...]


def told(scenario: Scenario, size: Size, figures: Sequence[Figures], wall_s: float) -> Told:
    """The document; `wall_s` is that of everything together."""
    first, *others = figures
    return Told(
        scenario=scenario.name,
        policy=first.policy,
        viewers=size.viewers,
        seed=size.seed,
        ttl_s=size.ttl_s,
        peak_tbps=first.peak_tbps,
        seconds_to_last_move=first.seconds_to_last_move,
        highest_load=first.highest_load,
        wall_s=round(wall_s, 2),
        figures=first,
        compared=tuple(others),
    )


@contextmanager
def watching(err: Console, names: Sequence[str]) -> Iterator[Tell]:
    """A bar for each policy on a terminal, nothing elsewhere."""
    if not err.is_terminal:
        yield lambda name, at: None
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err,
                  transient=True) as bars:  # fmt: skip
        tasks = {name: bars.add_task(SAYS[name], total=scenarios.END_S) for name in names}
        lock = threading.Lock()

        def tell(name: str, at: int) -> None:
            with lock:
                bars.update(tasks[name], completed=at)

        yield tell


def show(out: Console, scenario: Scenario, document: Told) -> None:
    """A table with a column for each policy, and what has to be said of them."""
    every = (document.figures, *document.compared)
    out.print(f"[bold]{scenario.name}[/bold]: {scenario.says}", soft_wrap=True)
    table = Table(title_justify="left")
    table.add_column(f"{document.viewers:,} viewers")
    for one in every:
        table.add_column(SAYS[one.policy], justify="right")
    for name, cells in _rows(every):
        table.add_row(name, *cells)
    out.print(table)
    for one in every:
        if one.over_with_room:
            out.print(f"[yellow]Note[/yellow] {_over(one.policy, one.over_with_room)}", soft_wrap=True)
    out.print(f"{document.wall_s:.1f} s, of the seed {document.seed}.")


def _rows(every: Sequence[Figures]) -> Iterator[tuple[str, list[str]]]:
    yield "traffic at the peak", [f"{one.peak_tbps:,.3f} Tb/s" for one in every]
    yield "from the incident to the last move", [_seconds(one.seconds_to_last_move) for one in every]
    yield "to the last viewer on a bad CDN", [_seconds(one.seconds_to_last_stalled) for one in every]
    yield "highest load of the other CDNs", [f"{one.highest_load:.1%}" for one in every]
    yield "viewers on a bad CDN at the worst", [f"{one.stalled_share_max:.1%}" for one in every]
    yield "viewer-minutes on a bad CDN", [f"{one.stalled_viewer_minutes:,.0f}" for one in every]
    yield "moves", [f"{one.moves:,}" for one in every]
    yield "moves in a second, at most", [f"{one.moves_per_s_max:,}" for one in every]
    yield "what the CDNs ask for it", [f"{one.cost:,.0f}" for one in every]


def _seconds(seconds: int | None) -> str:
    return "never calm again" if seconds is None else f"{seconds} s"


def _over(policy: str, over: OverWithRoom) -> str:
    loads = ", ".join(f"{cdn} {load:.0%}" for cdn, load in over.loads.items())
    return (
        f"{SAYS[policy]}: for {over.seconds} s a CDN was asked for more than it carries while another had "
        f"room, first at {over.first_at_s} s; the worst, at {over.worst_at_s} s: {loads}."
    )
