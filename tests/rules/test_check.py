"""Whether settings are fit to start with: each reason against is a sentence."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tifo.check import ABOVE_ZERO, KEYS_OF, SHARES_OF_LOOP, refuse_unfit
from tifo.kernel.errors import SettingsError
from tifo.services.accounts.settings import OidcSettings
from tifo.settings import KeySet, KeysSettings, PathwaySettings, PeersSettings, Settings, StoresSettings
from tifo.workers.steering.settings import CdnTermsSettings

KEYS = KeySet("k1", {"k1": "5e" * 32})
EVERY = frozenset(
    ("accounts", "catalogue", "sessions", "video", "steering", "ads", "beacons", "control", "pages")
)
replace = msgspec.structs.replace


def pathway(name: str, **changes: object) -> PathwaySettings:
    return PathwaySettings(**{"id": name, "base_url": f"http://{name}", "keys": KEYS, **changes})  # type: ignore[arg-type]


@pytest.fixture
def fit() -> Settings:
    return Settings(
        keys=KeysSettings(playback=KEYS, access=KEYS, beacon=KEYS),
        pathways=(pathway("cdn-a"), pathway("cdn-b")),
    )


def problems(settings: Settings, services: frozenset[str] = EVERY) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        refuse_unfit(settings, services)
    return caught.value.problems


def within(settings: Any, path: str, value: object) -> Any:
    name, _, rest = path.partition(".")
    return replace(settings, **{name: within(getattr(settings, name), rest, value) if rest else value})


def test_fit_settings_are_let_through(fit: Settings) -> None:
    refuse_unfit(fit, EVERY)


@pytest.mark.parametrize("service", sorted(KEYS_OF))
def test_service_without_its_keys_is_told_how_to_make_them(fit: Settings, service: str) -> None:
    found = problems(replace(fit, keys=KeysSettings()), frozenset({service}))
    assert [one.partition(":")[0] for one in found] == sorted(f"keys.{name}" for name in KEYS_OF[service])
    assert all("openssl rand -hex 32" in one for one in found)


def test_keys_of_services_that_do_not_run_are_not_asked_for(fit: Settings) -> None:
    refuse_unfit(replace(fit, keys=KeysSettings()), frozenset({"catalogue", "beacons", "pages"}))


def test_key_that_is_too_short_is_named_and_not_shown(fit: Settings) -> None:
    short = KeySet("k1", {"k1": "ab" * 8})
    assert problems(replace(fit, keys=replace(fit.keys, playback=short))) == (
        "keys.playback.k1: 8 bytes, needs at least 32",
    )


def test_key_that_is_not_hexadecimal_is_named_and_not_shown(fit: Settings) -> None:
    assert problems(replace(fit, keys=replace(fit.keys, beacon=KeySet("k1", {"k1": "xy" * 32})))) == (
        "keys.beacon.k1: not hexadecimal",
    )


def test_current_key_that_is_not_there_is_named(fit: Settings) -> None:
    found = problems(replace(fit, keys=replace(fit.keys, access=KeySet("k2", KEYS.secrets))))
    assert found == ("keys.access: the current key 'k2' is not among its keys",)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "live.example"])
def test_dev_issuer_beyond_loopback_is_refused(fit: Settings, host: str) -> None:
    open_wide = within(within(fit, "accounts.dev_issuer", True), "edge.host", host)
    assert problems(open_wide) == (
        f"accounts.dev_issuer: anybody could log in as anybody at {host}; it is for loopback only",
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_dev_issuer_on_loopback_is_let_through(fit: Settings, host: str) -> None:
    refuse_unfit(within(within(fit, "accounts.dev_issuer", True), "edge.host", host), EVERY)


@pytest.mark.parametrize(("token", "refused"), [("", True), ("x" * 31, True), ("x" * 32, False)])
def test_operators_beyond_loopback_need_a_token(fit: Settings, token: str, refused: bool) -> None:
    public = within(within(fit, "edge.operator_host", "0.0.0.0"), "keys.operator_token", token)
    if not refused:
        refuse_unfit(public, EVERY)
        return
    (problem,) = problems(public)
    assert problem.startswith("keys.operator_token: operators reach 0.0.0.0 from elsewhere")


def test_worker_alone_needs_no_operators_token(fit: Settings) -> None:
    refuse_unfit(within(fit, "edge.operator_host", "0.0.0.0"), frozenset())


def test_single_pathway_is_refused_for_services_that_steer(fit: Settings) -> None:
    one = replace(fit, pathways=fit.pathways[:1])
    assert problems(one) == ("pathways: 1 set; players fail over only between two or more",)
    refuse_unfit(one, frozenset({"sessions"}))


def test_pathway_that_is_there_twice_is_named(fit: Settings) -> None:
    assert problems(replace(fit, pathways=(*fit.pathways, pathway("cdn-a")))) == (
        "pathways: cdn-a is there 2 times",
    )


@pytest.mark.parametrize("name", ["", "cdn a", "cdn/a", "é", "x" * 65, "cdn-a\n"])
def test_pathway_whose_id_no_player_could_read_is_refused(fit: Settings, name: str) -> None:
    (problem,) = problems(replace(fit, pathways=(*fit.pathways, pathway(name))))
    assert problem == f"pathways: {name!r} is no pathway id; use letters, digits and . _ -"


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weight_that_shares_nothing_is_refused(fit: Settings, weight: float) -> None:
    (problem,) = problems(replace(fit, pathways=(*fit.pathways, pathway("cdn-c", weight=weight))))
    assert problem == f"pathways.cdn-c.weight: {weight}; it is above 0; operators take a CDN out"


def test_pathway_without_a_key_is_named(fit: Settings) -> None:
    (problem,) = problems(replace(fit, pathways=(*fit.pathways, pathway("cdn-c", keys=KeySet()))))
    assert problem.startswith("keys.pathways.cdn-c: ")


@pytest.mark.parametrize("path", ABOVE_ZERO)
@pytest.mark.parametrize("value", [0, -1])
def test_number_that_must_be_above_zero_is_named(fit: Settings, path: str, value: int) -> None:
    assert f"{path}: {value}; it is above 0" in problems(within(fit, path, value))


@pytest.mark.parametrize("jitter", [-0.1, 1.0, float("nan")])
def test_jitter_is_a_share(fit: Settings, jitter: float) -> None:
    (problem,) = problems(within(fit, "steering.ttl_jitter", jitter))
    assert problem.startswith(f"steering.ttl_jitter: {jitter}")


def test_renewal_leaves_time_for_another_try(fit: Settings) -> None:
    refuse_unfit(within(fit, "video.renew_s", 300), EVERY)
    (problem,) = problems(within(fit, "video.renew_s", 301))
    assert problem.startswith("video.renew_s: 301; at most half of renewed_ttl_s, 600")


@pytest.mark.parametrize(("every", "lasts"), [(60, 60), (60, 0), (60, -5), (10, 20)])
def test_break_ends_before_the_next(fit: Settings, every: int, lasts: int) -> None:
    crowded = within(within(fit, "channel.break_every_s", every), "channel.break_duration_s", lasts)
    (problem,) = problems(crowded)
    assert problem.startswith(f"channel.break_duration_s: {lasts}")


def test_channel_without_breaks_may_say_any_duration(fit: Settings) -> None:
    refuse_unfit(within(within(fit, "channel.break_every_s", 0), "channel.break_duration_s", 20), EVERY)


def test_break_may_be_asked_for_once_it_is_announced(fit: Settings) -> None:
    (problem,) = problems(within(fit, "channel.break_notice_s", 121))
    assert problem == "ads.early_s: 120; players ask for a break once it is announced, 121 s ahead"


def test_log_level_that_is_none_is_named(fit: Settings) -> None:
    assert problems(within(fit, "telemetry.log_level", "loud")) == (
        "telemetry.log_level: 'loud'; one of debug, info, warning, error",
    )


def test_server_that_is_none_is_named(fit: Settings) -> None:
    assert problems(replace(fit, server="nginx")) == ("server: 'nginx'; one of pyvoy, granian",)


@pytest.mark.parametrize(("lease_s", "refused"), [(14, True), (15, False)])
def test_lease_lasts_three_heartbeats(fit: Settings, lease_s: int, refused: bool) -> None:
    settings = within(fit, "sessions.lease_s", lease_s)
    if refused:
        (problem,) = problems(settings)
        assert problem.startswith("sessions.lease_s: 14 s with a heartbeat every 5 s")
    else:
        refuse_unfit(settings, EVERY)


def test_stream_limit_lets_somebody_watch(fit: Settings) -> None:
    assert problems(within(fit, "sessions.stream_limit", 0)) == ("sessions.stream_limit: 0; at least 1",)


OIDC = OidcSettings(issuer="https://login.example", audience="tifo")


def outside(fit: Settings, **changes: object) -> Settings:
    return within(fit, "accounts.oidc", replace(OIDC, **changes))


def test_login_provider_that_is_fit_is_let_through(fit: Settings) -> None:
    refuse_unfit(outside(fit), EVERY)
    refuse_unfit(outside(fit, issuer="http://127.0.0.1:9000", jwks_uri="http://localhost:9000/keys"), EVERY)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"issuer": ""}, "issuer: empty"),
        ({"audience": ""}, "audience: empty"),
        ({"issuer": "http://login.example"}, "issuer: http://login.example would be asked in the clear"),
        ({"issuer": "login.example"}, "issuer: 'login.example' is no address"),
        ({"jwks_uri": "http://login.example/keys"}, "jwks_uri: http://login.example/keys would be asked"),
        ({"jwks_uri": "file:///keys"}, "jwks_uri: 'file:///keys' is no address"),
        ({"health_uri": "http://10.0.0.1/"}, "health_uri: http://10.0.0.1/ would be asked"),
        ({"algorithms": ("RS256", "HS256", "none")}, "algorithms: HS256, none; of RS256, "),
        ({"algorithms": ()}, "algorithms: none"),
        ({"leeway_s": -1.0}, "leeway_s: -1.0"),
        ({"keys_stale_s": 10.0}, "keys_stale_s: 10"),
        ({"keys_file": "missing.json"}, "keys_file: there is no file missing.json"),
    ],
)
def test_login_provider_that_is_unfit_is_told(fit: Settings, changes: dict[str, object], says: str) -> None:
    (problem,) = problems(outside(fit, **changes))
    assert problem.startswith(f"accounts.oidc.{says}")


def test_grace_lasts_no_less_than_nothing(fit: Settings) -> None:
    (problem,) = problems(within(fit, "accounts.grace_s", -1))
    assert problem.startswith("accounts.grace_s: -1")


@pytest.mark.parametrize(
    "store", ["profiles", "calendar", "eventlog", "board", "audit", "inventory", "budgets"]
)
@pytest.mark.parametrize("url", ["mysql://me:secret@x", "sqlite://x", "sqlite:///", "x.db"])
def test_store_that_is_none_is_refused(fit: Settings, store: str, url: str) -> None:
    (problem,) = problems(replace(fit, stores=StoresSettings(**{store: url})))
    assert problem.startswith(f"stores.{store}: there is no such store; use sqlite:///FILE")
    assert "secret" not in problem


@pytest.mark.parametrize("store", ["profiles", "inventory"])
def test_store_in_dynamodb_is_taken_by_region_and_table(fit: Settings, store: str) -> None:
    refuse_unfit(replace(fit, stores=StoresSettings(**{store: "dynamodb://eu-west-3/tifo"})), EVERY)
    (problem,) = problems(replace(fit, stores=StoresSettings(**{store: "dynamodb://eu-west-3"})))
    assert problem == f"stores.{store}: use dynamodb://REGION/TABLE"


def test_event_log_in_kafka_is_taken_by_brokers_and_prefix(fit: Settings) -> None:
    refuse_unfit(replace(fit, stores=StoresSettings(eventlog="kafka://a:9092,b:9092/tifo?create=1")), EVERY)
    (problem,) = problems(replace(fit, stores=StoresSettings(eventlog="kafka://me:secret@a:9092/tifo")))
    assert problem.startswith("stores.eventlog: use kafka://HOST:PORT")
    assert "secret" not in problem


def test_folder_of_the_spool_can_be_written(fit: Settings, tmp_path: Path) -> None:
    told = replace(fit, stores=StoresSettings(eventlog="kafka://a:9092/tifo"), data=str(tmp_path / "new"))
    refuse_unfit(told, EVERY)
    assert not list(tmp_path.iterdir()), "looking makes nothing"
    (tmp_path / "new").touch()
    (problem,) = problems(told)
    assert problem == (
        f"eventlog.spool_folder: {tmp_path}/new cannot be written, and events have to wait in "
        f"{tmp_path}/new/spool/node-1"
    )
    refuse_unfit(replace(told, stores=StoresSettings()), EVERY)
    (problem,) = problems(within(fit, "eventlog.spool_folder", str(tmp_path / "new")))
    assert problem.startswith("eventlog.spool_folder: ")


@pytest.mark.parametrize("store", ["board", "budgets"])
def test_store_in_redis_is_taken_by_any_address_of_one(fit: Settings, store: str) -> None:
    for url in ("redis://me:secret@x:6379/1", "rediss://x?ca=ca.pem", "redis+cluster://a:1,b:2"):
        refuse_unfit(replace(fit, stores=StoresSettings(**{store: url})), EVERY)


@pytest.mark.parametrize("store", ["board", "budgets"])
@pytest.mark.parametrize("url", ["redis://", "redis://me:secret@x/y", "redis://me:secret@x,y"])
def test_store_in_redis_without_a_good_address_is_refused(fit: Settings, store: str, url: str) -> None:
    (problem,) = problems(replace(fit, stores=StoresSettings(**{store: url})))
    assert problem.startswith(f"stores.{store}: ")
    assert "secret" not in problem


def test_session_store_that_is_none_is_refused(fit: Settings) -> None:
    (problem,) = problems(replace(fit, stores=StoresSettings(sessions="mysql://x")))
    assert problem == "stores.sessions: there is no such store; use memory:// or redis://HOST:PORT"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://:hunter2@", "an address is HOST:PORT"),
        ("redis://:hunter2@host:port", "an address is HOST:PORT"),
        ("redis://:hunter2@one:1,two:2", "a cluster has at most 16 addresses here, a single Redis one"),
        ("redis://:hunter2@host/x", "a database is a number after the address, and a cluster has none"),
        ("redis+cluster://host/1", "a database is a number after the address, and a cluster has none"),
        ("redis://:hunter2@host?ca=file", "the one option is ca=FILE, and it goes with rediss"),
        ("rediss://:hunter2@host?cert=file", "the one option is ca=FILE, and it goes with rediss"),
    ],
)
def test_redis_that_is_none_is_refused_and_its_password_not_said(fit: Settings, url: str, says: str) -> None:
    (problem,) = problems(replace(fit, stores=StoresSettings(sessions=url)))
    assert problem == f"stores.sessions: {says}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://host:6379/2",
        "rediss://user:pass@host:1?ca=/etc/ca.crt",
        "redis+cluster://one:1,two:2,[::1]:3",
        "rediss+cluster://one",
    ],
)
def test_redis_is_a_store_of_sessions(fit: Settings, url: str) -> None:
    refuse_unfit(replace(fit, stores=StoresSettings(sessions=url)), EVERY)


def test_data_folder_whose_sockets_would_have_too_long_a_path_is_refused(fit: Settings) -> None:
    (problem,) = problems(replace(fit, data="/srv/" + "x" * 100))
    assert problem.startswith("data: ")


def test_control_without_sessions_must_know_where_they_are(fit: Settings) -> None:
    alone = EVERY - {"sessions"}
    (problem,) = problems(fit, alone)
    assert problem.startswith("peers.sessions: ")
    refuse_unfit(replace(fit, peers=PeersSettings(sessions="http://sessions:8090")), alone)


def test_every_problem_is_said_at_once(fit: Settings) -> None:
    broken = within(within(fit, "sessions.stream_limit", 0), "telemetry.report_s", 0)
    assert len(problems(replace(broken, pathways=(), server="x"))) == 4


@pytest.mark.parametrize("name", SHARES_OF_LOOP)
@pytest.mark.parametrize("value", [0.0, -0.1, 1.1, float("nan")])
def test_share_of_the_steering_loop_that_is_none_is_refused(fit: Settings, name: str, value: float) -> None:
    found = problems(within(fit, f"steering_loop.{name}", value))
    assert f"steering_loop.{name}: {value}; a share, above 0 and at most 1" in found


def test_ttl_that_could_only_shrink_is_refused(fit: Settings) -> None:
    assert problems(within(fit, "steering.ttl_s_max", 5)) == ("steering.ttl_s_max: 5; at least ttl_s, 10",)


@pytest.mark.parametrize("value", [0.0, 1.5, float("nan")])
def test_drain_at_no_rate_is_refused(fit: Settings, value: float) -> None:
    found = problems(within(fit, "steering.drain_per_s", value))
    assert found == (f"steering.drain_per_s: {value}; a share, above 0 and at most 1",)


def test_file_of_isps_that_is_none_is_refused_by_sessions_alone(fit: Settings, tmp_path: Path) -> None:
    file = tmp_path / "asn.mmdb"
    wrong = within(fit, "sessions.asn_file", str(file))
    assert problems(wrong) == (f"sessions.asn_file: {file}: there is no such file",)
    file.write_text("AS64500,203.0.113.0/24")
    (problem,) = problems(wrong)
    assert problem.startswith(f"sessions.asn_file: {file}: it is no whole file in the MaxMind DB format")
    refuse_unfit(wrong, EVERY - {"sessions", "control"})


def test_cap_that_would_come_and_go_is_refused(fit: Settings) -> None:
    assert problems(within(fit, "steering_loop.uncap_load", 0.95)) == (
        "steering_loop.uncap_load: 0.95; below cap_load, or the cap comes and goes",
    )


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"id": "cdn-z"}, "steering_loop.cdns[1].id: there is no pathway cdn-z; there are cdn-a, cdn-b"),
        ({"id": "cdn-a"}, "steering_loop.cdns[1].id: cdn-a is there 2 times"),
        ({"gbps": -1.0}, "steering_loop.cdns[1].gbps: -1.0; at least 0"),
        ({"gbps": float("inf")}, "steering_loop.cdns[1].gbps: inf; at least 0"),
        ({"cost_per_gb": -0.01}, "steering_loop.cdns[1].cost_per_gb: -0.01; at least 0"),
        ({"warm_up_s": float("nan")}, "steering_loop.cdns[1].warm_up_s: nan; at least 0"),
        (
            {"isp_gbps": {"Orange": 1.0}},
            "steering_loop.cdns[1].isp_gbps: 'Orange' is no AS number; AS and digits, AS64500",
        ),
        ({"isp_gbps": {"AS64500": -1.0}}, "steering_loop.cdns[1].isp_gbps.AS64500: -1.0; at least 0"),
    ],
)
def test_terms_of_a_cdn_that_make_no_sense_are_refused(fit: Settings, terms, problem: str) -> None:
    cdns = (CdnTermsSettings("cdn-a", gbps=40.0), CdnTermsSettings(**{"id": "cdn-b", **terms}))
    assert problem in problems(within(fit, "steering_loop.cdns", cdns))


def test_terms_of_a_cdn_may_say_little(fit: Settings) -> None:
    cdns = (CdnTermsSettings("cdn-a", 40.0, 0.002, 60.0, {"AS64500": 10.0}), CdnTermsSettings("cdn-b"))
    refuse_unfit(within(fit, "steering_loop.cdns", cdns), EVERY)
    told = replace(fit, steering_loop=replace(fit.steering_loop, cdns=cdns))
    assert [told.capacity_bps(name) for name in ("cdn-a", "cdn-b", "cdn-c")] == [40e9, None, None]
