"""What an inventory changes of the one before it, in words for the audit trail."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

from tifo.api.inventory import Inventory

_LISTS = ("line_items", "campaigns", "creatives")
"""Parts of an inventory that have ids."""

_REST = ("zone", "currency", "pods", "events", "house", "slate")


class Source(NamedTuple):
    """Where an inventory came from: a file's name, empty where nobody said it, and the hash of its bytes."""

    file: str
    sha256: str


class _Named(Protocol):
    @property
    def id(self) -> str: ...


def source_of(body: bytes, file: str = "", digest: str = "") -> Source:
    """The source of a body; its own hash where the file that it was made of is not told."""
    return Source(file, digest or sha256(body).hexdigest())


def told(revision: int, before: Inventory, after: Inventory, source: Source) -> str:
    """One line: the revision, where it came from, and how many of each kind are new, gone or different."""
    whence = f"{source.file}, sha256 {source.sha256}" if source.file else f"sha256 {source.sha256}"
    return f"revision {revision} from {whence}; {'; '.join(_changes(before, after)) or 'nothing changed'}"


def _changes(before: Inventory, after: Inventory) -> Iterator[str]:
    for name in _LISTS:
        words = _counts(getattr(before, name), getattr(after, name))
        if words:
            yield f"{name.replace('_', ' ')}: {words}"
    rest = [name for name in _REST if getattr(before, name) != getattr(after, name)]
    if rest:
        yield f"{', '.join(rest)} changed"


def _counts(before: Sequence[_Named], after: Sequence[_Named]) -> str:
    old, new = {one.id: one for one in before}, {one.id: one for one in after}
    counts = {
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "changed": sum(old[name] != new[name] for name in old.keys() & new.keys()),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
