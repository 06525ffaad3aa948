"""A hop to another service of ours over HTTP: bounded in time, its problems turned back into ours."""

from typing import Any, TypeVar

import httpx
import msgspec

from tifo.kernel.errors import CODES, Refusal, Unavailable

CALL_S_MAX = 1.0
CONNECTIONS_MAX = 50

T = TypeVar("T")


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""


class PeerClient:
    """Calls one service by its operators' port."""

    def __init__(self, part: str, base_url: str, operator_token: str, call_s_max: float = CALL_S_MAX) -> None:
        self._part = part
        headers = {"Authorization": f"Bearer {operator_token}"} if operator_token else {}
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self._client = httpx.AsyncClient(
            base_url=base_url, headers=headers, timeout=call_s_max, limits=limits, trust_env=False
        )

    async def get(self, path: str, kind: type[T], **query: str | int) -> T:
        """The answer as `kind`; raises the `Refusal` that the service gave, or `Unavailable`."""
        return self._read(await self._call("GET", path, params=query), kind)

    async def post(self, path: str, body: dict[str, Any]) -> None:
        """Have something done; raises like `get`."""
        await self._call("POST", path, json=body)

    async def put(self, path: str, body: object, kind: type[T], **query: str | int) -> T:
        """Have something changed; the answer as `kind`. Raises like `get`."""
        headers = {"Content-Type": "application/json"}
        content = msgspec.json.encode(body)
        response = await self._call("PUT", path, content=content, headers=headers, params=query)
        return self._read(response, kind)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401
        try:
            response = await self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise Unavailable(self._part, f"{type(error).__name__}: {error}") from error
        if not response.is_success:
            raise self._refusal(response)
        return response

    def _read(self, response: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:
            raise Unavailable(self._part, f"its answer does not read: {error}") from error

    def _refusal(self, response: httpx.Response) -> Refusal:
        try:
            problem = msgspec.json.decode(response.content, type=_Problem)
        except msgspec.DecodeError:
            problem = _Problem()
        if problem.code in CODES and problem.code not in ("internal", "unavailable"):
            return Refusal(problem.code, problem.detail)
        return Unavailable(self._part, f"it answered {response.status_code}")
