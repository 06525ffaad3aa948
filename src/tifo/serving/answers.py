"""Answers that are for one caller alone: JSON that nobody keeps."""

import msgspec
from falcon.asgi import Response


def answer_json(resp: Response, body: object) -> None:
    """Answer with `body` as JSON; no cache may keep it."""
    resp.content_type = "application/json"
    resp.set_header("Cache-Control", "no-store")
    resp.data = msgspec.json.encode(body)
