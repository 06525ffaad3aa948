"""What the accounts service promises to the others."""

from abc import abstractmethod
from typing import Literal, Protocol

import msgspec

from tifo.api.catalogue import CalendarEvent
from tifo.api.sessions import Device

Plan = Literal["free", "subscriber"]

EVERY_EVENT = "*"
"""Among entitlements: all events, those that ask for a pass of their own too."""


class EventPass(msgspec.Struct, frozen=True):
    """The right to one event, bought for it."""

    event: str
    until: float
    """When it ends, in epoch seconds."""


class Viewer(msgspec.Struct, frozen=True):
    """Who is behind an access token, and what the account may do."""

    account: str
    entitlements: tuple[str, ...] = ()
    """Ids of events it may watch, whatever its plan; `*` is every one."""
    stream_limit: int | None = None
    by_grace: bool = False
    """Whether it is let in only because the login provider is gone."""
    plan: Plan = "free"
    passes: tuple[EventPass, ...] = ()
    region: str = ""
    """Where its rights hold, in the words of the calendar; empty where nobody has said."""

    def entitled(self, event: CalendarEvent, now: float) -> bool:
        """Whether the account may watch the event at `now`: where it may be shown, and by plan or by pass.

        Rights end at a border for everybody: an event with regions is not for an account whose region is
        unknown, whatever else it may watch.
        """
        return self._in_region(event) and (self._by_plan(event) or self._by_pass(event.id, now))

    def _in_region(self, event: CalendarEvent) -> bool:
        return not event.regions or self.region in event.regions

    def _by_plan(self, event: CalendarEvent) -> bool:
        return event.access == "free" or (event.access == "subscriber" and self.plan == "subscriber")

    def _by_pass(self, event: str, now: float) -> bool:
        if EVERY_EVENT in self.entitlements or event in self.entitlements:
            return True
        return any(one.event == event and now < one.until for one in self.passes)


class Accounts(Protocol):
    """Accounts, by the tokens their login provider gave them."""

    @abstractmethod
    async def viewer(self, access_token: str, device: str) -> Viewer:
        """Who asks to watch on `device`.

        Raises `Refusal` (bad-token) for a token that is not in force, and `Unavailable` when that cannot
        be told or the account cannot be read.
        """

    @abstractmethod
    def grace_token(self, viewer: Viewer, device: str) -> str:
        """What the device may start with again while the login provider is gone; empty when nothing is due.

        Good for that device only. A viewer who was let in by grace gets none: grace is not prolonged.
        """

    @abstractmethod
    def saw(self, viewer: Viewer, device: Device) -> None:
        """The viewer was let in on the device: remember it as one of the account's. Returns at once."""

    @property
    @abstractmethod
    def kick_memory_s(self) -> float:
        """Seconds for which an account's kick must stand on the board, so that grace does not undo it."""
