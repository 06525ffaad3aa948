"""The origin's HTTP side: a plain ASGI application over what the shelves hold."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import msgspec

from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.renditions import RENDITIONS
from tifo.channel.shelf import CreativeShelf, LiveShelf, StoredFile
from tifo.channel.timeline import SEGMENT_S
from tifo.kernel.clock import Clock
from tifo.kernel.errors import CODES, PROBLEM_TYPES, Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

STALE_SEGMENTS = 3
"""Segments without a new one after which the channel is no longer healthy."""

_NOT_FOUND_AGE_S = 1
_METHODS = "GET, HEAD, OPTIONS"
_CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Date, ETag, Content-Length, Age, Retry-After",
}
_PREFLIGHT = {
    **_CORS,
    "access-control-allow-methods": _METHODS,
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer; a HEAD request gets all of it but the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Origin:
    """The ASGI application: `/live/<channel>/...`, `/ads/<creative>/...` and `/healthz`."""

    def __init__(self, channel: str, live: LiveShelf, creatives: CreativeShelf, clock: Clock) -> None:
        self._live_prefix = f"/live/{channel}/"
        self._live = live
        self._creatives = creatives
        self._clock = clock
        names = ("index.m3u8", "init.mp4")
        self._promised = frozenset(f"{self._live_prefix}{r.id}/{n}" for r in RENDITIONS for n in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; request bodies are not read."""
        if scope["type"] == "http":
            answer = self.answer(scope["method"], scope["path"], _header(scope, b"if-none-match"))
            await _send(send, scope["method"], answer, formatdate(self._clock.now(), usegmt=True))

    def answer(self, method: str, path: str, known_etags: str = "") -> Answer:
        """What a request gets, whatever it asks; `known_etags` is its If-None-Match."""
        try:
            if method == "OPTIONS":
                return Answer(204, _PREFLIGHT)
            if method not in ("GET", "HEAD"):
                raise Refusal("method-not-allowed", f"{method} is not answered here")
            return self._health() if path == "/healthz" else _file(self._find(path), known_etags)
        except Refusal as refusal:
            return _problem(refusal)

    def _find(self, path: str) -> StoredFile:
        for prefix, shelf in ((self._live_prefix, self._live), ("/ads/", self._creatives)):
            if path.startswith(prefix) and (file := shelf.get(path.removeprefix(prefix))) is not None:
                return file
        if path in self._promised:
            raise Refusal("unavailable", "the channel's first segment is on its way", retry_after_s=1)
        raise Refusal("not-found", "no file has this name, or it has left the window")

    def _health(self) -> Answer:
        end_s = self._live.newest_end_s
        age_s = None if end_s is None else self._clock.now() - end_s
        fresh = age_s is not None and age_s < STALE_SEGMENTS * SEGMENT_S
        ready = self._creatives.ready
        report = {
            "status": "ok" if fresh else "stale",
            "newest_msn": self._live.newest,
            "age_s": None if age_s is None else round(age_s, 3),
            "creatives": {c.id: "ready" if c.id in ready else "encoding" for c in HOUSE_CREATIVES},
        }
        headers = {**_CORS, "content-type": "application/json", "cache-control": "no-store"}
        return Answer(200 if fresh else 503, headers, msgspec.json.encode(report))


def _file(file: StoredFile, known_etags: str) -> Answer:
    headers = {**_CORS, "etag": file.etag, "cache-control": file.cache_control}
    if file.etag in known_etags or known_etags.strip() == "*":
        return Answer(304, headers)
    return Answer(200, {**headers, "content-type": file.media_type}, file.body)


def _problem(refusal: Refusal) -> Answer:
    code = CODES[refusal.code]
    headers = {**_CORS, "content-type": "application/problem+json", "cache-control": "no-store"}
    if code.status == 404:
        headers["cache-control"] = f"public, max-age={_NOT_FOUND_AGE_S}"
    if code.status == 405:
        headers["allow"] = _METHODS
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    document = {
        "type": PROBLEM_TYPES + refusal.code,
        "title": code.title,
        "status": code.status,
        "detail": refusal.detail,
        "code": refusal.code,
    }
    return Answer(code.status, headers, msgspec.json.encode(document))


async def _send(send: Send, method: str, answer: Answer, date: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"date", date.encode()))
    if answer.status not in (204, 304):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
