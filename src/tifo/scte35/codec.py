"""Cues to values and back. Reserved bits are read whatever they are, and written as ones.

So encoding what was decoded gives the same bytes, for every section whose reserved bits are ones and that
states the length of its command; the few that do not come back in that form.
"""

import re
from base64 import b64decode

from tifo.scte35 import commands, descriptors
from tifo.scte35.bits import BitReader, BitWriter, CueError
from tifo.scte35.crc import crc32_mpeg2
from tifo.scte35.values import Section

SECTION_BYTES_MAX = 3 + 4093
"""Bytes of a section (section 9.6.1)."""

TEXT_LENGTH_MAX = 2 * SECTION_BYTES_MAX + 2
"""Characters of a cue as text: two for each byte, and 0x in front."""

_TABLE_ID = 0xFC
_HEAD_BYTES = 3
_CRC_BYTES = 4
_HEX = re.compile(r"(?:0[xX])?([0-9A-Fa-f]+)")


def parse(text: str) -> Section:
    """A cue as people write it: base64, or hexadecimal with or without 0x; raises `CueError`."""
    text = text.strip()
    if not text or len(text) > TEXT_LENGTH_MAX:
        raise CueError(f"a cue is a text of 1 to {TEXT_LENGTH_MAX} characters")
    found = _HEX.fullmatch(text)
    try:
        data = bytes.fromhex(found[1]) if found else b64decode(text, validate=True)
    except ValueError as error:
        raise CueError("it is neither base64 nor hexadecimal") from error
    return decode(data)


def decode(data: bytes) -> Section:
    """The value of a whole section; raises `CueError` for every other text of bytes."""
    reader = BitReader(_checked(data))
    sap_type = _head(reader, len(data))
    protocol_version = reader.take(8)
    if reader.flag():
        raise CueError("it is encrypted")
    algorithm, adjustment = reader.take(6), reader.take(33)
    cw_index, tier = reader.take(8), reader.take(12)
    command = commands.read(reader, length=reader.take(12), kind=reader.take(8))
    found = descriptors.read_all(reader.part(reader.take(16)))
    return Section(
        command=command,
        descriptors=found,
        pts_adjustment=adjustment,
        cw_index=cw_index,
        tier=tier,
        sap_type=sap_type,
        protocol_version=protocol_version,
        encryption_algorithm=algorithm,
        stuffing=reader.octets(reader.bytes_left - _CRC_BYTES),
    )


def encode(section: Section) -> bytes:
    """The section's bytes; raises `CueError` for a value that does not fit its field."""
    kind, command = commands.written(section.command)
    loop = descriptors.written_all(section.descriptors)
    rest = BitWriter().put(8, section.protocol_version)
    rest.flag(False).put(6, section.encryption_algorithm).put(33, section.pts_adjustment)
    rest.put(8, section.cw_index).put(12, section.tier)
    rest.put(12, len(command)).put(8, kind).octets(command)
    rest.put(16, len(loop)).octets(loop).octets(section.stuffing)
    body = rest.done()
    length = len(body) + _CRC_BYTES
    if length > SECTION_BYTES_MAX - _HEAD_BYTES:
        raise CueError(f"a section has {SECTION_BYTES_MAX} bytes at the most")
    head = BitWriter().put(8, _TABLE_ID).flag(False).flag(False).put(2, section.sap_type).put(12, length)
    whole = head.done() + body
    return whole + crc32_mpeg2(whole).to_bytes(_CRC_BYTES, "big")


def _checked(data: bytes) -> bytes:
    if not _HEAD_BYTES < len(data) <= SECTION_BYTES_MAX:
        raise CueError(f"a section has {_HEAD_BYTES + 1} to {SECTION_BYTES_MAX} bytes")
    if data[0] != _TABLE_ID:
        raise CueError(f"it begins with 0x{data[0]:02X} and not 0xFC")
    if crc32_mpeg2(data):
        raise CueError("its checksum is wrong")
    return data


def _head(reader: BitReader, size: int) -> int:
    """Read the table's head; the SAP type."""
    reader.skip(8)
    if reader.take(2):
        raise CueError("it is a section of another kind")
    sap_type, length = reader.take(2), reader.take(12)
    if length != size - _HEAD_BYTES:
        raise CueError(f"it says {length} bytes follow, and {size - _HEAD_BYTES} do")
    return sap_type
