"""Dead letters as people read them."""

from tifo.api.letters import LetterView
from tifo.eventlog.ports import Letter
from tifo.kernel.clock import rfc3339


def letter_view(one: Letter, value_length_max: int) -> LetterView:
    """A letter with so many characters of its value at the most; bytes that are no text are replaced."""
    record = one.record
    value = record.value.decode(errors="replace")
    return LetterView(
        parked_at=rfc3339(one.parked_at),
        reason=one.reason,
        topic=record.topic,
        key=record.key,
        type=record.type,
        id=record.id,
        at=rfc3339(record.at),
        value=value[:value_length_max],
        cut=len(value) > value_length_max,
    )
