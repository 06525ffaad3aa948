"""Settings from a file and from variables: what is read, and what each mistake is answered with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.kernel.errors import SettingsError
from tifo.settings import KeySet, Settings, load

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        file = tmp_path / "tifo.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def problems(file: Path | None = None, **variables: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(file, variables)
    return caught.value.problems


def test_nothing_set_is_the_defaults() -> None:
    assert load(None, {}) == Settings()


def test_file_sets_what_it_names_and_nothing_else(write: Write) -> None:
    found = load(write('node = "café"\n[sessions]\nstream_limit = 2\n'), {})
    assert (found.node, found.sessions.stream_limit) == ("café", 2)
    assert found.sessions.lease_s == Settings().sessions.lease_s


def test_variable_goes_before_the_file(write: Write) -> None:
    file = write("[sessions]\nstream_limit = 2\nlease_s = 60\n")
    found = load(file, {"TIFO_SESSIONS__STREAM_LIMIT": "3"})
    assert (found.sessions.stream_limit, found.sessions.lease_s) == (3, 60)


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("TIFO_SESSIONS__LEASE_S", "45", "sessions.lease_s", 45),
        ("TIFO_TELEMETRY__REPORT_S", "0.5", "telemetry.report_s", 0.5),
        ("TIFO_ACCOUNTS__DEV_ISSUER", "true", "accounts.dev_issuer", True),
        ("TIFO_ACCOUNTS__DEV_ISSUER", "false", "accounts.dev_issuer", False),
        ("TIFO_ACCOUNTS__DEV_ISSUER", "0", "accounts.dev_issuer", False),
        ("TIFO_NODE", "[not a list", "node", "[not a list"),
        ("TIFO_EDGE__CORS_ORIGINS", '["https://a.example"]', "edge.cors_origins", ("https://a.example",)),
        ("TIFO_KEYS__PLAYBACK__SECRETS__K1", "ab", "keys.playback.secrets", {"k1": "ab"}),
        ("TIFO_KEYS__PLAYBACK__SECRETS", '{"k1": "ab"}', "keys.playback.secrets", {"k1": "ab"}),
        ("TIFO_EDGE__RATE__REQUESTS_PER_S", "7", "edge.rate.requests_per_s", 7),
    ],
)
def test_variable_is_read_as_the_fields_type(name: str, text: str, path: str, value: object) -> None:
    found: object = load(None, {name: text})
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value


def test_variable_sets_a_list_of_tables_as_json() -> None:
    text = '[{"id": "cdn-a", "base_url": "http://a", "keys": {"current": "k1", "secrets": {"k1": "ab"}}}]'
    (pathway,) = load(None, {"TIFO_PATHWAYS": text}).pathways
    assert (pathway.id, pathway.keys) == ("cdn-a", KeySet("k1", {"k1": "ab"}))


def test_other_variables_are_none_of_ours() -> None:
    found = load(None, {"PATH": "/bin", "NOT_TIFO_NODE": "x", "TIFO_CONFIG": "x", "TIFO_SERVICES": "ads"})
    assert found == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('nodee = "x"', "nodee: there is no such setting; did you mean node?"),
        ("[session]\n", "session: there is no such setting; did you mean sessions?"),
        (
            "[sessions]\nlimit = 2",
            "sessions.limit: there is no such setting; did you mean sessions.stream_limit?",
        ),
        (
            "[edge.rate]\nburst = 2",
            "edge.rate.burst: there is no such setting; did you mean edge.rate.burst_requests?",
        ),
        (
            '[[pathways]]\nid = "a"\nbase_url = "x"\nkeys = {}\n[[pathways]]\nurl = "y"',
            "pathways[1].url: there is no such setting; did you mean pathways[1].base_url?",
        ),
        (
            '[[pathways]]\nid = "a"\nbase_url = "x"\nkeys = {secret = "x"}',
            "pathways[0].keys.secret: there is no such setting; did you mean pathways[0].keys.secrets?",
        ),
        (
            "[[catalogue.events]]\nstart = 1",
            "catalogue.events[0].start: there is no such setting; did you mean catalogue.events[0].starts?",
        ),
    ],
)
def test_unknown_key_is_named_with_its_nearest(write: Write, text: str, says: str) -> None:
    assert problems(write(text)) == (says,)


def test_terms_of_cdns_are_read_and_their_keys_checked(write) -> None:
    file = write('[[steering_loop.cdns]]\nid = "cdn-a"\ngbps = 40\nisp_gbps = { AS64500 = 10 }')
    (terms,) = load(file, {}).steering_loop.cdns
    assert (terms.gbps, terms.isp_gbps) == (40.0, {"AS64500": 10.0})
    assert problems(write('[[steering_loop.cdns]]\nid = "cdn-a"\ngbs = 40')) == (
        "steering_loop.cdns[0].gbs: there is no such setting; did you mean steering_loop.cdns[0].gbps?",
    )


def test_unknown_key_far_from_any_is_told_what_there_is(write: Write) -> None:
    assert problems(write("[steering]\nqqq = 1")) == (
        "steering.qqq: there is no such setting; there are asks_per_s_max, drain_per_s, "
        "lean_ttl_s, ttl_jitter, ttl_s, ttl_s_max",
    )


def test_unknown_variable_is_a_problem_too() -> None:
    assert problems(TIFO_SESIONS__LEASE_S="1") == (
        "sesions: there is no such setting; did you mean sessions?",
    )


def test_unknown_key_inside_json_of_a_variable_is_found() -> None:
    assert problems(TIFO_PATHWAYS='[{"idd": "a"}]') == (
        "pathways[0].idd: there is no such setting; did you mean pathways[0].id?",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[sessions]\nlease_s = "long"', "sessions.lease_s: Expected `int`, got `str`"),
        ("[sessions]\nlease_s = true", "sessions.lease_s: Expected `int`, got `bool`"),
        ("[sessions]\nlease_s = 1.5", "sessions.lease_s: Expected `int`, got `float`"),
        ("[sessions]\nlease_s = []", "sessions.lease_s: Expected `int`, got `array`"),
        ("sessions = 1", "sessions: Expected `object`, got `int`"),
        ("pathways = 1", "pathways: Expected `array`, got `int`"),
        ("pathways = [1]", "pathways[0]: Expected `object`, got `int`"),
        ('[[pathways]]\nid = "a"\nbase_url = "x"', "pathways[0]: Object missing required field `keys`"),
        ("node = 7", "node: Expected `str`, got `int`"),
    ],
)
def test_wrong_type_is_named(write: Write, text: str, says: str) -> None:
    assert problems(write(text)) == (says,)


@pytest.mark.parametrize("text", ["", "yes", "2"])
def test_word_that_is_neither_true_nor_false_is_refused(text: str) -> None:
    assert problems(TIFO_ACCOUNTS__DEV_ISSUER=text) == ("accounts.dev_issuer: Expected `bool`, got `str`",)


def test_variable_below_a_value_is_refused(write: Write) -> None:
    assert problems(write("[sessions]\nlease_s = 60"), TIFO_SESSIONS__LEASE_S__X="1") == (
        "TIFO_SESSIONS__LEASE_S__X: there is no field of that name",
    )


def test_every_problem_is_said_at_once(write: Write) -> None:
    file = write(
        'nodee = "x"\n[sessions]\nlease_s = "long"\n[steering]\nqqq = 1\n[video]\naddress_ttl_s = "x"'
    )
    found = problems(file, TIFO_ADS__ADDRES_TTL_S="1")
    assert [one.partition(":")[0] for one in found] == [
        "nodee",
        "sessions.lease_s",
        "steering.qqq",
        "video.address_ttl_s",
        "ads.addres_ttl_s",
    ]


def test_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == (f"{tmp_path / 'none.toml'}: there is no such file",)


@pytest.mark.parametrize("content", [b"[sessions", b"a = 1\na = 2", b'node = "\xff"'])
def test_file_that_does_not_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tifo.toml"
    file.write_bytes(content)
    (problem,) = problems(file)
    assert problem.startswith(f"{file}: ")


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"{tmp_path}: ")


def test_no_problem_says_a_secrets_value(write: Write) -> None:
    secret = "5e" * 32
    file = write(f'[keys.playback]\ncurrent = ["{secret}"]\n[keys.beacon]\nsecrets = {{k1 = ["{secret}"]}}\n')
    found = problems(file, TIFO_KEYS__OPERATOR_TOKEN=f'["{secret}"]')
    assert secret not in " ".join(found)


@pytest.mark.parametrize(
    ("public_url", "url"),
    [("", "http://127.0.0.1:8080"), ("https://live.example/", "https://live.example")],
)
def test_viewers_url_is_the_public_one_or_this_machines(public_url: str, url: str) -> None:
    assert Settings(public_url=public_url).viewers_url == url


@given(
    st.dictionaries(st.text(max_size=20).map(lambda text: f"TIFO_{text}"), st.text(max_size=40), max_size=5)
)
def test_whatever_variables_say_they_are_read_or_refused_in_sentences(variables: dict[str, str]) -> None:
    try:
        load(None, variables)
    except SettingsError as error:
        assert all(error.problems)
