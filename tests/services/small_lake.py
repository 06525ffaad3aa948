"""A lake with an event that can be counted by hand: three sessions, two CDNs, a break, refusals, an
operator."""

from pathlib import Path

from tifo.adapters.lake.files import FolderLake
from tifo.lake.layout import PART, Place, name_of
from tifo.lake.tables import Row

AT = 1_795_629_600
"""2026-11-25T18:00:00Z"""

HOUR = "2026-11-25T18"


def us(seconds: float) -> int:
    return round((AT + seconds) * 1_000_000)


def started(session: str, at: float, account: str, isp: str, kind: str = "tv") -> Row:
    return (f"evt_{session}", us(at), session, account, "dev", kind, isp, 90, "")


def reported(number: int, session: str, at: float, pathway: str, **told: object) -> Row:
    names = ("bitrate_bps", "throughput_bps", "start_delay_ms", "starved_ms", "failed")
    values = tuple(told.get(name) for name in names)
    return (f"evt_r{number}", us(at), session, "t", "final", pathway, "p", 0, number, *values, "{}")


async def fill(root: Path, event: str = "final", names: dict[str, str] | None = None) -> None:
    """Write it; `names` says another text for some of those that an attacker or a vendor chooses."""
    said = {"isp": "AS64500 One", "creative": "cr-1", "item": "brew", "cdn": "cdn-a", "detail": "errors"}
    said |= names or {}
    cdn, isp, creative, item = said["cdn"], said["isp"], said["creative"], said["item"]
    rows: dict[tuple[str, str], list[Row]] = {
        ("session.started", event): [
            started("ses_1", 0, "acc_1", isp), started("ses_2", 0.5, "acc_1", isp, "web"),
            started("ses_3", 60, "acc_2", ""),
        ],
        ("session.ended", event): [("e1", us(240), "ses_1", "left"), ("e3", us(180), "ses_3", "expired")],
        ("playback.pathway", event): [
            ("p1", us(1), "ses_1", cdn, 9_000_000), ("p2", us(1), "ses_2", cdn, None),
            ("p3", us(61), "ses_1", cdn, None), ("p4", us(120), "ses_1", "cdn-b", None),
        ],
        ("playback.reported", ""): [
            reported(1, "ses_1", 30, cdn, bitrate_bps=4e6, start_delay_ms=800.0),
            reported(2, "ses_2", 40, cdn, bitrate_bps=6e6, start_delay_ms=1_200.0, failed=True),
            reported(3, "ses_1", 150, "cdn-b", bitrate_bps=2e6, starved_ms=600.0),
            reported(4, "ses_of_another_event", 150, "cdn-b", bitrate_bps=9e6, failed=True),
        ],
        ("ads.decided", event): [
            ("d1", us(150), "ses_1", "brk-1", [creative, "house-1"], [item, ""]),
            ("d3", us(150.5), "ses_3", "brk-1", [creative, "house-1"], [item, ""]),
        ],
        ("ads.tracked", event): [
            ("t1", us(151), "ses_1", "brk-1", 1, creative, "impression", 0),
            ("t2", us(160), "ses_1", "brk-1", 1, creative, "complete", 0),
            ("t3", us(161), "ses_1", "brk-1", 2, "house-1", "impression", 0),
            ("t4", us(162), "ses_1", "brk-1", 2, "house-1", "error", 405),
        ],
        ("session.refused", event): [
            ("r1", us(70), "acc_3", "stream-limit"), ("r2", us(71), "acc_3", "stream-limit"),
            ("r3", us(125), "acc_4", "not-entitled"),
        ],
        ("control.acted", ""): [("c1", us(80), "ana", "pathway-out", cdn, said["detail"])],
        ("anomaly.began", ""): [("a1", us(90), "ano_1", "cdn-lost", cdn, "a third is gone", "{}")],
        ("anomaly.ended", ""): [("a2", us(200), "ano_1", "cdn-lost", cdn, 110.0)],
    }  # fmt: skip
    lake = FolderLake(root)
    for (kind, of), those in rows.items():
        await lake.write(Place(kind, of, HOUR), name_of(PART, [kind]), those)
    await lake.close()
