"""When entries of the board expire."""

from tifo.board.expiry import OUTDATED_MIN, Expiry
from tifo.board.ports import Entry


def test_times_of_what_was_written_anew_do_not_pile_up() -> None:
    entries: dict[str, Entry] = {}
    expiry = Expiry(entries)
    for n in range(3 * OUTDATED_MIN):
        entries["k"] = Entry("k", b"", n, 1000.0 + n)
        expiry.add(entries["k"])
    assert len(expiry._times) <= OUTDATED_MIN + 2
    assert list(expiry.due(1000.0 + 3 * OUTDATED_MIN - 2)) == []
    assert list(expiry.due(1000.0 + 3 * OUTDATED_MIN)) == ["k"]
