"""What a node still knows of a board that lost its memory, until the board has it again."""

from collections.abc import Collection, Mapping, Sequence

from tifo.board.entries import LASTING
from tifo.board.ports import Board, Changes, Entry, Restored

CHUNK_WORDS_MAX = 250
CHUNK_BYTES_MAX = 128 * 1024
"""What one command puts back, give or take its last word: Redis serves others between two of them."""

CHUNKS_MAX = 10
"""Commands between two looks at the board."""


class Restoring:
    """Keeps lasting words in force that the board no longer has, and puts them back, in chunks.

    Nodes need no word with each other: the board lets the one go on that knew most (`Board.restore`).
    Words that the board did not take, for somebody had removed them, are over with the look that follows.
    """

    def __init__(self) -> None:
        self._words: dict[str, Entry] = {}
        self._missing: set[str] = set()
        self._unsent: list[Entry] | None = None
        self._known = 0
        self._done = False

    @property
    def missing(self) -> Collection[str]:
        """Keys that are in force here though the board never spoke of them since it lost its memory."""
        return self._missing

    def begin(self, entries: Mapping[str, Entry], known: int) -> int:
        """The board began anew: this node's copy was `entries`, of version `known`; how many words last.

        0 also when it was lost again before it had them: that is no news.
        """
        again = bool(self._words)
        if not again:
            self._known = known
        self._words = {key: one for key, one in entries.items() if folder_of(key) in LASTING}
        self._missing = set(self._words)
        self._unsent, self._done = None, False
        return 0 if again else len(self._words)

    def told(self, changes: Changes) -> Collection[str]:
        """The board spoke; the keys that are over, for it does not have them and will not."""
        self._missing -= changes.entries.keys() | changes.gone
        if not self._done:
            return ()
        over, self._words, self._missing, self._done = self._missing, {}, set(), False
        return over

    async def put_back(self, board: Board, mark: object, now: float) -> None:
        """Go on with it, after the look that gave `mark`. Raises what the board raises."""
        for _ in range(CHUNKS_MAX):
            if self._done or not self._words:
                return
            if await self._step(board, mark, now) == "wait":
                return

    async def _step(self, board: Board, mark: object, now: float) -> Restored:
        unsent, self._unsent = self._unsent, None  # from the beginning, should this fail
        if unsent is None:
            answer = await board.restore((), mark, self._known, last=False)
            left = [one for one in self._words.values() if one.expires_at is None or one.expires_at > now]
        else:
            count = _chunk(unsent)
            left = unsent[count:]
            answer = await board.restore(unsent[:count], mark, self._known, last=not left)
        self._done = answer == "done"
        if answer == "go-on":
            self._unsent = left
        return answer


def folder_of(key: str) -> str:
    """The beginning of a key up to and with its first `/`."""
    folder, slash, _ = key.partition("/")
    return folder + slash


def _chunk(words: Sequence[Entry]) -> int:
    """How many of the first words go into one command."""
    bytes_left = CHUNK_BYTES_MAX
    for count, one in enumerate(words[:CHUNK_WORDS_MAX]):
        if bytes_left <= 0:
            return count
        bytes_left -= len(one.key) + len(one.value)
    return min(len(words), CHUNK_WORDS_MAX)
