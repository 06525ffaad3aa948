"""Tables of a run: for the terminal, and in Markdown for the README."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Comparison, Contender, Run, Spread

_NUMBERS = ("p50, ms", "p99, ms", "CPU, us each", "Tifo is", "by CPU")


def in_terminal(comparison: Comparison) -> RenderableType:
    """A comparison as a table of the terminal, its notes below."""
    table = Table(title=comparison.title, title_justify="left", caption=_parameters(comparison))
    table.add_column("")
    for heading in _headings(comparison)[1:]:
        table.add_column(heading, justify="right")
    for row in _rows(comparison):
        table.add_row(*row)
    return Group(table, *(Text(f"! {note}", style="yellow") for note in comparison.notes))


def in_markdown(run: Run) -> str:
    """All comparisons of a run as Markdown, with the machine that they were measured on."""
    parts = [_markdown_table(comparison) for comparison in run.comparisons]
    return "\n".join([*parts, _machine(run)])


def _markdown_table(comparison: Comparison) -> str:
    headings = _headings(comparison)
    rule = ["---", *("---:" for _ in headings[1:])]
    lines = [_line(cells) for cells in (headings, rule, *_rows(comparison))]
    notes = [f"> {note}\n" for note in comparison.notes]
    return "\n".join([f"**{comparison.title}** ({_parameters(comparison)})\n", *lines, "", *notes])


def _machine(run: Run) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    return (
        f"Medians of {run.repetitions} interleaved runs of {run.seconds:g} s (smallest to largest), "
        f"{run.at}: {facts}.\n"
    )


def _headings(comparison: Comparison) -> Sequence[str]:
    return ("", f"{comparison.operation}/s", *_NUMBERS)


def _rows(comparison: Comparison) -> Iterator[Sequence[str]]:
    for contender in comparison.contenders:
        yield (contender.title, _rate(contender), *_medians(contender), *_ratios(comparison, contender))


def _rate(contender: Contender) -> str:
    spread: Spread = contender.spread("per_s")
    return f"{spread.median:,.0f} ({spread.low:,.0f} to {spread.high:,.0f})"


def _medians(contender: Contender) -> Iterator[str]:
    for figure, digits in (("p50_ms", 1), ("p99_ms", 1), ("cpu_us", 0)):
        yield f"{contender.spread(figure).median:.{digits}f}"


def _ratios(comparison: Comparison, contender: Contender) -> tuple[str, str]:
    if contender is comparison.contenders[0]:
        return ("", "")
    return (f"{comparison.ratio(contender):.2f} x", f"{comparison.cpu_ratio(contender):.2f} x")


def _parameters(comparison: Comparison) -> str:
    return ", ".join(f"{name}: {value}" for name, value in comparison.parameters.items())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
