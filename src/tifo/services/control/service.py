"""Control: what the cockpit shows and what its buttons do, each act with its entry in the audit trail."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from tifo.api.ad_control import AdLever, AdLeverAnswer, LineItems
from tifo.api.anomalies import KINDS
from tifo.api.audit import NoteBody
from tifo.api.catalogue import Catalogue
from tifo.api.control import (
    AuditAnswer,
    BreakBody,
    BreaksAnswer,
    History,
    Overview,
    Posture,
    Sample,
    TrafficSample,
)
from tifo.api.events import KICK_ACCOUNT
from tifo.api.sessions import Kick, Sessions
from tifo.api.sketches import Sketches
from tifo.board.ad_levers import AdLevers
from tifo.board.audience import whole_audience
from tifo.board.breaks import BreakBook
from tifo.board.entries import (
    AD_LEVER,
    ANOMALIES,
    BREAK,
    INSIGHT,
    NODE,
    PARTS,
    PATHWAY,
    POSTURE,
    QOE,
    SKETCHES,
    TRAFFIC,
    TRAFFIC_S_MAX,
    WEIGHTS,
    AdLeverState,
    InsightReport,
    NodeReport,
    PartsReport,
    PathwayState,
    PostureState,
    current_qoe,
    decode_all,
    fresh_traffic,
    latest_anomalies,
    latest_weights,
)
from tifo.board.ports import Board
from tifo.board.postures import Postures
from tifo.board.view import BoardView
from tifo.eventlog.acts import Acts
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.errors import Refusal, Unavailable
from tifo.kernel.ids import Ids
from tifo.scte35.bits import CueError
from tifo.scte35.codec import parse
from tifo.scte35.cues import cues
from tifo.services.control import break_rules, rules
from tifo.services.control.ports import AuditTrail
from tifo.services.control.reach import ReachDesk
from tifo.services.control.settings import ControlSettings
from tifo.telemetry.metrics import ANOMALIES_NOW

WATCHERS_MAX = 50
"""Cockpits that are served live at once."""

BREAK_WORD_KEPT_S = 6 * 3600
"""Seconds for which what was said of a break is remembered after its planned end."""

BREAKS_PAST_S = 600
"""Seconds back to which breaks that are over are listed."""

_KICKS = {"session": "kick", "account": KICK_ACCOUNT, "event": "kick-event"}
"""How each kind of kick is called in the audit trail."""


class ControlService:
    """Looks once a second for every cockpit together, and does what operators say."""

    def __init__(
        self,
        pathways: Mapping[str, float | None],
        loop_silent_s: float,
        sessions: Sessions,
        catalogue: Catalogue,
        line_items: LineItems,
        board: Board,
        view: BoardView,
        audit: AuditTrail,
        publisher: Publisher,
        breaks: BreakBook,
        break_notice_s: float,
        clock: Clock,
        ids: Ids,
        sketches: Sketches,
        settings: ControlSettings,
    ) -> None:
        self._pathways = pathways
        self._loop_silent_s = loop_silent_s
        self._sessions = sessions
        self._catalogue = catalogue
        self._line_items = line_items
        self._board = board
        self._view = view
        self._postures = Postures(view)
        self._ad_levers = AdLevers(view, self._postures)
        self._audit = audit
        self._publisher = publisher
        self._acts = Acts(publisher, audit, clock)
        self._breaks = breaks
        self._break_notice_s = break_notice_s
        self._clock = clock
        self._ids = ids
        self._reach = ReachDesk(sketches)
        self._settings = settings
        self._history: deque[Sample] = deque(maxlen=settings.history_samples)
        self._latest: Overview | None = None
        self._looked = asyncio.Condition()
        self._saying = asyncio.Lock()
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
        await self._acts.note(operator, f"pathway-{state.state}", pathway, detail)
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
        await self._acts.note(operator, "posture", step)
        await self._look()

    @property
    def ad_lever(self) -> AdLeverAnswer:
        """Whom ads are decided for."""
        return self._ad_levers.answer

    async def set_ad_lever(self, operator: str, lever: AdLever) -> None:
        """Say whom ads are decided for, on every node within a second."""
        before, state = self.ad_lever.ads, AdLeverState(lever, operator, self._clock.now())
        await self._board.write(AD_LEVER, msgspec.json.encode(state))
        await self._view.refresh()
        await self._acts.note(operator, "ad-lever", lever, f"instead of {before}")
        await self._look()

    def breaks(self) -> BreaksAnswer:
        """The breaks of the last minutes and the next hours, called off ones too."""
        desk = self._desk()
        around = desk.book.between(desk.now - BREAKS_PAST_S, desk.now + rules.BREAKS_AHEAD_S)
        off = (id for id, word in desk.book.words().items() if word.off)
        return self._answer([*(one.id for one in around), *off])

    async def start_break(self, operator: str, body: BreakBody) -> BreaksAnswer:
        """A break that an operator or a cue asks for, on every node within a second; raises `Refusal`."""
        if body.scte35:
            return await self._hear(operator, body)
        lasts_s = body.duration_s or self._settings.break_s
        new_id = f"op-{self._ids.code()}"
        return await self._say(
            operator, lambda desk: (break_rules.plan(desk, new_id, body.starts_at, lasts_s),)
        )

    async def _hear(self, operator: str, body: BreakBody) -> BreaksAnswer:
        try:
            told = cues(parse(body.scte35))
        except CueError as error:
            raise Refusal("invalid", f"scte35: {error}") from None
        said: list[str] = []
        for cue in told:
            stated = cue if cue.duration_s else replace(cue, duration_s=body.duration_s)
            new_id = f"cue-{self._ids.code()}"
            decide = partial(break_rules.hear, cue=stated, new_id=new_id, starts_at=body.starts_at)
            said += [one.id for one in (await self._say(operator, decide)).breaks]
        return self._answer(said)

    async def resize_break(self, operator: str, break_id: str, total_s: float) -> BreaksAnswer:
        """Have a break last so long in all; raises `Refusal`."""
        await self._say(operator, lambda desk: break_rules.resize(desk, break_id, total_s))
        return self._answer(break_rules.family_ids(break_id))

    async def return_break(self, operator: str, break_id: str) -> BreaksAnswer:
        """End a break now, or call it off; said again it changes nothing. Raises `Refusal` (not-found)."""
        said = await self._say(operator, lambda desk: break_rules.give_back(desk, break_id))
        return said if said.breaks else self._answer(break_rules.family_ids(break_id))

    async def _say(
        self, operator: str, decide: Callable[[break_rules.Desk], tuple[break_rules.Said, ...]]
    ) -> BreaksAnswer:
        async with self._saying:
            said = decide(self._desk())
            for one in said:
                ttl_s = one.word.start + one.word.duration_s + BREAK_WORD_KEPT_S - self._clock.now()
                await self._view.write(BREAK + one.id, msgspec.json.encode(one.word), ttl_s)
        for one in said:
            await self._acts.note(operator, one.act, one.id, one.detail)
        if said:
            await self._look()
        return self._answer(one.id for one in said)

    def _answer(self, ids: Iterable[str]) -> BreaksAnswer:
        desk = self._desk()
        found = {one.id: one for one in (break_rules.view(desk, id) for id in ids) if one is not None}
        return BreaksAnswer(tuple(sorted(found.values(), key=lambda one: one.starts_at)))

    def _desk(self) -> break_rules.Desk:
        return break_rules.Desk(
            book=self._breaks,
            now=self._clock.now(),
            lead_s=self._settings.break_lead_s,
            notice_s=self._break_notice_s,
            unstated_s=self._settings.break_s,
        )

    async def switch_line_item(self, operator: str, line_item: str, *, active: bool) -> int:
        """Switch a line item on or off; the inventory's revision. Raises `Refusal` or `Unavailable`."""
        revision = await self._line_items.switch(operator, line_item, active=active)
        await self._acts.note(operator, f"line-item-{'on' if active else 'off'}", line_item)
        return revision

    async def end(self, operator: str, session: str, account: str) -> None:
        """End a session."""
        await self._sessions.end(session, account, "")
        await self._acts.note(operator, "end", session)

    async def kick(self, operator: str, kick: Kick) -> None:
        """Kick a session, an account or an event; their viewers read the reason.

        Raises `Refusal` (not-found) for an event that is not in the calendar.
        """
        if kick.what == "event":
            await self._refuse_unknown_event(kick.id)
        await self._sessions.kick(kick)
        await self._acts.note(operator, _KICKS[kick.what], kick.id, kick.reason)

    async def _refuse_unknown_event(self, event: str) -> None:
        # A calendar that does not answer stops no operator.
        with contextlib.suppress(Unavailable):
            await self._catalogue.event(event)

    async def audit(self) -> AuditAnswer:
        """The audit trail, newest first."""
        return AuditAnswer(await self._audit.latest(self._settings.audit_entries))

    async def keep_note(self, note: NoteBody) -> None:
        """Keep what an operator did on another service's port, which has told the event log itself."""
        await self._acts.keep(note.operator, note.action, note.target, note.detail)

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
        self._latest = rules.overview(self._seen(), self._breaks)
        kinds = Counter(one.kind for one in self._latest.anomalies)
        for kind in KINDS:
            ANOMALIES_NOW.labels(kind).set(kinds[kind])
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
            insight=whole_audience(insight.values()),
            parts=tuple(part for report in parts.values() for part in report.parts),
            posture=self.posture,
            ad_lever=self.ad_lever,
            wrong=latest_anomalies(self._view.under(ANOMALIES)),
            reach=self._reach.view(self._view.under(SKETCHES), self._clock.now()),
            board_failing=self._view.failing,
            log_failing=self._publisher.failing,
        )
