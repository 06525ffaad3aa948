"""The benchmarks' generator: what it asks for, and which asset lists it takes for legal."""

import json
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from http_servers import answering
from rehearsing import BUILD_S_MAX, GO, ROOT, STORY_S_MAX, needs_go

pytestmark = pytest.mark.system


def ad(seconds: float, creative: str = "x", uri: str = "https://cdn/x", told: bool = True) -> dict[str, Any]:
    tracking = [{"type": "impression", "urls": ["https://edge/t"]}] if told else []
    payload = {"identifiers": [{"value": creative}], "tracking": tracking}
    return {"URI": uri, "DURATION": seconds, "X-AD-CREATIVE-SIGNALING": {"payload": [payload]}}


POD = [ad(20, "x"), ad(10, "y")]
ANSWERS = {
    "whole": {"ASSETS": POD},
    "same": {"ASSETS": [*POD[1:], *POD[:1]]},
    "short": {"ASSETS": POD[:1]},
    "long": {"ASSETS": [*POD, ad(1)]},
    "empty": {"ASSETS": []},
    "nowhere": {"ASSETS": [ad(20, uri=""), ad(10)]},
    "untold": {"ASSETS": [ad(20, told=False), ad(10)]},
    "strange": {"ads": 3},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = ANSWERS.get(self.path.removeprefix("/"))
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def edge() -> Iterator[str]:
    with answering(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@needs_go
@pytest.mark.timeout(STORY_S_MAX)
def test_asset_list_is_legal_that_fills_the_break_exactly(edge: str, tmp_path: Path) -> None:
    pacer, asks = tmp_path / "pacer", tmp_path / "asks.txt"
    folder = ROOT / "benchmarks/pacer"
    subprocess.run(
        [GO, "build", "-o", pacer, "."], cwd=folder, check=True, timeout=BUILD_S_MAX, env=os.environ
    )
    asks.write_text("".join(f"GET /{name}\n" for name in (*ANSWERS, "none")))
    command = [pacer, "-url", edge, "-asks", asks, "-spread", "0.1s", "-length", "30", "-deadline", "60s"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=STORY_S_MAX)
    told = json.loads(done.stdout)
    assert (told["requests"], told["refused"], told["broken"]) == (len(ANSWERS) + 1, 1, 0)
    assert told["first_error"].startswith("404")
    assert told["pods"] == {"legal": 2, "in_time": 2, "seconds": {"x": 40, "y": 20}}
