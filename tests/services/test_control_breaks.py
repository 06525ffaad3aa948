"""Breaks as operators and cues make them, by the operators' API."""

import pytest

from tifo.api.breaks import BreakSchedule
from tifo.board.breaks import BreakBook
from tifo.board.view import BoardView
from tifo.services.control.service import BREAK_WORD_KEPT_S

SAMPLE = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="
"""A splice_insert of SCTE 35: event 0x4800008F, 60.293567 s."""


async def test_break_is_started_lengthened_and_given_back(cockpit, clock, control) -> None:
    clock.advance(30)
    now = clock.now()
    (started,) = (await cockpit.post("/v1/control/breaks", json={"duration_s": 30})).json()["breaks"]
    assert (started["state"], started["source"]) == ("announced", "operator")
    assert (started["starts_at"], started["ends_at"]) == (now + 4, now + 34)
    assert control.overview().breaks.next.id == started["id"]
    longer = await cockpit.put(f"/v1/control/breaks/{started['id']}", json={"duration_s": 40})
    assert [one["ends_at"] - now for one in longer.json()["breaks"]] == [34, 44]
    clock.advance(10)
    back = (await cockpit.delete(f"/v1/control/breaks/{started['id']}")).json()["breaks"]
    assert [(one["state"], one["ends_at"] - now) for one in back] == [("over", 10), ("off", 34)]
    again = (await cockpit.delete(f"/v1/control/breaks/{started['id']}")).json()["breaks"]
    assert again == back
    listed = (await cockpit.get("/v1/control/breaks")).json()["breaks"]
    assert {one["id"] for one in back} <= {one["id"] for one in listed}
    actions = [entry["action"] for entry in (await cockpit.get("/v1/control/audit")).json()["entries"]]
    assert actions == ["break-off", "break-return"]


async def test_cue_is_heard_once(cockpit, clock) -> None:
    clock.advance(30)
    body = {"scte35": SAMPLE, "starts_at": clock.now() + 10}
    (heard,) = (await cockpit.post("/v1/control/breaks", json=body)).json()["breaks"]
    assert (heard["source"], heard["announced_s"]) == ("cue", 60.294)
    assert (await cockpit.post("/v1/control/breaks", json=body)).json() == {"breaks": []}


async def test_break_is_of_the_usual_length_where_nobody_says(cockpit, clock) -> None:
    clock.advance(30)
    (started,) = (await cockpit.post("/v1/control/breaks", json={})).json()["breaks"]
    assert started["announced_s"] == 60


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", "", {"duration_s": 0.5}, (422, "invalid")),
        ("POST", "", {"duration_s": 3601}, (422, "invalid")),
        ("POST", "", {"starts_at": -1}, (422, "invalid")),
        ("POST", "", {"starts_at": 5}, (422, "invalid")),
        ("POST", "", {"scte35": "hello"}, (422, "invalid")),
        ("POST", "", {"length": 5}, (422, "invalid")),
        ("POST", "", {"duration_s": 200}, (409, "break-overlap")),
        ("PUT", "/none", {"duration_s": 20}, (404, "not-found")),
        ("PUT", "/none", {}, (422, "invalid")),
        ("DELETE", "/none", None, (404, "not-found")),
    ],
)
async def test_wrong_word_about_breaks_is_refused(cockpit, clock, method, path, body, problem) -> None:
    clock.advance(0 if body == {"duration_s": 200} else 30)
    answer = await cockpit.request(method, f"/v1/control/breaks{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == problem


async def test_every_node_has_the_same_book_until_its_words_are_forgotten(
    cockpit, board, view, clock
) -> None:
    other = BoardView(board, clock)
    book, here = (BreakBook(BreakSchedule(180, 20), one) for one in (other, view))
    clock.advance(30)
    (started,) = (await cockpit.post("/v1/control/breaks", json={"duration_s": 30})).json()["breaks"]
    await other.refresh()
    span = (clock.now() - 60, clock.now() + 600)
    assert book.between(*span) == here.between(*span)
    assert started["id"] in [one.id for one in book.between(*span)]
    clock.advance(4 + 30 + BREAK_WORD_KEPT_S)
    await other.refresh()
    assert book.find(started["id"]) is None
