"""`tifo simulate`: the night on a laptop, with the services' own rules and millions of players."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from tifo.kernel.clock import SystemClock
from tifo.simulate.scenarios import REFERENCE_VIEWERS

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

app = App(
    name="simulate",
    help="Play a night through on this machine, by the rules that the services go by. Nothing is started.",
)


@app.command
def steering(
    scenario: Annotated[
        str,
        Parameter(help="cdn-lost-at-peak, brown-out, wrong-capacity, isp-peering or flapping."),
    ],
    *,
    viewers: Annotated[int, Parameter(help="How many players; CDNs are as large in proportion.")] = (
        REFERENCE_VIEWERS
    ),
    policy: Annotated[
        str,
        Parameter(help="tifo, weighted or priority, alone; else all are compared.", show_default=False),
    ] = "",
    picture: Annotated[
        Path | None, Parameter(help="Draw it into this file: .png, .svg or .pdf.", show_default=False)
    ] = None,
    seed: Annotated[int, Parameter(help="Of everything that is drawn by lot; the same, the same night.")] = 1,
    json: Annotated[bool, Parameter(negative="", help="Print one JSON document.")] = False,
) -> None:
    """Play a match with an incident under Tifo's steering loop, and under what others do instead.

    Tells how soon the last viewer has moved, how full the other CDNs got, and who went without.
    """
    # NumPy takes a tenth of a second to load, which only those who play a night pay, and no process of it.
    from tifo.simulate import command  # noqa: PLC0415

    command.simulate(command.Wish(scenario, viewers, policy, seed, json, picture), out, err, SystemClock())
