"""Whom ads are decided for, by what the posture and operators say: the stricter of the two is in force."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Literal

from tifo.api.ad_control import AD_LEVERS, AdLever, AdLeverAnswer
from tifo.api.control import Posture
from tifo.board.entries import AD_LEVER, AdLeverState, decode_all
from tifo.board.ports import Entry
from tifo.board.postures import Postures
from tifo.board.view import BoardView

OF_POSTURE: Mapping[Posture, AdLever] = MappingProxyType({"lean": "cohort"})
"""The lever of each step that has one."""


class AdLevers:
    """The node's copy of the lever. What this node does not know of a newer one is `personal`."""

    def __init__(self, view: BoardView, postures: Postures) -> None:
        self._said = AdLeverState("personal")
        self._postures = postures
        self._in_force: AdLever = "personal"
        view.follow(AD_LEVER, self._read)
        postures.on_change(lambda _: self._settle())

    @property
    def in_force(self) -> AdLever:
        """What decisions go by."""
        return self._in_force

    @property
    def answer(self) -> AdLeverAnswer:
        """What is in force and whose word that is: the operators' where they and the posture say the same."""
        said, posture = self._said, OF_POSTURE.get(self._postures.step, "personal")
        return AdLeverAnswer(
            ads=said.ads,
            in_force=self._in_force,
            by=_whose(said.ads, self._in_force),
            operator=said.operator,
            at=said.at,
            posture=posture,
        )

    def _read(self, written: Mapping[str, Entry], _: Collection[str]) -> None:
        self._said = decode_all(written, AdLeverState).get("") or AdLeverState("personal")
        self._settle()

    def _settle(self) -> None:
        self._in_force = stricter(self._said.ads, OF_POSTURE.get(self._postures.step, "personal"))


def stricter(one: AdLever, other: AdLever) -> AdLever:
    """The one that leaves less to decide."""
    return max(one, other, key=AD_LEVERS.index)


def _whose(said: AdLever, in_force: AdLever) -> Literal["nobody", "operator", "posture"]:
    if in_force == "personal":
        return "nobody"
    return "operator" if said == in_force else "posture"
