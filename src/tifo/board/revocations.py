"""Sessions that were ended from outside: known on every node within a second, checked in memory."""

from collections.abc import Mapping

import msgspec

from tifo.board.entries import REVOKED, Revoked, decode_all
from tifo.board.ports import Board, Entry
from tifo.board.view import BoardView
from tifo.kernel.errors import Refusal


class Revocations:
    """The node's copy of the revoked sessions."""

    def __init__(self, board: Board, view: BoardView) -> None:
        self._board = board
        self._revoked: dict[str, Revoked] = {}
        self._decoded: dict[str, tuple[int, Revoked]] = {}
        view.on_change(self._read)

    def check(self, session: str) -> None:
        """Raises `Refusal` (ended, kicked) for a revoked session."""
        revoked = self._revoked.get(session)
        if revoked is not None:
            raise Refusal(revoked.code, revoked.reason)

    async def revoke(self, session: str, revoked: Revoked, ttl_s: float) -> None:
        """Revoke a session on every node until its tokens have expired on their own.

        In force on this node when it returns and on the others within a second; raises `Unavailable`
        when the board does not take it, and then it is in force nowhere.
        """
        await self._board.write(REVOKED + session, msgspec.json.encode(revoked), ttl_s)
        self._revoked = {**self._revoked, session: revoked}

    def _read(self, entries: Mapping[str, Entry]) -> None:
        """Decode what is new: the board changes each second, revocations rarely."""
        decoded: dict[str, tuple[int, Revoked]] = {}
        for key, entry in entries.items():
            if not key.startswith(REVOKED):
                continue
            known = self._decoded.get(key)
            if known is None or known[0] != entry.version:
                known = _decode(entry)
            if known is not None:
                decoded[key] = known
        self._decoded = decoded
        self._revoked = {key[len(REVOKED) :]: revoked for key, (_, revoked) in decoded.items()}


def _decode(entry: Entry) -> tuple[int, Revoked] | None:
    revoked = decode_all({entry.key: entry}, Revoked).get(entry.key)
    return None if revoked is None else (entry.version, revoked)
