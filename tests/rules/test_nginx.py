"""nginx itself judges our secure links, in the path and in the query."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tifo.tokens.addresses import AddressSigner
from tifo.tokens.jws import TokenRefused
from tifo.tokens.keys import Keyring
from tifo.tokens.nginx import NginxTokens
from tifo.tokens.ports import Grant

KEYS = Keyring("k1", {"k1": b"1" * 32})
OTHER = Keyring("k1", {"k1": b"2" * 32})
PATH = "/live/demo/v1/index.m3u8"
END = 4_000_000_000
GRANT = Grant("ses_1", "/live/demo/", 0, END)
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

CONF = r"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port};
    location = /ready {{ return 204; }}
    location ~ "^/t/(?<code>[\w-]{{22}})\.(?<until>\d+)\.(?<session>[^/]*)(?<prefix>/live/[^/]+/|/ads/)" {{
      secure_link $code,$until;
      secure_link_md5 "$secure_link_expires $session $prefix {secret}";
      if ($secure_link = "") {{ return 403; }}
      if ($secure_link = "0") {{ return 410; }}
      return 200 "$session $prefix";
    }}
    location ~ "^(?<prefix>/live/[^/]+/|/ads/)" {{
      if ($arg_st ~ "^(?<code>[\w-]{{22}})\.(?<until>\d+)\.(?<session>[\w.:@-]*)$") {{ set $there 1; }}
      secure_link $code,$until;
      secure_link_md5 "$secure_link_expires $session $prefix {secret}";
      if ($secure_link = "") {{ return 403; }}
      if ($secure_link = "0") {{ return 410; }}
      return 200 "$session $prefix";
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory) -> Iterator[str]:
    """The base URL of an nginx of our own."""
    if NGINX is None:
        pytest.skip("nginx is not installed: make system-packages")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, secret=KEYS.secrets["k1"].hex()))
    log = (folder / "output").open("w")
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(conf)], stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/ready", process, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, (folder / "output").read_text()
        try:
            if httpx.get(url).status_code == 204:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError


@pytest.fixture(params=["path", "query"])
def address(request, nginx: str):
    """An address as the playlists have it, in each of the places."""

    def signed(grant: Grant, path: str = PATH, keys: Keyring = KEYS) -> str:
        name = "t" if request.param == "path" else "st"
        found = AddressSigner(nginx, NginxTokens(keys), request.param, name).address(grant)
        return found.base + path + found.query

    return signed


def test_nginx_serves_what_we_signed(address) -> None:
    answer = httpx.get(address(GRANT))
    assert (answer.status_code, answer.text) == (200, "ses_1 /live/demo/")
    assert httpx.get(address(Grant("ses_1", "/ads/", 0, END), "/ads/a1/index.m3u8")).status_code == 200


def test_nginx_refuses_another_folder(address) -> None:
    assert httpx.get(address(GRANT, "/live/final/v1/index.m3u8")).status_code == 403


def test_nginx_refuses_what_has_run_out(address) -> None:
    assert httpx.get(address(Grant("ses_1", "/live/demo/", 0, 1_000_000_000))).status_code == 410


def test_nginx_refuses_another_key_and_another_session(address) -> None:
    assert httpx.get(address(GRANT, keys=OTHER)).status_code == 403
    assert httpx.get(address(GRANT).replace("ses_1", "ses_2")).status_code == 403


def test_nginx_refuses_an_address_without_a_token(nginx: str) -> None:
    assert httpx.get(nginx + PATH).status_code == 403


def test_single_file_cannot_be_signed() -> None:
    with pytest.raises(ValueError, match="folders only"):
        NginxTokens(KEYS).sign(Grant("ses_1", PATH, 0, END))


def test_folder_far_down_is_not_looked_for() -> None:
    deep = "/a" * 20 + "/"
    tokens = NginxTokens(KEYS)
    with pytest.raises(TokenRefused, match="signature"):
        tokens.verify(tokens.sign(Grant("ses_1", deep, 0, END)), deep + "x", 1)
