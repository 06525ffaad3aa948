"""Reading CMCD v2 reports: records kept, or counted as bad, and never an exception."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tifo.services.beacons.rules import (
    RECORD_CHARACTERS_MAX,
    RECORDS_MAX,
    SID_LENGTH_MAX,
    Report,
    read_report,
)

PLAYING = 'bl=(6000),br=(4200;v 256;a),cid="m1",e=t,sid="s-1",sn=2,sta=p,ts=1764752430000,v=2'


def only(line: str) -> dict[str, object]:
    report = read_report(line)
    assert (report.malformed, report.unknown_version) == (0, 0)
    (record,) = report.records
    return record


def test_players_interval_report_is_read() -> None:
    assert only(PLAYING) == {
        "bl": [6000],
        "br": [[4200, {"v": True}], [256, {"a": True}]],
        "cid": "m1",
        "e": "t",
        "sid": "s-1",
        "sn": 2,
        "sta": "p",
        "ts": 1_764_752_430_000,
        "v": 2,
    }


def test_line_feed_at_the_end_is_no_record() -> None:
    assert read_report(PLAYING + "\n") == read_report(PLAYING)


def test_records_are_lines() -> None:
    report = read_report(f'{PLAYING}\n  e=ps,sid="s-2",ts=1,v=2 \r\n\n\ne=h,sid="s-3",ts=2,v=2')
    assert [record["sid"] for record in report.records] == ["s-1", "s-2", "s-3"]
    assert report.malformed == 0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("sta=p", "p"),
        ("bs", True),
        ("bs=?0", False),
        ("pr=1.5", 1.5),
        ("pr=0.0", 0.0),
        ('ec=("404" "timeout")', ["404", "timeout"]),
        ("nor=()", []),
        ('nor=("a.m4s";r="0-99")', [["a.m4s", {"r": "0-99"}]]),
        ("br=(4200;v)", [[4200, {"v": True}]]),
        ("com.example-key=:aGVsbG8=:", "aGVsbG8="),
        ("ts=-5", -5),
        ('cen="a \\"quoted\\" word"', 'a "quoted" word'),
    ],
)
def test_value_is_kept_as_what_it_is(member: str, value: object) -> None:
    key = member.partition("=")[0]
    assert only(f'sid="s-1",v=2,{member}')[key] == value


def test_key_said_twice_has_its_last_value() -> None:
    assert only('sid="s-1",sn=1,sn=2')["sn"] == 2


def test_order_of_keys_does_not_matter() -> None:
    assert only('v=2,sid="s-1",e=t') == only('e=t,sid="s-1",v=2')


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        'sid="unclosed',
        'sid="",v=2',
        f'sid="{"x" * (SID_LENGTH_MAX + 1)}"',
        "sid=(1 2)",
        "sid=7",
        "sid",
        "e=t,ts=1,v=2",
        'sid="s-1",v=two',
        'sid="s-1",v=2.5',
        'sid="s-1",v',
        'sid="s-1",v=(2)',
        'sid="é"',
        'SID="s-1"',
        'sid="s-1",,v=2',
        'sid="s-1",v=2,',
        "{}",
        "CMCD=sid%3D%22s-1%22",
    ],
)
def test_line_that_is_no_record_is_counted(line: str) -> None:
    assert read_report(f"{line}\n{PLAYING}") == Report((only(PLAYING),), malformed=1, unknown_version=0)


def test_line_that_is_too_long_is_counted_unread() -> None:
    long = f'sid="s-1",cid="{"x" * RECORD_CHARACTERS_MAX}"'
    assert read_report(long) == Report((), malformed=1, unknown_version=0)


def test_records_past_the_most_are_counted_unread() -> None:
    report = read_report("\n".join([PLAYING] * (RECORDS_MAX + 3)))
    assert (len(report.records), report.malformed) == (RECORDS_MAX, 3)


@pytest.mark.parametrize("version", [3, 99, 999_999_999_999_999])
def test_later_version_is_ignored_and_counted_apart(version: int) -> None:
    report = read_report(f'{PLAYING}\nsid="s-2",v={version}')
    assert (len(report.records), report.malformed, report.unknown_version) == (1, 0, 1)


def test_record_without_a_version_is_the_first_version() -> None:
    assert only('sid="s-1",bl=6000') == {"sid": "s-1", "bl": 6000}


@pytest.mark.parametrize("body", ["", "\n", " \n \r\n", "\t"])
def test_empty_report_has_nothing(body: str) -> None:
    assert read_report(body) == Report((), 0, 0)


keys = st.sampled_from(["sid", "v", "e", "ts", "br", "x-y", "pr", "é", ""])
values = st.sampled_from(
    ["2", "1.5", '"s"', "t", "?1", "(1;v 2)", ":aGk=:", "@1", '%"f%c3%bc"', "", '"', "(", "-0", "99e9"]
)
lines = st.lists(st.tuples(keys, values), max_size=6).map(lambda some: ",".join(f"{k}={v}" for k, v in some))


@given(st.one_of(st.text(max_size=300), st.lists(lines, max_size=5).map("\n".join)))
def test_every_line_is_a_record_or_counted_and_records_are_json(body: str) -> None:
    report = read_report(body)
    written = [line for line in body.split("\n") if line.strip()]
    assert len(report.records) + report.malformed + report.unknown_version == len(written)
    json.dumps(report.records, allow_nan=False)


@given(st.binary(max_size=300).map(lambda raw: raw.decode("utf-8", "replace")))
def test_no_body_makes_the_reader_fail(body: str) -> None:
    read_report(body)


MEMBERS = (
    "bs", "bs=?0", "bl=(6000)", "bl=()", "br=(4200;v)", "br=(4200;v 256;a)", "br=(4200;v=1)", "br=(4200;v;w)",
    "br=( 4200 )", "sn=2", "sn=-0", "sn=-7", "sn=007", "pr=1.5", "ts=999999999999999", "ts=9999999999999999",
    "sta=p", "sta=*a/b:c", "sta=p;q", "e=1a", 'cid="m 1,\'x"', 'cid="a\\\\b"', 'cid=""', 'cid="\u00e9"',
    "Up=1", "a-b.c_d*=1", "*=t", " sp=1", "sp=1 ", "x=", "=1", "", "d=@1764752430", 'cid="open', "v=2",
    "cid=:aGk=:", "sid=s-9",
)  # fmt: skip


@given(st.lists(st.sampled_from(MEMBERS), max_size=5))
def test_usual_members_are_read_as_any_others_are(members: list[str]) -> None:
    line = ",".join([*members, 'sid="s-1"'])
    # A decimal has the whole record read by the library.
    by_library = read_report(f"{line},zz=1.0")
    assert read_report(line) == Report(
        tuple({key: value for key, value in one.items() if key != "zz"} for one in by_library.records),
        by_library.malformed,
        by_library.unknown_version,
    )


def test_comma_at_the_end_is_malformed() -> None:
    assert read_report(f"{PLAYING},") == Report((), malformed=1, unknown_version=0)
