"""What steering promises to the others: which CDN carries whom."""

from abc import abstractmethod
from typing import Literal, Protocol

import msgspec


class Decision(msgspec.Struct, frozen=True):
    """One change that the steering loop made: `at` epoch seconds, of what, and why in a sentence."""

    at: float
    what: Literal["move", "cap", "uncap", "warm-up", "return", "drain", "freeze", "learn"]
    pathway: str
    isp: str
    reason: str


class Steering(Protocol):
    """One decision for HLS, DASH and ads."""

    @abstractmethod
    def order(self, session: str, isp: str = "") -> tuple[str, ...]:
        """Every pathway, best first, for this session of a viewer of this ISP now; reads memory only.

        Never empty; `isp` as the session's claims say it, empty where it is not known.
        """

    @abstractmethod
    def first(self, session: str, isp: str = "") -> str:
        """The first of `order`, which costs less where nothing else of it is wanted."""

    @abstractmethod
    def bandwidth_max_bps(self, isp: str = "") -> int:
        """The best bandwidth that playlists may offer a viewer of this ISP now; 0 where any may.

        Reads memory only.
        """
