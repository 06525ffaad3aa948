"""What a report is made from: the lake's views, asked in SQL."""

from abc import abstractmethod
from typing import Any, Protocol

Row = tuple[Any, ...]


class Asked(Protocol):
    """One lake as it is now, for one caller. Questions are of our own words; values are given by name."""

    @abstractmethod
    def keep(self, name: str, sql: str, **values: str) -> None:
        """Keep what a SELECT says as a table that later questions may name, within the reader's memory and
        its temporary folder. Raises `Unavailable`."""

    @abstractmethod
    def ask(self, sql: str, **values: str) -> tuple[Row, ...]:
        """Every row that a SELECT says. Raises `Unavailable`."""
