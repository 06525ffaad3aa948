"""Heartbeats: the call that a million players make every few seconds."""

from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from benchmarks import recipes
from benchmarks.instance import EVENT
from benchmarks.load import Load
from benchmarks.machine import CannotMeasure
from benchmarks.runner import Benchmark
from benchmarks.shapes import Shape, of_answer
from tifo.kernel.clock import SystemClock, rfc3339
from tifo.kernel.ids import SystemIds
from tifo.services.sessions.routes import HeartbeatAnswer
from tifo.services.sessions.settings import SessionsSettings
from tifo.settings import Settings
from tifo.tokens.playback import AUDIENCE, PlaybackClaims, playback_tokens

SESSIONS = 6_000
"""Sessions whose heartbeats take turns: no token is hot."""

CONNECTIONS = 64
FAR_S = 3_600
"""Seconds until the lease of a session that is never due in this run ends."""

NEAR_S = 10
"""Seconds until the lease of a session ends that is due at every heartbeat."""


@dataclass(frozen=True, slots=True)
class _Beats:
    """Heartbeats of which one in `due_every` renews its lease; 0 for none."""

    due_every: int

    def load(self, settings: Settings, core: int, folder: Path) -> Load:
        lines = [f"{session} {token}\n" for session, token in self._tokens(settings, SESSIONS)]
        file = folder / "tokens.txt"
        file.write_text("".join(lines))
        return Load("heartbeat.lua", [str(file)], settings.viewers_url, CONNECTIONS, core)

    def probe(self, settings: Settings) -> dict[str, Shape]:
        """How a heartbeat is answered that is not due, and how one that is."""
        pairs = self._tokens(settings, self.due_every + 1)
        kept, *others = [_beat(settings, *pair) for pair in pairs]
        shapes = {"kept": of_answer(kept)}
        return shapes | ({"renewed": of_answer(others[-1])} if others else {})

    def _tokens(self, settings: Settings, count: int) -> list[tuple[str, str]]:
        """Session and playback token, the first one not due."""
        codec, now = playback_tokens(settings.keys.playback.keyring("playback")), int(SystemClock().now())
        ids = SystemIds()
        made = [
            claims(ids.new("ses"), n, now, NEAR_S if self._due(n) else FAR_S, settings) for n in range(count)
        ]
        return [(one.sid, codec.sign(one)) for one in made]

    def _due(self, n: int) -> bool:
        return bool(self.due_every) and n % self.due_every == self.due_every - 1


def claims(session: str, n: int, now: int, left_s: int, settings: Settings) -> PlaybackClaims:
    """What the playback token of viewer `n` says, whose lease ends in `left_s`."""
    return PlaybackClaims(
        aud=AUDIENCE,
        nbf=now,
        exp=now + settings.sessions.token_ttl_s,
        sid=session,
        acc=f"account-{n:06d}",
        ev=EVENT,
        dev=f"device-{n:06d}",
        kind="tv",
        since=now,
        until=now + left_s,
        limit=settings.sessions.stream_limit,
    )


def _beat(settings: Settings, session: str, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    url = f"{settings.viewers_url}/v1/sessions/{session}/heartbeat"
    answer = httpx.post(url, headers=headers, trust_env=False)
    if answer.status_code != 200:
        raise CannotMeasure(f"a heartbeat was answered {answer.status_code}: {answer.text}")
    return answer


def _answer() -> bytes:
    now = SystemClock().now()
    return msgspec.json.encode(HeartbeatAnswer(SessionsSettings().heartbeat_s, rfc3339(now)))


def _benchmark(name: str, title: str, due_every: int, *limits: recipes.Recipe) -> Benchmark:
    beats = _Beats(due_every)
    renewing = f"1 in {due_every}" if due_every else "none"
    return Benchmark(
        name=name,
        title=title,
        operation="heartbeats",
        parameters={"sessions": str(SESSIONS), "connections": str(CONNECTIONS), "renewing": renewing},
        recipes=(recipes.tifo(), recipes.envoy_and_go(), *limits),
        load=beats.load,
        probe=beats.probe,
    )


def as_players_do() -> Benchmark:
    """The mix that players make: a lease is renewed when half of it has passed."""
    shipped = SessionsSettings()
    due_every = shipped.lease_s // 2 // shipped.heartbeat_s
    return _benchmark("heartbeat", "Heartbeats through the whole edge, on one core", due_every)


def not_due() -> Benchmark:
    """Heartbeats with more than half of their lease left, which read and write nothing."""
    title = "Heartbeats that renew nothing, on one core"
    return _benchmark("heartbeat-kept", title, 0, recipes.envoy_direct(_answer()))
