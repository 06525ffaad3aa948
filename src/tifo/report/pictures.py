"""The pictures of a report, as SVG with sizes, titles and the page's colours: nothing is loaded, nothing
runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from math import ceil
from typing import NamedTuple

from tifo.report.markup import Markup, element, joined
from tifo.report.wording import clock

WIDTH, HEIGHT = 880.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 12.0, 14.0, 26.0
BAR_HEIGHT, BAR_LEFT = 26.0, 150.0

POINTS_MAX = 440
"""Moments in one picture: of a longer event several minutes are one, the highest of them."""

ROWS = 4
"""Lines above the axis."""

TICKS_MAX = 9
LABEL_WIDTH = 30.0
"""Between two labels, or a label and the edge."""

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1_440)
"""Minutes between two times on the axis."""

COLOURS = 8
"""Colours that the page has for series, `c0` and so on; the last is for all others."""

Say = Callable[[float], str]


class Series(NamedTuple):
    """One curve: a value for each moment."""

    name: str
    values: tuple[float, ...]


class Mark(NamedTuple):
    """A moment to be seen in the picture, by a number or nothing, and what a pointer reads there."""

    at: float
    label: str
    says: str
    cls: str


class Frame(NamedTuple):
    """Where values and moments are in the picture."""

    times: tuple[float, ...]
    top: float
    step_s: float

    def x(self, at: float) -> float:
        """A moment's place; each has room for a bar."""
        span = max(self.step_s, self.times[-1] - self.times[0] + self.step_s)
        share = (at - self.times[0]) / span
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """A value's place."""
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def curve(
    title: str, times: Sequence[float], series: Series, say: Say, zone: tzinfo, *,
    level: tuple[str, float] | None = None, marks: Sequence[Mark] = (),
) -> Markup:  # fmt: skip
    """One curve over time with what is below it, perhaps a level to compare with, and marks."""
    times, (values,) = thinned(times, (series.values,))
    frame = _frame(times, max((*values, level[1] if level else 0.0)))
    points = [
        (frame.x(at + frame.step_s / 2), frame.y(value)) for at, value in zip(times, values, strict=True)
    ]
    inside = [_area(points, [(x, frame.y(0)) for x, _ in points], "c0 under"), _line(points, "c0 line")]
    if level:
        inside.append(_level(frame, *level))
    return _picture(title, joined(_axes(frame, say, zone), inside, _marks(frame, marks)))


def stacked(title: str, times: Sequence[float], series: Sequence[Series], say: Say, zone: tzinfo) -> Markup:
    """Curves on top of each other, with their names."""
    times, every = thinned(times, [one.values for one in series])
    sums = [0.0] * len(times)
    frame = _frame(times, max((sum(column) for column in zip(*every, strict=True)), default=0.0))
    inside = []
    for n, (one, values) in enumerate(zip(series, every, strict=True)):
        below = [
            (frame.x(at + frame.step_s / 2), frame.y(total)) for at, total in zip(times, sums, strict=True)
        ]
        sums = [total + value for total, value in zip(sums, values, strict=True)]
        above = [(x, frame.y(total)) for (x, _), total in zip(below, sums, strict=True)]
        inside.append(_area(above, below, f"{colour(n)} fill", one.name))
    return joined(legend(series), _picture(title, joined(_axes(frame, say, zone), inside)))


def bars(title: str, times: Sequence[float], series: Sequence[Series], say: Say, zone: tzinfo) -> Markup:
    """Bars over time, those of one moment on top of each other; with their names where there are several."""
    times, every = thinned(times, [one.values for one in series])
    frame = _frame(times, max((sum(column) for column in zip(*every, strict=True)), default=0.0))
    wide = max(0.8, (frame.x(times[0] + frame.step_s) - frame.x(times[0])) * 0.82)
    inside = []
    for n, at in enumerate(times):
        total = 0.0
        for m, one in enumerate(series):
            value = every[m][n]
            if value > 0:
                says = f"{clock(at, zone)} {one.name}: {say(value)}"
                inside.append(
                    _bar(frame.x(at), frame.y(total + value), wide, frame.y(total), colour(m), says)
                )
            total += value
    return joined(
        legend(series) if len(series) > 1 else "", _picture(title, joined(_axes(frame, say, zone), inside))
    )


class Measure(NamedTuple):
    """One thing beside another: a bar, its words, and perhaps a line that it should not cross."""

    name: str
    value: float
    says: str
    limit: float | None = None


def measures(title: str, rows: Sequence[Measure]) -> Markup:
    """Lying bars with words behind them; a bar that crosses its limit is marked."""
    most = max((max(one.value, one.limit or 0.0) for one in rows), default=0.0) or 1.0
    room = WIDTH - BAR_LEFT - 250
    inside = []
    for n, one in enumerate(rows):
        y, wide = n * BAR_HEIGHT + 4, one.value / most * room
        over = one.limit is not None and one.value > one.limit
        inside.append(element("text", one.name, x=BAR_LEFT - 10, y=y + 13, text_anchor="end", cls="name"))
        inside.append(_bar(BAR_LEFT, y, max(1.0, wide), y + 18, "bad" if over else "c0", one.says))
        at = BAR_LEFT + max(wide, (one.limit or 0.0) / most * room)
        if one.limit is not None:
            x = BAR_LEFT + one.limit / most * room
            inside.append(element("line", x1=x, x2=x, y1=y - 3, y2=y + 21, cls="limit"))
        inside.append(element("text", one.says, x=at + 8, y=y + 13))
    return _picture(title, joined(inside), height=len(rows) * BAR_HEIGHT + 6)


def legend(series: Iterable[Series]) -> Markup:
    """The names beside their colours."""
    return element(
        "p",
        [element("span", element("i", cls=colour(n)), one.name) for n, one in enumerate(series)],
        cls="legend",
    )


def colour(n: int) -> str:
    """The class of the n-th series' colour."""
    return f"c{min(n, COLOURS - 1)}"


def thinned(
    times: Sequence[float], every: Sequence[Sequence[float]]
) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """At most `POINTS_MAX` moments, each with the highest value of those that it stands for."""
    size = -(-len(times) // POINTS_MAX) or 1
    firsts = range(0, len(times), size)
    return tuple(times[n] for n in firsts), [
        tuple(max(values[n : n + size]) for n in firsts) for values in every
    ]


# --- axes -------------------------------------------------------------------------------------------------


def _frame(times: tuple[float, ...], most: float) -> Frame:
    """Its lines are at whole numbers: what is said beside one is where it is."""
    step_s = times[1] - times[0] if len(times) > 1 else 60.0
    return Frame(times, ROWS * ceil(ceiling(most * 1.04 / ROWS)), step_s)


def ceiling(most: float) -> float:
    """The next round figure: 1, 1.5, 2, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    size = 1.0
    while size * 10 < most:
        size *= 10
    while size > most > 0:
        size /= 10
    return next((size * n for n in (1, 1.5, 2, 3, 4, 5, 6, 8) if size * n >= most), size * 10)


def _axes(frame: Frame, say: Say, zone: tzinfo) -> Markup:
    return joined(_rows(frame, say), _times(frame, zone))


def _rows(frame: Frame, say: Say) -> Iterator[Markup]:
    for n in range(ROWS + 1):
        value = frame.top * n / ROWS
        y = frame.y(value)
        yield element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, cls="grid")
        yield element("text", say(value), x=LEFT - 8, y=y + 4, text_anchor="end")


def _times(frame: Frame, zone: tzinfo) -> Iterator[Markup]:
    first, last = frame.times[0], frame.times[-1] + frame.step_s
    minutes = next((one for one in STEPS_MIN if (last - first) / 60 / one <= TICKS_MAX), STEPS_MIN[-1])
    at = -(-first // (minutes * 60)) * minutes * 60
    while at <= last:
        x = frame.x(at)
        yield element("line", x1=x, x2=x, y1=HEIGHT - BOTTOM, y2=HEIGHT - BOTTOM + 5, cls="tick")
        anchor = "end" if x > WIDTH - LABEL_WIDTH else "middle"
        yield element("text", clock(at, zone), x=x, y=HEIGHT - 7, text_anchor=anchor)
        at += minutes * 60


def _level(frame: Frame, says: str, value: float) -> Markup:
    y = frame.y(value)
    return joined(
        element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, cls="level"),
        element("text", says, x=WIDTH - RIGHT - 4, y=y - 5, text_anchor="end", cls="said"),
    )


def _marks(frame: Frame, marks: Sequence[Mark]) -> Iterator[Markup]:
    for one in marks:
        x = frame.x(one.at)
        line = element("line", x1=x, x2=x, y1=TOP + 4, y2=HEIGHT - BOTTOM, cls=f"mark {one.cls}")
        yield element("g", element("title", one.says), line)
    for x, label, cls in _labels(frame, marks):
        yield element("text", label, x=x, y=TOP, text_anchor="middle", cls=f"said {cls}")


def _labels(frame: Frame, marks: Sequence[Mark]) -> list[tuple[float, str, str]]:
    """Labels above the marks; those that would cover each other are one."""
    found: list[tuple[float, str, str]] = []
    for one in marks:
        x = frame.x(one.at)
        if one.label and found and x - found[-1][0] < LABEL_WIDTH:
            found[-1] = (found[-1][0], f"{found[-1][1]}, {one.label}", found[-1][2])
        elif one.label:
            found.append((x, one.label, one.cls))
    return found


# --- strokes ------------------------------------------------------------------------------------------------


def _picture(title: str, inside: Markup, height: float = HEIGHT) -> Markup:
    svg = element(
        "svg", element("title", title), inside,
        width=WIDTH, height=height, viewBox=f"0 0 {WIDTH:g} {height:g}", role="img", aria_label=title,
    )  # fmt: skip
    return element("div", svg, cls="picture", tabindex="0", role="group", aria_label=title)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _line(points: Sequence[tuple[float, float]], cls: str) -> Markup:
    return element("path", d=f"M{_path(points)}", cls=cls)


def _area(
    above: Sequence[tuple[float, float]], below: Sequence[tuple[float, float]], cls: str, says: str = ""
) -> Markup:
    shape = element("path", d=f"M{_path(above)}L{_path(reversed(below))}Z", cls=cls)
    return element("g", element("title", says), shape) if says else shape


def _bar(x: float, y: float, wide: float, bottom: float, cls: str, says: str) -> Markup:
    shape = element("rect", x=x, y=y, width=wide, height=max(0.5, bottom - y), cls=f"{cls} fill")
    return element("g", element("title", says), shape)
