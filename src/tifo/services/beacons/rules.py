"""Reading CMCD v2 reports (CTA-5004-B, section 5): records of one line each, kept or counted as bad."""

import re
from base64 import b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from http_sfv.dictionary import Dictionary
from http_sfv.item import InnerList

VERSION_MAX = 2
RECORDS_MAX = 200
"""Records read of one report; those past it are counted as malformed."""
RECORD_CHARACTERS_MAX = 4_096
SID_LENGTH_MAX = 64

_KEY = r"[a-z*][a-z0-9_.*-]*+"
_USUAL = re.compile(
    rf"({_KEY})(?:=(?:(-?[0-9]{{1,15}})|([A-Za-z*][A-Za-z0-9:/!#$%&'*+.^_`|~-]*+)"
    rf'|"([ !#-\[\]-~]*+)"|\(([0-9]{{1,15}})(?:;({_KEY}))?\)))?(?:,|\Z)'
)
"""A member as players send it: a key alone, an integer, a token, a string without escapes, or a list of one
integer that may have one parameter. Possessive, so that no line takes more time than it has characters."""


@dataclass(frozen=True, slots=True)
class Report:
    """The readable records of one report, and how many were not."""

    records: tuple[dict[str, Any], ...]
    malformed: int
    unknown_version: int


def read_report(body: str) -> Report:
    """Every line that is a CMCD record with a session id; a trailing line feed is no record.

    The standard wants none there, and the players' most used library sends one.
    """
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    records: list[dict[str, Any]] = []
    unknown = 0
    for line in lines[:RECORDS_MAX]:
        record = _read_record(line)
        if record is None:
            continue
        if record.get("v", 1) > VERSION_MAX:
            unknown += 1
        else:
            records.append(record)
    return Report(tuple(records), len(lines) - len(records) - unknown, unknown)


def _read_record(line: str) -> dict[str, Any] | None:
    if len(line) > RECORD_CHARACTERS_MAX:
        return None
    record = _usual(line)
    if record is None:
        record = _any(line)
    sid = record.get("sid")
    known = isinstance(sid, str) and 0 < len(sid) <= SID_LENGTH_MAX
    return record if known and type(record.get("v", 1)) is int else None


def _usual(line: str) -> dict[str, Any] | None:
    """A record that has members of the usual kinds only, read six times as fast; None for any other."""
    record: dict[str, Any] = {}
    at, end = 0, len(line)
    while at < end:
        found = _USUAL.match(line, at)
        if found is None:
            return None
        at = found.end()
        key, integer, token, string, item, parameter = found.groups()
        if integer is not None:
            record[key] = int(integer)
        elif item is not None:
            record[key] = [[int(item), {parameter: True}] if parameter else int(item)]
        elif token is not None:
            record[key] = token
        else:
            record[key] = True if string is None else string
    return None if line.endswith(",") else record


def _any(line: str) -> dict[str, Any]:
    """Any structured dictionary; empty for what is none."""
    fields = Dictionary()
    try:
        fields.parse(line.encode("utf-8"))
    except ValueError:
        return {}
    return {key: _plain(member) for key, member in fields.items()}


def _plain(member: Any) -> Any:  # noqa: ANN401 - a structured field's value is any of its six kinds
    """A structured field's member as JSON: lists of values, and values with parameters as pairs."""
    if isinstance(member, InnerList):
        return [_plain(item) for item in member]
    parameters = {key: _bare(one) for key, one in member.params.items()}
    return [_bare(member.value), parameters] if parameters else _bare(member.value)


def _bare(value: Any) -> Any:  # noqa: ANN401
    """Numbers and booleans as they are; strings, tokens and dates as plain text, bytes in base64."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value if type(value) in (bool, int, str) else str(value)
