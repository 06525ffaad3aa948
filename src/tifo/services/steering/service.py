"""Steering: one decision for HLS, DASH and ads, by what the loop and operators say on the board."""

from collections.abc import Collection, Mapping

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
from tifo.kernel.ids import Ids
from tifo.services.steering import rules
from tifo.services.steering.rules import Pathway
from tifo.services.steering.settings import SteeringSettings
from tifo.telemetry.metrics import STEERING_BANDWIDTH_MAX, STEERING_WEIGHT
from tifo.tokens.playback import PlaybackClaims


class SteeringService(Steering):
    """Decides from memory: the steering loop's weights, and what operators say of pathways.

    Until a loop has said something, the weights of the settings hold. The loop's last word holds until it
    says something else: one that died changes nothing.
    """

    def __init__(
        self,
        pathways: tuple[Pathway, ...],
        view: BoardView,
        postures: Postures,
        publisher: Publisher,
        ids: Ids,
        settings: SteeringSettings,
    ) -> None:
        self._of_settings = self._pathways = pathways
        self._of_isp: Mapping[str, tuple[Pathway, ...]] = {}
        self._bandwidth_max_bps = 0
        self._weights: SteeringWeights | None = None
        self._states: Mapping[str, PathwayState] = {}
        self._known = frozenset(pathway.id for pathway in pathways)
        self._last: frozenset[str] = frozenset()
        self._postures = postures
        self._publisher = publisher
        self._ids = ids
        self._settings = settings
        self._view = view
        view.follow(PATHWAY, self._read_words)
        view.follow(WEIGHTS, self._read_weights)

    def order(self, session: str, isp: str = "") -> tuple[str, ...]:
        """Every pathway, best first, for this session now."""
        return rules.order(session, self._of_isp.get(isp, self._pathways), self._last)

    @property
    def bandwidth_max_bps(self) -> int:
        """The best bandwidth that playlists may offer now; 0 where any may."""
        return self._bandwidth_max_bps

    def ttl_s(self) -> int:
        """Seconds until a player asks again, jittered; longer in `lean`; at least one."""
        lean = self._postures.step == "lean"
        ttl_s = max(self._settings.ttl_s, self._settings.lean_ttl_s) if lean else self._settings.ttl_s
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

    def _read_words(self, _written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        self._states = decode_all(self._view.under(PATHWAY), PathwayState)
        self._rank()

    def _read_weights(self, _written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        weights = latest_weights(self._view.under(WEIGHTS))
        if weights is None or self._weights is None or not _same(weights, self._weights):
            self._use(weights)
        self._weights = weights
        self._rank()

    def _use(self, weights: SteeringWeights | None) -> None:
        names = [pathway.id for pathway in self._of_settings]
        steered = weights is not None and any(weights.weights.get(name, 0.0) > 0 for name in names)
        if steered and weights:
            spare = weights.spare
            self._pathways = rules.weighted(names, weights.weights, spare)
            self._of_isp = {isp: rules.weighted(names, some, spare) for isp, some in weights.by_isp.items()}
        else:
            self._pathways, self._of_isp = self._of_settings, {}
        self._bandwidth_max_bps = weights.bandwidth_max_bps if weights else 0
        STEERING_BANDWIDTH_MAX.set(self._bandwidth_max_bps)
        whole = sum(pathway.weight for pathway in self._pathways)
        for pathway in self._pathways:
            STEERING_WEIGHT.labels(pathway.id).set(pathway.weight / whole)

    def _rank(self) -> None:
        """What stands last: without a loop that drains it little by little, also what is draining."""
        last = {"out"} if self._weights else {"out", "draining"}
        self._last = frozenset(id for id, one in self._states.items() if one.state in last)


def _same(one: SteeringWeights, other: SteeringWeights) -> bool:
    """Whether it is the same word, said again a second later."""
    return (one.weights, one.by_isp, one.spare, one.bandwidth_max_bps) == (
        other.weights,
        other.by_isp,
        other.spare,
        other.bandwidth_max_bps,
    )
