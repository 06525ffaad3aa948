"""Tables of a report: text on the left, figures on the right."""

from collections.abc import Iterable, Sequence

from tifo.report.markup import Markup, element

Cell = str | Markup


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, texts: Sequence[int] = (0,)) -> Markup:
    """Rows under headings; the columns of `texts` are text. A cell may be a whole `td`."""
    head = element("tr", [element("th", one, **_kind(n, texts)) for n, one in enumerate(headings)])
    body = [element("tr", [_cell(one, n, texts) for n, one in enumerate(row)]) for row in rows]
    return element(
        "div", element("table", element("thead", head), element("tbody", body)), cls="scroll", tabindex="0",
        role="group", aria_label="Table",
    )  # fmt: skip


def _kind(n: int, texts: Sequence[int]) -> dict[str, str]:
    return {"cls": "text"} if n in texts else {}


def _cell(cell: Cell, n: int, texts: Sequence[int]) -> Markup:
    if isinstance(cell, Markup) and cell.startswith("<td"):
        return cell
    return element("td", cell, **_kind(n, texts))
