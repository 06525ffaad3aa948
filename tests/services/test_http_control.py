"""What ads and control tell each other where they run apart: acts for the trail, and the books."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tifo.adapters.http.audit import HttpAuditNotes
from tifo.adapters.http.billed import HttpBilled
from tifo.api.billing import Billed, BilledAnswer, ItemBilled
from tifo.api.control import AuditEntry
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.ads import billed_routes
from tifo.serving.responders import application
from tifo.serving.routes import Listener
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing

ACT = AuditEntry("2026-06-11T20:00:00Z", "ada", "ad-inventory", "inventory", "revision 1")
ITEM = ItemBilled("brew", 4, 3, 3, 2, 2, 1, 0, 1, 0, 0, 0.75, "summer", 2_450, 73_500)


class Counted(Billed):
    """Has one line item, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, bool]] = []

    async def billed(self, event: str, hours: int, *, lines: bool) -> BilledAnswer:
        self.asked.append((event, hours, lines))
        if event == "all":
            raise Refusal("invalid", "These are too many.")
        return BilledAnswer((ITEM,), (), ())


@pytest.fixture
def books() -> Counted:
    return Counted()


@pytest.fixture
async def there(books: Counted) -> AsyncIterator[HttpBilled]:
    handlers = billed_routes.handlers(books)
    app = application(Listener.OPERATORS, billed_routes.ROUTES, handlers, RequestMetrics(), Tracing("", "t"))
    there = HttpBilled("http://ads", "")
    there._peer._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ads")
    yield there
    await there.close()


async def test_act_on_another_port_is_noted_when_it_is_told(cockpit: httpx.AsyncClient, told) -> None:
    notes = HttpAuditNotes("http://control", "")
    notes._peer._client = cockpit
    await notes.note(ACT)
    (entry,) = (await cockpit.get("/v1/control/audit")).json()["entries"]
    assert {name: entry[name] for name in ("operator", "action", "target", "detail")} == {
        "operator": "ada", "action": "ad-inventory", "target": "inventory", "detail": "revision 1",
    }  # fmt: skip
    assert entry["at"] != ACT.at
    assert await told() == []  # whoever did it has told the event log


async def test_note_that_does_not_read_is_refused(cockpit: httpx.AsyncClient) -> None:
    assert (await cockpit.post("/v1/control/audit", json={"operator": "ada"})).status_code == 422


async def test_control_that_is_gone_is_unavailable() -> None:
    nowhere = HttpAuditNotes("http://127.0.0.1:9", "")
    with pytest.raises(Unavailable):
        await nowhere.note(ACT)
    await nowhere.close()


async def test_books_are_read_there(there: HttpBilled, books: Counted) -> None:
    assert (await there.billed("final", 3, lines=False)).line_items == (ITEM,)
    assert await there.billed("", 24, lines=True)
    assert books.asked == [("final", 3, False), ("", 24, True)]


async def test_what_they_refuse_is_refused_here(there: HttpBilled) -> None:
    with pytest.raises(Refusal, match="too many"):
        await there.billed("all", 24, lines=False)
