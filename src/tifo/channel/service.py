"""The channel's process: the encoder's thread, the house ads' thread, and the origin in front of them."""

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from tifo.api.breaks import Breaks
from tifo.api.creatives import HOUSE_CREATIVES
from tifo.channel.house_ads import prepare
from tifo.channel.live import LiveEncoder
from tifo.channel.origin import Origin
from tifo.channel.settings import ChannelSettings
from tifo.channel.shelf import CreativeShelf, LiveShelf
from tifo.kernel.clock import Clock
from tifo.kernel.errors import TifoError

DRAIN_S_MAX = 1.0
"""Seconds for answers under way when the channel stops."""

FIRST_SEGMENT_POLL_S = 0.1
"""Seconds between two looks for the first segment, before the house ads may use the processor."""


class PartEnded(TifoError):
    """A part of the channel ended though nobody told it to."""


async def run(
    settings: ChannelSettings, breaks: Breaks, *, creatives: Path, clock: Clock, stop: asyncio.Event
) -> None:
    """Encode and serve until `stop` is set; `creatives` is the folder where the house ads are kept.

    `breaks` is read by other threads than this one.

    Raises what ended the encoder, the house ads or the server, PartEnded when one ended without an error,
    and OSError when the port is taken. Nothing runs on afterwards.
    """
    _refuse_taken_port(settings.host, settings.port)
    live = LiveShelf(settings.window_segments, breaks, settings.break_notice_s)
    ads, halt = CreativeShelf(), threading.Event()
    encoder = LiveEncoder(settings.name, breaks, live, clock)
    server = _server(settings, Origin(settings.name, live, ads, clock))
    filling = asyncio.create_task(asyncio.to_thread(_fill, ads, live, creatives, halt), name="house ads")
    parts = {
        asyncio.create_task(server.serve(), name="origin"),
        asyncio.create_task(asyncio.to_thread(encoder.run, halt), name="encoder"),
    }
    try:
        await _until_stopped(parts, filling, stop)
    finally:
        halt.set()
        server.stop()  # type: ignore[no-untyped-call]
        await _drain(parts | {filling})


async def _until_stopped(
    parts: set[asyncio.Task[None]], filling: asyncio.Task[None], stop: asyncio.Event
) -> None:
    stopping = asyncio.create_task(stop.wait(), name="stop")
    waiting: set[asyncio.Task[Any]] = {*parts, filling, stopping}
    try:
        while not stopping.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for ended in done - {stopping}:
                ended.result()
                if ended is not filling:
                    raise PartEnded(f"the {ended.get_name()} ended by itself")
    finally:
        stopping.cancel()


async def _drain(tasks: set[asyncio.Task[None]]) -> None:
    """Wait for all of them; an answer that nobody fetches does not hold up the end."""
    done, late = await asyncio.wait(tasks, timeout=DRAIN_S_MAX)
    for task in late:
        task.cancel()
    for task in done:
        task.exception()


def _fill(shelf: CreativeShelf, live: LiveShelf, folder: Path, halt: threading.Event) -> None:
    """The house ads' thread: the live picture comes first."""
    while live.newest is None:
        if halt.wait(FIRST_SEGMENT_POLL_S):
            return
    for creative in HOUSE_CREATIVES:
        files = prepare(creative, folder, halt)
        if files is None:
            return
        shelf.add(creative.id, files)


def _server(settings: ChannelSettings, origin: Origin) -> Server:
    return Server(
        origin,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_enabled=False,
    )


def _refuse_taken_port(host: str, port: int) -> None:
    """The server shares its port with whoever else listens there, and would not notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
