"""Steering manifests and signed playlists: the documents of a session's own that players read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from benchmarks import recipes
from benchmarks.heartbeat import CONNECTIONS, FAR_S, SESSIONS, claims
from benchmarks.instance import PATHWAYS
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Benchmark
from benchmarks.shapes import Shape
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.services.steering.routes import MEDIA_TYPE, SteeringManifest
from tifo.services.steering.settings import SteeringSettings
from tifo.services.video.routes import HLS
from tifo.settings import Settings
from tifo.tokens.playback import playback_tokens

TOKEN_LENGTH = 420
"""About as long as a playback token is."""
LINES = 15
"""Of a playlist with two pictures and one sound on four pathways, besides its signed addresses."""

PathOf = Callable[[str], str]
"""The path of a session's document by its playback token."""


@dataclass(frozen=True, slots=True)
class _Reads:
    """GETs of one document each of many sessions."""

    path: PathOf
    media: str

    def load(self, settings: Settings, core: int, folder: Path) -> Load:
        file = folder / "paths.txt"
        file.write_text("".join(f"{self.path(token)}\n" for token in _tokens(settings, SESSIONS)))
        return Load("get.lua", [str(file)], settings.viewers_url, CONNECTIONS, core)

    def probe(self, settings: Settings) -> dict[str, Shape]:
        """Status and type only: each session's document has its own token and order in it."""
        (token,) = _tokens(settings, 1)
        answer = httpx.get(f"{settings.viewers_url}{self.path(token)}", trust_env=False)
        media = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code != 200:
            raise CannotMeasure(f"{answer.request.url} was answered {answer.status_code}: {answer.text}")
        return {"document": (answer.status_code, media)}


def steering() -> Benchmark:
    """What every player asks for again and again."""
    reads = _Reads(
        lambda token: f"/v1/steering/{token}?_HLS_pathway=cdn-a&_HLS_throughput=8000000", MEDIA_TYPE
    )
    direct = recipes.envoy_direct(_manifest(), MEDIA_TYPE)
    return _benchmark("steering", "Steering manifests through the whole edge, on one core", reads, direct)


def playlists() -> Benchmark:
    """A session's multivariant playlist with an address signed for each CDN."""
    reads = _Reads(lambda token: f"/v1/playback/{token}/master.m3u8", HLS)
    others = (recipes.envoy_and_go(), recipes.envoy_direct(_playlist(), HLS))
    return _benchmark("playlists", "Signed playlists through the whole edge, on one core", reads, *others)


def _benchmark(name: str, title: str, reads: _Reads, *others: recipes.Recipe) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        operation=name if name == "playlists" else "manifests",
        parameters={
            "sessions": str(SESSIONS),
            "connections": str(CONNECTIONS),
            "pathways": str(len(PATHWAYS)),
        },
        recipes=(recipes.tifo(), *others),
        load=reads.load,
        probe=reads.probe,
    )


def _tokens(settings: Settings, count: int) -> list[str]:
    codec, now = playback_tokens(settings.keys.playback.keyring("playback")), int(SystemClock().now())
    ids = SystemIds()
    return [codec.sign(claims(ids.new("ses"), n, now, FAR_S, settings)) for n in range(count)]


def _manifest() -> bytes:
    reload_uri = f"http://127.0.0.1:8080/v1/steering/{'t' * TOKEN_LENGTH}"
    return msgspec.json.encode(SteeringManifest(1, SteeringSettings().ttl_s, reload_uri, PATHWAYS))


def _playlist() -> bytes:
    """A text as long as a session's playlist, to be answered by Envoy alone."""
    line = "https://cdn-a.example/t/" + "t" * TOKEN_LENGTH
    return ("#EXTM3U\n" + f"{line}\n" * LINES).encode()
