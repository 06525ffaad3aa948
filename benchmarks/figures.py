"""What a run found, as it is written to its JSON file and read again for tables."""

from pathlib import Path
from statistics import median

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """One repetition of one contender.

    `per_s` operations each second; `p50_ms` and `p99_ms` latencies of a request at full load; `cpu_us`
    processor time of all the contender's processes for one operation. `server_busy` and
    `generator_busy` are the shares (0 to 1) of their cores that they got; `store_us` processor time of the
    Redis for one operation, which runs on the generator's core and counts to its share.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    server_busy: float
    generator_busy: float
    store_us: float = 0.0


class Spread(msgspec.Struct, frozen=True):
    """The median of some repetitions between the smallest and the largest."""

    median: float
    low: float
    high: float


class Contender(msgspec.Struct, frozen=True):
    """One of those compared, with its repetitions in order."""

    name: str
    title: str
    samples: tuple[Sample, ...]

    def spread(self, figure: str) -> Spread:
        """The spread of one of the sample's figures over the repetitions."""
        values = [getattr(sample, figure) for sample in self.samples]
        return Spread(median(values), min(values), max(values))


class Comparison(msgspec.Struct, frozen=True):
    """One benchmark: the first contender is ours, the second its peer, the others are marks to go by."""

    name: str
    title: str
    operation: str
    parameters: dict[str, str]
    contenders: tuple[Contender, ...]
    notes: tuple[str, ...]

    def ratio(self, contender: Contender) -> float:
        """How many times our operations/s are those of another contender, by medians."""
        return self.contenders[0].spread("per_s").median / contender.spread("per_s").median

    def cpu_ratio(self, contender: Contender) -> float:
        """How many times our processor time another contender takes for one operation, by medians."""
        return contender.spread("cpu_us").median / self.contenders[0].spread("cpu_us").median


class Column(msgspec.Struct, frozen=True):
    """A column of a finding. Where `compared` is set, each other row also says how many times ours it is."""

    title: str
    digits: int = 0
    compared: bool = False


class Row(msgspec.Struct, frozen=True):
    """One line of a finding, a value for each column; None where there is none."""

    title: str
    values: tuple[float | None, ...]


class Finding(msgspec.Struct, frozen=True):
    """One benchmark whose figures are not rates: the first row is ours, the second its peer's."""

    name: str
    title: str
    parameters: dict[str, str]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """What one benchmark found."""

    comparisons: tuple[Comparison, ...] = ()
    findings: tuple[Finding, ...] = ()


class Run(msgspec.Struct, frozen=True):
    """Everything one run of the runner found, and on what machine."""

    at: str
    machine: dict[str, str]
    repetitions: int
    seconds: float
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...] = ()


def write(run: Run, file: Path) -> None:
    """Write a run as JSON; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(run)))


def read(file: Path) -> Run:
    """Read a run; raises `msgspec.DecodeError` for a file that is none."""
    return msgspec.json.decode(file.read_bytes(), type=Run)
