"""Sessions whose accounts the event log knows by pseudonyms only."""

import pytest
from session_nodes import SETTINGS, refused, revoked, start

from tifo.adapters.sqlite.eventlog import SqliteEventLog
from tifo.api.events import SessionEnded, SessionRefused, SessionStarted
from tifo.api.sessions import Kick
from tifo.eventlog.pseudonyms import Pseudonyms
from tifo.eventlog.publisher import Publisher
from tifo.kernel.clock import ManualClock
from tifo.kernel.errors import Refusal
from tifo.kernel.ids import SequentialIds
from tifo.tokens.keys import Keyring


@pytest.fixture
def names(keys: Keyring) -> Pseudonyms:
    return Pseudonyms(keys, 86_400)


@pytest.fixture
async def publisher(log: SqliteEventLog, clock: ManualClock, ids: SequentialIds, names: Pseudonyms):
    publisher = Publisher(log, clock, ids, names)
    await publisher.open()
    yield publisher
    await publisher.close()


async def test_account_is_counted_and_kicked_and_the_log_does_not_know_it(
    service, names, revocations, clock, told
) -> None:
    first = await service.start(start(device="tv"))
    for n in range(SETTINGS.stream_limit - 1):
        await service.start(start(device=f"web-{n}"))
    assert (await refused(service.start(start(device="one-more")))).code == "stream-limit"
    await service.kick(Kick("account", "demo", "Fraud."))
    with pytest.raises(Refusal):
        revoked(revocations, first.lease)

    account, now = names.of("account", "demo", clock.now()), clock.now()
    events = await told()
    started = [one for one in events if isinstance(one, SessionStarted)]
    assert [one.account for one in started] == [account] * SETTINGS.stream_limit
    assert started[0].device == names.of("device", "tv", now)
    assert started[0].session == first.lease.session
    assert [one.account for one in events if isinstance(one, SessionRefused)] == [account]
    assert not [one for one in events if "demo" in str(one)]


async def test_session_that_ends_is_the_one_that_began(service, told) -> None:
    started = await service.start(start())
    await service.kick(Kick("session", started.lease.session, account="demo"))
    began, ended = await told()
    assert isinstance(ended, SessionEnded)
    assert began.session == ended.session == started.lease.session
