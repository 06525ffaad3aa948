"""The platform that is rehearsed: whose it is, whether it is ready, how its viewers log in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.kernel.hosts import is_loopback
from tifo.settings import Settings
from tifo.tokens import playback
from tifo.tokens.access import AUDIENCE, AccessClaims, access_tokens

ANSWER_S_MAX = 10.0
TOKEN_MARGIN_S = 3600
"""Seconds that a token of ours outlives the rehearsal."""
_AD_BREAK = re.compile(r'<vmap:AdBreak timeOffset="(\d+):(\d\d):(\d\d\.\d+)"[^>]* breakId="([^"]+)"')
"""Of VMAP 1.0.1, as the platform itself writes it."""

INTERVAL_ASKS = 25
"""Manifests whose TTLs are averaged, for each has its jitter."""


class _Event(msgspec.Struct):
    id: str
    state: str


class _Calendar(msgspec.Struct):
    events: list[_Event]


class _LoggedIn(msgspec.Struct):
    access_token: str


class _Started(msgspec.Struct):
    session: str
    token: str


class Listed(NamedTuple):
    """A break as the platform's VMAP lists it; `starts_s` seconds from the moment that was asked about."""

    id: str
    starts_s: float


class _Manifest(msgspec.Struct):
    ttl: Annotated[int, msgspec.Meta(ge=1)] = msgspec.field(name="TTL")


def base_of(url: str, *, mine: bool, option: str = "--target") -> str:
    """The address without a path; refuses what is none, and a stranger's without `mine`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError((f"{option}: {url} is no address such as http://127.0.0.1:8080",))
    if not is_loopback(parts.hostname) and not mine:
        raise SettingsError(
            (
                f"{option}: {parts.hostname} is not this machine. A rehearsal on somebody else's platform "
                "is an attack: say --this-platform-is-mine if it is yours and its night watch knows",
            )
        )
    return f"{parts.scheme}://{parts.netloc}"


class Target:
    """One platform, asked a few questions before the crowd is let loose on it."""

    def __init__(self, base: str) -> None:
        self.base = base

    def refuse_unready(self) -> None:
        """Raises `SettingsError` where nobody answers, or not with readiness."""
        answer = self._get("/readyz")
        if answer.status_code != 200:
            raise SettingsError((f"{self.base} is not ready: /readyz is answered {answer.status_code}",))

    def event(self, wanted: str) -> str:
        """The event to watch: the one that is asked for, else the first that is live."""
        try:
            events = msgspec.json.decode(self._get("/v1/events").content, type=_Calendar).events
        except msgspec.DecodeError as error:
            raise SettingsError((f"{self.base} has no calendar that we can read: {error}",)) from None
        fit = [one.id for one in events if (one.id == wanted if wanted else one.state == "live")]
        if not fit:
            there = ", ".join(f"{one.id} ({one.state})" for one in events) or "none"
            raise SettingsError(
                (f"--event: {wanted or 'no event'} is live at {self.base}; there is {there}",)
            )
        return fit[0]

    def log_in(self) -> str:
        """An access token for a viewer of our own; empty where people log in elsewhere."""
        answer = self._send("POST", "/v1/dev/login", {"account": "rehearsal"})
        return _read(answer, _LoggedIn).access_token if answer.status_code == 200 else ""

    @contextmanager
    def viewer(self, event: str, access: str) -> Iterator[str]:
        """The playback token of one viewer who comes and leaves; raises `SettingsError` where nobody may."""
        body = {"event": event, "device": {"id": "rehearsal", "kind": "web"}}
        answer = self._send("POST", "/v1/sessions", body, access)
        if answer.status_code != 201:
            raise SettingsError((f"{self.base} lets nobody in: a start is answered {answer.status_code}",))
        started = _read(answer, _Started)
        try:
            yield started.token
        finally:
            self._send("DELETE", f"/v1/sessions/{started.session}", None, started.token)

    def interval_of(self, token: str) -> float:
        """The mean TTL of the steering manifests of a playback token, which each come with their jitter.

        Raises `SettingsError` where the platform does not take the token.
        """
        asked = [self._get(f"/v1/steering/{token}") for _ in range(INTERVAL_ASKS)]
        if refused := next((one for one in asked if one.status_code != 200), None):
            raise SettingsError((f"{self.base} answers a steering manifest with {refused.status_code}",))
        return float(round(sum(_read(one, _Manifest).ttl for one in asked) / INTERVAL_ASKS))

    def breaks(self, token: str, since: int) -> tuple[Listed, ...]:
        """The breaks that VMAP lists for a playback token, from `since` (epoch seconds) on, oldest first.

        Raises `SettingsError` where the platform does not take the token.
        """
        answer = self._get(f"/v1/ads/{token}/vmap?since={since}")
        if answer.status_code != 200:
            raise SettingsError((f"{self.base} answers a VMAP with {answer.status_code}",))
        return tuple(
            Listed(unescape(id), int(hours) * 3600 + int(minutes) * 60 + float(seconds))
            for hours, minutes, seconds, id in _AD_BREAK.findall(answer.text)
        )

    def _get(self, path: str) -> httpx.Response:
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, body: object, token: str = "") -> httpx.Response:
        return sent("--target", method, self.base + path, body, token)


def sent(option: str, method: str, url: str, body: object, token: str = "") -> httpx.Response:
    """The answer of a server that `option` has named; raises `SettingsError` where there is none."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        return httpx.request(method, url, json=body, headers=headers, timeout=ANSWER_S_MAX, trust_env=False)
    except httpx.HTTPError as error:
        base = "/".join(url.split("/", 3)[:3])
        raise SettingsError((f"{option}: nobody answers at {base} ({error})",)) from None


T = TypeVar("T")


def _read(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        path = answer.request.url.path.partition("/v1/")[2].partition("/")[0]
        raise SettingsError((f"the platform's answer of /v1/{path} cannot be read: {error}",)) from None


def read_tokens(file: Path, viewers: int) -> str:
    """The access tokens of a file, one a line; each viewer needs one of their own."""
    try:
        lines = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"--tokens: {file}: {error}",)) from None
    if len(lines) < viewers:
        raise SettingsError(
            (
                f"--tokens: {file} has {len(lines):,} tokens for {viewers:,} viewers; shared accounts would "
                "meet their stream limit",
            )
        )
    return "\n".join(lines[:viewers])


def access_tokens_of(settings: Settings, clock: Clock, prefix: str, viewers: int, seconds: float) -> str:
    """Access tokens signed with the platform's own key, one a line: each viewer starts with one."""
    codec = access_tokens(settings.keys.access.keyring("keys.access"))
    now, expires = _valid(clock, seconds)
    return "\n".join(
        codec.sign(AccessClaims(sub=f"{prefix}-{viewer}", aud=AUDIENCE, nbf=now, exp=expires))
        for viewer in range(viewers)
    )


def playback_tokens_of(
    settings: Settings, clock: Clock, prefix: str, event: str, viewers: int, seconds: float
) -> str:
    """Playback tokens signed with the platform's own key, one a line: sessions that nobody has to start."""
    codec = playback.playback_tokens(settings.keys.playback.keyring("keys.playback"))
    now, expires = _valid(clock, seconds)
    return "\n".join(
        codec.sign(
            playback.PlaybackClaims(
                sid=f"ses_{prefix}-{viewer}", acc=f"{prefix}-{viewer}", ev=event, dev=f"{prefix}-{viewer}",
                kind="web", since=now, until=expires, aud=playback.AUDIENCE, nbf=now, exp=expires,
            )
        )
        for viewer in range(viewers)
    )  # fmt: skip


def _valid(clock: Clock, seconds: float) -> tuple[int, int]:
    now = int(clock.now())
    return now, now + int(seconds) + TOKEN_MARGIN_S
