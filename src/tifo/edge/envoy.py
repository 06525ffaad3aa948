"""The few shapes that every part of an Envoy configuration is made of."""

from typing import Any

Json = dict[str, Any]
"""One object of Envoy's configuration, as it is written to its file."""

_TYPES = "type.googleapis.com/"


def message(kind: str, **fields: object) -> Json:
    """A message of a named type, `envoy.extensions...`, as Envoy's `Any` fields want it."""
    return {"@type": _TYPES + kind, **fields}


def extension(name: str, kind: str, **fields: object) -> Json:
    """An extension: its name and its typed configuration."""
    return {"name": name, "typed_config": message(kind, **fields)}


def address(host: str, port: int) -> Json:
    """A TCP socket's address."""
    return {"socket_address": {"address": host, "port_value": port}}


def seconds(value: float) -> str:
    """A duration in the JSON spelling of protobuf."""
    return f"{value:g}s"


def percent(value: float) -> Json:
    """A share of 0 to 100 percent, to one ten-thousandth."""
    return {"numerator": round(value * 10_000), "denominator": "MILLION"}


def header(key: str, value: str) -> Json:
    """A header that replaces any of the same name."""
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
