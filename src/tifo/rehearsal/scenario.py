"""What a rehearsal is made of: to join the set is a value of `Scenario` and a folder of `rehearsals`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tifo.rehearsal.curve import Match, Size
from tifo.rehearsal.found import Found, Latency


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: `measure` gives the figure in `unit`, at most `limit`; None where there was nothing."""

    name: str
    says: str
    limit: float
    unit: str
    measure: Callable[[Found, Match], float | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: how many were asked, how many of them failed, how long the answers took."""

    says: str
    read: Callable[[Found], tuple[int, int, Latency]]


@dataclass(frozen=True, slots=True)
class Rate:
    """What the platform's size is told by: `measure` in `says` a second, beside the reference's figure."""

    says: str
    reference_per_s: float
    measure: Callable[[Found, Match], float]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the viewers, 0 to 1: the usual one, and the objectives that fall away where it is 0 or 1."""

    usual: float
    at_none: tuple[str, ...] = ()
    at_all: tuple[str, ...] = ()

    def away(self, share: float) -> tuple[str, ...]:
        """What nobody is left to be asked for."""
        return {0.0: self.at_none, 1.0: self.at_all}.get(share, ())


@dataclass(frozen=True, slots=True)
class Scenario:
    """One rehearsal of the set; the generator finds its part in `rehearsals/<name>`.

    `without` has the calls that may be left out, each with the objectives that fall away with it; `shares`
    the parts of its viewers that the command line may set. `match` says who comes when, `in_words` what of
    the reference that leaves out. Where `asks_interval` is set, both need the seconds between two questions
    of a player, which the platform is asked for beforehand. Where `takes_breaks` is set, the spikes of its
    match are moved to breaks of the platform.
    """

    name: str
    objectives: Sequence[Objective]
    kinds: Sequence[Kind]
    rate: Rate
    without: Mapping[str, tuple[str, ...]]
    match: Callable[[Size], Match]
    in_words: Callable[[Size], str]
    shares: Mapping[str, Share] = field(default_factory=dict)
    asks_interval: bool = False
    takes_breaks: bool = False


def objectives(
    scenario: Scenario, own: Mapping[str, float], without: Sequence[str], shares: Mapping[str, float]
) -> tuple[Objective, ...]:
    """What a rehearsal is held against, with limits of one's own by name."""
    gone = {name for call in without for name in scenario.without[call]}
    gone |= {name for share, value in shares.items() for name in scenario.shares[share].away(value)}
    return tuple(
        Objective(one.name, one.says, own.get(one.name, one.limit), one.unit, one.measure)
        for one in scenario.objectives
        if one.name not in gone
    )
