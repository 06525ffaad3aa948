"""Messages as librdkafka hands them over, without a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Got:
    """The arguments of `produce`, come back."""

    message: Mapping[str, Any]
    place: str = ""
    """Its topic's name in the cluster; empty for the one that the message names, of the prefix `tifo`."""

    def topic(self) -> str:
        return self.place or f"tifo.{self.message['topic']}"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7

    def headers(self) -> Any:
        return self.message["headers"]

    def key(self) -> Any:
        return self.message["key"]

    def value(self) -> Any:
        return self.message["value"]

    def timestamp(self) -> tuple[int, int]:
        return 1, self.message["timestamp"]
