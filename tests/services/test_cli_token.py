"""`tifo token` on settings of our own: what it signs it verifies and reads, and a fault is a sentence."""

import json
import os
import subprocess
import sys

import msgspec
import pytest
import tomli_w
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pems import pem

from tifo import cli_token
from tifo.cli_token import NotDone
from tifo.kernel.errors import SettingsError
from tifo.tokens.formats import FORMATS
from tifo.tokens.inspection import INSPECT

SECRET = "17" * 32


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Settings with one pathway for each format, named after it."""
    pairs = {
        "cloudfront": pem(rsa.generate_private_key(65537, 2048)),
        "uri-signing": pem(ec.generate_private_key(ec.SECP256R1())),
        "media-cdn": pem(ed25519.Ed25519PrivateKey.generate()),
    }
    pathways = [
        {
            "id": name,
            "base_url": f"https://{name}.example",
            "keys": {"current": "k1", "secrets": {"k1": pairs.get(name, SECRET)}},
            "token": {"format": name},
        }
        for name in FORMATS
    ]
    file = tmp_path_factory.mktemp("config") / "settings.toml"
    file.write_text(tomli_w.dumps({"pathways": pathways}))
    return file


@pytest.fixture
def said(capfdbinary):
    return lambda: msgspec.json.decode(capfdbinary.readouterr().out)


@pytest.mark.parametrize("form", list(FORMATS))
def test_what_is_signed_is_verified_and_read(config, said, form: str) -> None:
    cli_token.sign(form, "/live/demo/", session="ses_1", as_json=True, config=config)
    made = said()
    assert made["address"].startswith(f"https://{form}.example/")
    assert made["renew_at"] < made["end"]
    cli_token.verify(form, "/live/demo/v1/index.m3u8", made["token"], config=config)
    assert said()["prefix"] == "/live/demo/"
    cli_token.inspect(made["token"], form=form)
    assert str(made["end"]) in json.dumps(said())


def test_every_format_can_be_inspected() -> None:
    assert set(INSPECT) == set(FORMATS)


def test_cookies_are_told_where_the_format_has_them(config, said) -> None:
    cli_token.sign("cloudfront", "/live/demo/", as_json=True, config=config)
    assert set(said()["cookies"]) == {"CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"}


def test_another_format_is_tried_with_the_pathways_keys(config, said) -> None:
    cli_token.sign("path-jws", "/live/demo/", form="cat", as_json=True, config=config)
    cli_token.verify("cat", "/live/demo/x", said()["token"], config=config)


def test_refusal_is_a_sentence(config, said) -> None:
    cli_token.sign("cat", "/live/demo/", as_json=True, config=config)
    token = said()["token"]
    with pytest.raises(NotDone, match=r"Refused \(path\): it does not open this path"):
        cli_token.verify("cat", "/live/final/x", token, config=config)
    with pytest.raises(NotDone, match=r"Refused \(malformed\)"):
        cli_token.verify("cat", "/live/final/x", "nonsense", config=config)


def test_pathway_that_is_not_there_is_named_with_those_that_are(config) -> None:
    with pytest.raises(NotDone, match="no pathway fast; there are path-jws, cat"):
        cli_token.sign("fast", "/live/demo/", config=config)


@pytest.mark.parametrize("prefix", ["live/", "/a~b/"])
def test_what_no_token_can_say_is_not_signed(config, prefix: str) -> None:
    with pytest.raises(NotDone, match="cannot be signed"):
        cli_token.sign("cat", prefix, config=config)


def test_format_without_a_file_says_so(config) -> None:
    with pytest.raises(NotDone, match="folders only"):
        cli_token.sign("nginx", "/live/demo/one.m3u8", config=config)


def test_time_that_is_over_at_once_is_refused(config) -> None:
    with pytest.raises(NotDone, match="--seconds"):
        cli_token.sign("cat", "/live/demo/", seconds=0, config=config)


def test_unknown_format_is_refused(config) -> None:
    with pytest.raises(NotDone, match="--format"):
        cli_token.inspect("x", form="morse")
    with pytest.raises(SettingsError, match="morse"):
        cli_token.sign("cat", "/live/demo/", form="morse", config=config)


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("token", ["x", "~", "a.b.c", "2D3RhA"])
def test_what_is_no_token_cannot_be_inspected(form: str, token: str) -> None:
    with pytest.raises(NotDone, match="Not to be read"):
        cli_token.inspect(token, form=form)


def test_token_comes_from_the_input(config) -> None:
    command = [sys.executable, "-m", "tifo", "token"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    address = subprocess.run(
        [*command, "sign", "path-jws", "/live/demo/", "--config", str(config)],
        capture_output=True, text=True, check=True, env=environment,
    ).stdout  # fmt: skip
    done = subprocess.run(
        [*command, "verify", "path-jws", "/live/demo/x", "--config", str(config)],
        input=address.split("/")[4], capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert json.loads(done.stdout)["prefix"] == "/live/demo/"
