"""What the lake keeps: one table for each type of event, with typed columns.

A column is never renamed and never changes its kind: files of before are read beside those of today. A new
one is added at the end, and is null in the files that do not have it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Kind = Literal["text", "integer", "number", "moment", "texts", "flag"]
"""Of a value: Unicode, 64-bit whole, 64-bit floating, a time in UTC, a list of texts, yes or no."""


SQL_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "number": "DOUBLE",
        "moment": "TIMESTAMP",
        "texts": "VARCHAR[]",
        "flag": "BOOLEAN",
    }
)
"""What a query calls them."""


class Column(NamedTuple):
    """One column, and in a sentence what it says."""

    name: str
    kind: Kind
    says: str


class Table(NamedTuple):
    """One type of event: the name of its view, the type in the log, and what one row is."""

    name: str
    type: str
    says: str
    columns: tuple[Column, ...]


EVENT = Column("event", "text", "the match; null where the record named none")
HOUR = Column("hour", "text", "the hour of `happened_at` in UTC, as 2026-11-25T18: name it to read less")
PLACED: tuple[Column, ...] = (EVENT, HOUR)
"""Columns that are told by where a file is, and are not in it."""

ID = Column("id", "text", "the event's id: one row has it")
HAPPENED_AT = Column("happened_at", "moment", "when, UTC")
COMMON: tuple[Column, ...] = (ID, HAPPENED_AT)
"""What every file has first."""

_SESSION = Column("session", "text", "the session")
_ACCOUNT = Column("account", "text", "the account")
_KIND = Column("device_kind", "text", "what kind of device plays")
_ISP = Column("isp", "text", "AS number and name; empty where it is not known")
_NETWORK = Column("network", "text", "its /24 of IPv4 or /48 of IPv6; empty likewise")
_LEASE = Column("lease_s", "integer", "seconds that the session may be silent and still live")
_ANOMALY = Column("anomaly", "text", "which one")
_WHAT = Column("what", "text", "its kind")
_SUBJECT = Column("subject", "text", "with whom")
_BREAK = Column("break_id", "text", "the ad break")

_TABLES = (
    Table(
        "session_started", "session.started", "a viewer was let in",
        (_SESSION, _ACCOUNT, Column("device", "text", "the device"), _KIND, _ISP, _LEASE, _NETWORK),
    ),
    Table(
        "sessions_renewed", "sessions.renewed", "leases that were renewed within a second, gathered",
        (
            Column("batch", "text", "the first of its sessions"),
            Column("sessions", "texts", "the sessions; unnest(sessions) makes a row of each"),
            _KIND, _ISP, _LEASE,
        ),
    ),
    Table(
        "session_ended", "session.ended", "a session is over",
        (_SESSION, Column("why", "text", "left, expired, taken-over, ended or kicked")),
    ),
    Table(
        "session_refused", "session.refused", "a start was not let in",
        (_ACCOUNT, Column("code", "text", "the problem's code")),
    ),
    Table(
        "playback_pathway", "playback.pathway", "a player asked for its steering",
        (
            _SESSION, Column("pathway", "text", "the CDN it is on"),
            Column("throughput_bps", "integer", "bits per second that it measured"),
        ),
    ),
    Table(
        "playback_reported", "playback.reported", "one CMCD record of a player",
        (
            _SESSION,
            Column("report", "text", "CMCD `e`: why it was sent, such as ps for a new state"),
            Column("content", "text", "CMCD `cid`: what plays"),
            Column("pathway", "text", "CMCD `cdn`"),
            Column("state", "text", "CMCD `sta`: s starting, p playing, r rebuffering, f failed, ..."),
            Column("player_at_ms", "integer", "CMCD `ts`: epoch milliseconds by the player's clock"),
            Column("number", "integer", "CMCD `sn`: counts the player's reports"),
            Column("bitrate_bps", "number", "CMCD `br`, picture and sound together"),
            Column("throughput_bps", "number", "CMCD `mtp`"),
            Column("start_delay_ms", "number", "CMCD `msd`: until the first picture"),
            Column("starved_ms", "number", "CMCD `bsd`: playing stood still for so long"),
            Column("failed", "flag", "the player gave up or told of an error"),
            Column("cmcd", "text", "the whole record as JSON: cmcd->>'$.bl' and so on"),
        ),
    ),
    Table(
        "ads_decided", "ads.decided", "a viewer's break was filled",
        (
            _SESSION, _BREAK,
            Column("creatives", "texts", "in their order"),
            Column("line_items", "texts", "whose each is; empty for house ads"),
        ),
    ),
    Table(
        "ads_tracked", "ads.tracked", "a beacon of a slot, or of a whole break in slot 0",
        (
            _SESSION, _BREAK,
            Column("slot", "integer", "1 and up; 0 is the break"),
            Column("creative", "text", "what was shown"),
            Column("what", "text", "impression, midpoint, complete, error, ..."),
            Column("code", "integer", "VAST's of an error"),
        ),
    ),
    Table(
        "control_acted", "control.acted", "an operator did something",
        (
            Column("operator", "text", "who"), Column("action", "text", "did what"),
            Column("target", "text", "to what"), Column("detail", "text", "and how"),
        ),
    ),
    Table(
        "anomaly_began", "anomaly.began", "something looks wrong with those who watch",
        (
            _ANOMALY, _WHAT, _SUBJECT,
            Column("evidence", "text", "in a sentence"),
            Column("figures", "text", "as JSON: figures->>'$.name'"),
        ),
    ),
    Table(
        "anomaly_ended", "anomaly.ended", "it has looked right again for a while",
        (_ANOMALY, _WHAT, _SUBJECT, Column("lasted_s", "number", "seconds that it lasted")),
    ),
)  # fmt: skip

TABLES: Mapping[str, Table] = MappingProxyType({table.type: table for table in _TABLES})
"""Every table by the type of its events in the log."""


def in_file(table: Table) -> tuple[Column, ...]:
    """The columns of the table's files, in their order."""
    return COMMON + table.columns


def in_view(table: Table) -> tuple[Column, ...]:
    """The columns of the table's view, in their order."""
    return COMMON + PLACED + table.columns


Row = tuple[object, ...]
"""The values of one row in the order of `in_file`; moments in epoch microseconds, null as None."""
