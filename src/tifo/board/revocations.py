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
        view.on_change(self._read)

    def check(self, session: str) -> None:
        """Raises `Refusal` (ended, kicked) for a revoked session."""
        revoked = self._revoked.get(session)
        if revoked is not None:
            raise Refusal(revoked.code, revoked.reason)

    async def revoke(self, session: str, revoked: Revoked, ttl_s: float) -> None:
        """Revoke a session on every node until its tokens have expired on their own.

        In force on this node at once, also when the board fails; then `Unavailable` is raised, for
        other nodes do not know.
        """
        self._revoked = {**self._revoked, session: revoked}
        await self._board.write(REVOKED + session, msgspec.json.encode(revoked), ttl_s)

    def _read(self, entries: Mapping[str, Entry]) -> None:
        under = {k[len(REVOKED) :]: e for k, e in entries.items() if k.startswith(REVOKED)}
        self._revoked = decode_all(under, Revoked)
