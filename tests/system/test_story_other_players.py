"""Players and parsers that are not ours and no browsers: what they make of a session's documents."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av
import mpegdash.parser
import openm3u8
import pytest
from commands import ANSWER_S_MAX
from players import PATHWAYS, Platform

ORACLES = Path(__file__).parents[1] / "oracles"
NODE_S_MAX = 120
PLAYED_S = 3.0
PACKETS_MAX = 2_000

MPD_READ = """
import { parse } from "mpd-parser";
const { manifestUri, text } = JSON.parse(process.argv[1]);
const { playlists, mediaGroups } = parse(text, { manifestUri });
process.stdout.write(JSON.stringify({
  heights: playlists.map((one) => one.attributes.RESOLUTION.height),
  segments: playlists.map((one) => one.segments.map((segment) => segment.resolvedUri)),
  sounds: Object.keys(mediaGroups.AUDIO.audio).length,
}));
"""
STEERING_READ = """
import { isValidSteeringManifest } from "@svta/common-media-library/contentsteering";
process.stdout.write(JSON.stringify(isValidSteeringManifest(JSON.parse(process.argv[1]))));
"""

needs_oracles = pytest.mark.skipif(
    shutil.which("node") is None or not (ORACLES / "node_modules").exists(),
    reason="the oracles of tests/oracles are not installed: their parsers were not run",
)

pytestmark = pytest.mark.system


def told_by_node(script: str, argument: object) -> Any:
    command = ["node", "--input-type=module", "--eval", script, "--", json.dumps(argument)]
    done = subprocess.run(
        command, cwd=ORACLES, capture_output=True, text=True, timeout=NODE_S_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ffmpegs_hls_reader_plays_picture_and_sound(platform: Platform) -> None:
    said = platform.player().answer
    seconds = {"video": 0.0, "audio": 0.0}
    with av.open(said["playback"]["hls"], timeout=ANSWER_S_MAX) as container:
        streams = [container.streams.video[0], container.streams.audio[0]]
        assert streams[0].codec_context.height in (180, 360)
        for _, frame in zip(range(PACKETS_MAX), container.decode(streams), strict=False):
            kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
            seconds[kind] += 1 / 25 if kind == "video" else frame.samples / frame.sample_rate
            if min(seconds.values()) >= PLAYED_S:
                break
    assert min(seconds.values()) >= PLAYED_S, seconds


def test_an_hls_parser_finds_every_pathway_and_the_steering(platform: Platform) -> None:
    playlist = openm3u8.loads(platform.player().master().text)
    assert playlist.content_steering.uri.startswith(f"{platform.viewers.base}/v1/steering/")
    assert {one.stream_info.pathway_id for one in playlist.playlists} == set(PATHWAYS)


def test_an_mpd_parser_finds_every_location_and_rendition(platform: Platform) -> None:
    text = platform.viewers.get(platform.player().answer["playback"]["dash"]).text
    manifest = mpegdash.parser.MPEGDASHParser.parse(text)
    assert {base.service_location for base in manifest.base_urls} <= {*PATHWAYS, None}
    assert len(manifest.base_urls) == len(PATHWAYS)
    sets = manifest.periods[0].adaptation_sets
    assert [len(one.representations) for one in sets] == [2, 1]


@needs_oracles
def test_the_parser_of_a_browsers_player_resolves_segments_that_are_there(platform: Platform) -> None:
    address = platform.player().answer["playback"]["dash"]
    found = told_by_node(MPD_READ, {"manifestUri": address, "text": platform.viewers.get(address).text})
    assert sorted(found["heights"]) == [180] * len(PATHWAYS) + [360] * len(PATHWAYS)
    assert found["sounds"] == 1
    newest = found["segments"][0][-4]
    assert platform.viewers.get(newest).status_code == 200


@needs_oracles
def test_the_standards_own_validator_takes_our_steering_manifest(platform: Platform) -> None:
    token = platform.player().answer["token"]
    manifest = platform.viewers.get(f"/v1/steering/{token}").json()
    assert told_by_node(STEERING_READ, manifest) is True
