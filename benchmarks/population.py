"""Sessions that were there before: who they are, their tokens, and how a store is filled with them."""

import asyncio
import gc
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from benchmarks.instance import EVENT
from benchmarks.load import Tick
from benchmarks.machine import CannotMeasure
from tifo.adapters.memory.sessions import MemorySessionStore
from tifo.adapters.redis.connection import RedisConnection
from tifo.adapters.redis.sessions import RedisSessionStore
from tifo.kernel.clock import SystemClock
from tifo.kernel.ids import SystemIds
from tifo.services.sessions.ports import Lease, Renew, Renewal, SessionStore
from tifo.settings import Settings
from tifo.telemetry.stores import Meters
from tifo.tokens.playback import AUDIENCE, PlaybackClaims, playback_tokens

KINDS = ("web", "mobile", "tablet", "tv", "console")
LASTS_S = 6 * 3600
"""Seconds that a lease of the population lasts: longer than any benchmark."""

BATCH = 2_000
TRIES_MAX = 50
AGAIN_S = 0.2
DEVICE_CHARACTERS_MIN = 20
DEVICE_CHARACTERS_MAX = 36

_ALPHABET = bytes(b"0123456789abcdefghijklmnopqrstuvwxyz"[byte % 36] for byte in range(256))


@dataclass(frozen=True, slots=True)
class Population:
    """`sessions` sessions of three quarters as many accounts, so every third account has two.

    The n-th is the same each time: session ids of 24 characters as `SystemIds` makes them, accounts of 24,
    devices of 20 to 36 (28 on average), an event of 12, five kinds of device.
    """

    sessions: int

    @property
    def accounts(self) -> int:
        """Accounts that have a session."""
        return self.sessions * 3 // 4

    def account(self, n: int) -> str:
        """The n-th session's account; past the sessions, of somebody who has none."""
        return f"acc_{_characters(b'account', n % self.accounts if n < self.sessions else n)}"

    def lease(self, n: int, since: float, until: float) -> Lease:
        """The n-th session's lease."""
        return Lease(
            session=f"ses_{_characters(b'session', n)}",
            account=self.account(n),
            event=EVENT,
            device=device(n),
            device_kind=KINDS[n % len(KINDS)],
            since=since,
            until=until,
        )

    def batches(self) -> Iterator[list[Lease]]:
        """All leases, in pieces."""
        now = float(int(SystemClock().now()))
        for begin in range(0, self.sessions, BATCH):
            some = range(begin, min(begin + BATCH, self.sessions))
            yield [self.lease(n, now, now + LASTS_S) for n in some]

    def sample(self, count: int) -> Iterator[int]:
        """So many of them, drawn evenly from all."""
        return (n * self.sessions // count for n in range(count))

    def tokens(
        self, settings: Settings, which: Iterable[int], due_every: int = 0, near_s: int = 0
    ) -> Iterator[tuple[str, str]]:
        """Session and playback token of these.

        The lease of one in `due_every` ends in `near_s`, as far as its token knows; no other is due.
        """
        codec, now = playback_tokens(settings.keys.playback.keyring("playback")), int(SystemClock().now())
        for place, n in enumerate(which):
            lease = self.lease(n, now, now)
            left_s = near_s if due_every and place % due_every == due_every - 1 else LASTS_S
            claims = PlaybackClaims(
                aud=AUDIENCE,
                nbf=now,
                exp=now + settings.sessions.token_ttl_s,
                sid=lease.session,
                acc=lease.account,
                ev=lease.event,
                dev=lease.device,
                kind=lease.device_kind,
                since=now,
                until=now + left_s,
                limit=settings.sessions.stream_limit,
            )
            yield lease.session, codec.sign(claims)


def device(n: int) -> str:
    """The n-th session's device."""
    length = DEVICE_CHARACTERS_MIN + n % (DEVICE_CHARACTERS_MAX - DEVICE_CHARACTERS_MIN + 1)
    return _characters(b"device", n, length)


def fill_tifo(url: str, population: Population, tick: Tick) -> None:
    """Have Tifo's own store in Redis take the sessions, as it takes them back after a loss."""
    asyncio.run(_fill_redis(url, population, tick))


async def _fill_redis(url: str, population: Population, tick: Tick) -> None:
    clock, ids = SystemClock(), SystemIds()
    connection = RedisConnection(url, "sessions", Meters(clock).store("sessions", "redis"), ids)
    store = RedisSessionStore(connection, clock, ids)
    batches = population.batches()
    try:
        # The one makes its leases while the other's are on their way.
        await asyncio.gather(*(_fill(store, batches, tick) for _ in range(2)))
    finally:
        await store.close()


async def _fill(store: SessionStore, batches: Iterator[list[Lease]], tick: Tick) -> None:
    for leases in batches:
        await _keep(store, leases)
        tick(len(leases))


async def _keep(store: SessionStore, leases: list[Lease]) -> None:
    left = [Renew(lease, None) for lease in leases]
    for _ in range(TRIES_MAX):
        outcomes = await store.renew(left, now=SystemClock().now())
        left = [one for one, outcome in zip(left, outcomes, strict=True) if outcome is Renewal.FAILED]
        if not left:
            return
        # On a busy machine a Redis may take longer for an exchange than its clients wait.
        await asyncio.sleep(AGAIN_S)
    raise CannotMeasure("the store did not take every session")


def _characters(what: bytes, n: int, count: int = 20) -> str:
    return blake2b(b"%s %d" % (what, n), digest_size=count).digest().translate(_ALPHABET).decode()


def _resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def main() -> None:
    """`python -m benchmarks.population SESSIONS`: the bytes that a session takes in the memory store."""
    population = Population(int(sys.argv[1]))
    gc.collect()
    before = _resident_bytes()
    store = MemorySessionStore(SystemClock())
    asyncio.run(_fill(store, _own_strings(population), lambda _: None))
    gc.collect()
    print((_resident_bytes() - before) / population.sessions)


def _own_strings(population: Population) -> Iterator[list[Lease]]:
    """The leases as the service has them from tokens: no two share a text."""
    for leases in population.batches():
        yield [
            Lease(
                lease.session,
                lease.account,
                lease.event.encode().decode(),
                lease.device,
                lease.device_kind.encode().decode(),
                lease.since,
                lease.until,
            )
            for lease in leases
        ]


if __name__ == "__main__":
    main()
