"""The ad inventory in a DynamoDB table: a head, and the parts of the inventory that it names.

| item | `pk` | `sk` | attributes |
|---|---|---|---|
| head | `ADS` | `HEAD` | `revision`, `writer`, `parts`; `old_writer`, `old_parts` of the one before |
| part | `ADS` | `P#<writer>#<n>` | `body`: JSON, compressed, cut into parts |

Parts are written first and the head last, so whoever reads by the head has all of one inventory. Those of the
one before the last are taken away with the next.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.table import DynamoTable
from tifo.api.inventory import Inventory
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.services.ads.ports import (
    INVENTORY_BYTES_MAX,
    InventoryConflict,
    InventoryStore,
    KeptInventory,
)
from tifo.telemetry.stores import StoreMeter

PART_BYTES_MAX = 350 * 1024
"""Bytes of one part; an item may have 400 KiB."""

CALL_S_MAX = 5.0
EXCHANGE_S_MAX = 2.0
"""Seconds of a call with all its tries, and of one try: nobody's request waits for them."""

READS_MAX = 3
"""Times that a reader begins anew because the parts it was told of are gone."""

_PK = {"S": "ADS"}
_HEAD = {"pk": _PK, "sk": {"S": "HEAD"}}


@dataclass(frozen=True, slots=True)
class _Head:
    revision: int = 0
    writer: str = ""
    parts: int = 0
    old_writer: str = ""
    old_parts: int = 0

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> "_Head":
        if not item:
            return cls()
        numbers = [int(item[name]["N"]) for name in ("revision", "parts", "old_parts")]
        return cls(numbers[0], item["writer"]["S"], numbers[1], item["old_writer"]["S"], numbers[2])

    def item(self) -> Mapping[str, Any]:
        return {
            **_HEAD,
            "revision": {"N": str(self.revision)},
            "writer": {"S": self.writer},
            "parts": {"N": str(self.parts)},
            "old_writer": {"S": self.old_writer},
            "old_parts": {"N": str(self.old_parts)},
        }


class DynamoInventoryStore(InventoryStore):
    """May share the table of profiles. All of it is one partition, which nodes read only when it changes."""

    def __init__(self, address: TableAddress, meter: StoreMeter, clock: Clock, ids: Ids) -> None:
        self._table = DynamoTable(address, "inventory", meter, clock, ids, EXCHANGE_S_MAX)
        self._ids = ids

    async def revision(self) -> int:
        """Of the head."""
        return (await self._head()).revision

    async def read(self) -> KeptInventory:
        """The head, and each part that it names."""
        for _ in range(READS_MAX):
            head = await self._head()
            bodies = [await self._part(head.writer, n) for n in range(head.parts)]
            found = [body for body in bodies if body is not None]
            if len(found) == head.parts:
                return KeptInventory(head.revision, _inventory(b"".join(found)) if found else Inventory())
        raise Unavailable("inventory", "it changes faster than it can be read")

    async def put(self, inventory: Inventory, on: int) -> int:
        """Parts, then the head under a condition on its revision, then what is no longer needed away."""
        body = msgspec.json.encode(inventory)
        if len(body) > INVENTORY_BYTES_MAX:
            raise ValueError(f"{len(body)} bytes of an inventory, at most {INVENTORY_BYTES_MAX}")
        before = await self._head()
        if before.revision != on:
            raise InventoryConflict(before.revision)
        packed = zlib.compress(body)
        parts = [packed[n : n + PART_BYTES_MAX] for n in range(0, len(packed), PART_BYTES_MAX)]
        head = _Head(on + 1, self._ids.new("w"), len(parts), before.writer, before.parts)
        for n, part in enumerate(parts):
            await self._put({"pk": _PK, "sk": _sort(head.writer, n), "body": {"B": part}})
        try:
            await self._flip(head, on)
        except InventoryConflict:
            await self._delete(head.writer, head.parts)
            raise
        await self._delete(before.old_writer, before.old_parts)
        return head.revision

    async def close(self) -> None:
        """Close the connections."""
        await self._table.close()

    async def _head(self) -> _Head:
        return _Head.read(await self._get(_HEAD))

    async def _part(self, writer: str, n: int) -> bytes | None:
        item = await self._get({"pk": _PK, "sk": _sort(writer, n)})
        return bytes(item["body"]["B"]) if item else None

    async def _get(self, key: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._table.call(
            CALL_S_MAX, "get_item", TableName=self._table.name, Key=key, ConsistentRead=True
        )
        item: Mapping[str, Any] = answer.get("Item", {})
        return item

    async def _flip(self, head: _Head, on: int) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if on:
            condition = {
                "ConditionExpression": "revision = :on",
                "ExpressionAttributeValues": {":on": {"N": str(on)}},
            }
        try:
            await self._put(head.item(), ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
        except ClientError as error:
            found: Any = error.response.get("Item") or {}
            # An exchange that went unanswered may have been done all the same, and was tried again.
            if found.get("writer") != {"S": head.writer}:
                raise InventoryConflict(_Head.read(found).revision) from None

    async def _put(self, item: Mapping[str, Any], **how: object) -> None:
        await self._table.call(CALL_S_MAX, "put_item", TableName=self._table.name, Item=item, **how)

    async def _delete(self, writer: str, parts: int) -> None:
        for n in range(parts):
            key = {"pk": _PK, "sk": _sort(writer, n)}
            await self._table.call(CALL_S_MAX, "delete_item", TableName=self._table.name, Key=key)


def _sort(writer: str, n: int) -> Mapping[str, str]:
    return {"S": f"P#{writer}#{n:03d}"}


def _inventory(packed: bytes) -> Inventory:
    try:
        return msgspec.json.decode(zlib.decompress(packed), type=Inventory)
    except (zlib.error, msgspec.DecodeError) as error:
        raise Unavailable("inventory", f"it does not read: {error}") from error
