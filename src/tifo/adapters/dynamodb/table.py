"""One DynamoDB table: the client, its limits, and trying again inside a budget."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from tifo.adapters.dynamodb.address import TableAddress
from tifo.adapters.dynamodb.patience import Patience
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.ids import Ids
from tifo.telemetry.stores import StoreMeter

CONNECTIONS_MAX = 32
"""Exchanges at once, each on a connection of its own."""

CALLS_MAX = 1_000
"""Calls under way at once, those that wait for a connection or to be tried again included."""

CONNECT_S_MAX = 0.5
OPEN_S_MAX = 5.0
CREATE_S_MAX = 30.0
CREATE_POLL_S = 0.25
"""Seconds for a connection, for finding credentials, and for a table that is made to be there."""

ROUNDS_MAX = 10
"""Exchanges of one call that each got something through."""

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "RequestLimitExceeded",
    }
)
"""What a table says that has more to do than it may; the short ones about one part of a batch."""

CONDITION_FAILED = "ConditionalCheckFailedException"
CANCELED = "TransactionCanceledException"

PASSING = THROTTLED | {
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflict",
    "TransactionInProgressException",
}
"""What is over by itself: worth trying again."""

OTHERS_WRITE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""Why a transaction is canceled whose items somebody else writes: worth reading them again."""

_MODELS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")

Client = Any
"""aiobotocore has no types of its own."""

_KEYS = (("pk", "HASH"), ("sk", "RANGE"))


@dataclass(frozen=True, slots=True)
class Left:
    """What an exchange left to do: so many items, of which so many were throttled."""

    items: int = 0
    throttled: int = 0


class Later(Exception):
    """An exchange got nothing through, and another may."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


Step = Callable[[], Awaitable[Left]]


class DynamoTable:
    """Calls a table and spares it: few tries again, none while it is known to throttle everything.

    Connects with the first call. One exchange takes `exchange_s` seconds at the most. What goes wrong is
    `Unavailable(part)`; there are no retries but ours.
    """

    def __init__(
        self,
        address: TableAddress,
        part: str,
        meter: StoreMeter,
        clock: Clock,
        ids: Ids,
        exchange_s: float,
    ) -> None:
        self.name = address.table
        self._address = address
        self._part = part
        self._meter = meter
        self._clock = clock
        self._patience = Patience(clock, ids)
        self._stack = contextlib.AsyncExitStack()
        self._client: Client = None
        self._opening = asyncio.Lock()
        self._exchange_s = exchange_s
        self._calls = 0
        self._exchanges = asyncio.Semaphore(CONNECTIONS_MAX)

    async def call(self, budget_s: float, operation: str, **parameters: object) -> dict[str, Any]:
        """One operation within its budget of seconds. Raises `Unavailable`; `ClientError` for a condition
        that does not hold, and for a transaction whose items somebody else writes."""
        answer: dict[str, Any] = {}

        async def once() -> Left:
            answer.update(await self.exchange(1, operation, **parameters))
            return Left()

        await self.persist(budget_s, 1, once)
        return answer

    async def persist(self, budget_s: float, items: int, step: Step) -> None:
        """Repeat `step` until none of the items is left, for so many seconds or tries at the most.

        `step` does one exchange; it raises `Later` when nothing of it got through. Raises `Unavailable`.
        Finding credentials and making the table, which the first call does, have time of their own.
        """
        if self._calls >= CALLS_MAX:
            raise Unavailable(self._part, f"{CALLS_MAX} calls are under way already")
        self._calls += 1
        try:
            await self._open()
            await self._persist(self._clock.monotonic() + budget_s, items, step)
        finally:
            self._calls -= 1

    async def _persist(self, end: float, items: int, step: Step) -> None:
        left, tries = Left(items), 0
        for n in range(ROUNDS_MAX):
            self._refuse_unless_it_may()
            if not n:
                self._patience.called(items)
            try:
                left, why = await self._try(step, end), "throttled in part"
            except Later as later:
                left, why = Left(left.items, left.items), later.why
            if not left.items:
                return
            if left.throttled:
                tries += 1
                await self._wait_for_another(tries, end, left.throttled, why)
        raise Unavailable(self._part, f"not done after {ROUNDS_MAX} exchanges")

    async def exchange(self, commands: int, operation: str, **parameters: object) -> dict[str, Any]:
        """One request of so many commands, tried once; for use inside a `step`."""
        async with self._exchanges:
            self._meter.exchanged(commands)
            try:
                answer: dict[str, Any] = await getattr(self._client, operation)(**parameters)
            except ClientError as error:
                raise _told(error, self._part) from error
            except (BotoCoreError, OSError) as error:
                raise Later(type(error).__name__) from error
        return answer

    async def close(self) -> None:
        """Close the connections."""
        self._client = None
        await self._stack.aclose()

    async def _try(self, step: Step, end: float) -> Left:
        """One exchange in its time; raises `Later` when it got nothing through."""
        limit_s = max(0.0, min(end - self._clock.monotonic(), self._exchange_s))
        try:
            async with asyncio.timeout(limit_s):
                left = await step()
        except TimeoutError:
            self._count(well=False)
            raise Later(f"no answer in {limit_s:.1f} s") from None
        except (Later, Unavailable):
            self._count(well=False)
            raise
        except ClientError:
            self._count(well=True)
            raise
        self._count(well=True)
        return left

    def _refuse_unless_it_may(self) -> None:
        if not self._patience.may_call():
            raise Unavailable(self._part, "nothing got through lately: left alone for a moment")

    async def _wait_for_another(self, tries: int, end: float, items: int, why: str) -> None:
        wait_s = self._patience.backoff_s(tries)
        if self._clock.monotonic() + wait_s >= end:
            raise Unavailable(self._part, f"{why}; its budget of seconds is used up")
        if not self._patience.may_retry(items):
            raise Unavailable(self._part, f"{why}; its budget of tries is used up")
        await asyncio.sleep(wait_s)

    def _count(self, *, well: bool) -> None:
        if well:
            self._patience.worked()
        else:
            self._patience.failed()
        self._meter.answers(well=not self._patience.given_up)

    async def _open(self) -> None:
        if self._client is not None:
            return
        async with self._opening:
            if self._client is None:
                self._refuse_unless_it_may()
                self._client = await self._connected()
                self._count(well=True)

    async def _connected(self) -> Client:
        try:
            async with asyncio.timeout(CREATE_S_MAX if self._address.create else OPEN_S_MAX):
                client = await self._stack.enter_async_context(await self._new_client())
                if self._address.create:
                    await _create(client, self._address)
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            self._patience.give_up()
            self._meter.answers(well=False)
            await self._stack.aclose()
            raise Unavailable(self._part, f"it cannot be opened: {type(error).__name__}") from error
        return client

    async def _new_client(self) -> Client:
        session = get_session()
        loader = session.get_component("data_loader")
        for model in _MODELS:
            # Read beside the event loop, which would stand still for a tenth of a second.
            await asyncio.to_thread(loader.load_service_model, "dynamodb", model)
        config = AioConfig(
            connect_timeout=CONNECT_S_MAX,
            read_timeout=CREATE_S_MAX,
            max_pool_connections=CONNECTIONS_MAX,
            parameter_validation=False,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return session.create_client(
            "dynamodb",
            region_name=self._address.region,
            endpoint_url=self._address.endpoint or None,
            config=config,
        )


def _told(error: ClientError, part: str) -> Exception:
    """What an answer that is an error means to a caller."""
    code = _code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in PASSING or status >= 500:
        return Later(code)
    return error if code == CONDITION_FAILED else Unavailable(part, code)


def _code(error: ClientError) -> str:
    """Of a canceled transaction that of its reason: somebody else's write before all that is passing."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code != CANCELED:
        return code
    reasons = {str(one.get("Code")) for one in error.response.get("CancellationReasons", ())} - {"None"}
    if reasons & OTHERS_WRITE:
        return CONDITION_FAILED
    return min(reasons - PASSING or reasons, default=code)


async def _create(client: Client, address: TableAddress) -> None:
    """Make the table unless it is there, and wait until it is; several nodes may do so at once."""
    try:
        await client.create_table(TableName=address.table, **_shape(address))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
        await _until_active(client, address.table)
        return
    await _until_active(client, address.table)
    await client.update_time_to_live(
        TableName=address.table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
    )


def _shape(address: TableAddress) -> dict[str, Any]:
    units = {"ReadCapacityUnits": address.read_units, "WriteCapacityUnits": address.write_units}
    return {
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in _KEYS],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in _KEYS],
        **(
            {"BillingMode": "PAY_PER_REQUEST"}
            if address.on_demand
            else {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
        ),
    }


async def _until_active(client: Client, table: str) -> None:
    for _ in range(int(CREATE_S_MAX / CREATE_POLL_S)):
        if (await client.describe_table(TableName=table))["Table"]["TableStatus"] == "ACTIVE":
            return
        await asyncio.sleep(CREATE_POLL_S)
    raise TimeoutError
