"""Steering beside the loop: how often players ask, whose playlists are capped, what goes on in silence."""

import msgspec
import openm3u8
import pytest
from delivery_parts import NAMES, NOW, claims, weigh

from tifo.board.entries import PATHWAY, POSTURE, PathwayState, PostureState
from tifo.board.postures import Postures
from tifo.kernel.clock import ManualClock
from tifo.kernel.ids import SequentialIds
from tifo.services.steering.service import SteeringService
from tifo.services.steering.settings import SteeringSettings
from tifo.telemetry.metrics import STEERING_FROZEN


@pytest.mark.parametrize(("posture", "ttl_s"), [("normal", 10), ("lean", 60), ("guarded", 10)])
async def test_players_ask_less_often_while_it_is_lean(view, publisher, posture: str, ttl_s: int) -> None:
    service = asked(view, publisher, 0.5, SteeringSettings(ttl_s=10, ttl_jitter=0.2))
    await view.write(POSTURE, msgspec.json.encode(PostureState(posture)))
    assert service.ttl_s() == ttl_s


class Fraction(SequentialIds):
    """Ids whose fraction is given."""

    def __init__(self, fraction: float) -> None:
        super().__init__()
        self._fraction = fraction

    def fraction(self) -> float:
        return self._fraction


def asked(view, publisher, fraction: float, settings: SteeringSettings) -> SteeringService:
    """A steering that is asked for its TTL alone, with a given chance."""
    chance, clock = Fraction(fraction), ManualClock(NOW)
    return SteeringService((), view, Postures(view), publisher, chance, clock, settings, loop_silent_s=10.0)


@pytest.mark.parametrize(("fraction", "ttl_s"), [(0.0, 8), (0.5, 10), (0.999, 12)])
async def test_players_ask_again_at_different_times(view, publisher, fraction: float, ttl_s: int) -> None:
    jittered = SteeringSettings(ttl_s=10, ttl_jitter=0.2)
    assert asked(view, publisher, fraction, jittered).ttl_s() == ttl_s


async def test_players_never_ask_again_at_once(view, publisher) -> None:
    hasty = SteeringSettings(ttl_s=1, ttl_jitter=0.9)
    assert asked(view, publisher, 0.0, hasty).ttl_s() == 1


async def silent(steering: SteeringService, clock: ManualClock, seconds: int) -> None:
    """Seconds in which nothing is heard of the loop, each looked at."""
    for _ in range(seconds):
        clock.advance(1)
        await steering._tick()


def on(steering: SteeringService, pathway: str, isp: str = "") -> int:
    return sum(steering.order(f"ses_{n}", isp)[0] == pathway for n in range(500))


async def test_a_loop_that_fell_silent_is_told_of_and_operators_drain_without_it(
    steering, view, clock
) -> None:
    weights = {"cdn-a": 0.5, "cdn-b": 0.5, "cdn-c": 0.0}
    await weigh(view, weights, by_isp={"AS1 One": {"cdn-a": 1.0}}, spare={"cdn-b": 0.5, "cdn-c": 0.5})
    await view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState("draining")))
    await silent(steering, clock, 10)
    before = on(steering, "cdn-a")
    assert before > 200
    assert STEERING_FROZEN.collect()[0].samples[0].value == 0
    await silent(steering, clock, 20)
    assert STEERING_FROZEN.collect()[0].samples[0].value == 1
    assert before * 0.4 < on(steering, "cdn-a") < before * 0.8
    await silent(steering, clock, 40)
    assert on(steering, "cdn-a") == on(steering, "cdn-a", "AS1 One") == 0
    assert 0 < on(steering, "cdn-c") < on(steering, "cdn-b")
    await view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState()))
    await silent(steering, clock, 60)
    assert on(steering, "cdn-a") == before


async def test_what_was_drained_in_silence_stays_so_when_the_loop_speaks_again(steering, view, clock) -> None:
    await weigh(view, {"cdn-a": 1.0})
    await view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState("draining")))
    await silent(steering, clock, 90)
    assert on(steering, "cdn-a") == 0
    await weigh(view, {"cdn-a": 0.8, "cdn-b": 0.2}, at=2.0)
    await silent(steering, clock, 1)
    assert STEERING_FROZEN.collect()[0].samples[0].value == 0
    assert on(steering, "cdn-a") == 0
    await view.write(PATHWAY + "cdn-a", msgspec.json.encode(PathwayState()))
    await silent(steering, clock, 10)
    assert 0 < on(steering, "cdn-a") < 150
    await silent(steering, clock, 50)
    assert on(steering, "cdn-a") > 350


async def test_a_word_that_is_said_again_is_no_silence(steering, view, clock) -> None:
    for second in range(30):
        await weigh(view, {"cdn-a": 1.0}, at=float(second))
        await silent(steering, clock, 1)
    assert STEERING_FROZEN.collect()[0].samples[0].value == 0


async def test_many_viewers_are_told_to_ask_less_often_and_later_as_before(view, publisher) -> None:
    service = asked(view, publisher, 0.5, SteeringSettings(ttl_s=10, asks_per_s_max=100))
    await weigh(view, {}, viewers_per_node=900.0)
    assert service.ttl_s() == 10
    await weigh(view, {}, at=2.0, viewers_per_node=4_000.0)
    assert service.ttl_s() == 40
    await weigh(view, {}, at=3.0, viewers_per_node=90_000.0)
    assert service.ttl_s() == 120
    await weigh(view, {}, at=4.0)
    assert service.ttl_s() == 10


async def test_an_isp_may_be_capped_alone(steering, view, video) -> None:
    await weigh(view, {}, bandwidth_max_bps=900_000, bandwidth_max_by_isp={"AS1 One": 500_000})
    assert (steering.bandwidth_max_bps(), steering.bandwidth_max_bps("AS2 Two")) == (900_000, 900_000)
    assert steering.bandwidth_max_bps("AS1 One") == 500_000
    there = msgspec.structs.replace(claims(), isp="AS1 One")
    assert len(openm3u8.loads(await video.playlist(there, "token")).playlists) == len(NAMES)
    await weigh(view, {}, bandwidth_max_by_isp={"AS1 One": 500_000})
    assert (steering.bandwidth_max_bps(), steering.bandwidth_max_bps("AS1 One")) == (0, 500_000)
