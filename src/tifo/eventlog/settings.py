"""What can be set about events in the log."""

import re
from collections.abc import Iterator

import msgspec

from tifo.api.events import TOPICS
from tifo.eventlog.envelope import SOURCE

RETENTION_H_MAX = 24 * 366
_URI = re.compile(r"[!#$%&'()*+,/:;=?@\[\]\w.~-]{1,200}", re.ASCII)


class EventLogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What events say of where they come from and of whom they speak, how long they are kept, and what a node
    does with those that the log does not take."""

    source: str = SOURCE
    """The platform in every event (`source` of CloudEvents): a URI of its own where several share readers."""
    pseudonyms: bool = False
    """Whether pseudonyms stand for accounts and devices in the event log, made with `keys.pseudonyms`."""
    pseudonym_period_s: int = 30 * 86_400
    """For how long an account has the same pseudonym; at least as long as its records are compared."""
    retention_h: dict[str, int] = {}
    """Hours for which records are kept, by topic (sessions, playback, ads, control); else as the store does.

    Kafka is told when a topic is made; change those that are there with its own tools."""
    spool_folder: str = ""
    """Where events wait for the log on this node's disk; empty is `spool/NODE` of the data folder while
    `stores.eventlog` is a Kafka, and nowhere while it is a file. It must outlive the process, and is one
    process's alone."""
    spool_mib_max: int = 1_024
    """MiB of the events that wait. When they are full, the oldest telemetry makes room; money is refused, not
    dropped."""
    spool_drain_per_s: float = 5_000.0
    """Records that a node sends each second once the log is back; more where more arrive."""

    def problems(self) -> Iterator[str]:
        """A sentence for each setting that makes no sense."""
        if not _URI.fullmatch(self.source):
            yield f"eventlog.source: {self.source!r} is no URI reference; such as https://tv.example or /tifo"
        if self.pseudonym_period_s < 1:
            yield f"eventlog.pseudonym_period_s: {self.pseudonym_period_s}; it is above 0"
        for topic, hours in self.retention_h.items():
            if topic not in TOPICS:
                yield f"eventlog.retention_h: there is no topic {topic!r}; there are {', '.join(TOPICS)}"
            elif not 0 < hours <= RETENTION_H_MAX:
                yield f"eventlog.retention_h.{topic}: {hours}; from 1 to {RETENTION_H_MAX}"

    def who_is_told(self, key_id: str) -> str:
        """A sentence on whether those who read the event log know accounts and devices."""
        if not self.pseudonyms:
            return "Accounts and devices stand in the event log as they are: eventlog.pseudonyms is off."
        return (
            f"Pseudonyms stand for accounts and devices in the event log: key {key_id}, new ones every "
            f"{self.pseudonym_period_s / 86_400:g} days."
        )
