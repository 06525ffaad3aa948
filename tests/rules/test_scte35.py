"""Cues: the standard's own, everything that can be drawn, and whatever bytes there are."""

import binascii
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scte35_values import sections

from tifo.scte35.bits import BitWriter, CueError
from tifo.scte35.codec import SECTION_BYTES_MAX, TEXT_LENGTH_MAX, decode, encode, parse
from tifo.scte35.crc import crc32_mpeg2
from tifo.scte35.values import (
    BreakDuration,
    DeliveryRestrictions,
    OtherCommand,
    OtherDescriptor,
    Section,
    Segmentation,
    SpliceInsert,
    SpliceNull,
    TimeSignal,
)

INSERT = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo="
SIGNAL = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg=="
"""Samples of the standard (section 14)."""


def with_crc(body: bytes) -> bytes:
    return body + crc32_mpeg2(body).to_bytes(4, "big")


def test_standards_splice_insert_is_read() -> None:
    section = parse(INSERT)
    assert section.command == SpliceInsert(
        0x4800008F, out_of_network=True, pts=0x07369C02E, duration=BreakDuration(0x00052CCF5, True)
    )
    assert section.descriptors == (OtherDescriptor(0, b"CUEI\x00\x00\x01\x35"),)
    assert section.command.pts / 90_000 == pytest.approx(21514.559089, abs=1e-6)
    assert section.command.duration.ticks / 90_000 == pytest.approx(60.293567, abs=1e-6)


def test_standards_time_signal_is_read() -> None:
    section = parse(SIGNAL)
    assert section.command == TimeSignal(0x072BD0050)
    assert section.descriptors == (
        Segmentation(
            0x4800008E, type_id=0x34, duration_ticks=307 * 90_000, upid_type=8, segment_num=2,
            upid=bytes.fromhex("000000002ca0a18a"),
            restrictions=DeliveryRestrictions(False, True, True, 3),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("sample", [INSERT, SIGNAL])
def test_sample_is_written_as_it_was_read_however_it_is_spelled(sample: str) -> None:
    data = b64decode(sample)
    assert encode(decode(data)) == data
    for text in (sample, f" {sample}\n", data.hex(), data.hex().upper(), f"0x{data.hex()}"):
        assert parse(text) == decode(data)


@given(sections)
def test_value_comes_back_from_its_bytes(section: Section) -> None:
    data = encode(section)
    assert decode(data) == section
    assert encode(decode(data)) == data


@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_or_an_error(data: bytes) -> None:
    with pytest.raises(CueError):
        decode(data)


@given(sections, st.data())
def test_any_body_with_a_right_checksum_is_a_value_or_an_error(section: Section, data: st.DataObject) -> None:
    """What a broken sender may send: the checksum is right and the rest is not."""
    body = bytearray(encode(section)[:-4])
    for place in data.draw(st.lists(st.integers(3, len(body) - 1), max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        found = decode(with_crc(bytes(body)))
    except CueError:
        return
    assert decode(encode(found)) == found


@given(sections, st.data())
def test_cut_or_flipped_section_is_refused(section: Section, data: st.DataObject) -> None:
    whole = encode(section)
    with pytest.raises(CueError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytes(byte ^ (1 << bit % 8 if n == bit // 8 else 0) for n, byte in enumerate(whole))
    with pytest.raises(CueError):
        decode(flipped)


@given(st.text(max_size=60))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    with pytest.raises(CueError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to"),
        ("A" * (TEXT_LENGTH_MAX + 1), "1 to"),
        ("/DAv*", "neither"),
        ("/DAvé", "neither"),
        ("abc", "neither"),
        ("00" * 20, "0x00"),
        (INSERT.replace("n", "m"), "checksum"),
    ],
)
def test_text_that_is_no_cue_is_told_why(text: str, says: str) -> None:
    with pytest.raises(CueError, match=says):
        parse(text)


def changed(place: int, value: int) -> bytes:
    body = bytearray(b64decode(INSERT)[:-4])
    body[place] = value
    return with_crc(bytes(body))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(1, 0xB0), "another kind"),
        (changed(2, 0x2E), "bytes follow"),
        (changed(4, 0x80), "encrypted"),
        (changed(12, 0x10), "too soon"),
        (changed(12, 0x15), "left over"),
        (changed(34, 0x80), "too soon"),
    ],
    ids=["syntax", "length", "encrypted", "short command", "long command", "long loop"],
)
def test_broken_section_is_told_why(data: bytes, says: str) -> None:
    with pytest.raises(CueError, match=says):
        decode(data)


def test_command_of_unknown_length_is_read_and_comes_back_with_one() -> None:
    body = bytearray(b64decode(INSERT)[:-4])
    body[11:13] = b"\xff\xff"
    assert encode(decode(with_crc(bytes(body)))) == b64decode(INSERT)


def test_command_of_unknown_kind_and_length_is_refused() -> None:
    body = bytearray(encode(Section(OtherCommand(0xFF, b"CUEI")))[:-4])
    body[11:13] = b"\xff\xff"
    with pytest.raises(CueError, match="0xFF"):
        decode(with_crc(bytes(body)))


@pytest.mark.parametrize(
    "section",
    [
        Section(TimeSignal(1 << 33)),
        Section(SpliceInsert(-1)),
        Section(SpliceNull(), tier=4096),
        Section(SpliceNull(), (OtherDescriptor(0, b"x" * 256),)),
        Section(SpliceNull(), tuple(OtherDescriptor(0, b"x" * 255) for _ in range(16))),
    ],
)
def test_value_that_does_not_fit_is_refused(section: Section) -> None:
    with pytest.raises(CueError):
        encode(section)


def test_longest_section_is_read() -> None:
    loop = (*(OtherDescriptor(0, b"x" * 255) for _ in range(15)), OtherDescriptor(0, b"x" * 219))
    whole = encode(Section(SpliceNull(), loop))
    assert len(whole) == SECTION_BYTES_MAX
    assert decode(whole).descriptors == loop
    assert parse(b64encode(whole).decode()) == parse(whole.hex())


@given(st.binary(max_size=60))
def test_checksum_of_checked_data_is_nothing(data: bytes) -> None:
    assert crc32_mpeg2(with_crc(data)) == 0


def test_checksum_is_the_published_one() -> None:
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7
    assert crc32_mpeg2(b"") == 0xFFFFFFFF
    assert binascii.crc32(b"123456789") != 0x0376E6E7


def test_field_is_written_with_its_bits() -> None:
    assert BitWriter().put(3, 5).reserved(5).octets(b"\x01").done() == b"\xbf\x01"
