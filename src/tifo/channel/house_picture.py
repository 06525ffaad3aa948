"""What the house's own ads look like: each with its colours, its name, a count-down and a progress bar."""

import math
from dataclasses import dataclass

import av
import numpy as np
from PIL import Image, ImageDraw

from tifo.api.creatives import Creative
from tifo.channel.drawing import Colour, Digits, Floats, Planes, typeface
from tifo.channel.pitch import HEIGHT, WIDTH
from tifo.channel.timeline import FRAMES_PER_S

_CARD = 16
_CARD_ROWS = 9
_BAND_TOP = 196
_INK: Colour = (248, 250, 255)
_BAR_AT = (40, 172)
_BAR_WIDTH, _BAR_HEIGHT = 560, 8


@dataclass(frozen=True, slots=True)
class Style:
    """A creative's colours and, in hertz, the notes of its tune, one each half second."""

    ground: Colour
    accent: Colour
    notes: tuple[int, ...]


STYLES: dict[str, Style] = {
    "house-1": Style((24, 30, 78), (255, 198, 58), (523, 659, 784, 659)),
    "house-2": Style((10, 74, 66), (126, 232, 180), (440, 554, 659, 880)),
    "house-3": Style((104, 22, 44), (255, 142, 104), (392, 494, 587, 494)),
}


class HousePicture:
    """Draws the frames of one creative into the same frame, one after the other."""

    def __init__(self, creative: Creative) -> None:
        style = STYLES[creative.id]
        self._frames = creative.duration_s * FRAMES_PER_S
        self.frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        self._canvas = Planes.of_frame(self.frame)
        self._canvas.stamp(Planes.of_rgb(_still(creative, style)), 0, 0)
        self._count = Digits(72, style.accent, style.ground)
        self._bar = Planes.of_rgb(np.full((_BAR_HEIGHT, _BAR_WIDTH, 3), style.accent, dtype=np.float32))
        columns, rows = np.meshgrid(np.arange(WIDTH // _CARD), np.arange(_CARD_ROWS))
        self._slope = (columns + 1.7 * rows).astype(np.float32)

    def draw(self, number: int) -> av.VideoFrame:
        """The frame of that number, from 0; the next call draws over it."""
        left_s = math.ceil((self._frames - number) / FRAMES_PER_S)
        self._count.write(self._canvas, 504, 50, f"{left_s:02d}")
        filled = round(_BAR_WIDTH * (number + 1) / self._frames) & ~1
        self._canvas.stamp(self._bar.crop(0, 0, filled, _BAR_HEIGHT), *_BAR_AT)
        if number % 2 == 0:
            self._raise_cards(number / FRAMES_PER_S)
        return self.frame

    def _raise_cards(self, second: float) -> None:
        """The band of cards below: a wave runs through it."""
        wave = 0.5 + 0.5 * np.sin(self._slope * 0.32 - second * 2.4)
        cards = (34 + 150 * wave**3).astype(np.uint8).repeat(_CARD, axis=0).repeat(_CARD, axis=1)
        cards[_CARD - 1 :: _CARD, :] = cards[:, _CARD - 1 :: _CARD] = 24
        self._canvas.y[_BAND_TOP : _BAND_TOP + cards.shape[0]] = cards


def _still(creative: Creative, style: Style) -> Floats:
    image = Image.new("RGB", (WIDTH, HEIGHT), style.ground)
    draw = ImageDraw.Draw(image)
    draw.text((40, 48), "TIFO HOUSE AD", fill=style.accent, font=typeface(18), anchor="lm")
    draw.text((40, 92), creative.title, fill=_INK, font=typeface(38), anchor="lm")
    draw.text((40, 138), creative.id, fill=_INK, font=typeface(24), anchor="lm")
    x, y = _BAR_AT
    dim = tuple(c // 2 for c in style.ground)
    draw.rectangle((x, y, x + _BAR_WIDTH - 1, y + _BAR_HEIGHT - 1), fill=dim)
    draw.rectangle((0, _BAND_TOP, WIDTH, HEIGHT), fill=style.accent)
    return np.asarray(image, dtype=np.float32)
