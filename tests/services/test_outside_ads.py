"""Ads of outside servers: fetched ahead within what they declared, and no pod waits or breaks for one."""

import asyncio
from collections.abc import Callable

import pytest
from delivery_parts import NOW
from outside_answers import BOMB, inline, vast, wrapper
from outside_parts import BASE, FROM_S, SERVER, UNTIL_S, UPCOMING

from tifo.kernel.errors import Unavailable
from tifo.services.ads.fetching import FAILURES_MAX, OUTCOMES
from tifo.services.ads.model import Viewer
from tifo.services.ads.ports import AdAnswer
from tifo.telemetry.metrics import OUTSIDE_ADS


def counted(outcome: str) -> float:
    return OUTSIDE_ADS.labels("other", outcome)._value.get()


@pytest.fixture
def more() -> Callable[[str], float]:
    """How often an outcome was counted since the test began."""
    others = ("fetched", "over", "timeout", "failed", "unasked", "shown", "house")
    before = {name: counted(name) for name in (*OUTCOMES.values(), *others)}
    return lambda outcome: counted(outcome) - before[outcome]


async def test_everybody_who_is_there_gets_the_ad_that_was_fetched(node, servers, more) -> None:
    one = node()
    viewers = one.arrive(50)
    await one.pass_window()
    assert servers.asked["ads.other.example"] == 50
    assert one.fetched(viewers) == 50
    assert (more("fetched"), more("shown"), more("house")) == (50, 50, 0)
    assert len(set(servers.urls)) == 50  # no two have the same number in place of the macro


async def test_nobody_is_asked_before_the_window_nor_for_those_who_left(node, servers, clock) -> None:
    one = node()
    one.arrive(5)
    clock.advance(UPCOMING.start - FROM_S - 1 - NOW)
    await one.outside.look()
    await one.outside.finish()
    assert not servers.asked
    clock.advance(1_800)
    for _ in range(3):
        await one.outside.look()
        await one.outside.finish()
        clock.advance(180)
    assert not servers.asked


async def test_player_that_comes_before_its_ad_gets_the_houses_then_and_later(node, servers, more) -> None:
    one = node()
    (early, *others) = one.arrive(3)
    first = one.pod(early)
    assert [pick.kind for pick in first] == ["house", "house"]
    await one.pass_window()
    assert one.pod(early) == first
    assert one.fetched(others) == 2
    assert more("house") == 1


async def test_viewer_whom_the_node_does_not_know_gets_the_houses(node) -> None:
    one = node()
    one.arrive(3)
    await one.pass_window()
    assert [pick.kind for pick in one.pod(Viewer("ses_new", "new", "final", "tv"))] == ["house", "house"]


# --- what a server declared ----------------------------------------------------------------------------


async def test_server_is_asked_for_no_more_than_its_rate_allows_in_the_window(node, servers, more) -> None:
    one = node(requests_per_s=200.0)
    viewers = one.arrive(1_000)
    await one.pass_window()
    asked = servers.asked["ads.other.example"]
    assert asked <= 200 * (FROM_S - UNTIL_S)
    assert one.fetched(viewers) == asked == more("fetched") > 0
    assert more("over") == 1_000 - asked


async def test_server_is_asked_for_no_more_viewers_than_it_serves_at_once(node, servers, more) -> None:
    one = node(viewers_max=30, nodes=3)
    viewers = one.arrive(100)
    await one.pass_window()
    assert servers.asked["ads.other.example"] == one.fetched(viewers) == 10
    assert more("over") == 90


async def test_wrappers_that_lead_back_take_their_turn_like_all_others(node, servers, more) -> None:
    servers.says["ads.other.example"] = lambda url: AdAnswer(
        vast(inline()) if "second" in url else vast(wrapper(f"{BASE}/second"))
    )
    one = node(requests_per_s=200.0)
    viewers = one.arrive(300)
    await one.pass_window()
    passed_s = one.clock.now() - (UPCOMING.start - FROM_S) + SERVER.deadline_s  # one's wait for its turn
    assert servers.asked["ads.other.example"] <= 200 * passed_s
    assert one.fetched(viewers) == more("fetched") > 0


async def test_nothing_is_fetched_or_spent_for_a_break_that_is_called_off(node, servers) -> None:
    one = node()
    viewers = one.arrive(10)
    one.breaks.called_off = True
    await one.pass_window()
    assert not servers.asked
    one.breaks.called_off = False
    assert one.fetched(viewers) == 0


# --- what servers do -----------------------------------------------------------------------------------


async def test_server_that_never_answers_costs_nobody_a_pod(node, servers, more) -> None:
    servers.held = asyncio.Event()
    one = node(requests_per_s=500.0, deadline_s=0.1)
    viewers = one.arrive(300)
    await one.pass_window()
    assert one.fetched(viewers) == 0
    assert more("timeout") + more("unasked") == 300
    assert servers.asked["ads.other.example"] < 300  # after some it is left alone
    (told,) = one.outside.reports(1.0)
    assert told.timed_out == more("timeout") == servers.asked["ads.other.example"] == told.asked
    assert (told.answered, told.unasked, told.failing) == (0, more("unasked"), True)
    servers.held.set()


async def test_server_that_fails_is_left_alone(node, servers, more) -> None:
    servers.says["ads.other.example"] = Unavailable("ad server", "it answered 503")
    one = node(requests_per_s=100.0, deadline_s=0.1)
    viewers = one.arrive(150)
    await one.pass_window()
    assert one.fetched(viewers) == 0
    assert FAILURES_MAX <= servers.asked["ads.other.example"] < 50
    assert more("failed") == servers.asked["ads.other.example"]
    assert more("failed") + more("unasked") == 150


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"garbage", "unreadable"),
        (BOMB, "unreadable"),
        (b"<html/>", "unreadable"),
        (vast(), "no-ad"),
        (b"", "no-ad"),
        (vast(inline(duration="00:00:30")), "wrong-length"),
        (vast(inline(kind="video/mp4")), "no-media"),
        (vast(wrapper("http://169.254.169.254/latest/meta-data/")), "wrapper"),
        (vast(wrapper("http://evil-dsp.example/")), "wrapper"),
        (vast(wrapper(f"{BASE}/again")), "wrapper"),
        (vast(wrapper("http://[")), "wrapper"),
    ],
)
async def test_whatever_a_server_says_the_pod_is_whole(node, servers, more, body, outcome) -> None:
    servers.says["ads.other.example"] = body
    one = node()
    viewers = one.arrive(4)
    await one.pass_window()
    assert one.fetched(viewers) == 0
    assert (more(outcome), more("house")) == (4, 4)
    assert set(servers.asked) == {"ads.other.example"}


@pytest.mark.parametrize("loops", [1, 3])
async def test_wrappers_are_followed_as_far_as_they_may(node, servers, more, loops: int) -> None:
    """From server to server, with all that each is to be told."""

    def next_hop(url: str) -> AdAnswer:
        hop = int(url.rpartition("=")[2])
        if hop == loops:
            return AdAnswer(vast(inline(more="<Impression>https://i.example/ad</Impression>")))
        told = f"<Impression>https://i.example/{hop}</Impression>"
        return AdAnswer(vast(wrapper(f"https://a.dsp.example/?hop={hop + 1}", more=told)))

    servers.says |= {"ads.other.example": next_hop, "a.dsp.example": next_hop}
    one = node(f"{BASE}/?hop=0", wrappers_max=2)
    (viewer,) = one.arrive(1)
    await one.pass_window()
    assert one.fetched([viewer]) == (loops <= 2)
    if loops <= 2:
        (ad,) = [pick.outside for pick in one.pod(viewer) if pick.outside]
        assert ad.told.impressions == ("https://i.example/0", "https://i.example/ad")
    else:
        assert more("wrapper") == 1
        assert servers.asked == {"ads.other.example": 1, "a.dsp.example": 2}


@pytest.mark.parametrize("location", ["/there", "//a.dsp.example/x", f"{BASE}/there?a=1"])
async def test_redirect_is_followed_where_a_wrapper_may_lead(node, servers, location: str) -> None:
    found = vast(inline())
    servers.says["a.dsp.example"] = found
    servers.says["ads.other.example"] = lambda url: (
        AdAnswer(found) if "there" in url else AdAnswer(b"", location)
    )
    one = node()
    viewers = one.arrive(2)
    await one.pass_window()
    assert one.fetched(viewers) == 2


async def test_tags_of_servers_that_nobody_declared_are_left_to_the_player(node, servers) -> None:
    one = node("https://unknown.example/vast")
    (viewer,) = one.arrive(1)
    await one.pass_window()
    assert [pick.creative.tag_url for pick in one.pod(viewer)].count("https://unknown.example/vast") == 1
    assert not servers.asked


async def test_fault_of_ours_costs_its_ad_and_is_logged(node, servers, more, logged) -> None:
    servers.says["ads.other.example"] = RuntimeError("a fault of ours")
    one = node()
    viewers = one.arrive(1)
    await one.pass_window()
    assert one.fetched(viewers) == 0
    assert more("failed") == 1
    assert [entry["event"] for entry in logged] == ["outside-ad.fault"]
    logged.clear()
