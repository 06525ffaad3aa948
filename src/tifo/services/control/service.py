"""Control: what the cockpit shows and what its buttons do, each act with its entry in the audit trail."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping

import msgspec
import structlog

from tifo.api.breaks import BreakSchedule
from tifo.api.catalogue import Catalogue
from tifo.api.control import AuditAnswer, AuditEntry, History, Overview, Posture, Sample, TrafficSample
from tifo.api.events import OperatorActed
from tifo.api.sessions import Kick, Sessions
from tifo.board.entries import (
    INSIGHT,
    NODE,
    PARTS,
    PATHWAY,
    POSTURE,
    QOE,
    TRAFFIC,
    TRAFFIC_S_MAX,
    WEIGHTS,
    InsightReport,
    NodeReport,
    PartsReport,
    PathwayState,
    PostureState,
    current_qoe,
    decode_all,
    fresh_traffic,
    latest_weights,
)
from tifo.board.ports import Board
from tifo.board.postures import Postures
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock, rfc3339
from tifo.kernel.errors import Refusal, Unavailable
from tifo.services.control import rules
from tifo.services.control.ports import AuditTrail
from tifo.services.control.settings import ControlSettings

WATCHERS_MAX = 50
"""Cockpits that are served live at once."""

_KICKS = {"session": "kick", "account": "kick-account", "event": "kick-event"}
"""How each kind of kick is called in the audit trail."""

_log = structlog.get_logger(__name__)


class ControlService:
    """Looks once a second for every cockpit together, and does what operators say."""

    def __init__(
        self,
        pathways: Mapping[str, float | None],
        loop_silent_s: float,
        sessions: Sessions,
        catalogue: Catalogue,
        board: Board,
        view: BoardView,
        audit: AuditTrail,
        publisher: Publisher,
        schedule: BreakSchedule,
        clock: Clock,
        settings: ControlSettings,
    ) -> None:
        self._pathways = pathways
        self._loop_silent_s = loop_silent_s
        self._sessions = sessions
        self._catalogue = catalogue
        self._board = board
        self._view = view
        self._postures = Postures(view)
        self._audit = audit
        self._publisher = publisher
        self._schedule = schedule
        self._clock = clock
        self._settings = settings
        self._history: deque[Sample] = deque(maxlen=settings.history_samples)
        self._latest: Overview | None = None
        self._looked = asyncio.Condition()
        self._watchers = 0
        self._viewers = 0
        self._looking = Background("control", settings.sample_s, self._look_again, "cockpits stand still")

    async def open(self) -> None:
        """Look, and keep looking."""
        await self._look()
        await self._looking.open()

    async def close(self) -> None:
        """Stop looking."""
        await self._looking.close()

    def overview(self) -> Overview:
        """The last look at the whole."""
        if self._latest is None:
            raise Refusal("unavailable", "The cockpit has not looked yet.", retry_after_s=1)
        return self._latest

    def history(self) -> History:
        """The curves so far."""
        return History(tuple(self._history))

    def watch(self) -> AsyncIterator[Overview]:
        """Each new overview as it comes; raises `Refusal` (unavailable) past `WATCHERS_MAX` cockpits."""
        if self._watchers >= WATCHERS_MAX:
            raise Refusal("unavailable", f"{WATCHERS_MAX} cockpits are open already.", retry_after_s=30)
        return self._each_look()

    async def _each_look(self) -> AsyncIterator[Overview]:
        self._watchers += 1
        try:
            while True:
                async with self._looked:
                    await self._looked.wait()
                yield self.overview()
        finally:
            self._watchers -= 1

    async def set_pathway(self, operator: str, pathway: str, state: PathwayState) -> None:
        """Take a CDN out, drain it or bring it back, on every node within a second; fix its share."""
        if pathway not in self._pathways:
            raise Refusal(
                "not-found", f"There is no pathway {pathway}; there are {', '.join(self._pathways)}."
            )
        await self._board.write(PATHWAY + pathway, msgspec.json.encode(state))
        await self._view.refresh()
        detail = "" if state.share is None else f"share fixed at {state.share:.0%}"
        await self._note(operator, f"pathway-{state.state}", pathway, detail)
        await self._look()

    async def note_traffic(self, samples: Iterable[TrafficSample]) -> None:
        """Put what CDNs' logs say on the board for the steering loop; an older word changes nothing.

        Raises `Refusal` (not-found, invalid), and then nothing was noted.
        """
        known = decode_all(self._view.under(TRAFFIC), TrafficSample)
        for pathway, one in rules.newest(samples, self._pathways, self._clock.now()).items():
            if pathway not in known or known[pathway].at < one.at:
                await self._view.write(TRAFFIC + pathway, msgspec.json.encode(one), TRAFFIC_S_MAX)

    @property
    def posture(self) -> Posture:
        """The step of the degradation ladder in force."""
        return self._postures.step

    async def set_posture(self, operator: str, step: Posture) -> None:
        """Put a step of the degradation ladder in force, on every node within a second."""
        await self._board.write(POSTURE, msgspec.json.encode(PostureState(step)))
        await self._view.refresh()
        await self._note(operator, "posture", step)
        await self._look()

    async def end(self, operator: str, session: str, account: str) -> None:
        """End a session."""
        await self._sessions.end(session, account, "")
        await self._note(operator, "end", session)

    async def kick(self, operator: str, kick: Kick) -> None:
        """Kick a session, an account or an event; their viewers read the reason.

        Raises `Refusal` (not-found) for an event that is not in the calendar.
        """
        if kick.what == "event":
            await self._refuse_unknown_event(kick.id)
        await self._sessions.kick(kick)
        await self._note(operator, _KICKS[kick.what], kick.id, kick.reason)

    async def _refuse_unknown_event(self, event: str) -> None:
        # A calendar that does not answer stops no operator.
        with contextlib.suppress(Unavailable):
            await self._catalogue.event(event)

    async def audit(self) -> AuditAnswer:
        """The audit trail, newest first."""
        return AuditAnswer(await self._audit.latest(self._settings.audit_entries))

    async def _note(self, operator: str, action: str, target: str, detail: str = "") -> None:
        """Keep the trace of what was done; a trail that fails undoes nothing, and the log has the trace."""
        self._publisher.tell(OperatorActed(operator=operator, action=action, target=target, detail=detail))
        entry = AuditEntry(rfc3339(self._clock.now()), operator, action, target, detail)
        try:
            await self._audit.note(entry)
        except Unavailable as error:
            _log.warning("audit.not-kept", why=error.why, **msgspec.structs.asdict(entry))

    async def _look_again(self) -> None:
        view = await self._look()
        self._history.append(rules.sample(view))
        async with self._looked:
            self._looked.notify_all()

    async def _look(self) -> Overview:
        # A session service that does not answer leaves the last count on the screen; the parts table
        # and the routes say what is wrong.
        with contextlib.suppress(Refusal):
            self._viewers = await self._sessions.live()
        self._latest = rules.overview(self._seen(), self._schedule)
        return self._latest

    def _seen(self) -> rules.Seen:
        insight = decode_all(self._view.under(INSIGHT), InsightReport)
        parts = decode_all(self._view.under(PARTS), PartsReport)
        return rules.Seen(
            at=self._clock.now(),
            viewers=self._viewers,
            capacities=self._pathways,
            states=decode_all(self._view.under(PATHWAY), PathwayState),
            qoe=current_qoe(self._view.under(QOE)),
            traffic=fresh_traffic(self._view.under(TRAFFIC), self._clock.now()),
            weights=latest_weights(self._view.under(WEIGHTS)),
            loop_silent_s=self._loop_silent_s,
            nodes=decode_all(self._view.under(NODE), NodeReport),
            insight=max(insight.values(), key=lambda report: report.at, default=None),
            parts=tuple(part for report in parts.values() for part in report.parts),
            posture=self.posture,
            board_failing=self._view.failing,
            log_failing=self._publisher.failing,
        )
