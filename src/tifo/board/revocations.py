"""What was ended from outside: known on every node within a second, checked in memory."""

from collections.abc import Collection, Mapping

import msgspec

from tifo.board.entries import REVOKED, REVOKED_ACCOUNT, REVOKED_EVENT, Revoked, decode_all
from tifo.board.ports import Entry
from tifo.board.view import BoardView
from tifo.kernel.errors import Refusal


class Revocations:
    """The node's copy of the revoked sessions, and of the accounts and events whose sessions were.

    A revocation is in force on this node when the call returns and on the others within a second, for
    `ttl_s`: until the tokens that it stops have expired on their own. When the board does not take it,
    `Unavailable` is raised and it is in force nowhere.
    """

    def __init__(self, view: BoardView) -> None:
        self._view = view
        self._sessions = _followed(view, REVOKED)
        self._accounts = _followed(view, REVOKED_ACCOUNT)
        self._events = _followed(view, REVOKED_EVENT)

    def check(self, session: str, account: str, event: str, since: int) -> None:
        """Raises `Refusal` (ended, kicked) for a session that was revoked, or began (epoch second `since`)
        before its account's or its event's sessions were."""
        revoked = self._sessions.get(session)
        if revoked is None:
            revoked = _of_all(self._accounts.get(account), since) or _of_all(self._events.get(event), since)
        if revoked is not None:
            raise Refusal(revoked.code, revoked.reason)

    def void_before(self, account: str, event: str) -> int:
        """The last epoch second of which sessions of this account or event are revoked; 0 if none is."""
        found = (self._accounts.get(account), self._events.get(event))
        return max(one.before if one else 0 for one in found)

    async def revoke(self, session: str, revoked: Revoked, ttl_s: float) -> None:
        """Revoke one session."""
        await self._write(REVOKED + session, revoked, ttl_s)

    async def revoke_account(self, account: str, revoked: Revoked, ttl_s: float) -> None:
        """Revoke the account's sessions that began at or before `revoked.before`."""
        await self._write(REVOKED_ACCOUNT + account, _extending(self._accounts.get(account), revoked), ttl_s)

    async def revoke_event(self, event: str, revoked: Revoked, ttl_s: float) -> None:
        """Revoke the event's sessions that began at or before `revoked.before`."""
        await self._write(REVOKED_EVENT + event, _extending(self._events.get(event), revoked), ttl_s)

    async def _write(self, key: str, revoked: Revoked, ttl_s: float) -> None:
        await self._view.write(key, msgspec.json.encode(revoked), ttl_s)


def _followed(view: BoardView, folder: str) -> Mapping[str, Revoked]:
    """The revocations below a folder by the rest of the key, kept up to date."""
    found: dict[str, Revoked] = {}

    def change(written: Mapping[str, Entry], gone: Collection[str]) -> None:
        for id in (*written, *gone):
            found.pop(id, None)
        found.update(decode_all(written, Revoked))

    view.follow(folder, change)
    return found


def _of_all(revoked: Revoked | None, since: int) -> Revoked | None:
    return revoked if revoked is not None and since <= revoked.before else None


def _extending(known: Revoked | None, revoked: Revoked) -> Revoked:
    """Never for fewer sessions than are revoked: another node's clock may be a little ahead."""
    before = max(known.before if known else 0, revoked.before)
    return msgspec.structs.replace(revoked, before=before)
