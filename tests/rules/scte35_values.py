"""Sections of every kind, as Hypothesis draws them."""

from hypothesis import strategies as st

from tifo.scte35.commands import INSERT, NULL, SIGNAL
from tifo.scte35.descriptors import SEGMENTATION
from tifo.scte35.values import (
    BreakDuration,
    Component,
    DeliveryRestrictions,
    OtherCommand,
    OtherDescriptor,
    Section,
    Segmentation,
    SegmentOffset,
    SpliceInsert,
    SpliceNull,
    TimeSignal,
)


def bits(count: int, least: int = 0) -> st.SearchStrategy[int]:
    return st.integers(least, (1 << count) - 1)


TIMES = st.none() | bits(33)


@st.composite
def inserts(draw, components: bool = True, least: int = 0):
    event_id = draw(bits(32))
    if draw(st.booleans()):
        return SpliceInsert(event_id, cancel=True)
    immediate = draw(st.booleans())
    times = st.none() if immediate else TIMES
    parts = draw(st.none() | st.lists(st.builds(Component, bits(8), times), max_size=4).map(tuple))
    parts = parts if components else None
    return SpliceInsert(
        event_id,
        out_of_network=draw(st.booleans()),
        immediate=immediate,
        event_id_compliance=draw(st.booleans()),
        pts=draw(times) if parts is None else None,
        components=parts,
        duration=draw(st.none() | st.builds(BreakDuration, bits(33, least), st.booleans())),
        unique_program_id=draw(bits(16)),
        avail_num=draw(bits(8)),
        avails_expected=draw(bits(8)),
    )


any_upids = st.tuples(bits(8), st.binary(max_size=40))
usual_upids = st.tuples(st.just(0x08), st.binary(min_size=8, max_size=8)) | st.just((0, b""))
"""An airing's identifier, or none."""


@st.composite
def segmentations(draw, offsets: bool = True, upids=any_upids, least: int = 0):
    event_id, compliance = draw(bits(32)), draw(st.booleans())
    if draw(st.booleans()):
        return Segmentation(event_id, cancel=True, event_id_compliance=compliance)
    restrictions = st.builds(DeliveryRestrictions, st.booleans(), st.booleans(), st.booleans(), bits(2))
    parts = st.lists(st.builds(SegmentOffset, bits(8), bits(33)), max_size=4).map(tuple)
    upid_type, upid = draw(upids)
    return Segmentation(
        event_id,
        event_id_compliance=compliance,
        duration_ticks=draw(st.none() | bits(40, least)),
        restrictions=draw(st.none() | restrictions),
        offsets=draw(st.none() | parts) if offsets else None,
        upid_type=upid_type,
        upid=upid,
        type_id=draw(bits(8)),
        segment_num=draw(bits(8)),
        segments_expected=draw(bits(8)),
        sub_segment=draw(st.none() | st.tuples(bits(8), bits(8))),
    )


others = st.builds(
    OtherCommand, bits(8).filter(lambda kind: kind not in (NULL, INSERT, SIGNAL)), st.binary(max_size=40)
)
other_descriptors = st.builds(
    OtherDescriptor, bits(8).filter(lambda tag: tag != SEGMENTATION), st.binary(max_size=40)
) | st.just(OtherDescriptor(SEGMENTATION, b"else"))

sections = st.builds(
    Section,
    command=st.just(SpliceNull()) | inserts() | st.builds(TimeSignal, TIMES) | others,
    descriptors=st.lists(segmentations() | other_descriptors, max_size=4).map(tuple),
    pts_adjustment=bits(33),
    cw_index=bits(8),
    tier=bits(12),
    sap_type=bits(2),
    protocol_version=bits(8),
    encryption_algorithm=bits(6),
    stuffing=st.binary(max_size=8),
)

plain_sections = st.builds(
    Section,
    command=inserts(components=False, least=1) | st.builds(TimeSignal, TIMES),
    descriptors=st.lists(segmentations(offsets=False, upids=usual_upids, least=1), max_size=3).map(tuple),
    pts_adjustment=bits(33),
)
"""Those of which every reader makes the same: threefive takes a duration of 0 for none."""
