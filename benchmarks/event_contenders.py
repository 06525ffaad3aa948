"""One contender of the event log's benchmarks in this process: `python -m benchmarks.event_contenders NAME
COUNT WHERE`, where `WHERE` is the seeds of a Kafka, or a folder. It prints a `Done`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import msgspec

from benchmarks import event_consuming, event_costs, event_producing
from benchmarks.event_done import Done

CONTENDERS: Mapping[str, Callable[[int, str], Awaitable[Done]]] = MappingProxyType(
    {
        "fill": event_producing.fill,
        "produce-tifo": event_producing.ours,
        "produce-bare": event_producing.bare,
        "append-tifo": event_producing.appended,
        "append-bare": event_producing.ready,
        "consume-tifo": event_consuming.ours,
        "consume-bare": event_consuming.bare,
        "embedded-batches": event_producing.embedded_batches,
        "embedded-calls": event_producing.embedded_calls,
        "embedded-consumed": event_consuming.embedded,
        "insight": event_costs.insight,
        "lake": event_costs.lake,
    }
)


async def main(name: str, count: int, where: str) -> Done:
    """Do what the contender of that name does, with so many records."""
    return await CONTENDERS[name](count, where)


if __name__ == "__main__":
    done = asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
    sys.stdout.write(f"{msgspec.json.encode(done).decode()}\n")
