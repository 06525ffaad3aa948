"""The proxy that counts what a store is asked: commands and round trips, however the bytes are cut."""

import pytest
from benchmarks.counting import Counts, Messages

PING = b"*1\r\n$4\r\nPING\r\n"
SCRIPT = b"*4\r\n$7\r\nEVALSHA\r\n$6\r\n12\r\n*4\r\n$1\r\n0\r\n$0\r\n\r\n"
REPLIES = b"+OK\r\n$-1\r\n:7\r\n*2\r\n*1\r\n$3\r\na\r\n\r\n*-1\r\n-ERR no\r\n*0\r\n$2\r\n\r\n\r\n"


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("stream", "count"),
    [(PING * 3, 3), (SCRIPT + PING, 2), (REPLIES, 7)],
    ids=["pipeline", "script", "replies"],
)
def test_messages_are_counted_wherever_the_stream_is_cut(stream, count, cut) -> None:
    messages = Messages()
    pieces = [stream[begin : begin + cut] for begin in range(0, len(stream), cut)]
    assert sum(map(messages.feed, pieces)) == count


def test_message_counts_when_its_last_byte_is_there() -> None:
    messages = Messages()
    assert messages.feed(PING[:-1]) == 0
    assert messages.feed(PING[-1:]) == 1


def test_counts_since_an_earlier_moment() -> None:
    assert Counts(10, 4).since(Counts(7, 3)) == Counts(3, 1)
