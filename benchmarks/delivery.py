"""Steering manifests and signed playlists: the documents of a session's own that players read."""

import msgspec

from benchmarks import recipes
from benchmarks.heartbeat import CONNECTIONS, SESSIONS
from benchmarks.instance import PATHWAYS
from benchmarks.reads import Reads, tokens
from benchmarks.runner import Benchmark
from tifo.services.steering.routes import MEDIA_TYPE, SteeringManifest
from tifo.services.steering.settings import SteeringSettings
from tifo.services.video.routes import HLS
from tifo.settings import Settings

TOKEN_LENGTH = 420
"""About as long as a playback token is."""
LINES = 15
"""Of a playlist with two pictures and one sound on four pathways, besides its signed addresses."""


def steering() -> Benchmark:
    """What every player asks for again and again."""
    path = "/v1/steering/{}?_HLS_pathway=cdn-a&_HLS_throughput=8000000"
    direct = recipes.envoy_direct(_manifest(), MEDIA_TYPE)
    return _benchmark("steering", "Steering manifests through the whole edge, on one core", path, direct)


def playlists() -> Benchmark:
    """A session's multivariant playlist with an address signed for each CDN."""
    path = "/v1/playback/{}/master.m3u8"
    others = (recipes.envoy_and_go(), recipes.envoy_direct(_playlist(), HLS))
    return _benchmark("playlists", "Signed playlists through the whole edge, on one core", path, *others)


def _benchmark(name: str, title: str, path: str, *others: recipes.Recipe) -> Benchmark:
    """Of the documents at `path`, with a session's token for `{}`."""

    def paths(settings: Settings, count: int) -> list[str]:
        return [path.format(token) for token in tokens(settings, count)]

    reads = Reads("document", SESSIONS, paths)
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


def _manifest() -> bytes:
    reload_uri = f"http://127.0.0.1:8080/v1/steering/{'t' * TOKEN_LENGTH}"
    return msgspec.json.encode(SteeringManifest(1, SteeringSettings().ttl_s, reload_uri, PATHWAYS))


def _playlist() -> bytes:
    """A text as long as a session's playlist, to be answered by Envoy alone."""
    line = "https://cdn-a.example/t/" + "t" * TOKEN_LENGTH
    return ("#EXTM3U\n" + f"{line}\n" * LINES).encode()
