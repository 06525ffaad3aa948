"""Bodies that are not as they should be: a 4xx problem with a stable code, and nothing half done."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from players import Platform, bearer, problem, refused

pytestmark = pytest.mark.system

LONG = "x" * 65

START: dict[str, Any] = {"event": "demo", "device": {"id": "sofa", "kind": "tv"}}
BAD_IDS: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "too long": LONG,
    "a number": 7,
    "null in place": "null",
    "a list": ["demo"],
    "spaces": "de mo",
    "a path": "../demo",
    "a line feed": "demo\n",
    "not ASCII": "démo",
    "a zero": "de\0mo",
}


def without(body: dict[str, Any], *path: str, value: Any = None) -> dict[str, Any]:
    """The body with one field changed, or taken out."""
    name, *rest = path
    changed = dict(body)
    if rest:
        changed[name] = without(body.get(name, {}), *rest, value=value)
    elif value is None:
        changed.pop(name, None)
    else:
        changed[name] = None if value == "null" else value
    return changed


def starts() -> dict[str, dict[str, Any]]:
    """Bodies of a start, each bad in one field."""
    bodies = {f"event {why}": without(START, "event", value=value) for why, value in BAD_IDS.items()}
    bodies |= {f"device id {why}": without(START, "device", "id", value=v) for why, v in BAD_IDS.items()}
    bodies |= {
        f"end {why}": without(START, "end", value=v) for why, v in BAD_IDS.items() if v not in (None, "null")
    }
    return bodies | {
        "device missing": {"event": "demo"},
        "device a text": {**START, "device": "sofa"},
        "kind missing": without(START, "device", "kind"),
        "kind unknown": without(START, "device", "kind", value="toaster"),
        "kind a number": without(START, "device", "kind", value=1),
        "take-over too long": {**START, "takeover": "a" * 33},
        "take-over of other letters": {**START, "takeover": "A-b"},
        "take-over a number": {**START, "takeover": 1},
        "unknown field": {**START, "colour": "red"},
        "unknown field of the device": {**START, "device": {"id": "a", "kind": "tv", "colour": "red"}},
    }


def test_a_bad_field_of_a_start_is_named(platform: Platform) -> None:
    access = platform.log_in(platform.new_account())
    for why, body in starts().items():
        answer = platform.viewers("POST", "/v1/sessions", json=body, headers=bearer(access))
        said = problem(answer)
        assert (said["status"], said["code"]) == (422, "invalid"), (why, said)
        assert said["detail"], why
    account = access and platform.operators.get("/v1/control/sessions").json()
    assert all(one["device"]["id"] != LONG for one in account["sessions"])


def test_a_bad_field_of_a_log_in_is_refused(platform: Platform) -> None:
    for why, value in BAD_IDS.items():
        answer = platform.viewers(
            "POST", "/v1/dev/login", json=without({"account": "demo"}, "account", value=value)
        )
        assert refused(answer) == (422, "invalid"), why
    answer = platform.viewers("POST", "/v1/dev/login", json={"account": "demo", "admin": True})
    assert refused(answer) == (422, "invalid")


def test_a_bad_field_of_an_operators_call_is_refused(platform: Platform) -> None:
    kick, pathway = "/v1/control/sessions/ses_x/kick", "/v1/control/pathways/cdn-a"
    for method, path, body in (
        ("POST", kick, {"reason": "x" * 201}),
        ("POST", kick, {"reason": 1}),
        ("POST", kick, {"why": "x"}),
        ("PUT", pathway, {}),
        ("PUT", pathway, {"state": "sideways"}),
        ("PUT", pathway, {"state": True}),
        ("PUT", pathway, {"state": "out", "for": 5}),
    ):
        assert refused(platform.operators(method, path, json=body)) == (422, "invalid"), body
    assert {one["state"] for one in platform.overview()["pathways"]} == {"in"}
    for limit in ("abc", "-1", "1.5", "99999", ""):
        answer = platform.operators.get("/v1/control/sessions", params={"limit": limit})
        assert answer.status_code == 200 if limit == "" else refused(answer) == (422, "invalid"), limit


Ask = Callable[[str, bytes], httpx.Response]


def bodies_of(platform: Platform) -> dict[str, Ask]:
    """Every operation that reads JSON, as a function of media type and body."""
    access = platform.log_in(platform.new_account())

    def viewers(path: str, **headers: str) -> Ask:
        return lambda media, body: platform.viewers(
            "POST", path, content=body, headers={"content-type": media, **headers}
        )

    def operators(method: str, path: str) -> Ask:
        return lambda media, body: platform.operators(
            method, path, content=body, headers={"content-type": media}
        )

    return {
        "login": viewers("/v1/dev/login"),
        "start": viewers("/v1/sessions", **bearer(access)),
        "kick": operators("POST", "/v1/control/sessions/ses_x/kick"),
        "pathway": operators("PUT", "/v1/control/pathways/cdn-a"),
        "traffic": operators("POST", "/v1/control/traffic"),
    }


NOT_JSON = {
    "nothing": b"",
    "a word": b"demo",
    "half": b'{"account":',
    "single quotes": b"{'account': 'demo'}",
    "not UTF-8": b'{"account":"\xff"}',
    "two values": b'{"account":"demo"}{}',
    "deep": b'{"a":' * 4000,
}
OTHER_JSON = {"null": b"null", "a list": b"[]", "a number": b"1", "a text": b'"demo"'}


def test_a_body_that_is_not_json_is_refused(platform: Platform) -> None:
    for name, ask in bodies_of(platform).items():
        for why, body in NOT_JSON.items():
            status, code = refused(ask("application/json", body))
            assert (status, code) in {(400, "bad-request"), (422, "invalid"), (413, "too-large")}, (name, why)
        for why, body in OTHER_JSON.items():
            assert refused(ask("application/json", body)) == (422, "invalid"), (name, why)


def test_a_body_of_another_media_type_is_refused(platform: Platform) -> None:
    for name, ask in bodies_of(platform).items():
        for media in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
            assert refused(ask(media, b"{}")) == (415, "unsupported-media-type"), (name, media)


def test_a_body_that_is_too_large_is_refused(platform: Platform) -> None:
    for name, ask in bodies_of(platform).items():
        answer = ask("application/json", b'{"account":"' + b"x" * 9000 + b'"}')
        assert refused(answer) == (413, "too-large"), name


def test_a_body_where_none_is_read_changes_nothing(platform: Platform) -> None:
    player = platform.player()
    path = f"{player.path}/heartbeat"
    answer = platform.viewers("POST", path, content=b"x" * 100, headers=bearer(player.token))
    assert answer.status_code == 200
    answer = platform.viewers("POST", path, content=b"x" * 5000, headers=bearer(player.token))
    assert refused(answer) == (413, "too-large")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/sessions"),
        ("GET", "/v1/sessions"),
        ("DELETE", "/v1/events"),
        ("POST", "/v1/events/demo"),
        ("PATCH", "/v1/cmcd"),
    ],
)
def test_another_method_is_refused_and_told_which_there_are(
    platform: Platform, method: str, path: str
) -> None:
    answer = platform.viewers(method, path)
    assert refused(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/v2/sessions", "/v1", "/v1/playback/x", "/.env", "/v1/sessions/x/y", "/assets/none.js"]
)
def test_an_address_that_is_not_there_is_not_found(platform: Platform, path: str) -> None:
    assert refused(platform.viewers.get(path)) == (404, "not-found")
