"""Who stands where in the match that never ends: a pure function of time, so every run shows the same."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

PASS_S = 1.6
"""Seconds from one touch of the ball to the next."""

_FORMATION = (
    *((-49, 34), (-34, 12), (-36, 27), (-36, 41), (-34, 56)),
    *((-18, 18), (-20, 34), (-18, 50), (-4, 12), (-2, 36), (-5, 57)),
)
"""Where the home team's players belong, in metres; the away team stands mirrored."""

_PLAYERS = len(_FORMATION)


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody on the pitch; metres as `tifo.channel.pitch.project` takes them."""

    kit: str
    x_m: float
    z_m: float


@dataclass(frozen=True, slots=True)
class Ball:
    """The ball, `height_m` above the grass."""

    x_m: float
    z_m: float
    height_m: float


def figures(epoch_s: float) -> Iterator[Figure]:
    """Both teams and the referee."""
    for number in range(2 * _PLAYERS):
        x_m, z_m = _player(number, epoch_s)
        keeper = number % _PLAYERS == 0
        yield Figure(("keeper-" if keeper else "") + ("home", "away")[number // _PLAYERS], x_m, z_m)
    shift = _shift(epoch_s)
    yield Figure("referee", shift * 0.8 + 4 * math.sin(epoch_s / 3.1), 30 + 8 * math.sin(epoch_s / 4.3))


def ball(epoch_s: float) -> Ball:
    """It goes from player to player, low over short ways and high over long ones."""
    touch = int(epoch_s // PASS_S)
    way = epoch_s / PASS_S - touch
    from_x, from_z = _player(_on_the_ball(touch), touch * PASS_S)
    to_x, to_z = _player(_on_the_ball(touch + 1), (touch + 1) * PASS_S)
    distance = math.hypot(to_x - from_x, to_z - from_z)
    height = max(0.0, distance - 14) * 0.45 * way * (1 - way)
    eased = way * (2 - way) if height == 0 else way
    return Ball(from_x + (to_x - from_x) * eased, from_z + (to_z - from_z) * eased, height)


def _player(number: int, epoch_s: float) -> tuple[float, float]:
    side = -1 if number >= _PLAYERS else 1
    home_x, home_z = _FORMATION[number % _PLAYERS]
    follows = 0.12 if number % _PLAYERS == 0 else 1.0
    x = side * home_x + follows * (
        _shift(epoch_s) + 3.4 * math.sin(epoch_s / (2.3 + number % 5 * 0.4) + number)
    )
    z = home_z + follows * 3.2 * math.cos(epoch_s / (2.9 + number % 7 * 0.3) + 2 * number)
    return max(-51.5, min(51.5, x)), max(1.5, min(66.5, z))


def _shift(epoch_s: float) -> float:
    """How far the play has moved towards the right goal, in metres."""
    return 17 * math.sin(epoch_s / 11) + 6 * math.sin(epoch_s / 4.7)


def _on_the_ball(touch: int) -> int:
    """Mostly a passing move of one team, at times a lost ball; never a keeper."""
    team = _scrambled(touch // 5) % 2
    return team * _PLAYERS + 1 + (_scrambled(touch // 2) + touch * 3) % (_PLAYERS - 1)


def _scrambled(number: int) -> int:
    return (number * 2_654_435_761 & 0xFFFF_FFFF) >> 13
