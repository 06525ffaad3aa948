"""Steering: one decision for HLS, DASH and ads, by what the loop and operators say on the board."""

from collections.abc import Collection, Mapping

import structlog

from tifo.api.events import PathwayUsed
from tifo.api.steering import Steering
from tifo.board.entries import (
    PATHWAY,
    WEIGHTS,
    PathwayState,
    SteeringWeights,
    decode_all,
    latest_weights,
)
from tifo.board.ports import Entry
from tifo.board.postures import Postures
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.background import Background
from tifo.kernel.clock import Clock
from tifo.kernel.ids import Ids
from tifo.services.steering import rules
from tifo.services.steering.rules import Pathway
from tifo.services.steering.settings import SteeringSettings
from tifo.telemetry.metrics import (
    STEERING_BANDWIDTH_MAX,
    STEERING_FROZEN,
    STEERING_TTL,
    STEERING_WEIGHT,
)
from tifo.tokens.playback import PlaybackClaims

TICK_S = 1.0
"""Between two looks at whether the loop still speaks."""

_log = structlog.get_logger(__name__)


class SteeringService(Steering):
    """Decides from memory: the steering loop's weights, and what operators say of pathways.

    Until a loop has said something, the weights of the settings hold. The loop's last word holds until it
    says something else: one that died changes nothing, but operators are obeyed without it. It is frozen
    once nothing new was heard of it for `loop_silent_s`, be it dead or the board lost.
    """

    def __init__(
        self,
        pathways: tuple[Pathway, ...],
        view: BoardView,
        postures: Postures,
        publisher: Publisher,
        ids: Ids,
        clock: Clock,
        settings: SteeringSettings,
        loop_silent_s: float,
    ) -> None:
        self._of_settings = self._steered = self._pathways = pathways
        self._steered_of_isp: Mapping[str, tuple[Pathway, ...]] = {}
        self._of_isp: Mapping[str, tuple[Pathway, ...]] = {}
        self._weights: SteeringWeights | None = None
        self._states: Mapping[str, PathwayState] = {}
        self._known = frozenset(pathway.id for pathway in pathways)
        self._last: frozenset[str] = frozenset()
        self._taken: dict[str, float] = {}
        self._postures = postures
        self._publisher = publisher
        self._ids = ids
        self._clock = clock
        self._settings = settings
        self._loop_silent_s = loop_silent_s
        self._heard_at = self._ticked_at = clock.monotonic()
        self._frozen = False
        self._ttl_s = float(settings.ttl_s)
        self._ticking = Background("steering", TICK_S, self._tick, "a loop that dies is not noticed")
        self._view = view
        view.follow(PATHWAY, self._read_words)
        view.follow(WEIGHTS, self._read_weights)

    async def open(self) -> None:
        """Keep looking whether the loop speaks."""
        await self._ticking.open()

    async def close(self) -> None:
        """Stop looking."""
        await self._ticking.close()

    def order(self, session: str, isp: str = "") -> tuple[str, ...]:
        """Every pathway, best first, for this session now."""
        return rules.order(session, self._of_isp.get(isp, self._pathways), self._last)

    def first(self, session: str, isp: str = "") -> str:
        """The pathway that is best for this session now."""
        return rules.first(session, self._of_isp.get(isp, self._pathways), self._last)

    def bandwidth_max_bps(self, isp: str = "") -> int:
        """The best bandwidth that playlists may offer this ISP's viewers now; 0 where any may."""
        if self._weights is None:
            return 0
        caps = (self._weights.bandwidth_max_bps, self._weights.bandwidth_max_by_isp.get(isp, 0))
        return min((bps for bps in caps if bps), default=0)

    def ttl_s(self) -> int:
        """Seconds until a player asks again, jittered; longer in `lean` and where many ask; at least one."""
        lean_s = self._settings.lean_ttl_s if self._postures.step == "lean" else 0
        ttl_s = max(self._ttl_s, lean_s)
        return rules.seconds_to_next(ttl_s, self._settings.ttl_jitter, self._ids.fraction())

    def reported(self, claims: PlaybackClaims, pathway: str, throughput: str) -> None:
        """Note what a player says of itself when it asks."""
        used = rules.reported_pathway(pathway, self._known)
        if used:
            self._publisher.tell(
                PathwayUsed(
                    session=claims.sid,
                    event=claims.ev,
                    pathway=used,
                    throughput_bps=rules.reported_throughput(throughput),
                )
            )

    # --- what the board says ---------------------------------------------------------------------------

    def _read_words(self, _written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        self._states = decode_all(self._view.under(PATHWAY), PathwayState)
        self._rank()

    def _read_weights(self, _written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        before, self._weights = self._weights, latest_weights(self._view.under(WEIGHTS))
        if self._weights and (before is None or self._weights.at > before.at):
            self._heard_at = self._clock.monotonic()
            self._say_frozen(frozen=False)
            self._ttl_s = rules.unhurried(self._weights.viewers_per_node, self._settings)
            STEERING_TTL.set(self._ttl_s)
        if self._weights is None or before is None or not _same(self._weights, before):
            self._use(self._weights)
        self._rank()

    def _use(self, weights: SteeringWeights | None) -> None:
        names = [pathway.id for pathway in self._of_settings]
        steered = weights is not None and any(weights.weights.get(name, 0.0) > 0 for name in names)
        if steered and weights:
            spare = weights.spare
            self._steered = rules.weighted(names, weights.weights, spare)
            self._steered_of_isp = {
                isp: rules.weighted(names, some, spare) for isp, some in weights.by_isp.items()
            }
        else:
            self._steered, self._steered_of_isp = self._of_settings, {}
        STEERING_BANDWIDTH_MAX.set(self.bandwidth_max_bps())
        self._weigh()

    def _weigh(self) -> None:
        """The loop's weights without what was taken off those that drain while it is silent."""
        self._pathways = rules.drained(self._steered, self._taken)
        self._of_isp = {isp: rules.drained(some, self._taken) for isp, some in self._steered_of_isp.items()}
        whole = sum(pathway.weight for pathway in self._pathways)
        for pathway in self._pathways:
            STEERING_WEIGHT.labels(pathway.id).set(pathway.weight / whole)

    def _rank(self) -> None:
        """What stands last: without a loop that drains it little by little, also what is draining."""
        last = {"out"} if self._weights else {"out", "draining"}
        self._last = frozenset(id for id, one in self._states.items() if one.state in last)

    # --- once a second ---------------------------------------------------------------------------------

    async def _tick(self) -> None:
        now = self._clock.monotonic()
        elapsed_s, self._ticked_at = now - self._ticked_at, now
        if self._weights is not None and now - self._heard_at > self._loop_silent_s:
            self._say_frozen(frozen=True)
        self._drain(self._settings.drain_per_s * elapsed_s)

    def _drain(self, most: float) -> None:
        """Take more off what drains while the loop is silent, and give it back where that is over.

        A loop that speaks again goes on draining from where it was: what was taken meanwhile stays so.
        """
        draining = {id for id, one in self._states.items() if one.state == "draining"}
        after: dict[str, float] = {}
        for id in draining | self._taken.keys():
            more = -most if id not in draining else most if self._frozen else 0.0
            taken = min(1.0, self._taken.get(id, 0.0) + more)
            if taken > 0:
                after[id] = taken
        if after != self._taken:
            self._taken = after
            self._weigh()

    def _say_frozen(self, *, frozen: bool) -> None:
        if frozen and not self._frozen:
            effect = "its last weights stand, and operators are obeyed without it"
            _log.warning("steering.frozen", silent_s=self._loop_silent_s, effect=effect)
        if self._frozen and not frozen:
            _log.info("steering.thawed")
        self._frozen = frozen
        STEERING_FROZEN.set(int(frozen))


def _same(one: SteeringWeights, other: SteeringWeights) -> bool:
    """Whether it is the same word, said again a second later."""
    return (one.weights, one.by_isp, one.spare, one.bandwidth_max_bps) == (
        other.weights,
        other.by_isp,
        other.spare,
        other.bandwidth_max_bps,
    )
