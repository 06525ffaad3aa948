"""What a contender of the event log prints when it is done."""

import resource
import time

import msgspec

KIB_A_MIB = 1024


class Done(msgspec.Struct, frozen=True):
    """So many records in `wall_s` seconds and `cpu_s` of processor time, all threads of the process.

    `memory_mib` is by how much it grew, `bytes` what it wrote, where that is measured.
    """

    records: int
    wall_s: float
    cpu_s: float
    memory_mib: float = 0.0
    bytes: int = 0

    @property
    def per_s(self) -> float:
        """Records a second of the clock."""
        return self.records / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time for each record."""
        return self.cpu_s / self.records * 1e6


class Watch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def done(self, records: int, memory_mib: float = 0.0, bytes: int = 0) -> Done:
        """What was done until now."""
        wall_s, cpu_s = time.monotonic() - self._wall, time.process_time() - self._cpu
        return Done(records, wall_s, cpu_s, memory_mib, bytes)


def resident_mib() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_A_MIB
