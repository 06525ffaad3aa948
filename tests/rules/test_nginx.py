"""nginx itself judges our secure links, in the path and in the query."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tcp_ports import free_ports

from tifo.edgecode.generate import edge_code
from tifo.settings import KeySet, PathwaySettings
from tifo.tokens.addresses import AddressSigner
from tifo.tokens.formats import TokenSettings
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.nginx import NginxTokens
from tifo.tokens.ports import Grant

SECRETS = {"k1": "31" * 32, "k0": "30" * 32}
KEYS = Keyring.from_hex("", "k1", SECRETS)
PREVIOUS = Keyring.from_hex("", "k0", SECRETS)
OTHER = Keyring("k1", {"k1": b"2" * 32})
PATH = "/live/demo/v1/index.m3u8"
END = 4_000_000_000
GRANT = Grant("ses_1", "/live/demo/", 0, END)
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

CONF = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  upstream tifo_origin {{ server 127.0.0.1:{origin}; }}
  server {{
    listen 127.0.0.1:{origin};
    location / {{ return 200 "$uri"; }}
  }}
  include {folder}/path/nginx-older-keys.conf;
  include {folder}/query/nginx-older-keys.conf;
  server {{
    listen 127.0.0.1:{path};
    location / {{ return 404; }}
    include {folder}/path/nginx.conf;
  }}
  server {{
    listen 127.0.0.1:{query};
    location / {{ return 404; }}
    include {folder}/query/nginx.conf;
  }}
}}
"""


def exported(folder: Path, place: str) -> None:
    """Write what is exported for nginx, its secrets put in as the page of steps says."""
    told = TokenSettings("nginx", place=place)
    made = edge_code(PathwaySettings(place, "http://cdn", KeySet("k1", SECRETS), told))
    (folder / place).mkdir()
    for file in made.files:
        text = file.text.replace("/run/", f"{folder}/")
        for kid, secret in SECRETS.items():
            text = text.replace(f"put pathways.{place}.keys.secrets.{kid} here", secret)
        # Where nginx looks for an included file is beside its own configuration.
        (folder / (file.name if file.name.startswith("tifo-") else f"{place}/{file.name}")).write_text(text)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The base URLs of an nginx of our own that runs the exported blocks, by where the token stands."""
    if NGINX is None:
        pytest.skip("nginx is not installed: make system-packages")
    folder = tmp_path_factory.mktemp("nginx")
    ports = dict(zip(("origin", "path", "query"), free_ports(3), strict=True))
    for place in ("path", "query"):
        exported(folder, place)
    # The sockets are in a folder of root's, where another user's workers do not reach them.
    user = "user root;" if os.geteuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, user=user, **ports))
    log = (folder / "output").open("w")
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(conf)], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{ports['origin']}/ready", process, folder)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, (folder / "output").read_text()
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError


@pytest.fixture(params=["path", "query"])
def address(request, nginx: dict[str, str]):
    """An address as the playlists have it, in each of the places."""

    def signed(grant: Grant, path: str = PATH, keys: Keyring = KEYS) -> str:
        name = "t" if request.param == "path" else "st"
        found = AddressSigner(nginx[request.param], NginxTokens(keys), request.param, name).address(grant)
        return found.base + path + found.query

    return signed


def test_nginx_serves_what_we_signed(address) -> None:
    answer = httpx.get(address(GRANT))
    assert (answer.status_code, answer.text) == (200, PATH)
    assert httpx.get(address(Grant("ses_1", "/ads/", 0, END), "/ads/a1/index.m3u8")).status_code == 200


def test_nginx_serves_what_the_previous_key_signed(address) -> None:
    assert httpx.get(address(GRANT, keys=PREVIOUS)).status_code == 200
    ended = Grant("ses_1", "/live/demo/", 0, 1_000_000_000)
    assert httpx.get(address(ended, keys=PREVIOUS)).status_code == 410


def test_nginx_does_not_start_without_the_secrets(nginx, tmp_path: Path) -> None:
    exported(tmp_path, "path")
    (tmp_path / "tifo-path-keys.conf").write_text("set $tifo_path_key_0 put it here;")
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"events {{}}\nhttp {{ server {{ include {tmp_path}/path/nginx.conf; }} }}")
    done = subprocess.run(
        [NGINX, "-t", "-p", tmp_path, "-c", conf], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert 'invalid number of arguments in "set"' in done.stderr


def test_nginx_refuses_another_folder(address) -> None:
    assert httpx.get(address(GRANT, "/live/final/v1/index.m3u8")).status_code == 403


def test_nginx_refuses_what_has_run_out(address) -> None:
    assert httpx.get(address(Grant("ses_1", "/live/demo/", 0, 1_000_000_000))).status_code == 410


def test_nginx_refuses_another_key_and_another_session(address) -> None:
    assert httpx.get(address(GRANT, keys=OTHER)).status_code == 403
    assert httpx.get(address(GRANT).replace("ses_1", "ses_2")).status_code == 403


def test_nginx_refuses_an_address_without_a_token(nginx: dict[str, str]) -> None:
    assert httpx.get(nginx["query"] + PATH).status_code == 403
    assert httpx.get(nginx["path"] + PATH).status_code == 403


def test_single_file_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="folders only"):
        NginxTokens(KEYS).sign(Grant("ses_1", PATH, 0, END))


def test_folder_far_down_is_not_looked_for() -> None:
    deep = "/a" * 20 + "/"
    tokens = NginxTokens(KEYS)
    with pytest.raises(TokenRefused, match="signature"):
        tokens.verify(tokens.sign(Grant("ses_1", deep, 0, END)), deep + "x", 1)
