"""The books of ads in a DynamoDB table, which workers of many machines keep together."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.billing_items import (
    NEWEST,
    Booked,
    Found,
    Item,
    add_to_line,
    booked,
    checked,
    found_line,
    found_slot,
    hour_of,
    lines_of,
    newest_key,
    put_slot,
    slot_key,
)
from tifo.adapters.dynamodb.table import DynamoTable, Later, Left
from tifo.api.billing import LINES_MAX, BilledAsked, BilledLine
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import StoreMeter
from tifo.workers.billing.ports import FACTS_MAX, BillingLedger, BillingTerms, Fact, Taken
from tifo.workers.billing.slots import Line, is_stale, key_of

SLOTS_KEPT_S = 30 * 86_400
"""Seconds that a slot stays at the least after it was last written. A fact that is older than this is stale:
no log keeps its records for as long."""

SLOTS_PER_READ = 100
"""Slots that are read at once: what DynamoDB takes."""

CALL_S_MAX = 8.0
EXCHANGE_S_MAX = 3.0
"""Seconds of a call with all its tries, and of one try: only workers and operators wait for them."""

TURNS_MAX = 12
"""Times that slots are read and written anew because somebody else wrote them in between."""

TURN_FIRST_S = 0.01
TURN_S_MAX = 0.5
"""What the wait before the next turn grows up to, by lot."""

PAGES_MAX = 200
"""Pages of a megabyte that are read for one answer."""


class _Read(NamedTuple):
    """Lines of one partition of the log, complete for hours from `floor` on."""

    counts: Mapping[Line, int]
    floor: float = 0.0


class DynamoBillingLedger(BillingLedger):
    """A slot and the lines that it counts in change in one transaction, which a condition makes happen once.

    May share the table of profiles. Some 250 bytes a slot for 30 days. Caveat: a call that fails may have
    taken some of its facts; repeated, it takes the others.
    """

    def __init__(
        self, address: TableAddress, meter: StoreMeter, clock: Clock, ids: Ids, terms: BillingTerms
    ) -> None:
        self._table = DynamoTable(address, "billing", meter, clock, ids, EXCHANGE_S_MAX)
        self._ids = ids
        self._terms = terms
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, facts: Sequence[Fact], now: float) -> Taken:
        """Each partition of the log by itself, for its lines are its own: no two get in each other's way."""
        if len(facts) > FACTS_MAX:
            raise ValueError(f"more than {FACTS_MAX} facts")
        told: defaultdict[int, list[tuple[bytes, Fact]]] = defaultdict(list)
        for fact in facts:
            told[fact.partition].append((key_of(fact), checked(fact)))
        parts = [self._take(partition, some, now) for partition, some in told.items()]
        taken = await asyncio.gather(*parts, return_exceptions=True)
        done = [_or_raised(one) for one in taken]
        news, repeated = sum(one.news for one in done), sum(one.repeated for one in done)
        return Taken(news, repeated, sum(one.stale for one in done))

    async def lines(self, asked: BilledAsked, lines_max: int = LINES_MAX) -> tuple[BilledLine, ...]:
        """The partitions' lines together; what is older than figures are kept may still be in the table."""
        most = min(lines_max, LINES_MAX)
        newest = {int(one["sk"]["S"]): float(one["at"]["N"]) async for one in self._query(NEWEST, "0", ":")}
        since = max(asked.since, max(newest.values(), default=0.0) - self._terms.figures_s)
        parts = await asyncio.gather(*(self._lines(one, asked, since, most) for one in newest))
        floor = max((one.floor for one in parts), default=0.0)
        counts: Counter[Line] = Counter()
        for part in parts:
            counts.update(part.counts)
        found = [BilledLine(*line, count) for line, count in counts.items() if count and line.hour >= floor]
        return tuple(sorted(found, key=lambda one: -one.hour)[:most])

    async def close(self) -> None:
        """Close the connections."""
        await self._table.close()

    # --- taking -----------------------------------------------------------------------------------------

    async def _take(self, partition: int, told: Sequence[tuple[bytes, Fact]], now: float) -> Taken:
        async with self._turns[partition]:
            before = await self._newest(partition)
            if not before:
                await self._note_newest(partition, before)  # who reads the lines knows partitions by it
            seen = {partition: before}
            slots: defaultdict[bytes, list[Fact]] = defaultdict(list)
            stale = 0
            for key, fact in told:
                if fact.at < now - SLOTS_KEPT_S or is_stale(fact, seen, self._terms, now):
                    stale += 1
                else:
                    slots[key].append(fact)
            news = 0
            # Side by side, those that count in the same lines: more of them fit into a transaction.
            keys = sorted(slots, key=lambda key: _break_and_ad(slots[key][0]))
            for begin in range(0, len(keys), SLOTS_PER_READ):
                some = {key: slots[key] for key in keys[begin : begin + SLOTS_PER_READ]}
                news += await self._book(partition, some, now)
            # Last, for a fact must not become stale by one that came with it and was lost.
            if seen[partition] > before:
                await self._note_newest(partition, seen[partition])
        return Taken(news, len(told) - stale - news, stale)

    async def _book(self, partition: int, told: Mapping[bytes, Sequence[Fact]], now: float) -> int:
        """Until all that the facts tell is in the table; how many of them were news."""
        news = 0
        for turn in range(TURNS_MAX):
            found = await self._found(told)
            met: dict[bytes, Sequence[Fact]] = {}
            for work in booked(told, found, self._terms.late_s_max):
                if await self._written(partition, work, now):
                    news += work.news
                else:
                    met.update((key, told[key]) for key in work.slots)
            if not met:
                return news
            told = met
            await asyncio.sleep(self._ids.fraction() * min(TURN_FIRST_S * 2.0**turn, TURN_S_MAX))
        raise Unavailable("billing", f"others wrote the same slots {TURNS_MAX} times")

    async def _written(self, partition: int, work: Booked, now: float) -> bool:
        """False where somebody else writes the same. An answer that was lost is told again by the token."""
        expires, table = now + SLOTS_KEPT_S + self._terms.keep_s, self._table.name
        slots = [put_slot(table, key, before, slot, expires) for key, (before, slot) in work.slots.items()]
        lines = [
            add_to_line(table, partition, line, count, line.hour + self._terms.figures_s)
            for line, count in work.counts.items()
            if count
        ]
        try:
            await self._table.call(
                CALL_S_MAX,
                "transact_write_items",
                TransactItems=slots + lines,
                ClientRequestToken=self._ids.new("b"),
            )
        except ClientError:
            return False
        return True

    async def _found(self, keys: Mapping[bytes, object]) -> dict[bytes, Found]:
        left = {slot_key(key)["pk"]["S"]: slot_key(key) for key in keys}
        found: dict[bytes, Found] = {}

        async def once() -> Left:
            asked = len(left)
            wanted = {self._table.name: {"Keys": list(left.values()), "ConsistentRead": True}}
            answer = await self._table.exchange(asked, "batch_get_item", RequestItems=wanted)
            found.update(map(found_slot, answer["Responses"].get(self._table.name, ())))
            unread = answer.get("UnprocessedKeys", {}).get(self._table.name, {}).get("Keys", ())
            for pk in left.keys() - {one["pk"]["S"] for one in unread}:
                del left[pk]
            if len(left) == asked:
                raise Later("throttled")
            return Left(len(left), len(left))

        await self._table.persist(CALL_S_MAX, len(left), once)
        return found

    async def _newest(self, partition: int) -> float:
        answer = await self._table.call(
            CALL_S_MAX,
            "get_item",
            TableName=self._table.name,
            Key=newest_key(partition),
            ConsistentRead=True,
        )
        item: Item = answer.get("Item", {})
        return float(item["at"]["N"]) if item else 0.0

    async def _note_newest(self, partition: int, at: float) -> None:
        try:
            await self._table.call(
                CALL_S_MAX,
                "put_item",
                TableName=self._table.name,
                Item={**newest_key(partition), "at": {"N": repr(at)}},
                ConditionExpression="attribute_not_exists(pk) OR #at < :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": {"N": repr(at)}},
            )
        except ClientError:
            return  # another member has told of a newer one

    # --- reading ----------------------------------------------------------------------------------------

    async def _lines(self, partition: int, asked: BilledAsked, since: float, most: int) -> _Read:
        """The newest hours that have so many lines, whole."""
        how: dict[str, Any] = {"ScanIndexForward": False}
        if asked.event:
            how["FilterExpression"] = "#event = :event"
            how["ExpressionAttributeNames"] = {"#event": "event"}
        counts: Counter[Line] = Counter()
        enough_at, told = -1, 0
        begin, end = hour_of(max(0.0, since)), hour_of(max(0.0, asked.until))
        async for item in self._query(lines_of(partition), begin, end, asked.event, **how):
            line, count = found_line(item)
            if line.hour < enough_at:
                return _Read(counts, enough_at)
            if since <= line.hour < asked.until:
                counts[line] = count
                told += count != 0
            if enough_at < 0 and told >= most:
                enough_at = line.hour
        return _Read(counts)

    async def _query(
        self, pk: str, begin: str, end: str, event: str = "", **how: object
    ) -> AsyncIterator[Item]:
        """The items of a partition key whose sort keys lie between, page after page."""
        values = {":pk": {"S": pk}, ":begin": {"S": begin}, ":end": {"S": end}}
        if event:
            values[":event"] = {"S": event}
        for _ in range(PAGES_MAX):
            page = await self._table.call(
                CALL_S_MAX,
                "query",
                TableName=self._table.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :begin AND :end",
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **how,
            )
            for item in page["Items"]:
                yield item
            if not (last := page.get("LastEvaluatedKey")):
                return
            how["ExclusiveStartKey"] = last
        raise Unavailable("billing", f"more than {PAGES_MAX} pages: ask for fewer hours")


def _or_raised(taken: Taken | BaseException) -> Taken:
    if isinstance(taken, BaseException):
        raise taken
    return taken


def _break_and_ad(fact: Fact) -> tuple[str, str, str]:
    return fact.event, fact.break_id, fact.creative
