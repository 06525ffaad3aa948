"""Profiles, devices and resume positions in one DynamoDB table."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError
from msgspec.structs import replace

from tifo.adapters.dynamodb import items
from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.gatherer import Gatherer
from tifo.adapters.dynamodb.items import Item, Write
from tifo.adapters.dynamodb.table import PASSING, DynamoTable, Later, Left
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.services.accounts.ports import (
    History,
    Position,
    Profile,
    ProfileConflict,
    ProfileStore,
    Sighting,
)
from tifo.telemetry.stores import StoreMeter

READ_GATHER_S = 0.002
WRITE_GATHER_S = 0.005
"""How long the first call of a batch waits for others."""

READ_ITEMS_MAX = 100
WRITE_ITEMS_MAX = 25
"""Items in one exchange: what DynamoDB takes."""

FLIGHTS_MAX = 12
"""Batches of each kind under way at once."""

QUEUE_CALLS_MAX = 10_000
"""Items of each kind that wait for a batch; one more is refused at once."""

CHUNK_ITEMS_MAX = 1_000
"""Items of one caller's batch that wait at once."""

HISTORY_PAGES_MAX = 4
"""Pages of a megabyte that one account's items may fill; what is past them waits for its time to expire."""

PRUNE_ONE_IN = 8
"""Of so many new items one, drawn by lot, makes us look whether its account has too many."""


Place = tuple[str, str]
"""The primary key of an item."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Seconds that a call may take, tries again included, and one exchange of it."""

    read_s: float = 0.3
    write_s: float = 2.0
    exchange_s: float = 1.0


class DynamoProfileStore(ProfileStore):
    """Reads and writes gather in batches; a table that throttles is asked again within a small budget.

    Caveats: reads are eventually consistent, a second behind at most in practice. What an account has too
    much of is taken away by and by, when something new comes.
    """

    def __init__(
        self,
        address: TableAddress,
        meter: StoreMeter,
        clock: Clock,
        ids: Ids,
        budgets: Budgets = Budgets(),
    ) -> None:
        self._table = DynamoTable(address, "profiles", meter, clock, ids, budgets.exchange_s)
        self._ids = ids
        self._budgets = budgets
        self._reads: Gatherer[str, None, Profile | None] = Gatherer(
            "profiles",
            self._read,
            lambda first, _: first,
            gather_s=READ_GATHER_S,
            batch_max=READ_ITEMS_MAX,
            flights_max=FLIGHTS_MAX,
            queue_max=QUEUE_CALLS_MAX,
        )
        self._writes: Gatherer[Place, Write, bool] = Gatherer(
            "profiles",
            self._write,
            lambda one, other: one if one.said >= other.said else other,
            gather_s=WRITE_GATHER_S,
            batch_max=WRITE_ITEMS_MAX,
            flights_max=FLIGHTS_MAX,
            queue_max=QUEUE_CALLS_MAX,
        )

    async def profile(self, account: str) -> Profile | None:
        """One item by its key, in a batch with those that others want."""
        return await self._reads.ask(account, None)

    async def put_profile(self, profile: Profile) -> Profile:
        """One item under a condition on its version."""
        kept = replace(profile, version=profile.version + 1)
        writer = self._ids.new("w")
        condition = _version_is(profile.version)
        try:
            await self._table.call(
                self._budgets.write_s,
                "put_item",
                TableName=self._table.name,
                Item=items.of_profile(kept, writer),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            found: Any = error.response.get("Item") or {}
            # An exchange that went unanswered may have been done all the same, and was tried again.
            if found.get("writer") != {"S": writer}:
                raise ProfileConflict(items.profile(found)) from None
        return kept

    async def history(self, account: str) -> History:
        """One query over the account's items after its profile."""
        return items.history(account, await self._items(account))

    async def saw_devices(self, batch: Sequence[Sighting]) -> None:
        """Conditional writes in batches."""
        await self._write_all(zip(batch, map(items.of_sighting, batch), strict=True))

    async def put_positions(self, batch: Sequence[Position]) -> None:
        """Conditional writes in batches."""
        await self._write_all(zip(batch, map(items.of_position, batch), strict=True))

    async def delete_account(self, account: str) -> None:
        """Every item of the account, in batches."""
        found = await self._items(account, after="", ConsistentRead=True, ProjectionExpression="pk, sk")
        await self._delete(found)

    async def close(self) -> None:
        """Send what waits, and close the connections."""
        await self._reads.close()
        await self._writes.close()
        await self._table.close()

    # --- reading ---

    async def _read(self, asks: Mapping[str, None], answers: dict[str, Profile | Unavailable | None]) -> None:
        left = {f"A#{account}": account for account in asks}

        async def once() -> Left:
            keys = [items.key(account, items.PROFILE) for account in left.values()]
            wanted = {self._table.name: {"Keys": keys}}
            answer = await self._table.exchange(len(keys), "batch_get_item", RequestItems=wanted)
            unread = answer.get("UnprocessedKeys", {}).get(self._table.name, {}).get("Keys", ())
            found = {one["pk"]["S"]: one for one in answer["Responses"].get(self._table.name, ())}
            for pk in left.keys() - {one["pk"]["S"] for one in unread}:
                answers[left.pop(pk)] = _profile(found.get(pk))
            return _left(len(left), throttled=len(left), of=len(keys))

        await self._table.persist(self._budgets.read_s, len(asks), once)

    async def _items(self, account: str, after: str = items.PROFILE, **how: object) -> list[Item]:
        found: list[Item] = []
        for _ in range(HISTORY_PAGES_MAX):
            page = await self._table.call(
                self._budgets.read_s,
                "query",
                TableName=self._table.name,
                KeyConditionExpression="pk = :pk AND sk > :sk" if after else "pk = :pk",
                ExpressionAttributeValues=_values(account, after),
                **how,
            )
            found += page["Items"]
            if not (last := page.get("LastEvaluatedKey")):
                break
            how["ExclusiveStartKey"] = last
        return found

    # --- writing ---

    async def _write_all(self, writes: Iterable[tuple[Sighting | Position, Write]]) -> None:
        pairs = list(writes)
        for begin in range(0, len(pairs), CHUNK_ITEMS_MAX):
            chunk = pairs[begin : begin + CHUNK_ITEMS_MAX]
            outcomes = await self._writes.ask_all((write.place, write) for _, write in chunk)
            await self._prune(
                {one.account for (one, _), new in zip(chunk, outcomes, strict=True) if new is True}
            )
            for outcome in outcomes:
                if isinstance(outcome, Unavailable):
                    raise outcome

    async def _write(self, asks: Mapping[Place, Write], answers: dict[Place, bool | Unavailable]) -> None:
        """Writes each item over an older one, or where there is none; answers whether there was none.

        Most are there, so each is tried as an update first. One that is not there is inserted with the
        next exchange; another node that inserted it meanwhile sends it back to the update.
        """
        left = dict(asks)
        missing: set[Place] = set()

        async def once() -> Left:
            places = list(left)
            statements = [_statement(self._table.name, left[one], new=one in missing) for one in places]
            answer = await self._table.exchange(len(places), "batch_execute_statement", Statements=statements)
            throttled = 0
            for place, told in zip(places, answer["Responses"], strict=True):
                match _outcome(told):
                    case _Written.YES:
                        answers[place] = place in missing
                    case _Written.OLDER:
                        answers[place] = False
                    case _Written.NOT_THERE:
                        missing.add(place)
                    case _Written.THERE:
                        missing.discard(place)
                    case _Written.THROTTLED:
                        throttled += 1
                if place in answers:
                    del left[place]
            return _left(len(left), throttled=throttled, of=len(places))

        await self._table.persist(self._budgets.write_s, len(asks), once)

    async def _prune(self, accounts: Iterable[str]) -> None:
        """Take away what accounts have too much of; nobody waits for it, so a failure leaves it for later."""
        for account in accounts:
            if self._ids.fraction() * PRUNE_ONE_IN < 1:
                with contextlib.suppress(Unavailable):
                    found = await self._items(account)
                    await self._delete(items.surplus(found, items.history(account, found)))

    async def _delete(self, keys: Sequence[Item]) -> None:
        for begin in range(0, len(keys), WRITE_ITEMS_MAX):
            await self._delete_batch(list(keys[begin : begin + WRITE_ITEMS_MAX]))

    async def _delete_batch(self, keys: Sequence[Item]) -> None:
        left: list[Any] = [{"DeleteRequest": {"Key": one}} for one in keys]

        async def once() -> Left:
            asked = {self._table.name: tuple(left)}
            answer = await self._table.exchange(len(left), "batch_write_item", RequestItems=asked)
            left[:] = answer.get("UnprocessedItems", {}).get(self._table.name, ())
            return _left(len(left), throttled=len(left), of=len(asked[self._table.name]))

        await self._table.persist(self._budgets.write_s, len(keys), once)


class _Written(Enum):
    """What became of one statement of a batch."""

    YES = "yes"
    OLDER = "older"
    """Nothing: what stands there is not older."""
    NOT_THERE = "not-there"
    """Nothing: there is no item to write over."""
    THERE = "there"
    """Nothing: there is an item already."""
    THROTTLED = "throttled"


def _outcome(told: Mapping[str, Any]) -> _Written:
    error = told.get("Error")
    if error is None:
        return _Written.YES
    match error["Code"]:
        case "ConditionalCheckFailed":
            return _Written.OLDER if error.get("Item") else _Written.NOT_THERE
        case "DuplicateItem":
            return _Written.THERE
        case code if code in PASSING:
            return _Written.THROTTLED
        case code:
            raise Unavailable("profiles", str(code))


def _left(left: int, *, throttled: int, of: int) -> Left:
    """What an exchange about `of` items left; raises `Later` when it got nothing through."""
    if throttled == of:
        raise Later("throttled")
    return Left(left, throttled)


def _statement(table: str, write: Write, *, new: bool) -> dict[str, Any]:
    return items.insert(table, write) if new else items.update(table, write)


def _profile(item: Item | None) -> Profile | Unavailable | None:
    try:
        return items.profile(item)
    except Unavailable as error:
        return error


def _version_is(version: int) -> dict[str, Any]:
    if not version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }


def _values(account: str, after: str) -> dict[str, Any]:
    values = {":pk": items.key(account, "")["pk"]}
    return {**values, ":sk": {"S": after}} if after else values
