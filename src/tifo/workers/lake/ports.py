"""What the lake worker needs: files in places, whole or not at all."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tifo.lake.layout import LakeFile, Place
from tifo.lake.tables import Row

ROWS_MAX = 100_000
"""Rows that are written at once."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of files that were made one: rows it has, and rows left out for an id that it has."""

    rows: int = 0
    repeated: int = 0


class Lake(Protocol):
    """Parquet files. Safe for many callers at once, in one process and in several.

    A reader sees a file whole or not at all. Nothing is changed in place.
    """

    @abstractmethod
    async def write(self, place: Place, name: str, rows: Sequence[Row]) -> None:
        """Keep rows of the place's type as a file: durable when this returns.

        A row has the values of `tables.in_file`, moments in epoch microseconds. Of the same name again, it
        is that file. Raises `Unavailable`, and `ValueError` for none, too many, or a type without a table.
        """

    @abstractmethod
    async def files(self) -> tuple[LakeFile, ...]:
        """Every file there is. Raises `Unavailable`."""

    @abstractmethod
    async def merge(self, files: Sequence[LakeFile], name: str) -> Merged:
        """Make a file of that name of files of one place, each id once: durable when this returns.

        The files stay. One that is gone raises `Unavailable`, and nothing is kept.
        """

    @abstractmethod
    async def delete(self, files: Sequence[LakeFile]) -> None:
        """Have them gone; one that is gone already is no error. Raises `Unavailable`."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way."""
