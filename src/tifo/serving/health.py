"""Whether the process lives, and whether a viewer could watch through it."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import httpx
import msgspec
from falcon.asgi import Request, Response

from tifo.kernel.background import Background
from tifo.kernel.errors import Refusal
from tifo.serving.routes import Handlers, Listener, Route

PROBE_EVERY_S = 1.0
PROBE_S_MAX = 1.0


class HealthAnswer(msgspec.Struct, frozen=True):
    """`ok`."""

    status: str


ROUTES = (
    Route(name="health.alive", method="GET", path="/healthz", summary="Alive", answer=HealthAnswer),
    Route(
        name="health.ready",
        method="GET",
        path="/readyz",
        summary="Ready: a viewer could watch",
        answer=HealthAnswer,
        problems=("unavailable",),
    ),
    Route(
        name="health.operators-alive",
        method="GET",
        path="/healthz",
        summary="Alive",
        listener=Listener.OPERATORS,
        answer=HealthAnswer,
    ),
)


class Checks(Protocol):
    """Whether the process may be relied on."""

    @abstractmethod
    def check(self) -> None:
        """Raises `Refusal` (unavailable) that says what is missing."""


class Readiness(Checks):
    """Asks, once a second, whether the live channel answers and whether a CDN does.

    `all_of` are addresses that must answer 200, of `any_of` one must; empty ones are fulfilled.
    """

    def __init__(self, all_of: Sequence[str], any_of: Sequence[str]) -> None:
        self._all_of = all_of
        self._any_of = any_of
        self._missing = "nothing was asked yet"
        self._asking = Background("readiness", PROBE_EVERY_S, self._look, "the last answer stands")
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Ask, and keep asking."""
        self._client = httpx.AsyncClient(timeout=PROBE_S_MAX, trust_env=False)
        await self._look()
        await self._asking.open()

    async def close(self) -> None:
        """Stop asking."""
        self._missing = "stopping"
        await self._asking.close()
        if self._client is not None:
            await self._client.aclose()

    def check(self) -> None:
        """Raises `Refusal` (unavailable) that says what is missing."""
        if self._missing:
            raise Refusal("unavailable", f"Not ready: {self._missing}.", retry_after_s=1)

    async def _look(self) -> None:
        self._missing = await self._ask()

    async def _ask(self) -> str:
        answers = await asyncio.gather(*map(self._answers, (*self._all_of, *self._any_of)))
        needed, either = answers[: len(self._all_of)], answers[len(self._all_of) :]
        if not all(needed):
            return "the live channel does not answer"
        if self._any_of and not any(either):
            return "no CDN answers"
        return ""

    async def _answers(self, url: str) -> bool:
        assert self._client is not None
        try:
            return (await self._client.get(url)).status_code == 200
        except httpx.HTTPError:
            return False


def handlers(readiness: Checks) -> Handlers:
    """The handlers of the routes above, and of readiness on the operators' listener for who has it there."""
    body = msgspec.json.encode(HealthAnswer("ok"))

    def ok(resp: Response) -> None:
        resp.content_type = "application/json"
        resp.set_header("Cache-Control", "no-store")
        resp.data = body

    async def alive(req: Request, resp: Response) -> None:
        ok(resp)

    async def ready(req: Request, resp: Response) -> None:
        readiness.check()
        ok(resp)

    return {
        "health.alive": alive,
        "health.ready": ready,
        "health.operators-alive": alive,
        "health.operators-ready": ready,
    }
