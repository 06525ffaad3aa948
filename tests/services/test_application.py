"""The application of a listener in process: what every answer and every refusal looks like."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from tifo.kernel.errors import CODES, PROBLEM_TYPES, Refusal, Unavailable
from tifo.serving import health, metrics, pages
from tifo.serving.bodies import bearer, read_json, session_query
from tifo.serving.guard import operators_only
from tifo.serving.responders import application
from tifo.serving.routes import Handler, Listener, Route
from tifo.telemetry.requests import RequestMetrics
from tifo.telemetry.tracing import Tracing

TOKEN = "operator-token-of-more-than-32-characters"


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    count: int = 0


async def echo(req, resp) -> None:
    body = await read_json(req, Body, 64)
    resp.data = msgspec.json.encode(body)
    resp.content_type = "application/json"


async def refuse(req, resp) -> None:
    raise Refusal("stream-limit", "Too many.", members={"limit": 2}, retry_after_s=7)


async def unavailable(req, resp) -> None:
    raise Unavailable("eventlog", "disk full at /secret")


async def broken(req, resp) -> None:
    raise RuntimeError("the secret text of an error")


async def who(req, resp) -> None:
    resp.text = bearer(req)


async def query(req, resp) -> None:
    resp.data = msgspec.json.encode(session_query(req))


async def named(req, resp, name: str) -> None:
    resp.text = name


HANDLERS: dict[str, Handler] = {
    "echo": echo, "refuse": refuse, "unavailable": unavailable, "broken": broken, "who": who, "query": query,
    "named": named,
}  # fmt: skip
ROUTES = (
    Route(name="named", method="GET", path="/named/{name}", summary="named"),
    Route(name="echo", method="POST", path="/echo", summary="echo"),
    *(
        Route(name=name, method="GET", path=f"/{name}", summary=name)
        for name in HANDLERS.keys() - {"echo", "named"}
    ),
)

Client = httpx.AsyncClient


@pytest.fixture
def counted() -> RequestMetrics:
    return RequestMetrics()


def served(listener: Listener, routes, handlers, counted: RequestMetrics) -> Client:
    app = application(listener, routes, handlers, counted, Tracing("", "test"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tifo")


@pytest.fixture
async def client(counted: RequestMetrics) -> AsyncIterator[Client]:
    async with served(Listener.VIEWERS, ROUTES, HANDLERS, counted) as client:
        yield client


def problem(answer: httpx.Response, code: str) -> dict[str, object]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    document: dict[str, object] = answer.json()
    assert answer.status_code == CODES[code].status == document["status"]
    assert (document["code"], document["type"]) == (code, PROBLEM_TYPES + code)
    assert document["title"] == CODES[code].title
    return document


async def test_refusal_is_a_problem_document_with_its_members(client: Client) -> None:
    answer = await client.get("/refuse")
    document = problem(answer, "stream-limit")
    assert (document["detail"], document["limit"]) == ("Too many.", 2)
    assert answer.headers["Retry-After"] == "7"


async def test_request_id_is_quoted(client: Client) -> None:
    answer = await client.get("/refuse", headers={"X-Request-Id": "abc"})
    assert answer.json()["request_id"] == "abc"
    assert "request_id" not in (await client.get("/refuse")).json()


async def test_part_that_is_not_available_keeps_its_why_inside(client: Client) -> None:
    answer = await client.get("/unavailable")
    assert problem(answer, "unavailable")["detail"] == "eventlog is not available"
    assert "secret" not in answer.text
    assert answer.headers["Retry-After"] == "1"


async def test_internal_error_hides_its_text_and_is_logged(client: Client, logged) -> None:
    answer = await client.get("/broken", headers={"X-Request-Id": "abc"})
    problem(answer, "internal")
    assert "secret" not in answer.text
    (entry,) = logged
    assert (entry["event"], entry["route"], entry["request_id"]) == ("request.failed", "broken", "abc")
    logged.clear()


@pytest.mark.parametrize("path", ["/", "/nowhere", "/echo/x", "/named/a/b", "/%00", "/ECHO"])
async def test_unknown_address_is_said(client: Client, path: str) -> None:
    problem(await client.get(path), "not-found")


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/echo"), ("GET", "/echo"), ("PUT", "/refuse")])
async def test_method_that_an_address_does_not_take_is_said_with_those_it_does(
    client: Client, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    problem(answer, "method-not-allowed")
    assert ("POST" if path == "/echo" else "GET") in answer.headers["Allow"]


async def test_method_that_is_none_is_refused(client: Client) -> None:
    problem(await client.request("BREW", "/echo"), "bad-request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad-request"),
        (b"{", "bad-request"),
        (b'{"name": "\xff"}', "bad-request"),
        (b"[]", "invalid"),
        (b"{}", "invalid"),
        (b'{"name": 7}', "invalid"),
        (b'{"name": "a", "count": "x"}', "invalid"),
        (b'{"name": "a", "other": 1}', "invalid"),
        (b'{"name": "' + b"x" * 64 + b'"}', "too-large"),
        (b"[" * 60, "invalid"),
    ],
)
async def test_body_that_is_not_what_it_should_be_is_refused(client: Client, body: bytes, code: str) -> None:
    answer = await client.post("/echo", content=body, headers={"Content-Type": "application/json"})
    assert problem(answer, code)["detail"]


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b" "


async def test_body_without_a_length_is_bounded_too(client: Client) -> None:
    answer = await client.post("/echo", content=in_pieces(65), headers={"Content-Type": "application/json"})
    problem(answer, "too-large")


@pytest.mark.parametrize(
    "media", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_body_of_another_media_type_is_refused(client: Client, media: str | None) -> None:
    headers = {} if media is None else {"Content-Type": media}
    problem(await client.post("/echo", content=b'{"name":"a"}', headers=headers), "unsupported-media-type")


@pytest.mark.parametrize("media", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_is_taken(client: Client, media: str) -> None:
    answer = await client.post("/echo", content=b'{"name":"\xc3\xa9"}', headers={"Content-Type": media})
    assert answer.json() == {"name": "é", "count": 0}


async def test_length_that_is_no_number_is_refused_without_an_error_in_the_log(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "many"}
    problem(await client.post("/echo", content=b"{}", headers=headers), "bad-request")


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", ""),
        ("Bearer", ""),
        ("abc", ""),
        (None, ""),
    ],
)
async def test_bearer_token_is_read(client: Client, header: str | None, token: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    assert (await client.get("/who", headers=headers)).text == token


async def test_session_query_is_read_and_bounded(client: Client) -> None:
    answer = await client.get("/query", params={"account": "x" * 100, "event": "final", "limit": "7"})
    assert answer.json() == {"account": "x" * 64, "event": "final", "after": "", "limit": 7}


@pytest.mark.parametrize("limit", ["x", "-1", "1.5", "99999", "1e3"])
async def test_limit_that_is_no_number_is_refused(client: Client, limit: str) -> None:
    problem(await client.get("/query", params={"limit": limit}), "invalid")


async def test_parameter_of_a_path_is_decoded(client: Client) -> None:
    assert (await client.get("/named/caf%C3%A9%20")).text == "café "


async def test_requests_are_counted_by_route_and_status(
    client: Client, counted: RequestMetrics, logged
) -> None:
    for path in ("/who", "/who", "/refuse", "/broken", "/nowhere"):
        await client.get(path)
    logged.clear()
    found = {one.route: (one.requests_per_s, one.errors_per_s) for one in counted.report(1.0)}
    assert found == {"who": (2, 0), "refuse": (1, 0), "broken": (1, 1), "unmatched": (1, 0)}


async def test_route_of_one_listener_is_not_on_the_other(counted: RequestMetrics) -> None:
    async with served(Listener.OPERATORS, ROUTES, HANDLERS, counted) as client:
        problem(await client.get("/who"), "not-found")


@pytest.mark.parametrize(
    ("header", "let_in"),
    [
        (f"Bearer {TOKEN}", True),
        (f"Bearer {TOKEN}x", False),
        ("Bearer ", False),
        ("Bearer é", False),
        (None, False),
    ],
)
async def test_operators_need_their_token(counted, header: str | None, let_in: bool) -> None:
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    async with served(Listener.VIEWERS, ROUTES, operators_only(HANDLERS, TOKEN), counted) as client:
        answer = await client.get("/named/x", headers=headers)
    if let_in:
        assert answer.text == "x"
    else:
        problem(answer, "bad-credentials")


async def test_without_an_operators_token_all_are_let_in(counted) -> None:
    async with served(Listener.VIEWERS, ROUTES, operators_only(HANDLERS, ""), counted) as client:
        for host in ("localhost:8090", "127.0.0.1", "[::1]:8090"):
            assert (await client.get("/named/x", headers={"host": host})).text == "x"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "192.0.2.7", ""])
async def test_without_an_operators_token_only_our_own_address_is_answered(counted, host: str) -> None:
    async with served(Listener.VIEWERS, ROUTES, operators_only(HANDLERS, ""), counted) as client:
        problem(await client.get("/named/x", headers={"host": host}), "foreign-page")


@pytest.mark.parametrize("token", ["", TOKEN])
async def test_page_of_another_origin_does_not_act_for_operators(counted, token: str) -> None:
    own, headers = "127.0.0.1:8090", {"host": "127.0.0.1:8090", "authorization": f"Bearer {TOKEN}"}
    async with served(Listener.VIEWERS, ROUTES, operators_only(HANDLERS, token), counted) as client:
        for origin in ("http://evil.example", "http://127.0.0.1:8080", "null"):
            problem(await client.get("/named/x", headers={**headers, "origin": origin}), "foreign-page")
        assert (await client.get("/named/x", headers={**headers, "origin": f"http://{own}"})).text == "x"


@pytest.fixture
async def common(counted: RequestMetrics, tmp_path: Path) -> AsyncIterator[Callable[[Listener], Client]]:
    readiness = health.Readiness([], [])
    handlers = {**health.handlers(readiness), **metrics.handlers(tmp_path / "envoy.sock")}
    await readiness.open()
    yield lambda listener: served(listener, health.ROUTES + metrics.ROUTES, handlers, counted)
    await readiness.close()


async def test_process_says_that_it_lives_on_both_ports(common) -> None:
    for listener in Listener:
        async with common(listener) as client:
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_process_that_needs_nobody_is_ready_once_it_asked(common) -> None:
    async with common(Listener.VIEWERS) as client:
        for _ in range(100):
            answer = await client.get("/readyz")
            if answer.status_code == 200:
                return
    raise AssertionError(answer.text)


async def test_process_whose_channel_does_not_answer_is_not_ready(counted) -> None:
    readiness = health.Readiness(["http://127.0.0.1:1/healthz"], [])
    async with served(Listener.VIEWERS, health.ROUTES, health.handlers(readiness), counted) as client:
        answer = await client.get("/readyz")
    problem(answer, "unavailable")
    assert answer.headers["Retry-After"] == "1"


async def test_metrics_are_shown_without_an_envoy_too(common) -> None:
    async with common(Listener.OPERATORS) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "tifo_session_starts" in answer.text


@pytest.fixture
async def paged(counted: RequestMetrics) -> AsyncIterator[Client]:
    files = {"index.html": b"<h1>home</h1>", "assets/app-1a2b.js": b"1", "assets/font.woff2": b"2"}
    built = {name: pages._page(name, body) for name, body in files.items()}
    handlers = pages._handlers(built, pages.VIEWER_PAGES, "pages.assets")
    async with served(Listener.VIEWERS, pages.VIEWER_ROUTES, handlers, counted) as client:
        yield client


async def test_page_is_asked_for_again_each_time_and_costs_nothing_when_it_is_the_same(paged: Client) -> None:
    first = await paged.get("/")
    assert (first.text, first.headers["Cache-Control"]) == ("<h1>home</h1>", "no-cache")
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    again = await paged.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_asset_is_kept_for_a_year(paged: Client) -> None:
    answer = await paged.get("/assets/app-1a2b.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "javascript" in answer.headers["Content-Type"]


@pytest.mark.parametrize("name", ["none.js", "..%2findex.html", "%2e%2e%2findex.html", "..%5cindex.html"])
async def test_asset_that_is_none_is_not_found(paged: Client, name: str) -> None:
    problem(await paged.get(f"/assets/{name}"), "not-found")


async def test_page_that_was_not_built_says_how_to(paged: Client) -> None:
    assert problem(await paged.get("/watch/final"), "unavailable")["detail"] == (
        "The pages are not built: run `make pages`."
    )
