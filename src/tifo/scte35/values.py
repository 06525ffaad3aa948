"""What a cue says (ANSI/SCTE 35): frozen values. Times are ticks of 90 kHz."""

from dataclasses import dataclass

TICKS_PER_S = 90_000
PTS_WRAP_TICKS = 1 << 33
"""Presentation times count up to here, and begin again."""


@dataclass(frozen=True, slots=True)
class SpliceNull:
    """A heartbeat (section 9.7.1)."""


@dataclass(frozen=True, slots=True)
class BreakDuration:
    """How long a break lasts; with `auto_return` it ends by itself (section 9.8.2)."""

    ticks: int
    auto_return: bool


@dataclass(frozen=True, slots=True)
class Component:
    """The splice point of one elementary stream; `pts` is None where no time is specified."""

    tag: int
    pts: int | None = None


@dataclass(frozen=True, slots=True)
class SpliceInsert:
    """Go out to a break or come back from it (section 9.7.3).

    `pts` is None where no time is specified, which `immediate` always means. With `components` each
    elementary stream has a time of its own. With `cancel` the rest says nothing.
    """

    event_id: int
    cancel: bool = False
    out_of_network: bool = False
    immediate: bool = False
    event_id_compliance: bool = True
    pts: int | None = None
    components: tuple[Component, ...] | None = None
    duration: BreakDuration | None = None
    unique_program_id: int = 0
    avail_num: int = 0
    avails_expected: int = 0


@dataclass(frozen=True, slots=True)
class TimeSignal:
    """A time that the descriptors speak of (section 9.7.4); None where none is specified."""

    pts: int | None


@dataclass(frozen=True, slots=True)
class OtherCommand:
    """A command that we carry as it came."""

    type: int
    body: bytes


Command = SpliceNull | SpliceInsert | TimeSignal | OtherCommand


@dataclass(frozen=True, slots=True)
class DeliveryRestrictions:
    """Where a segment may not be shown (section 10.3.3.1)."""

    web_delivery_allowed: bool
    no_regional_blackout: bool
    archive_allowed: bool
    device_restrictions: int


@dataclass(frozen=True, slots=True)
class SegmentOffset:
    """How far after the signal's time a segment begins in one elementary stream."""

    tag: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segment of the programme begins or ends (section 10.3.3).

    `upid` are the bytes of its identifier, whatever its type. `sub_segment` is its number and how many are
    expected, None where the sender left both out. With `cancel` only the event's id is said.
    """

    event_id: int
    type_id: int = 0
    cancel: bool = False
    event_id_compliance: bool = True
    duration_ticks: int | None = None
    restrictions: DeliveryRestrictions | None = None
    offsets: tuple[SegmentOffset, ...] | None = None
    upid_type: int = 0
    upid: bytes = b""
    segment_num: int = 0
    segments_expected: int = 0
    sub_segment: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class OtherDescriptor:
    """A descriptor that we carry as it came, its identifier included."""

    tag: int
    body: bytes


Descriptor = Segmentation | OtherDescriptor


@dataclass(frozen=True, slots=True)
class Section:
    """A whole cue: a splice_info_section in the clear (section 9.6).

    `pts_adjustment` is added to every time in it. `stuffing` stands before the checksum.
    """

    command: Command
    descriptors: tuple[Descriptor, ...] = ()
    pts_adjustment: int = 0
    cw_index: int = 0xFF
    tier: int = 0xFFF
    sap_type: int = 3
    protocol_version: int = 0
    encryption_algorithm: int = 0
    stuffing: bytes = b""
