"""Which of a platform's breaks a rehearsal asks for: its operators plan them, or the next of its schedule."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import msgspec

from tifo.api.control import BREAK_S_MAX, BreaksAnswer, BreakView
from tifo.kernel.clock import Clock
from tifo.kernel.errors import SettingsError
from tifo.rehearsal.ads import with_spikes
from tifo.rehearsal.curve import Match, Spike
from tifo.rehearsal.identities import Identities
from tifo.rehearsal.target import sent

SPREAD_S_MIN, SPREAD_S_MAX = 1.0, 60.0
LENGTH_S_MIN = 1.0
AHEAD_S_MAX = 3600.0
"""Seconds ahead for which platforms list their breaks."""
SHIFT_S = 5.0
"""Seconds by which a break is put off that would overlap another one."""
SHIFTS_MAX = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Breaks of `length_s` seconds for which all ask within `spread_s`.

    `operators` is the base address of the operators' port that plans them, with `token`; empty for the
    schedule's.
    """

    spread_s: float
    length_s: float
    operators: str = ""
    token: str = ""


def refuse_strange(wanted: Wanted) -> None:
    """Breaks that nobody means. Raises `SettingsError`."""
    problems = []
    if not SPREAD_S_MIN <= wanted.spread_s <= SPREAD_S_MAX:
        problems.append(
            f"--spread-s: {wanted.spread_s:g} is not between {SPREAD_S_MIN:g} and {SPREAD_S_MAX:g}"
        )
    if not LENGTH_S_MIN <= wanted.length_s <= BREAK_S_MAX:
        problems.append(f"--break-s: {wanted.length_s:g} is not between {LENGTH_S_MIN:g} and {BREAK_S_MAX}")
    if problems:
        raise SettingsError(tuple(problems))


@contextmanager
def taken(wanted: Wanted, viewers: Identities, match: Match, clock: Clock) -> Iterator[Match]:
    """The match that begins now, with its spikes where breaks are; what was planned for it goes with it.

    Raises `SettingsError` where the platform has no such breaks.
    """
    if not wanted.operators:
        yield of_schedule(viewers, match, clock.now())
        return
    desk, planned = _Desk(wanted), list[str]()
    try:
        yield _planned(desk, match, clock.now(), planned)
    finally:
        for brk in planned:
            desk.give_back(brk)


def of_schedule(viewers: Identities, match: Match, now: float) -> Match:
    """With the next breaks that VMAP lists and that begin when all are there."""
    since, first_s = int(now), match.spikes[0].at_s
    listed = [one for one in viewers.breaks(since) if one.starts_s - (now - since) >= first_s]
    if len(listed) < len(match.spikes):
        raise SettingsError(
            (
                f"{viewers.target.base} lists {len(listed)} breaks that begin in {first_s:g} s or later, and "
                f"the rehearsal takes {len(match.spikes)}: give --operators URL, the operators' port, to "
                "have them planned",
            )
        )
    return with_spikes(
        match,
        tuple(
            replace(spike, at_s=one.starts_s - (now - since), brk=one.id)
            for spike, one in zip(match.spikes, listed, strict=False)
        ),
    )


def _planned(desk: "_Desk", match: Match, now: float, planned: list[str]) -> Match:
    spikes: list[Spike] = []
    behind_s = 0.0
    for spike in match.spikes:
        one = desk.plan(now + spike.at_s + behind_s, spike.length_s)
        planned.append(one.id)
        behind_s = one.starts_at - now - spike.at_s
        spikes.append(replace(spike, at_s=spike.at_s + behind_s, brk=one.id))
    return with_spikes(match, tuple(spikes))


class _Desk:
    """The operators' port, as far as it plans breaks."""

    def __init__(self, wanted: Wanted) -> None:
        self._breaks = f"{wanted.operators}/v1/control/breaks"
        self._token = wanted.token

    def plan(self, starts_at: float, length_s: float) -> BreakView:
        """A break from then on (epoch seconds), or a little later where another one is in the way."""
        for shift in range(SHIFTS_MAX):
            body = {"starts_at": starts_at + shift * SHIFT_S, "duration_s": length_s}
            answer = sent("--operators", "POST", self._breaks, body, self._token)
            if answer.status_code != 409:
                break
        try:
            return msgspec.json.decode(answer.content, type=BreaksAnswer).breaks[0]
        except (msgspec.DecodeError, IndexError):
            raise SettingsError(
                (f"--operators: a break is answered {answer.status_code}: {answer.text[:200]}",)
            ) from None

    def give_back(self, brk: str) -> None:
        """Ends it where it is not over; a platform that is gone by now ends nothing."""
        with suppress(SettingsError):
            sent("--operators", "DELETE", f"{self._breaks}/{brk}", None, self._token)
