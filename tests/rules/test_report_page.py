"""The page of a report: whatever a name in it says is text, and every picture has its size."""

import re
from datetime import UTC
from html.parser import HTMLParser

import pytest
from test_report_rules import AT, NOBODY, a_match, reported

from tifo.report import pictures
from tifo.report.markup import Markup, element
from tifo.report.page import page
from tifo.report.pictures import Mark, Series
from tifo.report.wording import short

HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(2)'>&lt;{{7*7}}</style></title>"""


class Read(HTMLParser):
    """The elements of a page, and whether all that begin end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.there: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.there.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.there.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def read(facts, **terms: object) -> Read:
    return Read(page(reported(facts, **terms), UTC, "UTC"))


def hostile():
    """The match, with a hostile text wherever somebody else chose one."""
    facts = a_match()
    return facts._replace(
        flows=tuple((at, HOSTILE, seconds) for at, _, seconds in facts.flows),
        places=tuple((HOSTILE, isp and HOSTILE, *rest) for _, isp, *rest in facts.places),
        quality=tuple((one and HOSTILE, isp and HOSTILE, *rest) for one, isp, *rest in facts.quality),
        groups=tuple((what, HOSTILE, count) for what, _, count in facts.groups),
        breaks=tuple((HOSTILE, *rest) for _, *rest in facts.breaks),
        slots=tuple((HOSTILE, HOSTILE, HOSTILE, *rest) for _, _, _, *rest in facts.slots),
        refusals=tuple((at, HOSTILE, count) for at, _, count in facts.refusals),
        refused=tuple((HOSTILE, *rest) for _, *rest in facts.refused),
        acts=((AT + 20, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        anomalies=((AT + 40, None, HOSTILE, HOSTILE, HOSTILE),),
    )


def test_hostile_names_are_text() -> None:
    found = read(hostile(), title=HOSTILE)
    assert not found.open
    assert not {"script", "img", "link", "iframe", "a"} & {tag for tag, _ in found.there}
    assert not [
        attributes for _, attributes in found.there if any(name.startswith("on") for name in attributes)
    ]
    assert found.text.count("<script>alert(1)</script>") > 15


def test_nothing_is_loaded() -> None:
    found = read(a_match())
    policy = next(one["content"] for _, one in found.there if "http-equiv" in one)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not [one for _, one in found.there if {"src", "href", "srcset", "style"} & one.keys()]


def test_every_picture_has_a_size_and_a_title() -> None:
    svgs = [one for tag, one in read(a_match()).there if tag == "svg"]
    assert len(svgs) >= 5
    assert all(float(one["width"] or 0) > 0 < float(one["height"] or 0) for one in svgs)
    assert all(one["aria-label"] for one in svgs)


@pytest.mark.parametrize(
    "key", ["sessions", "peak_viewers", "peak_starts_per_s", "refusals", "gigabytes", "shown"]
)
def test_headline_has_the_figure(key: str) -> None:
    assert key in {one.get("data-figure") for _, one in read(a_match()).there}


def test_an_event_that_nobody_watched_has_a_page() -> None:
    found = read(NOBODY)
    assert "Nobody watched." in found.text
    assert not [tag for tag, _ in found.there if tag == "svg"]


# --- markup and pictures -----------------------------------------------------------------------------------


def test_what_is_no_markup_is_escaped() -> None:
    made = element("b", "<i>", Markup("<u/>"), cls='a"b', data_x=1.5)
    assert made == '<b class="a&quot;b" data-x="1.5">&lt;i&gt;<u/></b>'


@pytest.mark.parametrize(("most", "top"), [(0.7, 0.8), (9.5, 10), (11, 15), (2_050, 3_000), (1e12, 1e12)])
def test_an_axis_ends_at_a_round_figure(most: float, top: float) -> None:
    assert pictures.ceiling(most) == pytest.approx(top)


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 10, 26, 2_050])
def test_what_is_said_beside_a_line_is_where_it_is(most: int) -> None:
    picture = pictures.curve("x", [AT], Series("v", (most,)), short, UTC)
    said = re.findall(r'text-anchor="end">([\d,]+)<', picture)
    numbers = [int(one.replace(",", "")) for one in said]
    assert numbers == [n * numbers[1] for n in range(5)]
    assert numbers[-1] >= most


def test_a_long_event_is_thinned_by_its_highest_minutes() -> None:
    times, (values,) = pictures.thinned(range(1_000), [[float(n % 3) for n in range(1_000)]])
    assert len(times) == len(values) <= pictures.POINTS_MAX
    assert set(values[:-1]) == {2.0}


def test_one_minute_alone_can_be_drawn() -> None:
    one = Series("viewers", (0.0,))
    assert "<svg" in pictures.curve("x", [AT], one, str, UTC, marks=[Mark(AT, "1", "x", "cdn")])
    assert "<svg" in pictures.bars("x", [AT], [one], str, UTC)
    assert "<svg" in pictures.stacked("x", [AT], [one], str, UTC)
