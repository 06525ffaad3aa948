"""What the loop says of each change that it makes, in a sentence for operators."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from tifo.api.steering import Decision
from tifo.workers.steering.demand import Cap
from tifo.workers.steering.health import EVERYWHERE
from tifo.workers.steering.model import OTHERS, Cdn, Shares, Word, Words
from tifo.workers.steering.routing import Routing
from tifo.workers.steering.settings import BPS_PER_GBPS
from tifo.workers.steering.state import Loop

SHARE_SHOWN = 0.001
"""Of a share, what is worth a sentence."""


def told(loop: Loop, after: Loop, cdns: Sequence[Cdn], best: Shares, routing: Routing) -> Iterator[Decision]:
    """Each change from one step to the next with its reason; `cdns` as they are stated."""
    yield from _judged(loop, after)
    yield from _learned(loop, after, {cdn.id: cdn for cdn in cdns})
    yield from words_told(loop, after.words, after.at)
    for cdn in after.warm_from.keys() - loop.warm_from.keys():
        yield Decision(after.at, "warm-up", cdn, "", routing.why_warm())
    loads = routing.loads()
    if after.moving and not loop.moving:
        yield from _moved(loop.shares[OTHERS], best[OTHERS], loads[OTHERS], after.at)
    for isp, load in loads.items():
        old, new = loop.caps.get(isp, Cap()), after.caps.get(isp, Cap())
        if new.bps != old.bps:
            yield _capped(old, new, isp, load, after.at)


def words_told(loop: Loop, words: Words, now: float) -> Iterator[Decision]:
    """What operators say anew."""
    for cdn, word in words.items():
        if word != loop.words.get(cdn, Word()):
            yield from _obeyed(cdn, word, now)


def _judged(loop: Loop, after: Loop) -> Iterator[Decision]:
    for (cdn, isp), bad in after.bads.items():
        if bad.until > after.at and loop.bads.get((cdn, isp)) != bad:
            yield Decision(after.at, "move", cdn, _where(isp), f"{bad.why}: its viewers go elsewhere")
    for (cdn, isp), bad in loop.bads.items():
        if bad.until and (cdn, isp) not in after.bads:
            reason = "it was good on trial: its viewers come back"
            yield Decision(after.at, "return", cdn, _where(isp), reason)


def _learned(loop: Loop, after: Loop, cdns: Mapping[str, Cdn]) -> Iterator[Decision]:
    for (cdn, isp), one in after.lesson.items():
        if one.lowered_at == after.at:
            reason = f"its viewers wait: it counts as {one.bps / BPS_PER_GBPS:,.1f} Gbit/s"
            if isp == EVERYWHERE:
                reason += f", not the {cdns[cdn].capacity_bps / BPS_PER_GBPS:,.1f} that are stated"
            reason += f"; more is tried after {one.held_until - after.at:.0f} s"
            yield Decision(after.at, "learn", cdn, _where(isp), reason)
    for (cdn, isp), one in loop.lesson.items():
        if one.bps < inf and (cdn, isp) not in after.lesson:
            yield Decision(after.at, "return", cdn, _where(isp), "it carries what is stated again")


def _where(isp: str) -> str:
    return "" if isp == EVERYWHERE else isp


def _obeyed(cdn: str, word: Word, now: float) -> Iterator[Decision]:
    if word.state == "draining":
        yield Decision(now, "drain", cdn, "", "an operator drains it: its viewers leave little by little")
    elif word.state == "out":
        yield Decision(now, "move", cdn, "", "an operator took it out: its viewers go elsewhere at once")
    elif word.share is not None:
        yield Decision(now, "move", cdn, "", f"an operator fixed its share at {word.share:.0%}")


def _moved(old: Mapping[str, float], new: Mapping[str, float], load: float, now: float) -> Iterator[Decision]:
    for cdn, share in new.items():
        if share - old.get(cdn, 0.0) > SHARE_SHOWN:
            reason = f"from {old.get(cdn, 0.0):.1%} to {share:.1%} of the viewers"
            if load > 0:
                reason += f": the demand is {load:.0%} of all capacity"
            yield Decision(now, "move", cdn, "", reason)


def _capped(old: Cap, new: Cap, isp: str, load: float, now: float) -> Decision:
    so = f"the demand is {load:.0%} of " + ("the capacity into this ISP" if isp else "all capacity")
    if new.bps and (not old.bps or new.bps < old.bps):
        return Decision(now, "cap", "", isp, f"{so}: no rendition above {new.bps / 1e6:.2f} Mbit/s")
    most = f"up to {new.bps / 1e6:.2f} Mbit/s" if new.bps else "all"
    return Decision(now, "uncap", "", isp, f"{so}: {most} renditions again")
