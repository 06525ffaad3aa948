"""One connection to one Redis server: commands go out together, and their answers come back in order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

EXCHANGE_S_MAX = 0.5
"""Seconds for one exchange, connecting included."""

OWN_DELAY_S_MAX = 0.1
"""Seconds that our own timer may be late; past them we did not look, and the server gets more time."""

SEEDS_MAX = 16
"""Addresses that a cluster's URL may name."""

Address = tuple[str, int]
Command = tuple[bytes | str | int | float, ...]


class LinkFailed(Exception):
    """A server did not answer; `why` is for the log and holds no secret."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Target:
    """Where a Redis is, and how it is spoken to."""

    seeds: tuple[Address, ...]
    cluster: bool
    tls: bool
    ca: str
    username: str
    password: str = field(repr=False)
    db: int

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Read `redis[s][+cluster]://[user:password@]host[:port][,host[:port]...][/db][?ca=FILE]`.

        Raises `ValueError` that says what is wrong and quotes nothing of the URL, for it may hold a password.
        """
        scheme, _, rest = url.partition("://")
        kind, _, form = scheme.partition("+")
        if kind not in ("redis", "rediss") or form not in ("", "cluster"):
            raise ValueError("the scheme is redis, rediss, redis+cluster or rediss+cluster")
        place, _, query = rest.partition("?")
        authority, _, path = place.partition("/")
        user, _, hosts = authority.rpartition("@")
        username, _, password = user.partition(":")
        options = parse_qs(query)
        if path and (form or not path.isdecimal()):
            raise ValueError("a database is a number after the address, and a cluster has none")
        if set(options) - {"ca"} or (options and kind != "rediss"):
            raise ValueError("the one option is ca=FILE, and it goes with rediss")
        return cls(
            seeds=_seeds(hosts, many=bool(form)),
            cluster=bool(form),
            tls=kind == "rediss",
            ca=options.get("ca", [""])[0],
            username=unquote(username),
            password=unquote(password),
            db=int(path or 0),
        )


def _seeds(hosts: str, *, many: bool) -> tuple[Address, ...]:
    named = hosts.split(",")
    if len(named) > (SEEDS_MAX if many else 1):
        raise ValueError(f"a cluster has at most {SEEDS_MAX} addresses here, a single Redis one")
    try:
        parts = [urlsplit(f"//{one}") for one in named]
        seeds = tuple((one.hostname or "", one.port or 6379) for one in parts)
    except ValueError:
        raise ValueError("an address is HOST:PORT") from None
    if not all(host for host, _ in seeds):
        raise ValueError("an address is HOST:PORT")
    return seeds


class Link:
    """Connects when first used, and again after it failed. One exchange at a time."""

    def __init__(self, target: Target, address: Address) -> None:
        common: dict[str, Any] = {
            "host": address[0],
            "port": address[1],
            "username": target.username or None,
            "password": target.password or None,
            "db": target.db,
            "protocol": 2,
            "socket_timeout": None,
            "socket_connect_timeout": EXCHANGE_S_MAX,
        }
        self._where = f"{address[0]}:{address[1]}"
        self._connection = (
            SSLConnection(ssl_ca_certs=target.ca or None, **common) if target.tls else Connection(**common)
        )

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send them all, and answer each: bytes, int, list, None, or a `ResponseError` as a value.

        Raises `LinkFailed` when the server did not answer them all in time; some may have been done.
        """
        try:
            async with asyncio.timeout(None) as limit:
                loop = asyncio.get_running_loop()
                over = loop.call_later(EXCHANGE_S_MAX, _over, limit, loop.time() + EXCHANGE_S_MAX)
                try:
                    return await self._exchange(commands)
                finally:
                    over.cancel()
        except TimeoutError:
            await self.drop()
            raise LinkFailed(f"{self._where} did not answer within {EXCHANGE_S_MAX} s") from None
        except (RedisError, OSError) as error:
            await self.drop()
            raise LinkFailed(f"{self._where}: {error}") from None
        except BaseException:
            await self.drop()
            raise

    async def drop(self) -> None:
        """Leave the server without a word; the next exchange connects anew."""
        writer = self._connection._writer
        if writer is not None:
            # Bytes that a stopped server does not take would keep the socket open without end.
            writer.transport.abort()
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if connection.is_connected and await connection.can_read():
            await self.drop()  # it hung up since, or said what nobody asked
        await connection.connect()  # type: ignore[no-untyped-call]
        # Packed as a whole: redis-py's own packer costs as much as all the rest of an exchange.
        packed = b"".join(hiredis.pack_command(one) for one in commands)  # type: ignore[arg-type]
        await connection.send_packed_command(packed, check_health=False)
        return [await self._answer() for _ in commands]

    async def _answer(self) -> Any:  # noqa: ANN401 - what Redis answers
        try:
            return await self._connection.read_response(disable_decoding=True, disconnect_on_error=False)
        except RedisConnectionError:
            raise
        except ResponseError as error:
            return error


def _over(limit: asyncio.Timeout, due_s: float) -> None:
    """The time is over; once more if we come late, for then the answer may lie unread."""
    now_s = asyncio.get_running_loop().time()
    limit.reschedule(now_s + (EXCHANGE_S_MAX if now_s - due_s > OWN_DELAY_S_MAX else 0))
