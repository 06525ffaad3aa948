"""Tables of a run: for the terminal, and in Markdown for the README."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.figures import Column, Comparison, Contender, Finding, Found, Row, Run, Spread

_TIMES = ("p50, ms", "p99, ms", "CPU, us each")
_RATIOS = ("Tifo is", "by CPU")


def in_terminal(one: Comparison | Finding) -> RenderableType:
    """A table of the terminal, its notes below."""
    headings, rows = _cells(one)
    table = Table(title=one.title, title_justify="left", caption=_parameters(one))
    table.add_column("")
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return Group(table, *(Text(f"! {note}", style="yellow") for note in one.notes))


def in_markdown(run: Run) -> str:
    """All figures of a run as Markdown, with the machine that they were measured on."""
    parts = [_markdown_table(one) for one in all_of(run)]
    return "\n".join([*parts, _machine(run)])


def all_of(found: Found | Run) -> Iterator[Comparison | Finding]:
    """What has a table, in order."""
    yield from found.comparisons
    yield from found.findings


def _markdown_table(one: Comparison | Finding) -> str:
    headings, rows = _cells(one)
    rule = ["---", *("---:" for _ in headings[1:])]
    lines = [_line(cells) for cells in (headings, rule, *rows)]
    notes = [f"> {note}\n" for note in one.notes]
    return "\n".join([f"**{one.title}** ({_parameters(one)})\n", *lines, "", *notes])


def _cells(one: Comparison | Finding) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The headings and the rows."""
    if isinstance(one, Comparison):
        return _headings(one), tuple(_rows(one))
    return ("", *(column.title for column in one.columns)), tuple(_finding_row(one, row) for row in one.rows)


def _finding_row(finding: Finding, row: Row) -> Sequence[str]:
    ours = finding.rows[0].values
    return (row.title, *(_value(*three) for three in zip(finding.columns, row.values, ours, strict=True)))


def _value(column: Column, value: float | None, ours: float | None) -> str:
    if value is None:
        return ""
    times = f" ({value / ours:.1f} x)" if column.compared and ours and value is not ours else ""
    return f"{value:,.{column.digits}f}{times}"


def _machine(run: Run) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    return (
        f"Medians of {run.repetitions} interleaved runs of {run.seconds:g} s (smallest to largest), "
        f"{run.at}: {facts}.\n"
    )


def _headings(comparison: Comparison) -> Sequence[str]:
    store = ("Redis CPU, us each",) if _has_store(comparison) else ()
    return ("", f"{comparison.operation}/s", *_TIMES, *store, *_RATIOS)


def _has_store(comparison: Comparison) -> bool:
    return any(contender.spread("store_us").high for contender in comparison.contenders)


def _rows(comparison: Comparison) -> Iterator[Sequence[str]]:
    for contender in comparison.contenders:
        store = (f"{contender.spread('store_us').median:.0f}",) if _has_store(comparison) else ()
        ratios = _ratios(comparison, contender)
        yield (contender.title, _rate(contender), *_medians(contender), *store, *ratios)


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


def _parameters(one: Comparison | Finding) -> str:
    return ", ".join(f"{name}: {value}" for name, value in one.parameters.items())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
