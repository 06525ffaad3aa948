"""`tifo scte35`: what a cue says, for people."""

import dataclasses
import sys
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tifo.kernel.errors import TifoError
from tifo.scte35.bits import CueError
from tifo.scte35.codec import TEXT_LENGTH_MAX, parse
from tifo.scte35.cues import cues
from tifo.scte35.values import TICKS_PER_S

app = App(name="scte35", help="Read SCTE-35 cues.")

Text = Annotated[str, Parameter(help="Base64 or hexadecimal; without it, it is read from the input.")]


class NoCue(TifoError):
    """A text that is no cue; its text says why."""


@app.command
def decode(text: Text = "") -> None:
    """Show a cue as JSON: every field, and under `breaks` what it asks of who makes breaks."""
    try:
        section = parse(text or sys.stdin.read(TEXT_LENGTH_MAX + 1))
    except CueError as error:
        raise NoCue(f"That is no cue: {error}.") from None
    told = {**_plain(section), "breaks": [_plain(one) for one in cues(section)]}
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """Values as JSON has them, each with its kind; bytes in hexadecimal, and times in seconds too."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {
        "is": type(value).__name__,
        **{name: _plain(one) for name, one in fields.items()},
        **_seconds(fields),
    }


def _seconds(fields: dict[str, Any]) -> dict[str, float]:
    ticks = {name: one for name, one in fields.items() if name in ("pts", "ticks", "duration_ticks") and one}
    return {f"{name.removesuffix('_ticks')}_s": round(one / TICKS_PER_S, 6) for name, one in ticks.items()}
