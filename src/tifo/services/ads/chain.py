"""From a tag to an ad, through wrappers and redirects, none of which leads where nobody has said it may."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urljoin

from tifo.kernel.clock import Clock
from tifo.kernel.errors import Unavailable
from tifo.kernel.web import WebAddress, web_address
from tifo.services.ads.outside_vast import (
    NOTHING,
    TIMEOUT,
    WRAPPER,
    WRAPPERS_MAX,
    OutsideAd,
    VastError,
    first_fitting,
)
from tifo.services.ads.ports import AdServers
from tifo.services.ads.settings import AdServerSettings
from tifo.services.ads.shaping import Pace, Share

Server = tuple[str, str, int]


class Gate:
    """What this node sends to one declared server, each request at its time."""

    def __init__(self, settings: AdServerSettings, share: Share, clock: Clock) -> None:
        self.settings = settings
        self.share = share
        self._clock = clock
        self._pace = Pace(share.requests_per_s)

    @property
    def next_at(self) -> float:
        """When a request that came now could go out, at the earliest."""
        return self._pace.next_at

    def reserve(self) -> float:
        """The epoch second of one request more."""
        at, self._pace = self._pace.reserve(self._clock.now())
        return at

    async def hop(self) -> None:
        """Wait for the time of one request more; raises `VastError` when that is too late for any ad."""
        if self.next_at - self._clock.now() > self.settings.deadline_s:
            raise VastError(TIMEOUT, "it has as many requests before it as it can take")
        await self.wait(self.reserve())

    async def wait(self, at: float) -> None:
        """Until the second that was reserved."""
        await asyncio.sleep(at - self._clock.now())


class Chain:
    """Follows one server's tags. A request to a declared server waits for its turn there."""

    def __init__(self, gate: Gate, gates: Mapping[Server, Gate], servers: AdServers) -> None:
        self._gates = gates
        self._servers = servers
        self._hops_max = gate.settings.wrappers_max
        self._follows = gate.settings.follows

    async def ad(self, url: str, duration_s: float, headers: Mapping[str, str]) -> OutsideAd:
        """The ad that fills so many seconds, with all that was to be told on the way to it.

        The first request's turn has been waited for. Raises `VastError`, and `Unavailable` when the first
        server does not answer.
        """
        told = NOTHING
        url, body = await self._asked(url, headers)
        for hop in range(self._hops_max + 1):
            if body is not None:
                found = first_fitting(body, duration_s)
                if isinstance(found, OutsideAd):
                    return OutsideAd(
                        found.title, found.url, found.duration_s, found.click_url, told.with_inner(found.told)
                    )
                told, url = told.with_inner(found.told), found.tag_url
            if hop < self._hops_max:
                url, body = await self._followed(url, headers)
        raise VastError(WRAPPERS_MAX, f"no ad after {self._hops_max} wrappers and redirects")

    async def _followed(self, url: str, headers: Mapping[str, str]) -> tuple[str, bytes | None]:
        where = _address(url)
        gate = self._gates.get(where.server)
        if gate is not None:
            await gate.hop()
        elif not any(where.host == one or where.host.endswith(f".{one}") for one in self._follows):
            raise VastError(WRAPPER, f"it leads to {where.authority}, where nobody said it may")
        try:
            return await self._asked(url, headers)
        except Unavailable as error:
            raise VastError(WRAPPER, error.why) from None

    async def _asked(self, url: str, headers: Mapping[str, str]) -> tuple[str, bytes | None]:
        """What is there: a document, or no more than another address."""
        try:
            _address(url)
            answer = await self._servers.ask(url, headers)
            if answer.location:
                return urljoin(url, answer.location), None
        except ValueError as error:
            raise VastError(WRAPPER, f"it leads to no address: {error}") from None
        return url, answer.body


def _address(url: str) -> WebAddress:
    try:
        return web_address(url)
    except ValueError as error:
        raise VastError(WRAPPER, f"it leads to no address: {error}") from None
