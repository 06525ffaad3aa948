"""What players report (CMCD v2) is in the event log before it is acknowledged."""

import httpx
import pytest
from players import Platform, refused

pytestmark = pytest.mark.system


def report(platform: Platform, body: str | bytes, media: str = "application/cmcd") -> httpx.Response:
    return platform.viewers("POST", "/v1/cmcd", content=body, headers={"content-type": media})


def record(player: str, **more: object) -> str:
    values = {"br": "(900)", "e": "t", "sid": f'"{player}"', "ts": 1_760_000_000_000, "v": 2, **more}
    return ",".join(f"{key}={value}" for key, value in values.items())


def test_a_report_is_in_the_log(platform: Platform) -> None:
    session = platform.player().session
    assert report(platform, record(session) + "\n").status_code == 204
    (kept,) = platform.events("playback.reported", session)
    assert kept["values"]["br"] == [900]
    assert kept["values"]["ts"] == 1_760_000_000_000


def test_a_hundred_records_in_one_report_are_all_kept(platform: Platform) -> None:
    session = platform.player().session
    body = "\n".join(record(session, sn=n) for n in range(100))
    assert report(platform, body).status_code == 204
    assert [one["values"]["sn"] for one in platform.events("playback.reported", session)] == list(range(100))


def test_what_can_be_read_of_a_report_is_kept(platform: Platform) -> None:
    session = platform.player().session
    assert report(platform, f"((((\n{record(session)}\nv=2,e=t").status_code == 204
    assert len(platform.events("playback.reported", session)) == 1


@pytest.mark.parametrize("body", ["((((", "v=2,e=t", 'sid=""', b"\xff\xfe", '{"sid":"json"}', "sid=1", "\0"])
def test_a_report_that_says_nothing_is_refused(platform: Platform, body: str | bytes) -> None:
    assert refused(report(platform, body)) == (400, "bad-request")


def test_a_report_of_another_media_type_is_refused(platform: Platform) -> None:
    answer = report(platform, record("x"), "application/json")
    assert refused(answer) == (415, "unsupported-media-type")


def test_a_report_that_is_too_large_is_refused(platform: Platform) -> None:
    assert refused(report(platform, b"x" * (65 * 1024))) == (413, "too-large")


def test_a_report_as_large_as_is_allowed_is_kept(platform: Platform) -> None:
    session = platform.player().session
    line = record(session) + "\n"
    body = (line * 200)[: 64 * 1024].ljust(64 * 1024, "\n")
    assert report(platform, body).status_code == 204
    assert len(platform.events("playback.reported", session)) == 200
