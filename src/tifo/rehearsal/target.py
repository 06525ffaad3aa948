"""The platform that is rehearsed: whose it is, whether it is ready, how its viewers log in."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.kernel.hosts import is_loopback
from tifo.settings import Settings
from tifo.tokens.access import AUDIENCE, AccessClaims, access_tokens

ANSWER_S_MAX = 10.0
TOKEN_MARGIN_S = 3600
"""Seconds that an access token of ours outlives the rehearsal."""


class _Event(msgspec.Struct):
    id: str
    state: str


class _Calendar(msgspec.Struct):
    events: list[_Event]


def base_of(url: str, *, mine: bool) -> str:
    """The target without a path; refuses what is no address, and a stranger's without `mine`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError((f"--target: {url} is no address such as http://127.0.0.1:8080",))
    if not is_loopback(parts.hostname) and not mine:
        raise SettingsError(
            (
                f"--target: {parts.hostname} is not this machine. A rehearsal on somebody else's platform "
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

    def has_dev_issuer(self) -> bool:
        """Whether viewers can log in as anybody, as at a laptop's own issuer."""
        return self._send("POST", "/v1/dev/login", {"account": "rehearsal"}).status_code == 200

    def _get(self, path: str) -> httpx.Response:
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            return httpx.request(method, self.base + path, json=body, timeout=ANSWER_S_MAX, trust_env=False)
        except httpx.HTTPError as error:
            raise SettingsError((f"--target: nobody answers at {self.base} ({error})",)) from None


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


def made_tokens(settings: Settings, clock: Clock, prefix: str, viewers: int, seconds: float) -> str:
    """Access tokens signed with the platform's own key, one a line."""
    codec = access_tokens(settings.keys.access.keyring("keys.access"))
    now = int(clock.now())
    expires = now + int(seconds) + TOKEN_MARGIN_S

    def tokens() -> Iterator[str]:
        for viewer in range(viewers):
            yield codec.sign(AccessClaims(sub=f"{prefix}-{viewer}", aud=AUDIENCE, nbf=now, exp=expires))

    return "\n".join(tokens())
