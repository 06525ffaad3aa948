"""Decisions that viewers who are alike share: one is made, and everybody of the cohort is shown it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from tifo.api.breaks import Break
from tifo.services.ads.decision import decide
from tifo.services.ads.exposures import Exposures
from tifo.services.ads.index import Index
from tifo.services.ads.model import Decision, State, Verdict, Viewer

COHORT_S = 2.0
"""Seconds until a cohort's pod is decided again: what has budget again by then may be in it."""

COHORTS_MAX = 20_000
"""Pods of cohorts that a node holds, about a kilobyte each; the oldest make room."""

Like = tuple[str, ...]
"""What a cohort's viewers have in common: event, device kind, ISP, region and the account's cohort."""


NO_ADS = Decision((), 0.0)


@dataclass(slots=True)
class _Shared:
    """A cohort's pod of a break, what the cohort had seen before it, and which items were counted for it."""

    seen: Mapping[str, Sequence[float]]
    decision: Decision = NO_ADS
    wanted: tuple[tuple[str, int], ...] = ()
    """What one more viewer takes of each budget."""
    until: float = 0.0
    counted: set[str] = field(default_factory=set)


class Cohorts:
    """The pods of cohorts. For caps a cohort is one account, which has seen all that was decided for it."""

    def __init__(self, cohorts_max: int = COHORTS_MAX) -> None:
        self._cohorts_max = cohorts_max
        self._exposures = Exposures(cohorts_max, unsaved_max=0)
        self._shared: dict[tuple[Like, str], _Shared] = {}

    def expire(self) -> None:
        """Have every pod decided again before it is shown again."""
        for one in self._shared.values():
            one.until = 0.0

    def decision(self, index: Index, like: Like, brk: Break, state: State) -> Decision:
        """The cohort's pod, which has something left of each of its budgets; `state` has nothing seen."""
        shared = self._shared.get((like, brk.id))
        if shared is None:
            shared = self._begin(like, brk)
        left = state.left
        if state.now >= shared.until or any(left.get(key, 0) < count for key, count in shared.wanted):
            self._decide(index, like, brk, shared, state)
        return shared.decision

    def explain(
        self, index: Index, like: Like, brk: Break, state: State, told: dict[str, Verdict]
    ) -> Decision:
        """What would be decided for the cohort now, all of it new; `told` as `decide` fills it."""
        shared = self._shared.get((like, brk.id))
        seen = shared.seen if shared is not None else self._exposures.seen(_name(like))
        return decide(index, _one_of(like), brk, replace(state, seen=seen), told)

    def _begin(self, like: Like, brk: Break) -> _Shared:
        if len(self._shared) >= self._cohorts_max:
            del self._shared[next(iter(self._shared))]
        shared = self._shared[like, brk.id] = _Shared(dict(self._exposures.seen(_name(like))))
        return shared

    def _decide(self, index: Index, like: Like, brk: Break, shared: _Shared, state: State) -> None:
        shared.decision = decide(index, _one_of(like), brk, replace(state, seen=shared.seen))
        wanted = Counter(key for item in shared.decision.items for key in item.budgets)
        shared.wanted = tuple(wanted.items())
        shared.until = state.now + COHORT_S
        new = [one for one in shared.decision.items if one.id not in shared.counted]
        shared.counted.update(one.id for one in new)
        self._exposures.add(_name(like), new, state.now)


def _one_of(like: Like) -> Viewer:
    event, device_kind, isp, region, cohort = like
    name = _name(like)
    return Viewer(name, name, event, device_kind, isp, region, cohort)


def _name(like: Like) -> str:
    return "|".join(like)
