"""Steering: one decision for HLS, DASH and ads, over the operators' word on the board."""

from collections.abc import Collection, Mapping

from tifo.api.events import PathwayUsed
from tifo.api.steering import Steering
from tifo.board.entries import PATHWAY, PathwayState, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView
from tifo.eventlog.publisher import Publisher
from tifo.kernel.ids import Ids
from tifo.services.steering import rules
from tifo.services.steering.rules import Pathway
from tifo.services.steering.settings import SteeringSettings
from tifo.tokens.playback import PlaybackClaims


class SteeringService(Steering):
    """Decides from memory: the pathways of the settings and what the board says of them."""

    def __init__(
        self,
        pathways: tuple[Pathway, ...],
        view: BoardView,
        publisher: Publisher,
        ids: Ids,
        settings: SteeringSettings,
    ) -> None:
        self._pathways = pathways
        self._known = frozenset(pathway.id for pathway in pathways)
        self._out: frozenset[str] = frozenset()
        self._publisher = publisher
        self._ids = ids
        self._settings = settings
        self._view = view
        view.follow(PATHWAY, self._read)

    def order(self, session: str) -> tuple[str, ...]:
        """Every pathway, best first, for this session now."""
        return rules.order(session, self._pathways, self._out)

    def ttl_s(self) -> int:
        """Seconds until a player asks again, jittered; at least one."""
        spread = self._settings.ttl_jitter * (2 * self._ids.fraction() - 1)
        return max(1, round(self._settings.ttl_s * (1 + spread)))

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

    def _read(self, _written: Mapping[str, Entry], _gone: Collection[str]) -> None:
        states = decode_all(self._view.under(PATHWAY), PathwayState)
        self._out = frozenset(id for id, state in states.items() if state.state == "out")
