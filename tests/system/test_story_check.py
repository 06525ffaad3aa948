"""`tifo check` and every start: each mistake in the settings is a sentence that says what to mend."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from commands import free_block, tifo
from platforms import settings_of_many

pytestmark = pytest.mark.system

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return settings_of_many(tmp_path_factory.mktemp("check"), free_block(30))


def check(folder: Path, settings: dict[str, Any] | str, *names: str, **variables: str) -> tuple[int, str]:
    file = folder / "settings.toml"
    file.write_text(settings if isinstance(settings, str) else tomli_w.dumps(settings))
    done = tifo("check", *names, "--config", str(file), **variables)
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_good_settings_are_said_to_be_fit(tmp_path: Path, good: dict[str, Any]) -> None:
    status, said = check(tmp_path, good)
    assert status == 0, said
    assert "fit to start" in said


def put(path: str, value: object) -> Change:
    def change(settings: dict[str, Any]) -> None:
        *folders, last = path.split(".")
        place = settings
        for name in folders:
            place = place.setdefault(name, {})
        place[last] = value

    return change


MISTAKES: dict[str, tuple[Change, str]] = {
    "an unknown key, with the nearest": (
        put("sessions.lease_sec", 30),
        "sessions.lease_sec: there is no such setting; did you mean sessions.lease_s?",
    ),
    "an unknown section": (put("sesions", {"lease_s": 1}), "did you mean sessions?"),
    "an unknown key of a pathway": (
        lambda s: s["pathways"][0].update(wieght=2.0),
        "did you mean pathways[0].weight?",
    ),
    "a wrong type": (put("sessions.lease_s", "long"), "sessions.lease_s: Expected `int`, got `str`"),
    "no key": (
        put("keys.playback", {}),
        "keys.playback: no key is set; make one with `openssl rand -hex 32`",
    ),
    "a short secret": (
        put("keys.access.secrets.k1", "abcd"),
        "keys.access.k1: 2 bytes, needs at least 32",
    ),
    "a secret that is no hexadecimal": (put("keys.access.secrets.k1", "z" * 64), "not hexadecimal"),
    "a current key that is not there": (
        put("keys.beacon.current", "k9"),
        "the current key 'k9' is not among its keys",
    ),
    "operators on a public port without a token": (
        put("edge.operator_host", "0.0.0.0"),
        "keys.operator_token: operators reach 0.0.0.0 from elsewhere",
    ),
    "anybody may log in from everywhere": (
        put("edge.host", "0.0.0.0"),
        "accounts.dev_issuer: anybody could log in as anybody",
    ),
    "one pathway only": (lambda s: s.update(pathways=s["pathways"][:1]), "pathways: 1 set"),
    "a pathway twice": (lambda s: s["pathways"].append(s["pathways"][0]), "cdn-a is there 2 times"),
    "a pathway without a key": (lambda s: s["pathways"][0].pop("keys"), "pathways[0]"),
    "a lease that one lost heartbeat ends": (put("sessions.lease_s", 3), "at least 3 heartbeats"),
    "a store that there is not": (
        put("stores.eventlog", "mysql://x"),
        "stores.eventlog: there is no such store",
    ),
    "a session store that there is not": (put("stores.sessions", "mongodb://x"), "stores.sessions"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_explained(tmp_path: Path, good: dict[str, Any], case: str) -> None:
    change, sentence = MISTAKES[case]
    settings = copy.deepcopy(good)
    change(settings)
    status, said = check(tmp_path, settings)
    assert status == 2, said
    assert sentence in said
    secrets = [secret for keys in good["keys"].values() if keys for secret in keys["secrets"].values()]
    assert not any(secret in said for secret in secrets)


def test_a_variable_that_fits_nowhere_is_said(tmp_path: Path, good: dict[str, Any]) -> None:
    status, said = check(tmp_path, good, TIFO_SESSIONS__LEESE_S="30")
    assert (status, "did you mean sessions.lease_s?" in said) == (2, True), said


def test_a_variable_goes_before_the_file(tmp_path: Path, good: dict[str, Any]) -> None:
    status, said = check(tmp_path, good, TIFO_SESSIONS__LEASE_S="1")
    assert (status, "sessions.lease_s: 1 s" in said) == (2, True), said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("a = [", "settings.toml"), ("\0", "settings.toml"), ("keys = 3", "keys: Expected `object`, got `int`")],
)
def test_a_file_that_is_no_settings_file_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    status, said = check(tmp_path, text)
    assert (status, sentence in said) == (2, True), said


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = tifo("check", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert "there is no such file" in " ".join(done.stderr.split())


def test_control_without_sessions_is_told_to_say_where_they_are(tmp_path: Path, good: dict[str, Any]) -> None:
    status, said = check(tmp_path, {**good, "peers": {}}, "control")
    assert (status, "peers.sessions" in said) == (2, True), said


def test_a_worker_refuses_nonsense_terms_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[[steering_loop.cdns]]\nid = "cdn-a"\ngbps = -40\n')
    done = tifo("worker", "steering", "--config", str(file), TIFO_DATA=str(tmp_path))
    assert done.returncode == 2
    assert f"{file}:3: steering_loop.cdns[0].gbps: -40.0; at least 0" in done.stderr


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("serve", "sesions"), "there is no sesions"),
        (("serve",), "there are accounts"),
        (("serve", "front", "ads"), "front runs in a process of its own"),
        (("worker", "sight"), "there is no sight"),
        (("check", "sesions"), "there is no sesions"),
        (("serve", "sessions"), "keys.playback: no key is set"),
        (("serve", "front"), "front.services"),
    ],
)
def test_a_process_that_cannot_be_is_refused_at_once(
    tmp_path: Path, command: tuple[str, ...], sentence: str
) -> None:
    done = tifo(*command, TIFO_DATA=str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert sentence in " ".join(done.stderr.split())
