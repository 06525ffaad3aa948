"""The commands of a section (ANSI/SCTE 35, section 9.7)."""

from tifo.scte35.bits import BitReader, BitWriter, CueError
from tifo.scte35.values import (
    BreakDuration,
    Command,
    Component,
    OtherCommand,
    SpliceInsert,
    SpliceNull,
    TimeSignal,
)

NULL, INSERT, SIGNAL = 0x00, 0x05, 0x06

_LENGTH_UNKNOWN = 0xFFF
"""What senders of before 2007 say of a command's length."""


def read(reader: BitReader, *, length: int, kind: int) -> Command:
    """The command of that kind at the front of the reader; raises `CueError`."""
    if length == _LENGTH_UNKNOWN:
        if kind not in (NULL, INSERT, SIGNAL):
            raise CueError(f"it does not say how long its command 0x{kind:02X} is")
        return _read(reader, kind)
    part = reader.part(length)
    command = _read(part, kind) if kind in (NULL, INSERT, SIGNAL) else OtherCommand(kind, part.octets(length))
    part.end("the command")
    return command


def written(command: Command) -> tuple[int, bytes]:
    """The command's type and its bytes."""
    match command:
        case SpliceNull():
            return NULL, b""
        case SpliceInsert():
            return INSERT, _insert(command)
        case TimeSignal():
            return SIGNAL, _put_time(BitWriter(), command.pts).done()
        case OtherCommand():
            return command.type, command.body


def _read(reader: BitReader, kind: int) -> Command:
    match kind:
        case 0x05:
            return _read_insert(reader)
        case 0x06:
            return TimeSignal(_read_time(reader))
        case _:
            return SpliceNull()


def _read_insert(reader: BitReader) -> SpliceInsert:
    event_id, cancel = reader.take(32), reader.flag()
    reader.skip(7)
    if cancel:
        return SpliceInsert(event_id, cancel=True)
    out, whole, lasts, immediate = (reader.flag() for _ in range(4))
    compliance = reader.flag()
    reader.skip(3)
    pts = _read_time(reader) if whole and not immediate else None
    components = None if whole else _read_components(reader, timed=not immediate)
    return SpliceInsert(
        event_id,
        out_of_network=out,
        immediate=immediate,
        event_id_compliance=compliance,
        pts=pts,
        components=components,
        duration=_read_duration(reader) if lasts else None,
        unique_program_id=reader.take(16),
        avail_num=reader.take(8),
        avails_expected=reader.take(8),
    )


def _read_components(reader: BitReader, *, timed: bool) -> tuple[Component, ...]:
    return tuple(
        Component(reader.take(8), _read_time(reader) if timed else None) for _ in range(reader.take(8))
    )


def _read_time(reader: BitReader) -> int | None:
    if reader.flag():
        reader.skip(6)
        return reader.take(33)
    reader.skip(7)
    return None


def _read_duration(reader: BitReader) -> BreakDuration:
    auto_return = reader.flag()
    reader.skip(6)
    return BreakDuration(reader.take(33), auto_return)


def _insert(insert: SpliceInsert) -> bytes:
    writer = BitWriter().put(32, insert.event_id).flag(insert.cancel).reserved(7)
    if insert.cancel:
        return writer.done()
    writer.flag(insert.out_of_network).flag(insert.components is None)
    writer.flag(insert.duration is not None).flag(insert.immediate)
    writer.flag(insert.event_id_compliance).reserved(3)
    if insert.components is None and not insert.immediate:
        _put_time(writer, insert.pts)
    if insert.components is not None:
        _put_components(writer, insert.components, timed=not insert.immediate)
    if insert.duration is not None:
        writer.flag(insert.duration.auto_return).reserved(6).put(33, insert.duration.ticks)
    writer.put(16, insert.unique_program_id)
    return writer.put(8, insert.avail_num).put(8, insert.avails_expected).done()


def _put_components(writer: BitWriter, components: tuple[Component, ...], *, timed: bool) -> None:
    writer.put(8, len(components))
    for component in components:
        writer.put(8, component.tag)
        if timed:
            _put_time(writer, component.pts)


def _put_time(writer: BitWriter, pts: int | None) -> BitWriter:
    if pts is None:
        return writer.flag(False).reserved(7)
    return writer.flag(True).reserved(6).put(33, pts)
