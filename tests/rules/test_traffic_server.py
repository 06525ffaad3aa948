"""Apache Traffic Server itself judges our URI signing tokens, with what is exported for it."""

import base64
from collections.abc import Iterator, Mapping

import httpx
import pytest
from pems import p256
from tcp_ports import free_port
from traffic_server import origin, running

from tifo.edgecode.generate import edge_code
from tifo.settings import KeySet, PathwaySettings
from tifo.tokens.formats import TokenSettings, pathway_tokens
from tifo.tokens.ports import Grant

PATH = "/live/demo/v1/index.m3u8"
END = 4_000_000_000
GRANT = Grant("ses_1", "/live/demo/", 1, END)


KEYS: Mapping[str, Mapping[str, str]] = {
    "HS256": {kid: f"{n:02x}" * 32 for n, kid in enumerate(("k1", "k2", "k3"), 1)},
    "ES256": {kid: p256() for kid in ("k1", "k2", "k3")},
}


def pathway(algorithm: str, port: int) -> PathwaySettings:
    """A pathway with the keys k1, which signs, and k2."""
    keys = {kid: KEYS[algorithm][kid] for kid in ("k1", "k2")}
    told = TokenSettings("uri-signing", algorithm)
    return PathwaySettings("ats", f"http://127.0.0.1:{port}", KeySet("k1", keys), told)


def installed(algorithm: str, port: int, origin_port: int) -> dict[str, str]:
    """The exported files as the page of steps has them: secrets in base64url, the origin named."""
    files = {file.name: file.text for file in edge_code(pathway(algorithm, port)).files}
    for kid, secret in KEYS["HS256"].items():
        text = base64.urlsafe_b64encode(bytes.fromhex(secret)).rstrip(b"=").decode()
        put = f"put pathways.ats.keys.secrets.{kid} here, in base64url"
        files["uri_signing.config"] = files["uri_signing.config"].replace(put, text)
    files["remap.config"] = files["remap.config"].replace("ORIGIN", f"127.0.0.1:{origin_port}")
    return files


class Server:
    """Traffic Server with one algorithm's keys."""

    def __init__(self, algorithm: str, port: int) -> None:
        self._algorithm = algorithm
        self._base_url = f"http://127.0.0.1:{port}"

    def address(self, grant: Grant, path: str = PATH, current: str = "k1") -> str:
        keys, told = KEYS[self._algorithm], TokenSettings("uri-signing", self._algorithm)
        found = pathway_tokens("ats", self._base_url, told, current, keys).signer.address(grant)
        return found.base + path + found.query


@pytest.fixture(scope="module", params=["HS256", "ES256"])
def server(request) -> Iterator[Server]:
    port = free_port()
    with origin() as origin_port, running(port, installed(request.param, port, origin_port)) as process:
        assert process.poll() is None
        yield Server(request.param, port)


def test_it_serves_what_we_signed_and_asks_the_origin_without_the_token(server: Server) -> None:
    answer = httpx.get(server.address(GRANT))
    assert (answer.status_code, answer.text.rstrip("?")) == (200, PATH)


def test_it_serves_what_the_previous_key_signed(server: Server) -> None:
    assert httpx.get(server.address(GRANT, current="k2")).status_code == 200


def test_it_refuses_another_key(server: Server) -> None:
    assert httpx.get(server.address(GRANT, current="k3")).status_code == 403


@pytest.mark.parametrize("path", ["/live/final/x", "/live/demon/x", "/ads/x"])
def test_it_refuses_another_folder(server: Server, path: str) -> None:
    assert httpx.get(server.address(GRANT, path)).status_code == 403


def test_it_refuses_what_has_run_out_and_what_has_not_begun(server: Server) -> None:
    assert httpx.get(server.address(Grant("ses_1", "/live/demo/", 1, 1_000_000_000))).status_code == 403
    assert httpx.get(server.address(Grant("ses_1", "/live/demo/", END - 9, END))).status_code == 403


def test_it_refuses_a_changed_token_and_none(server: Server) -> None:
    address = server.address(GRANT)
    # Not the last character: some of its bits are none of the signature's.
    changed = address[:-9] + ("A" if address[-9] != "A" else "B") + address[-8:]
    assert httpx.get(changed).status_code == 403
    assert httpx.get(address.partition("?")[0]).status_code == 403


def test_it_does_not_start_before_the_secrets_are_in(server: Server) -> None:
    port = free_port()
    files = {file.name: file.text for file in edge_code(pathway("HS256", port)).files}
    with running(port, files) as process:
        assert process.wait(20) != 0
