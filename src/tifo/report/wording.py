"""Figures, times and shares in the words of a report."""

from datetime import datetime, tzinfo

NOTHING = "not known"
ELSEWHERE = "not told"
"""Of viewers whose CDN or ISP nobody told."""

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def whole(value: float | None) -> str:
    """A count with its thousands: 1,234."""
    return NOTHING if value is None else f"{value:,.0f}"


def short(value: float) -> str:
    """A count in few characters: 1.23 M; below ten thousand as it is."""
    if value >= 1e6:
        return f"{value / 1e6:,.2f} M"
    return f"{value / 1e3:,.0f} k" if value >= 1e5 else f"{value:,.0f}"


def share(value: float | None) -> str:
    """A share of one, in per cent: small ones with two digits."""
    if value is None:
        return NOTHING
    if not value:
        return "0%"
    return f"{value:.2%}" if value < 0.01 else f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def rate(bps: float | None) -> str:
    """Bits per second with their prefix: 3.6 Tbit/s."""
    if bps is None:
        return NOTHING
    for size, prefix in _STEPS:
        if bps >= size:
            return f"{bps / size:,.2f} {prefix}bit/s"
    return f"{bps:,.0f} bit/s"


def rate_short(bps: float) -> str:
    """The same in few characters, for an axis: 20 Gb/s."""
    size, prefix = next(((size, prefix) for size, prefix in _STEPS if bps >= size), (1.0, ""))
    return f"{bps / size:.3g} {prefix}b/s"


def volume(gigabytes: float | None) -> str:
    """Gigabytes, terabytes or petabytes."""
    if gigabytes is None:
        return NOTHING
    for size, unit in ((1e6, "PB"), (1e3, "TB")):
        if gigabytes >= size:
            return f"{gigabytes / size:,.2f} {unit}"
    return f"{gigabytes:,.2f} GB"


def seconds(milliseconds: float | None) -> str:
    """Milliseconds as seconds."""
    return NOTHING if milliseconds is None else f"{milliseconds / 1_000:,.1f} s"


def stay(duration_s: float | None) -> str:
    """How long somebody stayed."""
    if duration_s is None:
        return NOTHING
    minutes = round(duration_s / 60)
    if minutes < 2:
        return f"{duration_s:,.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def clock(at: float | None, zone: tzinfo) -> str:
    """Hours and minutes."""
    return NOTHING if at is None else datetime.fromtimestamp(at, zone).strftime("%H:%M")


def clock_s(at: float | None, zone: tzinfo) -> str:
    """Hours, minutes and seconds."""
    return NOTHING if at is None else datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")


def day(at: float | None, zone: tzinfo) -> str:
    """The day in full."""
    if at is None:
        return ""
    told = datetime.fromtimestamp(at, zone)
    return f"{told:%A} {told.day} {told:%B %Y}"


def many(count: int, one: str, several: str = "") -> str:
    """`1 start`, `2 starts`."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
