"""The ground: a pitch of 105 x 68 m, the boards behind it, and the crowd with its cards."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tifo.channel.drawing import Bytes, Floats, typeface

WIDTH = 640
HEIGHT = 360
STAND_ROWS = 84
BAR_TOP = 324
"""The rows above are the stand's, the rows below are the caption bar's."""

CARD = 4
"""Pixels each way of one card that somebody in the stand holds up."""

_NEAR_SCALE, _FAR_SCALE = 5.9, 4.3  # pixels per metre along the two touchlines
_NEAR_ROW, _FAR_ROW = 316.0, 106.0
_LENGTH_M, _WIDTH_M = 105.0, 68.0
_BEHIND = _FAR_SCALE * _WIDTH_M / (_NEAR_SCALE - _FAR_SCALE)
_ROWS_PER_SCALE = (_NEAR_ROW - _FAR_ROW) / (_NEAR_SCALE - _FAR_SCALE)
_OVERSAMPLING = 2
_LINE_M = 0.28
_STRIPE_M = 5.25

_GRASS = ((46, 125, 58), (55, 140, 66))
_LINE = (232, 242, 232)
_BOARD_TOP, _BOARD_HEIGHT = STAND_ROWS, 14


def project(x_m: float, z_m: float) -> tuple[float, float, float]:
    """Where a point of the pitch is seen, as (column, row, pixels per metre).

    `x_m` counts from the halfway line to the right, `z_m` from the near touchline into the picture.
    """
    scale = _NEAR_SCALE * _BEHIND / (z_m + _BEHIND)
    return WIDTH / 2 + x_m * scale, _NEAR_ROW - (_NEAR_SCALE - scale) * _ROWS_PER_SCALE, scale


def background() -> Floats:
    """Everything that never moves, as RGB of HEIGHT x WIDTH x 3."""
    rgb = _grass_and_lines()
    rgb[_BOARD_TOP : _BOARD_TOP + _BOARD_HEIGHT] = _boards()
    rgb[:STAND_ROWS] = (18, 24, 44)
    rgb[BAR_TOP:] = (11, 15, 28)
    return rgb


class Stand:
    """The crowd: thousands of cards that spell a word, and a wave that goes through them."""

    def __init__(self, word: str) -> None:
        rows, columns = STAND_ROWS // CARD, WIDTH // CARD
        noise = np.random.default_rng(7).normal(0, 1, (rows, columns)).astype(np.float32)
        self._letters = _letters(word, columns, rows)
        self._phase = np.linspace(0, 4 * math.pi, columns, dtype=np.float32)[None, :] + noise * 0.25
        self._rest = np.where(self._letters, 186.0, 52.0).astype(np.float32) + noise * 9
        self._edges = np.kron(np.ones((rows, columns), np.float32), _card())

    def luma(self, epoch_s: float) -> Bytes:
        """The stand's brightness at a time, STAND_ROWS x WIDTH."""
        wave = np.sin(self._phase - (epoch_s % 1000) * 2 * math.pi / 5) ** 8
        cards = self._rest + wave * np.where(self._letters, 30, 46)
        whole = cards.repeat(CARD, axis=0).repeat(CARD, axis=1) * self._edges
        return np.asarray(whole.clip(16, 235), dtype=np.uint8)

    def chroma(self) -> tuple[Bytes, Bytes]:
        """The cards' colours, which stay: gold letters in a blue block; half the size each way."""
        return self._spread(84, 150), self._spread(146, 118)

    def _spread(self, letters: int, block: int) -> Bytes:
        plane = np.where(self._letters, np.uint8(letters), np.uint8(block))
        return plane.repeat(CARD // 2, axis=0).repeat(CARD // 2, axis=1)


def _grass_and_lines() -> Floats:
    scale = 1 / _OVERSAMPLING
    rows = (np.arange(HEIGHT * _OVERSAMPLING, dtype=np.float32) + 0.5)[:, None] * scale
    columns = (np.arange(WIDTH * _OVERSAMPLING, dtype=np.float32) + 0.5)[None, :] * scale
    per_metre = _NEAR_SCALE - (_NEAR_ROW - np.maximum(rows, STAND_ROWS)) / _ROWS_PER_SCALE
    z = _NEAR_SCALE * _BEHIND / per_metre - _BEHIND
    x = (columns - WIDTH / 2) / per_metre
    stripe = (np.floor((x + _LENGTH_M / 2) / _STRIPE_M) % 2).astype(np.int8)
    light = 0.86 + 0.2 * (rows - STAND_ROWS) / (BAR_TOP - STAND_ROWS)
    rgb = np.array(_GRASS, dtype=np.float32)[stripe] * light[..., None]
    rgb[_lines(np.abs(x), z + 0 * x)] = _LINE
    blocks = rgb.reshape(HEIGHT, _OVERSAMPLING, WIDTH, _OVERSAMPLING, 3)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def _lines(x: Floats, z: Floats) -> NDArray[np.bool_]:
    """Which points lie on a line; the pitch is symmetric, so `x` is the distance from the middle."""
    goal, middle = _LENGTH_M / 2, _WIDTH_M / 2
    across, spot = np.abs(z - middle), goal - 11
    arc = np.hypot(x - spot, across)
    lines = (
        _on(x, goal) & (across <= middle + _LINE_M),
        _on(across, middle) & (x <= goal + _LINE_M),
        (x < _LINE_M / 2) & (across <= middle),
        _on(np.hypot(x, across), 9.15),
        np.hypot(x, across) < 0.5,
        _area(x, across, 16.5, 20.16),
        _area(x, across, 5.5, 9.16),
        arc < 0.45,
        _on(arc, 9.15) & (x < goal - 16.5),
    )
    return np.asarray(np.logical_or.reduce(lines))


def _area(x: Floats, across: Floats, depth: float, half: float) -> NDArray[np.bool_]:
    front = _LENGTH_M / 2 - depth
    sides = _on(across, half) & (x >= front) & (x <= _LENGTH_M / 2)
    return sides | (_on(x, front) & (across <= half))


def _on(value: Floats, at: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(value - at) < _LINE_M / 2)


def _boards() -> Floats:
    image = Image.new("RGB", (WIDTH, _BOARD_HEIGHT), (20, 28, 58))
    draw = ImageDraw.Draw(image)
    grounds, words = (
        ((20, 28, 58), (196, 60, 52), (232, 236, 244)),
        ("TIFO", "LIVE", "OPEN SOURCE", "EVERY SEAT"),
    )
    for index in range(8):
        left, ground = index * 80, grounds[index % 3]
        draw.rectangle((left, 0, left + 79, _BOARD_HEIGHT), fill=ground)
        ink = (20, 28, 58) if index % 3 == 2 else (240, 244, 250)
        draw.text((left + 40, 7), words[index % 4], fill=ink, font=typeface(10), anchor="mm")
    return np.asarray(image, dtype=np.float32)


def _letters(word: str, columns: int, rows: int) -> NDArray[np.bool_]:
    image = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(image)
    draw.text((columns / 2, rows / 2), word, fill=255, font=typeface(22), anchor="mm", stroke_width=0.5)
    return np.asarray(image) > 96


def _card() -> Floats:
    card = np.ones((CARD, CARD), dtype=np.float32)
    card[-1, :] = card[:, -1] = 0.72
    return card
