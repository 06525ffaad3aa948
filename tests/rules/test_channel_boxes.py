import struct

from tifo.channel.boxes import Run, Sample, box, length_prefixed, segment, top_boxes

EPOCH_TICKS = 1_800_000_000 * 90_000
SAMPLES = (Sample(b"key", 3600, True), Sample(b"delta", 3600, False))


def test_start_codes_of_both_lengths_become_lengths() -> None:
    unit = b"\x00\x00\x00\x01\x67sps\x00\x00\x01\x65slice"
    assert length_prefixed(unit) == b"\x00\x00\x00\x04\x67sps\x00\x00\x00\x06\x65slice"


def test_the_decode_time_has_64_bits() -> None:
    tfdt = box(segment(7, [Run(1, EPOCH_TICKS, SAMPLES)]), "moof", "traf", "tfdt")
    assert struct.unpack(">IQ", tfdt) == (1 << 24, EPOCH_TICKS)


def test_a_segment_is_styp_moof_mdat_and_nothing_else() -> None:
    data = segment(7, [Run(1, 0, SAMPLES)])
    assert [kind for kind, _ in top_boxes(data)] == ["styp", "moof", "mdat"]
    assert box(data, "mdat") == b"keydelta"


def test_data_offsets_point_at_each_tracks_own_samples() -> None:
    data = segment(7, [Run(1, 0, SAMPLES), Run(2, 0, (Sample(b"sound", 1024, True),))])
    moof_at = data.index(b"moof") - 4
    trafs = [payload for kind, payload in top_boxes(box(data, "moof")) if kind == "traf"]
    offsets = [struct.unpack_from(">i", box(traf, "trun"), 8)[0] for traf in trafs]
    assert data[moof_at + offsets[0] :].startswith(b"keydelta")
    assert data[moof_at + offsets[1] :] == b"sound"


def test_only_the_key_picture_is_a_sync_sample() -> None:
    trun = box(segment(7, [Run(1, 0, SAMPLES)]), "moof", "traf", "trun")
    rows = list(struct.iter_unpack(">III", trun[12:]))
    assert rows == [(3600, 3, 0x0200_0000), (3600, 5, 0x0101_0000)]


def test_a_box_that_is_not_there_is_empty() -> None:
    assert box(segment(7, []), "moof", "traf", "tfdt") == b""
