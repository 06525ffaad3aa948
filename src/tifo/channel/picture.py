"""What the live channel shows at a time: the match, the clock, the frame, and a slate during a break."""

import math
from datetime import UTC, datetime

import av
import numpy as np
from PIL import Image, ImageDraw

from tifo.api.breaks import Break, Breaks
from tifo.channel import match, pitch
from tifo.channel.drawing import Colour, Digits, Planes, Sprite, figure, typeface
from tifo.channel.timeline import FRAMES_PER_S, segment_number

_STAND_EVERY_FRAMES = 5
"""Frames for which the crowd holds still: it is the widest part of the picture that moves."""

_BAR: Colour = (11, 15, 28)
_WHITE: Colour = (240, 244, 250)
_GREY: Colour = (138, 150, 176)
_GOLD: Colour = (255, 200, 60)
_RED: Colour = (214, 52, 52)
_SLATE: Colour = (16, 22, 44)
_KITS: dict[str, tuple[Colour, Colour]] = {
    "home": ((222, 48, 56), (250, 250, 250)),
    "away": ((240, 244, 252), (30, 48, 120)),
    "keeper-home": ((250, 196, 40), (30, 30, 30)),
    "keeper-away": ((150, 90, 220), (30, 30, 30)),
    "referee": ((24, 24, 28), (24, 24, 28)),
}
_SIZES = 5
_SLATE_AT = (160, 146)
_SLATE_SIZE = (320, 128)


class LivePicture:
    """Draws one frame after the other into the same 640 x 360 frame; not for several threads."""

    def __init__(self, channel: str, breaks: Breaks) -> None:
        self._breaks = breaks
        self._ground = Planes.of_rgb(_still(channel))
        self._stand = pitch.Stand("TIFO")
        u, v = self._stand.chroma()
        self._ground.u[: u.shape[0]], self._ground.v[: v.shape[0]] = u, v
        self.frame = av.VideoFrame(pitch.WIDTH, pitch.HEIGHT, "yuv420p")
        self._canvas = Planes.of_frame(self.frame)
        self._canvas.stamp(self._ground, 0, 0)
        self._below: list[tuple[int, int, int, int]] = []
        self._figures = {kit: tuple(_figure(kit, size) for size in range(_SIZES)) for kit in _KITS}
        self._ball, self._shadow = _ball(), _shadow()
        self._lamp = _lamp(_RED), _lamp((96, 30, 34))
        self._clock = Digits(26, _WHITE, _BAR, ":.")
        self._small = Digits(12, _GREY, _BAR)
        self._slate = Planes.of_rgb(_slate())
        self._slate_count = Digits(26, _GOLD, _SLATE, " ")
        self._progress = Planes.of_rgb(np.full((6, 280, 3), _GOLD, dtype=np.float32))

    def draw(self, number: int) -> av.VideoFrame:
        """The frame of that number, counted from the epoch; the next call draws over it."""
        epoch_s = number / FRAMES_PER_S
        self._clean()
        if number % _STAND_EVERY_FRAMES == 0 or not self._below:
            self._canvas.y[: pitch.STAND_ROWS] = self._stand.luma(epoch_s)
        self._draw_match(epoch_s)
        self._caption(number, epoch_s)
        self._draw_break(epoch_s)
        return self.frame

    def _clean(self) -> None:
        for x, y, width, height in self._below:
            self._canvas.stamp(self._ground.crop(x, y, width, height), x, y)
        self._below.clear()

    def _draw_match(self, epoch_s: float) -> None:
        for one in sorted(match.figures(epoch_s), key=lambda f: -f.z_m):
            x, y, scale = pitch.project(one.x_m, one.z_m)
            size = min(_SIZES - 1, max(0, int((scale - 4.2) / 1.7 * _SIZES)))
            sprite = self._figures[one.kit][size]
            self._put(sprite, x - sprite.width / 2, y - sprite.height + 3)
        ball = match.ball(epoch_s)
        x, y, scale = pitch.project(ball.x_m, ball.z_m)
        self._put(self._shadow, x - 4, y - 2)
        self._put(self._ball, x - 4, y - 5 - ball.height_m * scale)

    def _put(self, sprite: Sprite, x: float, y: float) -> None:
        column = min(max(round(x), 0), pitch.WIDTH - sprite.width - 1)
        row = min(max(round(y), pitch.STAND_ROWS), pitch.BAR_TOP - sprite.height - 1)
        sprite.blend(self._canvas, column, row)
        self._below.append((column & ~1, row & ~1, sprite.width, sprite.height))

    def _caption(self, number: int, epoch_s: float) -> None:
        lamp = self._lamp[int(epoch_s * 2) % 2]
        self._canvas.stamp(lamp, 12, 338)
        self._clock.write(self._canvas, 240, 326, clock_text(number))
        self._small.write(self._canvas, 534, 328, str(number))
        self._small.write(self._canvas, 534, 343, str(segment_number(epoch_s)))

    def _draw_break(self, epoch_s: float) -> None:
        running = next(iter(self._breaks.between(epoch_s, epoch_s + 0.001)), None)
        if running is not None:
            self._draw_slate(running, epoch_s)

    def _draw_slate(self, running: Break, epoch_s: float) -> None:
        x, y = _SLATE_AT
        self._canvas.stamp(self._slate, x, y)
        left_s = math.ceil(running.end - epoch_s)
        self._slate_count.write(self._canvas, x + 126, y + 66, f"{left_s:d}")
        share = (epoch_s - running.start) / running.duration_s
        self._canvas.stamp(self._progress.crop(0, 0, int(280 * share) & ~1, 6), x + 20, y + 110)
        self._below.append((x, y, *_SLATE_SIZE))


def clock_text(number: int) -> str:
    """The UTC time of a frame, to tenths of a second."""
    tenths = number * 10 // FRAMES_PER_S
    return f"{datetime.fromtimestamp(tenths // 10, UTC):%H:%M:%S}.{tenths % 10}"


def _still(channel: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    image = Image.fromarray(pitch.background().clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.text((30, 343), "LIVE", fill=_WHITE, font=typeface(14), anchor="lm")
    draw.text((76, 343), channel[:16], fill=_GOLD, font=typeface(16), anchor="lm")
    draw.text((388, 343), "UTC", fill=_GREY, font=typeface(14), anchor="lm")
    draw.text((526, 335), "frame", fill=_GREY, font=typeface(12), anchor="rm")
    draw.text((526, 350), "segment", fill=_GREY, font=typeface(12), anchor="rm")
    draw.line((0, pitch.BAR_TOP, pitch.WIDTH, pitch.BAR_TOP), fill=_GOLD, width=2)
    return np.asarray(image, dtype=np.float32)


def _slate() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    width, height = _SLATE_SIZE
    image = Image.new("RGB", _SLATE_SIZE, _SLATE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, height - 1), outline=_GOLD, width=2)
    draw.text((width / 2, 38), "AD BREAK", fill=_WHITE, font=typeface(44), anchor="mm")
    draw.text((114, 82), "back in", fill=_GREY, font=typeface(20), anchor="rm")
    draw.text((190, 82), "seconds", fill=_GREY, font=typeface(20), anchor="lm")
    draw.rectangle((20, 110, 299, 115), fill=(44, 54, 88))
    return np.asarray(image, dtype=np.float32)


def _figure(kit: str, size: int) -> Sprite:
    shirt, shorts = _KITS[kit]
    tall = 15 + 1.6 * size
    wide = tall * 0.62
    image, k = figure(math.ceil(wide) + 5, math.ceil(tall) + 4)
    draw = ImageDraw.Draw(image)
    middle, feet = (wide / 2 + 1) * k, (tall + 1) * k
    unit = tall * k / 16
    draw.ellipse(
        (middle - 4 * unit, feet - 2 * unit, middle + 6 * unit, feet + 1.2 * unit), fill=(0, 30, 0, 110)
    )
    for side in (-1.5, 1.5):
        leg = middle + side * unit
        draw.line(
            (leg, feet - 6 * unit, leg, feet - unit / 2), fill=(226, 182, 150, 255), width=int(1.7 * unit)
        )
    draw.rectangle(
        (middle - 2.8 * unit, feet - 7.6 * unit, middle + 2.8 * unit, feet - 4.4 * unit), fill=(*shorts, 255)
    )
    draw.rounded_rectangle(
        (middle - 3.7 * unit, feet - 13 * unit, middle + 3.7 * unit, feet - 6.8 * unit),
        1.8 * unit,
        fill=(*shirt, 255),
    )
    draw.ellipse(
        (middle - 1.9 * unit, feet - 16.4 * unit, middle + 1.9 * unit, feet - 12.4 * unit),
        fill=(212, 164, 128, 255),
    )
    return Sprite.of_image(image)


def _ball() -> Sprite:
    image, k = figure(8, 8)
    draw = ImageDraw.Draw(image)
    draw.ellipse((0.6 * k, 0.6 * k, 7.4 * k, 7.4 * k), fill=(20, 24, 20, 150))
    draw.ellipse((k, k, 7 * k, 7 * k), fill=(255, 255, 255, 255))
    draw.ellipse((3 * k, 3 * k, 5 * k, 5 * k), fill=(60, 64, 70, 255))
    return Sprite.of_image(image)


def _shadow() -> Sprite:
    image, k = figure(8, 4)
    ImageDraw.Draw(image).ellipse((0, 0, 8 * k, 4 * k), fill=(0, 24, 0, 120))
    return Sprite.of_image(image)


def _lamp(colour: Colour) -> Planes:
    image = Image.new("RGB", (48, 48), _BAR)
    ImageDraw.Draw(image).ellipse((4, 4, 44, 44), fill=colour)
    return Planes.of_rgb(np.asarray(image.resize((12, 12), Image.Resampling.BOX), dtype=np.float32))
