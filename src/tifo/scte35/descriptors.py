"""The descriptors of a section (ANSI/SCTE 35, section 10)."""

from collections.abc import Iterable

from tifo.scte35.bits import BitReader, BitWriter
from tifo.scte35.values import (
    DeliveryRestrictions,
    Descriptor,
    OtherDescriptor,
    Segmentation,
    SegmentOffset,
)

SEGMENTATION = 0x02
IDENTIFIER = int.from_bytes(b"CUEI", "big")

_SUB_SEGMENT_BYTES = 2


def read_all(reader: BitReader) -> tuple[Descriptor, ...]:
    """The descriptors that fill the reader; raises `CueError`."""
    found: list[Descriptor] = []
    while reader.bytes_left:
        tag = reader.take(8)
        found.append(_read(tag, reader.octets(reader.take(8))))
    return tuple(found)


def written_all(descriptors: Iterable[Descriptor]) -> bytes:
    """The descriptors' bytes, one behind the other."""
    return b"".join(map(_written, descriptors))


def _read(tag: int, body: bytes) -> Descriptor:
    if tag != SEGMENTATION or body[:4] != b"CUEI":
        return OtherDescriptor(tag, body)
    reader = BitReader(body[4:])
    found = _read_segmentation(reader)
    reader.end("a segmentation descriptor")
    return found


def _written(descriptor: Descriptor) -> bytes:
    if isinstance(descriptor, OtherDescriptor):
        tag, body = descriptor.tag, descriptor.body
    else:
        tag, body = SEGMENTATION, _segmentation(descriptor)
    return BitWriter().put(8, tag).put(8, len(body)).octets(body).done()


def _read_segmentation(reader: BitReader) -> Segmentation:
    event_id, cancel, compliance = reader.take(32), reader.flag(), reader.flag()
    reader.skip(6)
    if cancel:
        return Segmentation(event_id, cancel=True, event_id_compliance=compliance)
    whole, lasts, unrestricted = reader.flag(), reader.flag(), reader.flag()
    restrictions = _read_restrictions(reader)
    offsets = None if whole else _read_offsets(reader)
    duration = reader.take(40) if lasts else None
    upid_type, upid = reader.take(8), reader.octets(reader.take(8))
    return Segmentation(
        event_id,
        event_id_compliance=compliance,
        duration_ticks=duration,
        restrictions=None if unrestricted else restrictions,
        offsets=offsets,
        upid_type=upid_type,
        upid=upid,
        type_id=reader.take(8),
        segment_num=reader.take(8),
        segments_expected=reader.take(8),
        sub_segment=_read_sub_segment(reader),
    )


def _read_restrictions(reader: BitReader) -> DeliveryRestrictions:
    return DeliveryRestrictions(reader.flag(), reader.flag(), reader.flag(), reader.take(2))


def _read_offsets(reader: BitReader) -> tuple[SegmentOffset, ...]:
    found = []
    for _ in range(reader.take(8)):
        tag = reader.take(8)
        reader.skip(7)
        found.append(SegmentOffset(tag, reader.take(33)))
    return tuple(found)


def _read_sub_segment(reader: BitReader) -> tuple[int, int] | None:
    """Senders of before 2016 leave them out where later ones may state them; the length tells."""
    if reader.bytes_left < _SUB_SEGMENT_BYTES:
        return None
    return reader.take(8), reader.take(8)


def _segmentation(one: Segmentation) -> bytes:
    writer = BitWriter().put(32, IDENTIFIER).put(32, one.event_id)
    writer.flag(one.cancel).flag(one.event_id_compliance).reserved(6)
    if one.cancel:
        return writer.done()
    writer.flag(one.offsets is None).flag(one.duration_ticks is not None).flag(one.restrictions is None)
    _put_restrictions(writer, one.restrictions)
    if one.offsets is not None:
        writer.put(8, len(one.offsets))
        for offset in one.offsets:
            writer.put(8, offset.tag).reserved(7).put(33, offset.ticks)
    if one.duration_ticks is not None:
        writer.put(40, one.duration_ticks)
    writer.put(8, one.upid_type).put(8, len(one.upid)).octets(one.upid)
    writer.put(8, one.type_id).put(8, one.segment_num).put(8, one.segments_expected)
    for number in one.sub_segment or ():
        writer.put(8, number)
    return writer.done()


def _put_restrictions(writer: BitWriter, found: DeliveryRestrictions | None) -> None:
    if found is None:
        writer.reserved(5)
        return
    writer.flag(found.web_delivery_allowed).flag(found.no_regional_blackout)
    writer.flag(found.archive_allowed).put(2, found.device_restrictions)
