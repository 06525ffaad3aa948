"""GETs of many sessions' documents, one of each, and whether they are answered at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.heartbeat import CONNECTIONS, FAR_S, claims
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.shapes import Shape
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.settings import Settings
from tifo.tokens.playback import playback_tokens


def tokens(settings: Settings, count: int) -> list[str]:
    """Playback tokens of so many sessions."""
    codec, now = playback_tokens(settings.keys.playback.keyring("playback")), int(SystemClock().now())
    ids = SystemIds()
    return [codec.sign(claims(ids.new("ses"), n, now, FAR_S, settings)) for n in range(count)]


@dataclass(frozen=True, slots=True)
class Reads:
    """`paths` makes so many sessions' addresses; `what` is read there."""

    what: str
    sessions: int
    paths: Callable[[Settings, int], Sequence[str]]

    def load(self, settings: Settings, core: int, folder: Path) -> Load:
        """Over and over, by wrk."""
        file = folder / "paths.txt"
        file.write_text("".join(f"{path}\n" for path in self.paths(settings, self.sessions)))
        return Load("get.lua", [str(file)], settings.viewers_url, CONNECTIONS, core)

    def probe(self, settings: Settings) -> dict[str, Shape]:
        """Status and type only: each session's document is its own."""
        (path,) = self.paths(settings, 1)
        answer = httpx.get(f"{settings.viewers_url}{path}", trust_env=False)
        media = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code != 200:
            raise CannotMeasure(f"{answer.request.url} was answered {answer.status_code}: {answer.text}")
        return {self.what: (answer.status_code, media)}
