"""Records of every type of event, and how a release's are kept for the versions after it.

`PYTHONPATH=src .venv/bin/python tests/rules/event_samples.py 0.2` writes `tests/repo/data/events-0.2`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import msgspec

from tifo.adapters.kafka import wire
from tifo.api import events
from tifo.eventlog.records import to_record
from tifo.eventlog.schemas import schemas

DATA = Path(__file__).parents[1] / "repo/data"
AT = 1_764_000_000.25
SOURCE = "https://live.example"


def kinds(module: ModuleType = events) -> tuple[type[events.Event], ...]:
    """Every type of event that a version knows."""
    return get_args(module.AnyEvent)


def least(kind: type[events.Event]) -> events.Event:
    """With what it cannot be without."""
    return kind(**{one.name: _value(kind, one.name) for one in msgspec.structs.fields(kind) if one.required})


def full(kind: type[events.Event]) -> events.Event:
    """With every field, none of them at its default."""
    return kind(**{one.name: _value(kind, one.name) for one in msgspec.structs.fields(kind)})


def samples(kind: type[events.Event]) -> tuple[events.Event, events.Event]:
    return least(kind), full(kind)


def _value(kind: type[events.Event], name: str) -> Any:
    hint = get_type_hints(kind)[name]
    values: dict[Any, Any] = {
        str: f"{name}-1",
        int: 7,
        int | None: 7,
        float: 0.5,
        bool: True,
        tuple[str, ...]: (f"{name}-1", f"{name}-2"),
        dict[str, float]: {"before": 70.5},
        dict[str, Any]: {"sid": "session-1", "br": [[3200, {"v": True}]]},
    }
    return values[hint]


def records() -> Iterator[dict[str, Any]]:
    """The samples as they stand in Kafka."""
    writer = wire.Writer(SOURCE)
    for kind in kinds():
        for n, event in enumerate(samples(kind)):
            record = to_record(event, f"evt_{n}", AT)
            message = writer.message(record)
            yield {
                "topic": record.topic,
                "key": message["key"].decode(),
                "timestamp": message["timestamp"],
                "headers": {name: value.decode() for name, value in message["headers"]},
                "value": message["value"].decode(),
            }


def keep(version: str) -> None:
    """Write down what this version's events are. Once, with its release."""
    folder = DATA / f"events-{version}"
    folder.mkdir()
    (folder / "events.py").write_text(Path(events.__file__).read_text())
    (folder / "records.json").write_text(json.dumps(list(records()), indent=1) + "\n")
    (folder / "schemas.json").write_text(json.dumps(dict(schemas()), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    keep(sys.argv[1])
