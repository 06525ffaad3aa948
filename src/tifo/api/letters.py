"""Dead letters in the control room: what a group of workers could not handle, and why."""

from typing import Annotated

import msgspec

from tifo.api.fields import Timestamp

LETTERS_SHOWN_MAX = 100
"""Letters in one answer, the oldest."""

LETTERS_REPLAYED_MAX = 1_000
"""Letters that are delivered again at once."""

VALUE_LENGTH_MAX = 4_096
"""Characters of a letter's value in an answer; what is longer is cut."""


class LetterView(msgspec.Struct, frozen=True):
    """A record that a group could not handle: when it was set aside, why, and what it is.

    `at` is when it happened; `value` its text, without its end where it is `cut`.
    """

    parked_at: Timestamp
    reason: str
    topic: str
    key: str
    type: str
    id: str
    at: Timestamp
    value: str
    cut: bool = False


class LettersAnswer(msgspec.Struct, frozen=True):
    """The letters of a group, oldest first; whether there are `more` than these."""

    letters: tuple[LetterView, ...]
    more: bool


class ReplayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Deliver so many letters again, the oldest."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=LETTERS_REPLAYED_MAX)] = LETTERS_REPLAYED_MAX


class ReplayAnswer(msgspec.Struct, frozen=True):
    """How many were delivered again."""

    replayed: int
