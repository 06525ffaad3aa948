"""What the log and the metrics are told of sessions."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

from tifo.api.events import SessionEnded, SessionRefused, SessionsRenewed, SessionStarted
from tifo.eventlog.ports import lane_of
from tifo.eventlog.publisher import Publisher
from tifo.services.sessions.ports import Lease
from tifo.telemetry.metrics import SESSION_ENDS, SESSION_STARTS

RENEWALS_PER_EVENT_MAX = 1_000
"""Sessions in one event of renewals: about 30 KB."""


# Each label's counter is looked up once: to find it costs four times what counting does.
_starts = cache(SESSION_STARTS.labels)
_ends = cache(SESSION_ENDS.labels)


class _Sort(NamedTuple):
    """What sessions of one event of renewals have in common."""

    event: str
    device_kind: str
    isp: str
    lease_s: int


class Telling:
    """Tells what happened to sessions; nobody waits for it."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._renewed: defaultdict[_Sort, list[str]] = defaultdict(list)

    def started(self, lease: Lease, isp: str, network: str, lease_s: int, outcome: str) -> None:
        """A new viewer came from a network; `outcome` is how they were let in."""
        _starts(outcome).inc()
        self._publisher.tell(
            SessionStarted(
                session=lease.session,
                event=lease.event,
                account=lease.account,
                device=lease.device,
                device_kind=lease.device_kind,
                isp=isp,
                lease_s=lease_s,
                network=network,
            )
        )

    def went_on(self, lease: Lease, isp: str, lease_s: int) -> None:
        """A device that started again goes on with its session: no new viewer came."""
        _starts("again").inc()
        self.renewed(lease, isp, lease_s)

    def refused(self, account: str, event: str, code: str) -> None:
        """A start was not let in."""
        _starts(code).inc()
        self._publisher.tell(SessionRefused(account=account, event=event, code=code))

    def renewed(self, lease: Lease, isp: str, lease_s: int) -> None:
        """Gathered, for renewals are the steadiest of all events and nobody waits for one of them."""
        self._renewed[_Sort(lease.event, lease.device_kind, isp, lease_s)].append(lease.session)

    def ended(self, lease: Lease, why: str) -> None:
        """A session ended."""
        _ends(why).inc()
        self._publisher.tell(SessionEnded(session=lease.session, event=lease.event, why=why))

    def flush(self) -> None:
        """Tell of the renewals that were gathered."""
        gathered, self._renewed = self._renewed, defaultdict(list)
        for sort, sessions in gathered.items():
            for together in _by_lane(sessions):
                for begin in range(0, len(together), RENEWALS_PER_EVENT_MAX):
                    batch = tuple(together[begin : begin + RENEWALS_PER_EVENT_MAX])
                    self._publisher.tell(SessionsRenewed(batch=batch[0], sessions=batch, **sort._asdict()))


def _by_lane(sessions: Sequence[str]) -> Collection[Sequence[str]]:
    """Those of one lane of the log together: a report is where all that is said of its sessions is."""
    lanes: defaultdict[int, list[str]] = defaultdict(list)
    for session in sessions:
        lanes[lane_of(session)].append(session)
    return lanes.values()
