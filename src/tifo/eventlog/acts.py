"""What operators do, told to the event log and kept in the audit trail."""

import msgspec
import structlog

from tifo.api.audit import AuditNotes
from tifo.api.control import AuditEntry
from tifo.api.events import OperatorActed
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Unavailable

_log = structlog.get_logger(__name__)


class Acts:
    """A trail that fails undoes nothing: the event log has the trace, and so has ours."""

    def __init__(self, publisher: Publisher, notes: AuditNotes, clock: Clock) -> None:
        self._publisher = publisher
        self._notes = notes
        self._clock = clock

    async def note(self, operator: str, action: str, target: str, detail: str = "") -> None:
        """Keep the trace of what was done."""
        self._publisher.tell(OperatorActed(operator=operator, action=action, target=target, detail=detail))
        await self.keep(operator, action, target, detail)

    async def keep(self, operator: str, action: str, target: str, detail: str = "") -> None:
        """Keep it in the trail alone, for the event log was told."""
        entry = AuditEntry(rfc3339(self._clock.now()), operator, action, target, detail)
        try:
            await self._notes.note(entry)
        except Unavailable as error:
            _log.warning("audit.not-kept", why=error.why, **msgspec.structs.asdict(entry))
