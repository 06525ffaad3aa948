"""Dead letters in the control room: shown with their reasons, and delivered again."""

from tifo.api.letters import LETTERS_SHOWN_MAX, VALUE_LENGTH_MAX, LettersAnswer
from tifo.eventlog.acts import Acts
from tifo.eventlog.letters import letter_view
from tifo.eventlog.ports import EventLogStore
from tifo.kernel.errors import Refusal


class LetterDesk:
    """The letters of the groups that the log knows; a name that is none never makes a topic in Kafka."""

    def __init__(self, log: EventLogStore, acts: Acts) -> None:
        self._log = log
        self._acts = acts

    async def letters(self, group: str) -> LettersAnswer:
        """The oldest, `LETTERS_SHOWN_MAX` at the most; raises `Refusal` (not-found) or `Unavailable`."""
        await self._refuse_unknown(group)
        found = await self._log.letters(group)
        shown = tuple(letter_view(one, VALUE_LENGTH_MAX) for one in found[:LETTERS_SHOWN_MAX])
        return LettersAnswer(shown, more=len(found) > len(shown))

    async def replay(self, operator: str, group: str, letters_max: int) -> int:
        """Deliver the oldest again, to this group only; how many.

        Raises `Refusal` (not-found) or `Unavailable`; half-way, some may come twice and none is lost.
        """
        await self._refuse_unknown(group)
        count = await self._log.replay(group, letters_max)
        await self._acts.note(operator, "replay-letters", group, f"{count} delivered again")
        return count

    async def _refuse_unknown(self, group: str) -> None:
        known = sorted({one.group for one in await self._log.lag()})
        if group not in known:
            there = ", ".join(known) or "none yet"
            raise Refusal("not-found", f"No group of workers has this name; there are: {there}.")
