"""Whether contenders answer alike: the same fields, types and lengths, whatever the values are."""

from typing import Any

import httpx

Shape = Any
"""What an answer looks like, in terms that two answers can be compared by."""


def of_answer(answer: httpx.Response) -> Shape:
    """Status, media type and content of an answer; JSON by its fields, other text by its lines."""
    media = answer.headers.get("content-type", "").partition(";")[0]
    if media == "application/json":
        return (answer.status_code, media, len(answer.content), of_value(answer.json()))
    # The order of the CDNs is each session's own: lengths of the lines, not their order.
    return (answer.status_code, media, len(answer.content), sorted(map(len, answer.text.splitlines())))


def of_value(value: object) -> Shape:
    """The shape of a JSON value: an object's fields in order, a text's length, anything else's type."""
    if isinstance(value, dict):
        return [(key, of_value(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [of_value(inner) for inner in value]
    return len(value) if isinstance(value, str) else type(value).__name__
