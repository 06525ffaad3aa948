"""What stands in the table: keys, items and the statements that write them (docs/profiles-table.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from tifo.api.fields import DeviceKind
from tifo.kernel.errors import Unavailable
from tifo.services.accounts.ports import (
    DEVICES_MAX,
    POSITIONS_MAX,
    PROFILE_BYTES_MAX,
    History,
    KnownDevice,
    Position,
    Profile,
    Sighting,
)

Item = Mapping[str, Mapping[str, str]]
"""An item as DynamoDB spells it: `{"pk": {"S": "A#demo"}, ...}`."""

PROFILE = "A"
DEVICE = "D#"
POSITION = "R#"
"""Sort keys: the profile, and what devices' and positions' begin with. The profile's comes before all."""

DEVICE_KEPT_S = 400 * 86_400
POSITION_KEPT_S = 180 * 86_400
"""Seconds after which DynamoDB itself forgets a device that is not seen, and a position."""


@dataclass(frozen=True, slots=True)
class Write:
    """A conditional write of an item: it happens when there is none, or one that was said earlier."""

    key: Item
    values: Item
    """Attributes that every write sets, `said` among them."""
    first: Item
    """Attributes that only the first write sets."""
    said: float

    @property
    def place(self) -> tuple[str, str]:
        """The primary key."""
        return self.key["pk"]["S"], self.key["sk"]["S"]


def key(account: str, sort: str) -> Item:
    """A primary key. Accounts spread evenly over a table's partitions by the hash of theirs."""
    return {"pk": {"S": f"A#{account}"}, "sk": {"S": sort}}


def of_profile(profile: Profile, writer: str) -> Item:
    """A profile's item; `writer` tells this write from every other. `ValueError` when it is too large."""
    value = msgspec.json.encode(profile)
    if len(value) > PROFILE_BYTES_MAX:
        raise ValueError(f"{len(value)} bytes of a profile, at most {PROFILE_BYTES_MAX}")
    return {
        **key(profile.account, PROFILE),
        "profile": {"S": value.decode()},
        "version": {"N": str(profile.version)},
        "writer": {"S": writer},
    }


def profile(item: Item | None) -> Profile | None:
    """The profile in its item, whatever newer versions added to it."""
    if not item:
        return None
    try:
        return msgspec.json.decode(item["profile"]["S"], type=Profile)
    except (KeyError, msgspec.DecodeError) as error:
        raise Unavailable("profiles", f"a profile does not read: {error}") from error


def of_sighting(one: Sighting) -> Write:
    """A device's item."""
    values: Item = {
        "kind": {"S": one.kind},
        "label": {"S": one.name},
        "said": _number(one.at),
        "expires": _number(int(one.at) + DEVICE_KEPT_S),
    }
    return Write(key(one.account, DEVICE + one.device), values, {"since": _number(one.at)}, one.at)


def of_position(one: Position) -> Write:
    """A resume position's item."""
    values: Item = {
        "position": _number(one.position_s),
        "said": _number(one.at),
        "expires": _number(int(one.at) + POSITION_KEPT_S),
    }
    return Write(key(one.account, POSITION + one.event), values, {}, one.at)


def history(account: str, items: Iterable[Item]) -> History:
    """The account's devices and positions, the latest first, no more than are told."""
    devices, positions = [], []
    for item in items:
        sort = item["sk"]["S"]
        if sort.startswith(DEVICE):
            devices.append(_device(item))
        elif sort.startswith(POSITION):
            positions.append(_position(account, item))
    devices.sort(key=lambda one: (-one.last_seen, one.device))
    positions.sort(key=lambda one: (-one.at, one.event))
    return History(tuple(devices[:DEVICES_MAX]), tuple(positions[:POSITIONS_MAX]))


def surplus(items: Iterable[Item], told: History) -> list[Item]:
    """The keys of the items that are no longer told."""
    kept = {DEVICE + one.device for one in told.devices} | {POSITION + one.event for one in told.positions}
    return [_key_of(item) for item in items if item["sk"]["S"] not in kept]


def update(table: str, write: Write) -> dict[str, Any]:
    """Over what was said earlier. Refused with the item when it is not older, without when there is none."""
    sets = " ".join(f'SET "{name}"=?' for name in write.values)
    where = '"pk"=? AND "sk"=? AND "said"<?'
    return {
        "Statement": f'UPDATE "{table}" {sets} WHERE {where}',
        "Parameters": [*write.values.values(), write.key["pk"], write.key["sk"], _number(write.said)],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def insert(table: str, write: Write) -> dict[str, Any]:
    """Where there is nothing; refused as a duplicate otherwise."""
    item = {**write.key, **write.values, **write.first}
    fields = ", ".join(f"'{name}': ?" for name in item)
    return {
        "Statement": f'INSERT INTO "{table}" VALUE {{{fields}}}',
        "Parameters": list(item.values()),
    }


def _key_of(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def _number(value: float) -> Mapping[str, str]:
    return {"N": repr(value)}


def _device(item: Item) -> KnownDevice:
    said = float(item["said"]["N"])
    return KnownDevice(
        device=item["sk"]["S"].removeprefix(DEVICE),
        kind=cast(DeviceKind, item["kind"]["S"]),
        name=item["label"]["S"],
        first_seen=float(item["since"]["N"]),
        last_seen=said,
    )


def _position(account: str, item: Item) -> Position:
    return Position(
        account=account,
        event=item["sk"]["S"].removeprefix(POSITION),
        position_s=float(item["position"]["N"]),
        at=float(item["said"]["N"]),
    )
