"""The same application on another server, without an edge: it stays plain ASGI."""

from collections.abc import Iterator

import httpx
import pytest
from commands import ANSWER_S_MAX
from platforms import NewFolder, on_granian
from players import Platform, media, refused, uris

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def granian(new_folder: NewFolder) -> Iterator[Platform]:
    with new_folder() as folder, on_granian(folder) as running:
        yield running
        assert running.leaks() == []


def test_a_viewer_signs_in_watches_and_keeps_the_session(granian: Platform) -> None:
    player = granian.player()
    address = uris(player.master().text)[0]
    assert media(address)[0].startswith("#EXTM3U")
    assert player.beat().status_code == 200
    assert player.end().status_code == 204
    assert refused(player.beat()) == (410, "ended")


def test_a_bad_token_is_refused_in_the_same_form(granian: Platform) -> None:
    assert refused(granian.viewers.get("/v1/steering/not.a.token")) == (401, "bad-token")
    assert refused(granian.viewers.get("/v1/nothing")) == (404, "not-found")


def test_operators_have_their_page_on_their_own_port(granian: Platform) -> None:
    assert granian.operators.get("/").headers["content-type"].startswith("text/html")
    assert granian.overview()["board"]["state"] == "ok"
    assert refused(granian.viewers.get("/v1/control/overview")) == (404, "not-found")
    address = f"{granian.operators.base}/v1/control/stream"
    with httpx.stream("GET", address, timeout=ANSWER_S_MAX, trust_env=False) as answer:
        assert next(answer.iter_lines()) == "event: history"
