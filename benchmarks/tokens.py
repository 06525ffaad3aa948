"""Tokens of CDNs signed and verified, each format beside the libraries that one would call otherwise.

Every contender runs in a process of its own, pinned to the server's core (`token_peers.py`).
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType

import msgspec

from benchmarks.figures import Column, Finding, Found, Row
from benchmarks.machine import CannotMeasure, Cores
from benchmarks.runner import STARTING_S, Effort, Progress

HERE = Path(__file__).parent
RUN_S_MAX = 60.0

GRANTED: Mapping[str, str] = MappingProxyType({"opens": "a folder", "names": "a session"})
COLUMNS = (Column("signed/s", compared=True), Column("verified/s", compared=True))


class Rates(msgspec.Struct, frozen=True):
    """What a contender prints; None for what it cannot do."""

    signed: float | None = None
    verified: float | None = None


TITLES: Mapping[str, str] = MappingProxyType(
    {
        "cat": "Common Access Token, HS256",
        "akamai": "Akamai EdgeAuth 2, access control list",
        "cloudfront": "CloudFront, custom policy, RSA 2048 and SHA-1",
    }
)
CONTENDERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "cat": {"tifo-cat": "Tifo", "cwt": "PyPI cwt", "eyevinn-cat": "npm @eyevinn/cat, in Node"},
        "akamai": {"tifo-akamai": "Tifo", "akamai-edgeauth": "PyPI akamai-edgeauth"},
        "cloudfront": {"tifo-cloudfront": "Tifo", "botocore": "botocore's CloudFrontSigner"},
    }
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One format: contenders take turns."""

    form: str

    @property
    def name(self) -> str:
        """What it is called by."""
        return f"tokens-{self.form}"

    def takes_s(self, effort: Effort) -> float:
        """About how long it takes: signing and verifying, each for a second or two."""
        return len(CONTENDERS[self.form]) * effort.repetitions * (STARTING_S + 2 * _seconds(effort))

    def measure(self, effort: Effort, cores: Cores, progress: Progress) -> Found:
        """Rates by medians of the repetitions."""
        contenders = CONTENDERS[self.form]
        samples: dict[str, list[Rates]] = {name: [] for name in contenders}
        for repetition in range(effort.repetitions):
            for name in contenders:
                progress.doing(f"{self.name}: {name}, {repetition + 1} of {effort.repetitions}")
                samples[name].append(_measured(name, _seconds(effort), cores.server))
                progress.advance(STARTING_S + 2 * _seconds(effort))
        rows = tuple(Row(title, _medians(samples[name])) for name, title in contenders.items())
        return Found(findings=(Finding(self.name, TITLES[self.form], dict(GRANTED), COLUMNS, rows),))


def _seconds(effort: Effort) -> float:
    return min(effort.seconds, 2)


def _measured(name: str, seconds: float, core: int) -> Rates:
    command = [
        *("taskset", "--cpu-list", str(core), sys.executable, "-W", "ignore"),
        *("-m", "benchmarks.token_peers", name, str(seconds)),
    ]
    done = subprocess.run(
        command, cwd=HERE.parent, capture_output=True, text=True, timeout=RUN_S_MAX, check=False
    )
    if done.returncode:
        raise CannotMeasure(f"{name} failed: {done.stderr}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Rates)


def _medians(samples: list[Rates]) -> tuple[float | None, ...]:
    columns = ([one.signed for one in samples], [one.verified for one in samples])
    return tuple(
        median(rates) if (rates := [r for r in column if r is not None]) else None for column in columns
    )
