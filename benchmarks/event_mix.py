"""Events of a match as they come over the log: reports of players, steering, renewals, starts and ends."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import cycle, islice

from benchmarks.instance import EVENT, PATHWAYS
from tifo.api.events import (
    AdTracked,
    BreakDecided,
    Event,
    PathwayUsed,
    PlaybackReported,
    SessionEnded,
    SessionsRenewed,
    SessionStarted,
)
from tifo.eventlog.ports import Record
from tifo.eventlog.records import to_record
from tifo.services.beacons.rules import read_report

KINDS = ("tv", "phone", "tablet", "desktop", "console")
ISPS = tuple(f"AS{64_500 + n} Telecom {n}" for n in range(20))
LEASE_S = 30
ID_BYTES = 10
CREATIVES = 1_000
RENEWED_TOGETHER = 20
"""Sessions in one event of renewals."""

MIX = (
    "60 % reports of players, 20 % steering, 10 % beacons of ads, 5 % renewals of 20, 2 % starts, 2 % ends, "
    "1 % pods"
)
_HUNDRED = "r" * 60 + "s" * 20 + "a" * 10 + "n" * 5 + "b" * 2 + "e" * 2 + "p"
PER_S = 10_000
"""Events of a second, by their times."""

_STEP = 37
"""Prime to a hundred: the kinds of events come mixed, and the same way every time."""


def line(session: str, number: int, at_ms: int) -> str:
    """One CMCD v2 record of a player that plays, as dash.js and the watch page send it every 30 s."""
    bitrate, pathway = (1_200, 2_400, 4_500)[number % 3], PATHWAYS[number % len(PATHWAYS)]
    return (
        f'bl=(12000),br=({bitrate};v),bsd=({number % 50};v),cdn="{pathway}",cid="{EVENT}",e=t,ltc=4200,'
        f'mtp=({bitrate * 4}),ot=v,pt=4100,sf=h,sid="{session}",sn={number},st=l,sta=p,tb=(4500),ts={at_ms},'
        "v=2"
    )


def session_of(n: int) -> str:
    """The id of a session, as long as ours are, and compressed as badly."""
    return _id("ses", n)


def report(session: str, number: int, at: float) -> PlaybackReported:
    """What the beacon service tells of such a record."""
    (values,) = read_report(line(session, number, round(at * 1_000))).records
    return PlaybackReported(session=session, values=values)


def reports(count: int, at: float) -> list[Record]:
    """Records of the log, each of another session."""
    return [to_record(report(session_of(n), n, at), _id("evt", n), at) for n in range(count)]


def arrivals(sessions: int, at: float) -> Iterator[Record]:
    """Of every session its start and the first report of its player."""
    for n in range(sessions):
        yield to_record(_start(n), _id("evt-start", n), at)
        yield to_record(report(session_of(n), n, at), _id("evt-first", n), at)


def mixed(count: int, sessions: int, at: float) -> Iterator[Record]:
    """So many events of live sessions by the mix; those that start and end are others."""
    order = islice(cycle(_HUNDRED[n * _STEP % 100] for n in range(100)), count)
    for n, kind in enumerate(order):
        now = at + n / PER_S
        yield to_record(_event(kind, n, sessions, now), _id("evt", n), now)


def _event(kind: str, n: int, sessions: int, at: float) -> Event:
    session = session_of(n % sessions)
    makes: dict[str, Callable[[], Event]] = {
        "r": lambda: report(session, n, at),
        "s": lambda: PathwayUsed(
            session=session, event=EVENT, pathway=_pathway(n), throughput_bps=20_000_000
        ),
        "a": lambda: _beacon(session, n),
        "n": lambda: _renewal(n, sessions),
        "b": lambda: _start(sessions + n),
        "e": lambda: SessionEnded(session=session_of(sessions + n), event=EVENT, why="left"),
        "p": lambda: _pod(session, n),
    }
    return makes[kind]()


def _beacon(session: str, n: int) -> AdTracked:
    creative = f"creative-{n % CREATIVES}"
    return AdTracked(
        session=session, event=EVENT, break_id="brk-1", slot=1, creative=creative, what="complete"
    )


def _pod(session: str, n: int) -> BreakDecided:
    ads = tuple(f"creative-{(n + k) % CREATIVES}" for k in range(3))
    return BreakDecided(session=session, event=EVENT, break_id="brk-1", creatives=ads, line_items=ads)


def _start(n: int) -> SessionStarted:
    return SessionStarted(
        session=session_of(n),
        event=EVENT,
        account=_id("acc", n),
        device=_id("device", n),
        device_kind=KINDS[n % len(KINDS)],
        isp=ISPS[n % len(ISPS)],
        lease_s=LEASE_S,
        network=f"10.{n // 256 % 256}.{n % 256}.0/24",
    )


def _renewal(n: int, sessions: int) -> SessionsRenewed:
    """Of sessions that are alike, as renewals are gathered."""
    alike = len(KINDS) * len(ISPS)
    names = tuple(session_of((n + alike * k) % sessions) for k in range(RENEWED_TOGETHER))
    said = _start(n % sessions)
    return SessionsRenewed(
        batch=names[0],
        sessions=names,
        event=EVENT,
        device_kind=said.device_kind,
        isp=said.isp,
        lease_s=LEASE_S,
    )


def _id(kind: str, n: int) -> str:
    return f"{kind}_{blake2b(f'{kind}{n}'.encode(), digest_size=ID_BYTES).hexdigest()}"


def _pathway(n: int) -> str:
    return PATHWAYS[n % len(PATHWAYS)]
