"""`tifo simulate steering`: what it prints, what it writes, what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ("--viewers", "5000")


def simulate(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tifo", "simulate", "steering", *words],
        env=os.environ | {"COLUMNS": "200", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_document_and_picture_of_every_policy(tmp_path: Path) -> None:
    picture = tmp_path / "night.png"
    done = simulate("cdn-lost-at-peak", *SMALL, "--json", "--picture", str(picture))
    assert done.returncode == 0, done.stderr  # on a new machine matplotlib says there that it looks for fonts
    told = json.loads(done.stdout)
    assert (told["scenario"], told["viewers"], told["ttl_s"]) == ("cdn-lost-at-peak", 5000, 10)
    assert {"peak_tbps", "seconds_to_last_move", "highest_load", "wall_s"} <= told.keys()
    assert [one["policy"] for one in (told, *told["compared"])] == ["tifo", "weighted", "priority"]
    assert picture.stat().st_size > 10_000


def test_table_of_one_policy() -> None:
    done = simulate("flapping", *SMALL, "--policy", "weighted")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fixed weights, no loop" in done.stdout
    assert "Tifo's loop" not in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("earthquake",), "there is cdn-lost-at-peak, brown-out, wrong-capacity, isp-peering, flapping"),
        (("flapping", "--policy", "luck"), "--policy: there is no luck; there is tifo, weighted, priority"),
        (("flapping", "--viewers", "3"), "--viewers: 3 is not between 1,000 and 20,000,000"),
        (("flapping", "--seed", "-1"), "--seed: -1 is below 0"),
        (("flapping", "--picture", "night.docx"), "night.docx is no .png, .svg, .pdf file"),
        (("flapping", "--picture", "nowhere/night.png"), "--picture: there is no folder"),
    ],
    ids=["scenario", "policy", "viewers", "seed", "form", "folder"],
)
def test_what_cannot_be_played_is_refused_before_it_is(words: tuple[str, ...], says: str) -> None:
    done = simulate(*words)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
