"""A live origin that is not ours: Debian's ffmpeg encodes it, a web server of the test's own gives it out."""

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import START_S_MAX, STOP_S_MAX, eventually

FFMPEG = shutil.which("ffmpeg")
SEGMENT_S, FRAMES_PER_S = 2, 15

needs_ffmpeg = pytest.mark.skipif(
    FFMPEG is None, reason="Debian's ffmpeg is not installed: no origin of others was tried"
)

HLS, TS, DASH = "/hls/master.m3u8", "/ts/master.m3u8", "/dash/manifest.mpd"

_SOURCES = (
    "-re", "-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={FRAMES_PER_S}",
    "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
)  # fmt: skip
_CODED = (
    "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
    "-g", str(SEGMENT_S * FRAMES_PER_S), "-sc_threshold", "0", "-c:a", "aac", "-b:a", "64k",
)  # fmt: skip
_HLS = (
    "-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_list_size", "8", "-hls_delete_threshold", "8",
    "-hls_flags", "delete_segments+independent_segments+program_date_time+temp_file",
    "-master_pl_name", "master.m3u8",
)  # fmt: skip
_FMP4 = (
    "-map", "0:v", "-map", "0:v", "-map", "1:a", *_CODED, "-b:v:0", "150k", "-b:v:1", "80k",
    "-s:v:1", "80x46", *_HLS, "-hls_segment_type", "fmp4", "-var_stream_map",
    "v:0,agroup:sound v:1,agroup:sound a:0,agroup:sound", "hls/v%v.m3u8",
)  # fmt: skip
_MPEG_TS = ("-map", "0:v", "-map", "1:a", *_CODED, "-b:v", "150k", *_HLS, "ts/v.m3u8")
_DASH = (
    "-map", "0:v", "-map", "1:a", *_CODED, "-b:v", "150k", "-f", "dash", "-seg_duration", str(SEGMENT_S),
    "-window_size", "8", "-extra_window_size", "8", "-use_timeline", "1", "-use_template", "1",
    "dash/manifest.mpd",
)  # fmt: skip


@dataclass
class EncodedOrigin:
    """The server; what stands in `instead` (status, media type, body by path) it says of that path."""

    base: str = ""
    instead: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.late = threading.Event()
        """Set while answers go out at once."""
        self.late.set()


@contextlib.contextmanager
def encoded_origin(folder: Path) -> Iterator[EncodedOrigin]:
    """HLS with fragmented MP4 and with transport streams, and DASH, all live, once each can be played."""
    for name in ("hls", "ts", "dash"):
        (folder / name).mkdir(parents=True)
    assert FFMPEG is not None
    command = [FFMPEG, "-hide_banner", "-loglevel", "error", "-nostdin", *_SOURCES, *_FMP4, *_MPEG_TS, *_DASH]
    with serving(folder) as origin, (folder / "ffmpeg.txt").open("wb") as log:
        encoder = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            eventually(lambda: _plays(folder), START_S_MAX, "ffmpeg has segments of everything")
            yield origin
        finally:
            encoder.terminate()
            encoder.wait(STOP_S_MAX)


def _plays(folder: Path) -> bool:
    return all((folder / path[1:]).exists() for path in (HLS, TS, DASH)) and all(
        (folder / name).read_text().count("#EXTINF") > 2
        for name in ("hls/v0.m3u8", "hls/v2.m3u8", "ts/v.m3u8")
    )


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[EncodedOrigin]:
    origin = EncodedOrigin()

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            origin.asked.append(self.path)
            origin.late.wait(30)
            if self.path in origin.instead:
                status, media_type, body = origin.instead[self.path]
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            else:
                with contextlib.suppress(ConnectionError):
                    super().do_GET()

        def log_message(self, *_: object) -> None:
            """Quiet: the requests are kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    origin.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield origin
    finally:
        origin.late.set()
        server.shutdown()
        server.server_close()
        thread.join()
