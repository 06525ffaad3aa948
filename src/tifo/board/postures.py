"""The step of the degradation ladder in force, as this node last saw it on the board."""

from collections.abc import Callable, Collection, Mapping

from tifo.api.control import Posture
from tifo.board.entries import POSTURE, PostureState, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView


class Postures:
    """The node's copy of the posture. What this node does not know of a newer one is `normal`."""

    def __init__(self, view: BoardView) -> None:
        self._step: Posture = "normal"
        self._listeners: list[Callable[[Postures], None]] = []
        view.follow(POSTURE, self._read)

    @property
    def step(self) -> Posture:
        """The step in force."""
        return self._step

    def on_change(self, listener: "Callable[[Postures], None]") -> None:
        """Call `listener` now and whenever the step changes, on the loop of the board's view."""
        self._listeners.append(listener)
        listener(self)

    def _read(self, written: Mapping[str, Entry], _: Collection[str]) -> None:
        state = decode_all(written, PostureState).get("")
        step: Posture = state.step if state else "normal"
        if step != self._step:
            self._step = step
            for listener in self._listeners:
                listener(self)
