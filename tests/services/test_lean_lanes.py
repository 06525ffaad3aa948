"""Routes that are called past the framework: to a client they are as any other."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tifo.kernel.errors import Refusal
from tifo.serving.responders import application
from tifo.serving.routes import Lean, LeanAnswer, LeanRequest, Listener, Route
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing


async def beat(request: LeanRequest) -> LeanAnswer:
    if request.parameters == ("broken",):
        raise RuntimeError("the secret text of an error")
    if request.parameters == ("refused",):
        raise Refusal("kicked", "Rights.")
    said = request.get_header("X-Said") or ""
    found = " ".join(request.parameters)
    body = f"{request.method} {found} {said} {request.query.decode()}"
    return LeanAnswer([(b"content-type", b"text/plain")], body.encode())


async def end(req, resp, session: str) -> None:
    resp.text = f"plain {session}"


ROUTES = (
    Route(name="beat", method="POST", path="/s/{session}/beat", summary="beat"),
    Route(name="end", method="DELETE", path="/s/{session}", summary="end"),
)


@pytest.fixture
def counted() -> RequestMetrics:
    return RequestMetrics()


@pytest.fixture
async def client(counted: RequestMetrics) -> AsyncIterator[httpx.AsyncClient]:
    handlers = {"beat": Lean(beat), "end": end}
    app = application(Listener.VIEWERS, ROUTES, handlers, counted, Tracing("", "test"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo") as client:
        yield client


async def test_lean_route_gets_parameter_headers_and_query(client: httpx.AsyncClient) -> None:
    answer = await client.post("/s/ses%5F1/beat?a=1&b=%20", headers={"X-Said": "hi"})
    assert (answer.status_code, answer.text) == (200, "POST ses_1 hi a=1&b=%20")
    assert int(answer.headers["Content-Length"]) == len(answer.content)


async def test_route_beside_a_lean_one_goes_through_the_framework(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/s/ses_1")).text == "plain ses_1"


@pytest.mark.parametrize("path", ["/s//beat", "/s/a/b/beat", "/s/a/beat/", "/t/a/beat", "/s/a/beats"])
async def test_address_that_only_looks_lean_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path)).json()["code"] == "not-found"


async def test_refusal_is_the_same_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.post("/s/refused/beat", headers={"X-Request-Id": "abc"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (410, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json()
    assert (document["code"], document["detail"], document["request_id"]) == ("kicked", "Rights.", "abc")


async def test_internal_error_hides_its_text_and_is_logged(client: httpx.AsyncClient, logged) -> None:
    answer = await client.post("/s/broken/beat")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert [entry["event"] for entry in logged] == ["request.failed"]
    logged.clear()


async def test_requests_are_counted(client: httpx.AsyncClient, counted: RequestMetrics) -> None:
    for session in ("a", "b", "refused"):
        await client.post(f"/s/{session}/beat")
    (report,) = counted.report(1.0)
    assert (report.route, report.requests_per_s, report.errors_per_s) == ("beat", 3.0, 0.0)


async def test_other_method_is_told_which_one_the_address_takes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/s/ses_1/beat")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


def test_lean_route_without_a_parameter_is_refused_when_it_is_made(counted: RequestMetrics) -> None:
    none = (Route(name="beat", method="POST", path="/beat", summary="beat"),)
    with pytest.raises(ValueError, match="has a parameter"):
        application(Listener.VIEWERS, none, {"beat": Lean(beat)}, counted, Tracing("", "test"))


@pytest.mark.parametrize(
    ("path", "answered"),
    [("/a/b/c/d", "POST b d  "), ("/a/b/c/d/", ""), ("/a/b/x/d", ""), ("/a//c/d", ""), ("/a/b/c/", "")],
)
async def test_lean_route_may_have_several_parameters(
    counted: RequestMetrics, path: str, answered: str
) -> None:
    two = (Route(name="beat", method="POST", path="/a/{one}/c/{two}", summary="beat"),)
    app = application(Listener.VIEWERS, two, {"beat": Lean(beat)}, counted, Tracing("", "test"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo") as client:
        answer = await client.post(path)
    assert answer.text == answered if answered else answer.json()["code"] == "not-found"
