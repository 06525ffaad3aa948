"""What steering promises to the others: which CDN carries whom."""

from abc import abstractmethod
from typing import Protocol


class Steering(Protocol):
    """One decision for HLS, DASH and ads."""

    @abstractmethod
    def order(self, session: str) -> tuple[str, ...]:
        """Every pathway, best first, for this session now; never empty. Reads memory only."""
