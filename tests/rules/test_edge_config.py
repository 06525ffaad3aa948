import json
import re
from pathlib import Path

import msgspec
import pytest

from tifo.edge import binary
from tifo.edge.application import Application, ApplicationEdge, application_config
from tifo.edge.cdn import LocalCdn, cdn_config
from tifo.edge.front import Front, Service, front_config
from tifo.edge.problems import local_replies
from tifo.edge.routes import UNREAD_BODY_BYTES_MAX
from tifo.edge.settings import AccessLog, ClientRate, EdgeSettings
from tifo.edge.shapes import BEARER, PATH_TOKEN
from tifo.kernel.errors import CODES
from tifo.kernel.hosts import is_loopback
from tifo.kernel.limits import TOKEN_LENGTH_MAX
from tifo.serving.routes import Credential, Route

BUFFER, RATE = "envoy.filters.http.buffer", "envoy.filters.http.local_ratelimit"
PAGES = (Route("pages.watch", "GET", "/watch/{event}", ""),)
FOLDERS = (Route("pages.assets", "GET", "/assets/", ""),)
SESSIONS = (
    Route("sessions.start", "POST", "/v1/sessions", "", Credential.ACCESS, body_bytes_max=8192),
    Route("sessions.heartbeat", "POST", "/v1/sessions/{session}/heartbeat", "", Credential.PLAYBACK),
    Route("steering.manifest", "GET", "/v1/steering/{token}", "", Credential.PATH),
)
CONTROL = (
    Route("control.overview", "GET", "/v1/control/overview", "", Credential.OPERATOR),
    Route("control.stream", "GET", "/v1/control/stream", "", Credential.OPERATOR, media="text/event-stream"),
)


def application(routes=SESSIONS, **more):
    return Application("package.module:viewers", routes, **more)


def edge(viewers=None, operators=None, **settings):
    return application_config(
        ApplicationEdge(EdgeSettings(**settings), Path("/run/admin.sock"), viewers, operators)
    )


def manager(config, name):
    listeners = config["static_resources"]["listeners"]
    (found,) = [each for each in listeners if each["name"] == name]
    return found["filter_chains"][0]["filters"][0]["typed_config"]


def routes(config, name="viewers"):
    return manager(config, name)["route_config"]["virtual_hosts"][0]["routes"]


def filter_names(config, name="viewers"):
    return [each["name"] for each in manager(config, name)["http_filters"]]


def served(config, name="viewers"):
    return [route for route in routes(config, name) if "non_forwarding_action" in route or "route" in route]


def test_a_listener_stands_only_for_an_application():
    names = [
        [each["name"] for each in edge(viewers, operators)["static_resources"]["listeners"]]
        for viewers, operators in (
            (application(), None),
            (None, application(CONTROL)),
            (application(), application()),
        )
    ]
    assert names == [["viewers"], ["operators"], ["viewers", "operators"]]


def test_python_answers_no_refusal():
    refusals = [route for route in routes(edge(application())) if "direct_response" in route]
    assert {route["direct_response"]["status"] for route in refusals} == {401, 404, 405}
    assert all(route["typed_per_filter_config"]["pyvoy"]["disabled"] for route in refusals)


def test_the_route_of_running_viewers_is_tried_first():
    assert [route["name"] for route in served(edge(application()))[:2]] == [
        "sessions.heartbeat",
        "steering.manifest",
    ]


def test_everything_else_is_refused_last():
    assert routes(edge(application()))[-1]["direct_response"]["status"] == 404


def test_every_route_has_a_body_limit():
    limits = {
        route["name"]: route["typed_per_filter_config"][BUFFER]["buffer"]["max_request_bytes"]
        for route in served(edge(application()))
        if route["name"] != "preflight"
    }
    assert limits["sessions.start"] == 8192
    assert limits["sessions.heartbeat"] == UNREAD_BODY_BYTES_MAX


def test_an_unlimited_route_is_outside_of_the_rate_limit():
    config = edge(application(unlimited=frozenset({"steering.manifest"})))
    outside = [route["name"] for route in routes(config) if RATE in route.get("typed_per_filter_config", {})]
    assert outside == ["steering.manifest"]


def test_a_rate_of_zero_is_no_limit():
    assert RATE in filter_names(edge(application()))
    assert RATE not in filter_names(edge(application(), rate=ClientRate(requests_per_s=0)))


@pytest.mark.parametrize(
    ("host", "asked"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("edge.example", True)],
)
def test_operators_carry_a_token_outside_of_loopback(host, asked):
    config = edge(operators=application(CONTROL), operator_host=host)
    refused = [
        route for route in routes(config, "operators") if route.get("direct_response") == {"status": 401}
    ]
    assert bool(refused) is asked
    assert is_loopback(host) is not asked


def test_a_listener_with_an_event_stream_does_not_cut_it():
    config = edge(application(), application(CONTROL))
    duration = "max_stream_duration"
    assert duration in manager(config, "viewers")["common_http_protocol_options"]
    assert duration not in manager(config, "operators")["common_http_protocol_options"]


def test_listed_origins_are_repeated_and_the_answer_varies():
    config = edge(application(), cors_origins=("https://tv.example",))
    assert filter_names(config)[:2] == ["envoy.filters.http.header_mutation", "envoy.filters.http.cors"]
    mutations = manager(config, "viewers")["http_filters"][0]["typed_config"]["mutations"][
        "response_mutations"
    ]
    assert mutations[0]["append"]["header"] == {"key": "vary", "value": "origin"}


@pytest.mark.parametrize("text", ["Bearer a.b.c", "bearer a-_9.b.c"])
def test_the_shape_of_a_bearer_token(text):
    assert re.fullmatch(BEARER, text)


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer a.b", "Bearer a.b.c.d", "Bearer a.b.c ", "Basic a.b.c", "Bearer a.b.c="]
)
def test_other_shapes_are_no_bearer_token(text):
    assert not re.fullmatch(BEARER, text)


def test_the_longest_token_in_a_path_is_within_the_limit_of_tokens():
    bounds = [int(most) for most in re.findall(r"\{\d+,(\d+)\}", PATH_TOKEN)]
    assert sum(bounds) + 2 <= TOKEN_LENGTH_MAX
    assert re.fullmatch(PATH_TOKEN, ".".join("a" * most for most in bounds))
    assert not re.fullmatch(PATH_TOKEN, ".".join("a" * (most + 1) for most in bounds))


def test_refusals_have_the_titles_of_the_services():
    for mapper in local_replies(cors=True)["mappers"]:
        document = mapper["body_format_override"]["json_format"]
        assert document["title"] == CODES[document["code"]].title
        assert document["status"] == mapper["status_code"]


def test_no_log_is_written_without_a_path():
    assert manager(edge(application()), "viewers")["access_log"] == []


def test_a_sampled_log_keeps_every_failure():
    config = edge(application(), access_log=AccessLog("/dev/stdout", sample_percent=1.0))
    failed, drawn = manager(config, "viewers")["access_log"][0]["filter"]["or_filter"]["filters"]
    assert failed["status_code_filter"]["comparison"]["value"]["default_value"] == 500
    assert drawn["runtime_filter"]["percent_sampled"] == {"numerator": 10_000, "denominator": "MILLION"}


def test_no_log_field_holds_an_address_or_a_credential():
    config = edge(application(), access_log=AccessLog("/dev/stdout"))
    text = json.dumps(manager(config, "viewers")["access_log"]).lower()
    for word in ("path)", "path(", "authorization", "query", "referer", "cookie"):
        assert word not in text


def test_settings_refuse_what_they_do_not_know():
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"limits": {"headers_kb": 1}}, EdgeSettings)


def cdn(folder, **changes):
    base = {"id": "cdn-a", "host": "127.0.0.1", "port": 8081, "origin_host": "127.0.0.1", "origin_port": 8085}
    places = {"cache_folder": folder, "cache_bytes_max": 1_000_000, "admin_socket": folder / "admin.sock"}
    return LocalCdn(**{**base, **places, "keys": {"k1": b"s" * 32, "k2": b"t" * 32}, **changes})


def test_a_cdn_has_every_key_and_only_hmac(tmp_path):
    (jwt,) = [
        each for each in manager(cdn_config(cdn(tmp_path)), "cdn-a")["http_filters"] if "jwt" in each["name"]
    ]
    provider = jwt["typed_config"]["providers"]["viewers"]
    keys = json.loads(provider["local_jwks"]["inline_string"])["keys"]
    assert [(key["kid"], key["kty"], key["alg"]) for key in keys] == [
        ("k1", "oct", "HS256"),
        ("k2", "oct", "HS256"),
    ]
    assert provider["audiences"] == ["cdn-a"]
    assert provider["require_expiration"] is True


def test_a_token_is_checked_before_the_cache(tmp_path):
    names = filter_names(cdn_config(cdn(tmp_path)), "cdn-a")
    order = ["take-token", "envoy.filters.http.jwt_authn", "check-prefix", "envoy.filters.http.cache"]
    assert [name for name in names if name in order] == order


def front(**more):
    services = (
        Service("sessions", (("sessions.tifo", 8080),), SESSIONS),
        Service("pages", (("pages.tifo", 80),), PAGES, FOLDERS, **more),
    )
    return front_config(Front(EdgeSettings(), services, Path("/run/admin.sock")))


def test_each_route_goes_to_the_service_that_has_it():
    owners = {route["name"]: route["route"]["cluster"] for route in routes(front()) if "route" in route}
    assert owners == {
        "sessions.start": "sessions",
        "sessions.heartbeat": "sessions",
        "steering.manifest": "sessions",
        "pages.watch": "pages",
        "pages.assets": "pages",
    }


def test_what_reached_a_process_is_tried_again_only_where_twice_does_no_harm():
    forwarded = [one for one in served(front()) if "route" in one]
    tried = {one["name"]: one["route"]["retry_policy"]["retry_on"].split(",") for one in forwarded}
    assert "reset" not in tried["sessions.start"]
    assert "reset" in tried["sessions.heartbeat"]
    assert [name for name, when in tried.items() if "retriable-status-codes" in when] == [
        one["name"]
        for one in forwarded
        if one["match"]["headers"][0] == {"name": ":method", "string_match": {"exact": "GET"}}
    ]


def test_running_viewers_have_a_pool_of_their_own():
    priorities = {route["name"]: route["route"]["priority"] for route in routes(front()) if "route" in route}
    assert priorities["sessions.heartbeat"] == priorities["steering.manifest"] == "HIGH"
    assert priorities["sessions.start"] == priorities["pages.watch"] == "DEFAULT"


def test_health_checks_are_off_until_a_path_is_given():
    assert all("health_checks" not in each for each in front()["static_resources"]["clusters"])
    checked = front(health_path="/healthz")["static_resources"]["clusters"][1]
    assert checked["health_checks"][0]["http_health_check"] == {"path": "/healthz"}


def test_a_configuration_is_the_owners_alone_and_replaced_whole(tmp_path):
    path = tmp_path / "envoy.json"
    binary.write_config({"a": 1}, path)
    binary.write_config({"a": 2}, path)
    assert json.loads(path.read_text()) == {"a": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["envoy.json"]


def test_a_configuration_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "envoy.json"
    binary.write_config({"a": 1}, path)
    with pytest.raises(TypeError):
        binary.write_config({"a": object()}, path)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["envoy.json"]
