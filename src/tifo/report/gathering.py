"""The lake asked for everything that a report needs, one question after the other."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from tifo.report import questions
from tifo.report.ports import Asked, Row
from tifo.report.questions import Question

Tell = Callable[[str, int, int], None]
"""`tell(what, done, all)`: which question is asked now, and how many are answered."""

AROUND_S = 3_600.0
"""Seconds before and after the event in which what operators did belongs to it."""

Rows = tuple[Row, ...]


class Facts(NamedTuple):
    """What the lake says of one event: rows as the questions of the same names say."""

    totals: Row
    minutes: Rows
    flows: Rows
    places: Rows
    bitrates: Rows
    rungs: Rows
    quality: Rows
    groups: Rows
    breaks: Rows
    slots: Rows
    refusals: Rows
    refused: Rows
    acts: Rows
    anomalies: Rows


QUESTIONS = 16
"""How many are asked in all."""


def gather(asked: Asked, event: str, tell: Tell) -> Facts:
    """Everything of one event. Raises `Unavailable`."""
    asking = _Asking(asked, event, tell)
    asking.keep("lives", questions.LIVES)
    asking.keep("stays", questions.STAYS)
    (totals,) = asking.ask(questions.TOTALS)
    refused = asking.ask(questions.REFUSED)
    times = [one for row in ((totals[2], totals[3]), *(row[3:5] for row in refused)) for one in row if one]
    began, ended = (min(times), max(times)) if times else (0.0, 0.0)
    hours = {"first": _hour(began - AROUND_S), "last": _hour(ended + AROUND_S)}
    around = {"from_s": repr(began - AROUND_S), "until_s": repr(ended + AROUND_S)}
    return Facts(
        totals=totals,
        minutes=asking.ask(questions.MINUTES),
        flows=asking.ask(questions.FLOWS),
        places=asking.ask(questions.PLACES),
        bitrates=asking.ask(questions.BITRATES, **hours),
        rungs=asking.ask(questions.RUNGS, **hours),
        quality=asking.ask(questions.QUALITY, **hours),
        groups=asking.ask(questions.GROUPS),
        breaks=asking.ask(questions.BREAKS),
        slots=asking.ask(questions.SLOTS),
        refusals=asking.ask(questions.REFUSALS),
        refused=refused,
        acts=asking.ask(questions.ACTS, **hours, **around),
        anomalies=asking.ask(questions.ANOMALIES, **hours, **around),
    )


def known_events(asked: Asked) -> tuple[str, ...]:
    """Some of the events that the lake has. Raises `Unavailable`."""
    return tuple(row[0] for row in asked.ask(questions.EVENTS.sql))


def _hour(at: float) -> str:
    return datetime.fromtimestamp(max(0.0, at), UTC).strftime("%Y-%m-%dT%H")


class _Asking:
    """Gives each question the values that it names, and counts."""

    def __init__(self, asked: Asked, event: str, tell: Tell) -> None:
        self._asked, self._event, self._tell = asked, event, tell
        self._done = 0

    def keep(self, name: str, question: Question) -> None:
        self._asked.keep(name, question.sql, **self._values(question, {}))

    def ask(self, question: Question, **values: str) -> Rows:
        return self._asked.ask(question.sql, **self._values(question, values))

    def _values(self, question: Question, values: dict[str, str]) -> dict[str, str]:
        self._tell(question.says, self._done, QUESTIONS)
        self._done += 1
        known = {"event": self._event, **values}
        return {name: value for name, value in known.items() if f"${name}" in question.sql}
