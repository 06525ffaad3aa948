"""Beacons: what players report, into the event log, durable before it is acknowledged."""

from tifo.api.events import PlaybackReported
from tifo.eventlog.publisher import Publisher
from tifo.services.beacons import rules
from tifo.telemetry.metrics import CMCD_RECORDS


class BeaconService:
    """Takes CMCD reports."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def report(self, body: str) -> int:
        """Keep a report's records and say how many it has; raises `Unavailable`.

        Records of a later version than ours are ignored, as the standard wants, and count as records:
        their player did nothing wrong.
        """
        report = rules.read_report(body)
        CMCD_RECORDS.labels("malformed").inc(report.malformed)
        CMCD_RECORDS.labels("unknown-version").inc(report.unknown_version)
        events = [PlaybackReported(session=r["sid"], values=r) for r in report.records]
        if events:
            await self._publisher.keep(events)
        CMCD_RECORDS.labels("kept").inc(len(events))
        return len(events) + report.unknown_version
