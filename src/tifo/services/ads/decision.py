"""What fills a viewer's break, by rules over an index: the same input gives the same pod.

Line items are offered a place by priority, those of one priority in a turn that the viewer and the break
draw. Who would leave a gap that nothing can fill exactly comes after all others. What line items leave, house
ads fill, and what these leave, the slate.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice

from tifo.api.breaks import Break
from tifo.services.ads.index import BREAK_S_MAX, Candidates, Index
from tifo.services.ads.model import OFFERS_MAX, Decision, Item, Pick, State, Verdict, Viewer
from tifo.services.ads.pods import PodInMaking
from tifo.services.ads.rules import fill, pad

_STRIDES = (7, 11, 13, 17, 19, 23, 29, 31)


def decide(
    index: Index, viewer: Viewer, brk: Break, state: State, told: dict[str, Verdict] | None = None
) -> Decision:
    """The pod. `told` is filled with what became of every line item, and changes nothing."""
    place = index.place(viewer)
    meant = index.meant(place)
    candidates = index.candidates(meant & state.running & state.funded)
    length_s = min(int(brk.duration_s), BREAK_S_MAX)
    pod = PodInMaking(index.rules(viewer.event), length_s, candidates.lengths, state)
    draw = _draw(viewer.session, brk.id, index.version)
    if told is not None:
        told.update(_before(index, place, state))
    _offer_all(pod, candidates, draw, told)
    return _filled(index, viewer, brk, pod)


def _offer_all(pod: PodInMaking, candidates: Candidates, draw: int, told: dict[str, Verdict] | None) -> None:
    """Twice: who leaves no gap comes first, and then who does.

    Who cannot be taken is not offered a place unless somebody wants to know why.
    """
    again: list[Item] = []
    asked: Iterable[Item] = islice(_turns(candidates, draw), OFFERS_MAX)
    for item in asked if told is not None else pod.hopeful(asked):
        verdict = pod.offer(item, draw, exactly=True)
        if verdict is None:
            again.append(item)
        elif told is not None:
            told[item.id] = verdict
        elif pod.left_s < candidates.shortest_s or not pod.slots:
            return
    for item in again if told is not None else pod.hopeful(again):
        verdict = pod.offer(item, draw, exactly=False)
        if told is not None and verdict is not None:
            told[item.id] = verdict


def _turns(candidates: Candidates, draw: int) -> Iterator[Item]:
    """Tier after tier; in each, every item once, from a place and in steps that are drawn."""
    for tier in candidates.tiers:
        count = len(tier)
        step = _STRIDES[draw >> 32 & 7]
        if not count % step:
            step = 1
        first = draw % count
        for n in range(first, first + count * step, step):
            yield tier[n % count]


def _filled(index: Index, viewer: Viewer, brk: Break, pod: PodInMaking) -> Decision:
    picks = pod.ordered(fillers(index, viewer.session, brk, pod.rest_s))
    return Decision(picks, brk.duration_s - sum([one.creative.duration_s for one in picks]))


def fillers(index: Index, session: str, brk: Break, left_s: int) -> list[Pick]:
    """House ads for so many seconds of a viewer's break, and slate for what these leave."""
    house_s, slate_s = index.shares(left_s)
    house = [Pick(one, None, "house") for one in fill(session, brk, index.house, house_s)] if house_s else []
    return house + [Pick(one, None, "slate") for one in pad(slate_s, index.slate)] if slate_s else house


def _before(index: Index, place: tuple[str, ...], state: State) -> Iterator[tuple[str, Verdict]]:
    """What became of the items before any was offered a place: which of the sets they are not in."""
    masks = [(one.aside, one.mask(value)) for one, value in zip(index.dimensions, place, strict=True)]
    in_flight = sum(one.items for one in index.flights if one.starts <= state.now < one.ends)
    for item in index.items:
        if not index.active & item.bit:
            yield item.id, "inactive"
        elif not in_flight & item.bit:
            yield item.id, "flight"
        elif not state.running & item.bit:
            yield item.id, "daypart"
        else:
            otherwise: Verdict = "not-asked" if state.funded & item.bit else "budget"
            yield item.id, next((aside for aside, mask in masks if not mask & item.bit), otherwise)


def _draw(session: str, break_id: str, version: str) -> int:
    digest = blake2b(f"{session}|{break_id}|{version}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
