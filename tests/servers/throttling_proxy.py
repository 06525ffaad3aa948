"""Stands before a DynamoDB and throttles it: a settable share of requests, or of the items in a batch.

It answers as DynamoDB does (`ProvisionedThroughputExceededException`, unprocessed items, errors of single
statements), and counts what it is asked.
"""

import http.client
import json
import random  # noqa: TID251 - drawn with a seed
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

UPSTREAM_S_MAX = 30.0
JSON = "application/x-amz-json-1.0"
HOP = frozenset({"connection", "transfer-encoding", "content-length", "x-amz-crc32", "keep-alive"})

THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "The level of configured provisioned throughput for the table was exceeded.",
    }
).encode()

Json = dict[str, Any]


class ThrottlingProxy:
    """`with ThrottlingProxy(endpoint) as proxy:` clients use `proxy.url`; its knobs turn while it runs.

    `share` of requests are throttled whole; of the items in a batch that is let through, `partly` is the
    share that is left undone. `lose_next_answer` lets one request through and breaks off before its answer;
    `hang` takes requests and answers none until it is turned off. `calls`
    counts requests by operation, `throttled` those that were refused whole.
    """

    def __init__(self, endpoint: str, *, share: float = 0.0, partly: float = 0.0) -> None:
        self.share = share
        self.partly = partly
        self.calls: Counter[str] = Counter()
        self.throttled = 0
        self.lose_next_answer = False
        self.chance = random.Random(7)
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._server.upstream = urlsplit(endpoint).netloc
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def hang(self) -> bool:
        return not self._flowing.is_set()

    @hang.setter
    def hang(self, value: bool) -> None:
        (self._flowing.clear if value else self._flowing.set)()

    def __enter__(self) -> "ThrottlingProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.hang = False
        self._server.shutdown()
        self._thread.join(UPSTREAM_S_MAX)
        self._server.server_close()

    def refuses(self, operation: str) -> bool:
        """Count a request, and say whether it is throttled."""
        with self._lock:
            self.calls[operation] += 1
            refused = self.chance.random() < self.share
            self.throttled += refused
        self._flowing.wait(UPSTREAM_S_MAX)
        return refused

    def split(self, items: list[Any]) -> tuple[list[int], list[int]]:
        """The places of the items that are done, and of those that are not."""
        undone = [n for n in range(len(items)) if self.partly and self.chance.random() < self.partly]
        return [n for n in range(len(items)) if n not in undone], undone


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: ThrottlingProxy
    upstream: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.upstream, timeout=UPSTREAM_S_MAX)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if self.server.proxy.refuses(operation):
            self._answer(400, THROTTLED)
        elif self.server.proxy.partly and operation in _PARTS:
            self._answer(200, json.dumps(_PARTS[operation](self, json.loads(body))).encode())
        else:
            answer = self._pass_on(body)
            if self.server.proxy.lose_next_answer:
                self.server.proxy.lose_next_answer = False
                raise ConnectionError
            self._answer(*answer)

    def log_message(self, *_: object) -> None: ...

    def _pass_on(self, body: bytes) -> tuple[int, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        self.upstream.request("POST", "/", body, headers)
        answer = self.upstream.getresponse()
        return answer.status, answer.read()

    def _ask(self, body: Json) -> Json:
        status, answer = self._pass_on(json.dumps(body).encode())
        if status != 200:
            raise ConnectionError(answer)
        decoded: Json = json.loads(answer)
        return decoded

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _statements(self, body: Json) -> Json:
        statements = body["Statements"]
        done, undone = self.server.proxy.split(statements)
        answers: list[Json] = [{} for _ in statements]
        if done:
            told = self._ask({**body, "Statements": [statements[n] for n in done]})["Responses"]
            for n, answer in zip(done, told, strict=True):
                answers[n] = answer
        for n in undone:
            answers[n] = {"Error": {"Code": "ProvisionedThroughputExceeded", "Message": "slow down"}}
        return {"Responses": answers}

    def _gets(self, body: Json) -> Json:
        ((table, asked),) = body["RequestItems"].items()
        done, undone = self.server.proxy.split(asked["Keys"])
        keys = [asked["Keys"][n] for n in done]
        told = self._ask({"RequestItems": {table: {"Keys": keys}}}) if keys else {"Responses": {}}
        left = {table: {"Keys": [asked["Keys"][n] for n in undone]}} if undone else {}
        return {**told, "UnprocessedKeys": left}

    def _puts(self, body: Json) -> Json:
        ((table, asked),) = body["RequestItems"].items()
        done, undone = self.server.proxy.split(asked)
        if done:
            self._ask({"RequestItems": {table: [asked[n] for n in done]}})
        return {"UnprocessedItems": {table: [asked[n] for n in undone]} if undone else {}}


_PARTS = {
    "BatchExecuteStatement": _Handler._statements,
    "BatchGetItem": _Handler._gets,
    "BatchWriteItem": _Handler._puts,
}
