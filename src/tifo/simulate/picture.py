"""The picture of a simulation: who carried what, who went without, who moved; one column for each policy."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tifo.kernel.errors import SettingsError
from tifo.simulate import scenarios
from tifo.simulate.course import Curve
from tifo.simulate.match import Ran
from tifo.simulate.policies import SAYS
from tifo.simulate.scenarios import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Told apart by those who see few colours, too."""
INCIDENT, QUIET, STALLED, MOVED = "#c0392b", "#8a8f98", "#c0392b", "#34495e"
INCHES_WIDE, INCHES_HIGH, DPI = 4.6, 8.2, 96

SUFFIXES = (".png", ".svg", ".pdf")

NO_MATPLOTLIB = (
    "--picture: matplotlib draws it and is not installed; "
    "`pip install 'tifo[simulate]'` brings it (in a checkout `.venv/bin/pip install matplotlib`)"
)


def require() -> None:
    """Refuse before the work rather than after it where nothing could be drawn."""
    if find_spec("matplotlib") is None:
        raise SettingsError((NO_MATPLOTLIB,))


def draw(file: Path, scenario: Scenario, rans: Sequence[Ran], viewers: int) -> None:
    """Write the picture; its form is the file's suffix (png, svg, pdf)."""
    from matplotlib.figure import Figure  # noqa: PLC0415  # heavy, and an extra: only a picture pays for it

    figure = Figure((1.4 + INCHES_WIDE * len(rans), INCHES_HIGH), dpi=DPI, layout="constrained")
    rows = figure.subplots(3, len(rans), sharex=True, sharey="row", squeeze=False, height_ratios=(2.2, 1, 1))
    for column, ran in enumerate(rans):
        _traffic(rows[0][column], scenario, ran)
        _stalled(rows[1][column], ran)
        _moves(rows[2][column], ran)
        for axes in rows[:, column]:
            _match(axes, scenario)
    _labels(rows, figure, scenario, viewers)
    figure.savefig(file)


def _minutes(curve: Curve) -> Curve:
    return np.arange(len(curve)) / 60


def _traffic(axes: "Axes", scenario: Scenario, ran: Ran) -> None:
    for cdn, colour, asked, capacity, dead in zip(
        scenario.cdns,
        COLOURS,
        ran.course.asked_bps.T / 1e12,
        ran.course.capacity_bps.T / 1e12,
        ran.course.dead.T,
        strict=False,
    ):
        minutes = _minutes(asked)
        carries = np.where(dead, 0.0, capacity)
        axes.plot(minutes, carries, color=colour, lw=1, ls=(0, (4, 2)), alpha=0.75)
        axes.plot(minutes, asked, color=colour, lw=1.9, label=cdn.id)
        axes.fill_between(minutes, carries, asked, where=asked > carries, color=INCIDENT, alpha=0.25, lw=0)
    axes.set_title(SAYS[ran.figures.policy], fontweight="bold", loc="left")
    axes.text(1, 1.02, _summary(ran), transform=axes.transAxes, ha="right", fontsize=8.5, color="#444444")


def _summary(ran: Ran) -> str:
    move = ran.figures.seconds_to_last_move
    moved = "never calm again" if move is None else f"last move after {move} s"
    return f"{moved}, highest load {ran.figures.highest_load:.0%}"


def _stalled(axes: "Axes", ran: Ran) -> None:
    share = 100 * ran.course.stalled_share
    axes.fill_between(_minutes(share), 0, share, color=STALLED, alpha=0.8, lw=0)
    lost = ran.figures.stalled_viewer_minutes
    axes.text(
        0.98, 0.84, f"{lost:,.0f} viewer-minutes", transform=axes.transAxes, ha="right", fontsize=9,
        color=STALLED,
    )  # fmt: skip


def _moves(axes: "Axes", ran: Ran) -> None:
    moves = ran.course.moves
    axes.fill_between(_minutes(moves), 0, moves / 1e3, color=MOVED, alpha=0.9, lw=0, step="mid")
    axes.text(
        0.98, 0.84, f"{ran.figures.moves:,} moves", transform=axes.transAxes, ha="right", fontsize=9,
        color=MOVED,
    )  # fmt: skip


def _match(axes: "Axes", scenario: Scenario) -> None:
    incident = scenario.incident
    axes.axvspan(incident.begins_s / 60, incident.ends_s / 60, color=INCIDENT, alpha=0.07, lw=0)
    for second in (scenarios.KICK_OFF_S, scenarios.WHISTLE_S, *scenarios.GOALS_S):
        axes.axvline(second / 60, color=QUIET, lw=0.7, ls=":")
    axes.axvspan(scenarios.HALF_TIME_S / 60, scenarios.SECOND_HALF_S / 60, color=QUIET, alpha=0.12, lw=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_xlim(0, scenarios.END_S / 60)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=9)


def _labels(
    rows: "np.ndarray[tuple[int, int], np.dtype[np.object_]]",
    figure: "Figure",
    scenario: Scenario,
    viewers: int,
) -> None:
    for row, says in zip(
        rows, ("traffic asked for, Tb/s", "viewers on a dead or\nfull CDN, %", "moves, 1,000/s"), strict=True
    ):
        row[0].set_ylabel(says)
        # Room for what is written above the curves.
        row[0].set_ylim(0, max(1e-3, *(axes.dataLim.y1 for axes in row)) * 1.22)
    for axes in rows[-1]:
        axes.set_xlabel("minutes of the match as it is played here")
    _marks(rows[0][0])
    figure.suptitle(f"{scenario.name}: {viewers:,} viewers. {scenario.says}", fontsize=12)
    lines, names = rows[0][0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=len(names) + 1, frameon=False,
                  title="solid: asked for; dashed: what the CDN can carry; red: more than that")  # fmt: skip


def _marks(axes: "Axes") -> None:
    marks: list[tuple[float, str]] = [(scenarios.KICK_OFF_S, "kick-off"), (scenarios.WHISTLE_S, "whistle")]
    marks += [(second, "goal") for second in scenarios.GOALS_S]
    marks += [((scenarios.HALF_TIME_S + scenarios.SECOND_HALF_S) / 2, "half-time")]
    for second, says in marks:
        axes.text(
            second / 60, 0.985, says, transform=axes.get_xaxis_transform(), rotation=90, ha="right",
            va="top", fontsize=7.5, color="#666666",
        )  # fmt: skip
