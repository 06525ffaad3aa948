"""The channel as its own process, looked at from outside as a player would."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import httpx
import numpy as np
import openm3u8
import pytest
from tcp_ports import free_port

from tifo.api.creatives import HOUSE_CREATIVES
from tifo.api.renditions import CREATIVE_RENDITIONS, RENDITIONS, Rendition
from tifo.channel.boxes import box, top_boxes
from tifo.channel.timeline import (
    AAC_FRAME_SAMPLES,
    FRAMES_PER_S,
    SAMPLES_PER_S,
    SEGMENT_FRAMES,
    SEGMENT_S,
    VIDEO_TIMESCALE,
    first_audio_frame,
)
from tifo.supervisor.rules import GRACE_S

pytestmark = pytest.mark.system

WAIT_S_MAX = 60
VIDEOS = [r for r in RENDITIONS if r.kind == "video"]
CHANNEL = """
import asyncio, signal, sys
from pathlib import Path
from tifo.api.breaks import BreakSchedule
from tifo.channel.service import run
from tifo.channel.settings import ChannelSettings
from tifo.kernel.clock import SystemClock

async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = ChannelSettings(port=int(sys.argv[1]))
    await run(settings, BreakSchedule(20, 6), creatives=Path(sys.argv[2]), clock=SystemClock(), stop=stop)

asyncio.run(main())
"""


@dataclass
class Channel:
    """A running channel and how to ask it."""

    process: subprocess.Popen[str]
    http: httpx.Client

    def health(self) -> dict[str, object]:
        try:
            answer = self.http.get("/healthz")
        except httpx.TransportError:
            return {}
        return answer.json() if answer.status_code == 200 else {}

    def newest(self) -> int:
        return int(str(self.health().get("newest_msn", 0)))

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + WAIT_S_MAX
        while not condition():
            assert self.process.poll() is None, "the channel died"
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    def get(self, path: str) -> bytes:
        answer = self.http.get(path)
        assert answer.status_code == 200, path
        return answer.content

    def stop(self) -> tuple[float, str]:
        """How long it took to end, in seconds, and what it complained about."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=WAIT_S_MAX)
        return time.monotonic() - begin, errors


def start(port: int, folder: Path) -> Channel:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CHANNEL, str(port), str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    return Channel(process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S_MAX))


def ready(channel: Channel) -> bool:
    states = channel.health().get("creatives")
    return isinstance(states, dict) and set(states.values()) == {"ready"}


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channel]:
    running = start(free_port(), tmp_path_factory.mktemp("creatives"))
    try:
        running.until(lambda: running.newest() > 0)
        first = running.newest()
        running.until(lambda: running.newest() >= first + 3 and ready(running))
        yield running
    finally:
        running.http.close()
        seconds, errors = running.stop()
    assert (running.process.returncode, errors) == (0, "")
    assert seconds < GRACE_S


def playlists(channel: Channel) -> dict[str, str]:
    """All renditions' playlists of one moment."""
    while True:
        texts = {r.id: channel.get(f"/live/demo/{r.id}/index.m3u8").decode() for r in RENDITIONS}
        if len({text.splitlines()[-1] for text in texts.values()}) == 1:
            return texts


def media(channel: Channel, rendition: Rendition) -> tuple[bytes, dict[int, bytes]]:
    """The initialisation segment, and every segment of the playlist by its number."""
    base = f"/live/demo/{rendition.id}"
    listed = openm3u8.loads(channel.get(f"{base}/index.m3u8").decode())
    segments = {int(s.uri.removesuffix(".m4s")): channel.get(f"{base}/{s.uri}") for s in listed.segments}
    return channel.get(f"{base}/init.mp4"), segments


def decode_time(segment: bytes) -> int:
    version, ticks = struct.unpack(">B3xQ", box(segment, "moof", "traf", "tfdt"))
    assert version == 1
    return int(ticks)


def pictures(data: bytes) -> list[av.VideoFrame]:
    with av.open(BytesIO(data)) as container:
        return list(container.decode(video=0))


def sample_count(data: bytes) -> int:
    with av.open(BytesIO(data)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def test_playlists_agree_between_renditions(channel: Channel) -> None:
    texts = playlists(channel)
    said = {tuple(line for line in text.splitlines() if "DATERANGE" in line) for text in texts.values()}
    assert len(said) == 1
    assert len(said.pop()) >= 1
    assert len({openm3u8.loads(text).media_sequence for text in texts.values()}) == 1
    assert all('#EXT-X-DEFINE:IMPORT="tifo-ads"' in text for text in texts.values())


@pytest.mark.parametrize("rendition", RENDITIONS, ids=lambda r: r.id)
def test_dates_follow_from_durations(channel: Channel, rendition: Rendition) -> None:
    listed = openm3u8.loads(channel.get(f"/live/demo/{rendition.id}/index.m3u8").decode())
    assert len(listed.segments) >= 4
    for here, there in pairwise(listed.segments):
        step_s = (there.program_date_time - here.program_date_time).total_seconds()
        assert step_s == pytest.approx(here.duration, abs=0.0011)
    assert all(round(segment.duration) <= listed.target_duration for segment in listed.segments)


def test_dates_are_the_wall_clock(channel: Channel) -> None:
    listed = openm3u8.loads(channel.get("/live/demo/v360/index.m3u8").decode())
    last: datetime = listed.segments[-1].program_date_time
    assert last.timestamp() == int(listed.segments[-1].uri.removesuffix(".m4s")) * SEGMENT_S
    assert 0 <= time.time() - (last.timestamp() + SEGMENT_S) < 3 * SEGMENT_S  # noqa: TID251


@pytest.mark.parametrize("rendition", VIDEOS, ids=lambda r: r.id)
def test_video_runs_through_without_a_seam(channel: Channel, rendition: Rendition) -> None:
    init, segments = media(channel, rendition)
    assert all(decode_time(data) == msn * SEGMENT_S * VIDEO_TIMESCALE for msn, data in segments.items())
    frames = pictures(init + b"".join(segments.values()))
    assert len(frames) == len(segments) * SEGMENT_FRAMES
    times = [frame.pts * frame.time_base for frame in frames]
    assert {b - a for a, b in pairwise(times)} == {Fraction(1, FRAMES_PER_S)}
    assert times[0] == min(segments) * SEGMENT_S
    assert {(frame.width, frame.height) for frame in frames} == {(rendition.width, rendition.height)}


@pytest.mark.parametrize("rendition", VIDEOS, ids=lambda r: r.id)
def test_each_video_segment_decodes_alone(channel: Channel, rendition: Rendition) -> None:
    init, segments = media(channel, rendition)
    for data in segments.values():
        frames = pictures(init + data)
        assert len(frames) == SEGMENT_FRAMES
        assert [frame.key_frame for frame in frames] == [True] + [False] * (SEGMENT_FRAMES - 1)


def test_audio_runs_through_without_a_seam(channel: Channel) -> None:
    init, segments = media(channel, RENDITIONS[-1])
    for msn, data in segments.items():
        first = first_audio_frame(msn)
        assert decode_time(data) == first * AAC_FRAME_SAMPLES
        assert sample_count(init + data) == (first_audio_frame(msn + 1) - first) * AAC_FRAME_SAMPLES
    with av.open(BytesIO(init + b"".join(segments.values()))) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.pts is not None]
    assert {b.pts - a.pts for a, b in pairwise(packets)} == {AAC_FRAME_SAMPLES}
    assert {packet.time_base for packet in packets} == {Fraction(1, SAMPLES_PER_S)}


def test_the_picture_moves(channel: Channel) -> None:
    init, segments = media(channel, VIDEOS[0])
    frames = pictures(init + segments[max(segments)])
    first, last = (frame.to_ndarray()[:360].astype(np.int16) for frame in (frames[0], frames[-1]))
    assert (np.abs(first - last) > 24).mean() > 0.005


def rfc6381(init: bytes) -> set[str]:
    """The codecs that an initialisation segment really declares, from avcC and esds."""
    found = set()
    if b"avcC" in init:
        profile = init[init.index(b"avcC") + 5 :][:3]
        found.add(f"avc1.{profile.hex()}")
    if b"esds" in init:
        descriptor = init[init.index(b"esds") :]
        assert b"\x40\x15" in descriptor  # object type MPEG-4 audio, stream type audio
        config = descriptor[descriptor.index(b"\x05\x80\x80\x80") + 5 :]
        found.add(f"mp4a.40.{config[0] >> 3}")
    return found


@pytest.mark.parametrize("rendition", RENDITIONS, ids=lambda r: r.id)
def test_the_catalogue_tells_the_truth(channel: Channel, rendition: Rendition) -> None:
    init, segments = media(channel, rendition)
    assert rfc6381(init) == {rendition.codecs}
    assert max(len(data) for data in segments.values()) * 8 / (SEGMENT_S - 0.02) < rendition.bandwidth
    assert {kind for kind, _ in top_boxes(init)} == {"ftyp", "moov"}


@pytest.mark.parametrize("creative", HOUSE_CREATIVES, ids=lambda c: c.id)
@pytest.mark.parametrize("rendition", CREATIVE_RENDITIONS, ids=lambda r: r.id)
def test_a_creative_is_what_its_playlists_say(channel: Channel, creative, rendition: Rendition) -> None:
    base = f"/ads/{creative.id}"
    whole = openm3u8.loads(channel.get(f"{base}/index.m3u8").decode())
    assert whole.playlists[0].stream_info.codecs == ",".join(r.codecs for r in CREATIVE_RENDITIONS)
    assert rendition.id + "/index.m3u8" in (whole.playlists[0].uri, whole.media[0].uri)
    listed = openm3u8.loads(channel.get(f"{base}/{rendition.id}/index.m3u8").decode())
    assert listed.is_endlist
    assert sum(segment.duration for segment in listed.segments) == pytest.approx(
        creative.duration_s, abs=0.022
    )
    init = channel.get(f"{base}/{rendition.id}/init.mp4")
    bodies = [channel.get(f"{base}/{rendition.id}/{segment.uri}") for segment in listed.segments]
    assert rfc6381(init) == {rendition.codecs}
    assert max(map(len, bodies)) * 8 / (SEGMENT_S - 0.03) < rendition.bandwidth


def test_headers_that_a_cache_needs(channel: Channel) -> None:
    playlist = channel.http.get("/live/demo/v360/index.m3u8")
    assert playlist.headers["cache-control"] == "public, max-age=1"
    segment = channel.http.get(f"/live/demo/v360/{channel.newest()}.m4s")
    assert segment.headers["cache-control"] == "public, max-age=3600, immutable"
    for answer in (playlist, segment):
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert len(answer.headers.get_list("date")) == 1
        again = channel.http.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code in (304, 200)
    head = channel.http.head(segment.url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == segment.headers["content-length"]


def test_a_restart_goes_on_where_time_is(tmp_path: Path) -> None:
    port = free_port()
    old = start(port, tmp_path)
    old.until(lambda: old.newest() > 0 and ready(old))
    before = old.newest()
    init, segments = media(old, VIDEOS[0])
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.m4s")}
    assert old.stop()[0] < GRACE_S
    new = start(port, tmp_path)
    try:
        new.until(lambda: new.newest() > before and ready(new))
        init_again, more = media(new, VIDEOS[0])
        assert init_again == init
        joined = [*(segments[n] for n in sorted(segments) if n < min(more)), *more.values()]
        frames = pictures(init + b"".join(joined))
        assert len(frames) == len(joined) * SEGMENT_FRAMES
        times = [frame.pts for frame in frames]
        assert times == sorted(set(times))
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.m4s")} == made
    finally:
        assert new.stop()[0] < GRACE_S
    old.http.close()
    new.http.close()


def test_a_taken_port_is_an_error(tmp_path: Path, channel: Channel) -> None:
    other = start(channel.http.base_url.port or 0, tmp_path)
    _, errors = other.process.communicate(timeout=WAIT_S_MAX)
    other.http.close()
    assert other.process.returncode != 0
    assert "Address already in use" in errors
