"""The settings that all contenders share: the edge as it ships, fresh keys, one match, four CDNs."""

import secrets
from pathlib import Path

import msgspec

from benchmarks.servers import free_port
from tifo.api.catalogue import CalendarEvent
from tifo.edge.settings import ClientRate, EdgeSettings
from tifo.kernel.clock import Clock
from tifo.services.accounts.settings import AccountsSettings
from tifo.services.catalogue.settings import CatalogueSettings
from tifo.settings import KeySet, KeysSettings, PathwaySettings, Settings, StoresSettings

MATCH_S = 6 * 3600
EVENT = "wc2026-final"
PATHWAYS = ("cdn-a", "cdn-b", "cdn-c", "cdn-d")
GENEROUS_PER_S = 1_000_000
"""The rate limit of a client address stays in the path and never refuses: there is one client here."""


def settings(folder: Path, clock: Clock, redis: str = "") -> Settings:
    """What `tifo serve` ships with, but for the ports, the data folder and the one client's rate.

    With the URL of a Redis sessions and the board are there.
    """
    now = int(clock.now())
    match = CalendarEvent(
        id=EVENT, title="Benchmark match", starts=now - 60.0, ends=float(now + MATCH_S), channel="demo"
    )
    rate = ClientRate(requests_per_s=GENEROUS_PER_S, burst_requests=GENEROUS_PER_S)
    return msgspec.structs.replace(
        Settings(),
        data=str(folder),
        stores=StoresSettings(sessions=redis, board=redis) if redis else StoresSettings(),
        keys=KeysSettings(playback=_key(), access=_key(), beacon=_key()),
        pathways=tuple(_pathway(name) for name in PATHWAYS),
        edge=EdgeSettings(port=free_port(), operator_port=free_port(), rate=rate),
        accounts=AccountsSettings(dev_issuer=True),
        catalogue=CatalogueSettings(events=(match,)),
    )


def _pathway(name: str) -> PathwaySettings:
    # Port 0: a CDN that is not ours to run, for only its signed addresses are wanted here.
    return PathwaySettings(id=name, base_url=f"https://{name}.example", keys=_key())


def _key() -> KeySet:
    kid = f"k{secrets.token_hex(3)}"
    return KeySet(current=kid, secrets={kid: secrets.token_hex(32)})
