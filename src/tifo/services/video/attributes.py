"""Attribute lists of HLS tags (draft-pantos-hls-rfc8216bis-22, section 4.2), kept as they were written."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from tifo.services.video.references import BadDocument, shown

Attributes: TypeAlias = tuple[tuple[str, str], ...]
"""Names and values in their order; a quoted value has its quotes."""

INTEGER_MAX = 2**64 - 1

_ATTRIBUTE = re.compile(r'\s*([A-Z0-9-]+)=("[^"]*"|[^",\s]+)\s*(?:,|$)')
_SHAPES = {
    name: re.compile(shape)
    for shape, names in {
        r"[0-9]{1,20}": ("AVERAGE-BANDWIDTH",),
        r"[0-9]{1,6}x[0-9]{1,6}": ("RESOLUTION",),
        r"[0-9]{1,8}(\.[0-9]{1,20})?": ("FRAME-RATE", "SCORE"),
        r"YES|NO": ("DEFAULT", "AUTOSELECT", "FORCED"),
        r'"[^"]*"': (
            "CODECS",
            "SUPPLEMENTAL-CODECS",
            "ALLOWED-CPC",
            "REQ-VIDEO-LAYOUT",
            "LANGUAGE",
            "ASSOC-LANGUAGE",
            "INSTREAM-ID",
            "CHARACTERISTICS",
            "CHANNELS",
            "NAME",
            "GROUP-ID",
            "AUDIO",
            "VIDEO",
            "SUBTITLES",
            "URI",
            "VALUE",
            "STABLE-VARIANT-ID",
            "STABLE-RENDITION-ID",
        ),
        r'"[^"]*"|NONE': ("CLOSED-CAPTIONS",),
    }.items()
    for name in names
}
"""How values are written whose wrong form some player would choke on."""

_INTEGER = re.compile(r"[0-9]{1,20}")
_VARIABLE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}")


def attributes(line: str) -> Attributes:
    """The attributes of a tag's line, without values of a wrong form; raises `BadDocument` for no list."""
    _, _, text = line.partition(":")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        if match is None or match[1] in found:
            raise BadDocument(f"an attribute does not read or is there twice: {shown(text[at:])}")
        found[match[1]] = match[2]
        at = match.end()
    return tuple((name, value) for name, value in found.items() if _well_formed(name, value))


def _well_formed(name: str, value: str) -> bool:
    shape = _SHAPES.get(name)
    return shape is None or shape.fullmatch(value) is not None


def written(told: Iterable[tuple[str, str]]) -> str:
    """The attributes as a list."""
    return ",".join(f"{name}={value}" for name, value in told)


def required(told: Attributes, name: str) -> str:
    """A value that must be there; raises `BadDocument`."""
    value = dict(told).get(name)
    if not value or value == '""':
        raise BadDocument(f"{name} is missing in {shown(written(told))}")
    return value


def number(told: Attributes, name: str) -> int:
    """A decimal integer above 0 that must be there; raises `BadDocument`."""
    value = required(told, name)
    if not _INTEGER.fullmatch(value) or not 0 < int(value) <= INTEGER_MAX:
        raise BadDocument(f"{name} is {shown(value)}")
    return int(value)


def quoted(text: str) -> str:
    """A quoted string; there is no way to have a quote in it."""
    return f'"{text}"'


def unquoted(value: str) -> str:
    """The text of a value."""
    return value.removeprefix('"').removesuffix('"')


def with_variables(text: str, variables: Mapping[str, str]) -> str:
    """The text with each `{$name}` replaced (section 4.3); raises `BadDocument` for a name nobody defined."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise BadDocument(f"the variable {shown(match[1])} is not defined")
        return variables[match[1]]

    return _VARIABLE.sub(value, text)
