"""A small file in the MaxMind DB format 2.0, written as its specification says: 24-bit records, IPv6 tree."""

import struct
from collections.abc import Mapping
from ipaddress import ip_network

BITS = 128
MARKER = b"\xab\xcd\xefMaxMind.com"


class Short(int):
    """A number that the format keeps in 16 bits."""


class Long(int):
    """A number that the format keeps in 64 bits."""


def encoded(value: object) -> bytes:
    """A map, a list, a text or a number in the format's data section."""
    match value:
        case dict():
            pairs = b"".join(encoded(part) for pair in value.items() for part in pair)
            return bytes([7 << 5 | len(value)]) + pairs
        case list():
            return bytes([len(value), 11 - 7]) + b"".join(map(encoded, value))
        case str():
            text = value.encode()
            head = [2 << 5 | len(text)] if len(text) < 29 else [2 << 5 | 29, len(text) - 29]
            return bytes(head) + text
        case Short():
            return bytes([5 << 5 | 2]) + struct.pack(">H", value)
        case Long():
            return bytes([8, 9 - 7]) + struct.pack(">Q", value)
        case int():
            return bytes([6 << 5 | 4]) + struct.pack(">I", value)
    raise TypeError(value)


def path_of(network: str) -> str:
    """The network's bits from the root on; IPv4 stands in the last 32 bits."""
    one = ip_network(network)
    bits = format(int(one.network_address), f"0{BITS}b")
    return bits[: one.prefixlen + BITS - one.max_prefixlen]


def asn_database(networks: Mapping[str, tuple[int, str]]) -> bytes:
    """The file that says, for each network, its AS number and name."""
    tree: list[list[int | str | None]] = [[None, None]]
    for network in networks:
        node, *rest = 0, *path_of(network)
        for bit in rest[:-1]:
            child = tree[node][int(bit)]
            if not isinstance(child, int):
                tree.append([None, None])
                child = tree[node][int(bit)] = len(tree) - 1
            node = child
        tree[node][int(rest[-1])] = network
    data, places = b"", {}
    for network, (number, name) in networks.items():
        places[network] = len(tree) + 16 + len(data)
        data += encoded({"autonomous_system_number": number, "autonomous_system_organization": name})
    records = (child for node in tree for child in node)
    found = (len(tree) if one is None else places.get(one, one) for one in records)
    metadata = {
        "binary_format_major_version": Short(2),
        "binary_format_minor_version": Short(0),
        "build_epoch": Long(1_700_000_000),
        "database_type": "Test-ASN",
        "description": {"en": "networks for tests"},
        "ip_version": Short(6),
        "languages": ["en"],
        "node_count": len(tree),
        "record_size": Short(24),
    }
    return b"".join(one.to_bytes(3, "big") for one in found) + bytes(16) + data + MARKER + encoded(metadata)
