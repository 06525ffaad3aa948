"""Drawing straight into YUV 4:2:0 planes: everything is rendered once, and then only copied or blended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Floats = NDArray[np.float32]
Colour = tuple[int, int, int]

_DIGITS = "0123456789"
_OVERSAMPLING = 4
_BT709 = np.array(
    [[0.1826, 0.6142, 0.0620], [-0.1006, -0.3386, 0.4392], [0.4392, -0.3989, -0.0403]], dtype=np.float32
)
_OFFSETS = np.array([16, 128, 128], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture as three planes, BT.709 limited range; the two of chroma have half the size each way."""

    y: Bytes
    u: Bytes
    v: Bytes

    @classmethod
    def of_rgb(cls, rgb: Floats) -> Self:
        """From an array of height x width x 3 with values to 255; both sizes even."""
        y, u, v = _yuv(rgb)
        return cls(_to_bytes(y), _to_bytes(_halved(u)), _to_bytes(_halved(v)))

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Self:
        """The writable planes of a yuv420p frame."""
        return cls(*(_view(plane) for plane in frame.planes))

    @property
    def each(self) -> tuple[tuple[Bytes, int], ...]:
        """Every plane, with the power of two by which it is smaller."""
        return ((self.y, 0), (self.u, 1), (self.v, 1))

    def stamp(self, other: "Planes", x: int, y: int) -> None:
        """Copy an opaque picture here; `x` and `y` are even and the picture lies within."""
        for (here, shift), (there, _) in zip(self.each, other.each, strict=True):
            height, width = there.shape
            top, left = y >> shift, x >> shift
            here[top : top + height, left : left + width] = there

    def crop(self, x: int, y: int, width: int, height: int) -> "Planes":
        """A part of the picture, all of it even; a view and no copy."""
        cut = [plane[y >> s : (y + height) >> s, x >> s : (x + width) >> s] for plane, s in self.each]
        return Planes(*cut)


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture with soft edges, ready for even and odd places.

    `phases[dy][dx]` holds, for each plane, what is added and what is kept of what lies below, in 1/256.
    `width` and `height` include the one pixel that the odd phases need.
    """

    width: int
    height: int
    phases: tuple[tuple[tuple[tuple[Words, Words], ...], ...], ...]

    @classmethod
    def of_image(cls, image: Image.Image) -> Self:
        """From an RGBA image drawn `_OVERSAMPLING` times as large."""
        cover = _shrunk(np.asarray(image, dtype=np.float32))
        height, width = (cover.shape[0] + 2) & ~1, (cover.shape[1] + 2) & ~1
        return cls(
            width,
            height,
            tuple(tuple(_phase(cover, dx, dy, width, height) for dx in (0, 1)) for dy in (0, 1)),
        )

    def blend(self, canvas: Planes, x: int, y: int) -> None:
        """Put it on a picture with its left upper corner at (x, y), which lies within."""
        layers = self.phases[y & 1][x & 1]
        for (plane, shift), (added, kept) in zip(canvas.each, layers, strict=True):
            top, left = y >> 1 << 1 >> shift, x >> 1 << 1 >> shift
            height, width = added.shape
            below = plane[top : top + height, left : left + width]
            below[...] = (below * kept + added) >> 8


class Digits:
    """Digits of one width, and some other characters, on a plain ground; each one rendered once."""

    def __init__(self, size: int, ink: Colour, ground: Colour, others: str = "") -> None:
        font = typeface(size)
        widest = max(font.getlength(digit) for digit in _DIGITS)
        widths = {**dict.fromkeys(_DIGITS, widest), **{c: font.getlength(c) for c in others}}
        height = (size * 5 // 4 + 1) & ~1
        self._tiles = {c: _glyph(c, font, (_even(w), height), ink, ground) for c, w in widths.items()}

    def write(self, canvas: Planes, x: int, y: int, text: str) -> None:
        """Write at an even place; a character it was not made for is an error."""
        for character in text:
            tile = self._tiles[character]
            canvas.stamp(tile, x, y)
            x += tile.y.shape[1]


@cache
def typeface(size: int) -> ImageFont.FreeTypeFont:
    """The scalable font that Pillow carries, at a size in pixels."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this build of Pillow has no FreeType, and so no scalable font")
    return font


def _glyph(
    character: str, font: ImageFont.FreeTypeFont, size: tuple[int, int], ink: Colour, ground: Colour
) -> Planes:
    image = Image.new("RGB", size, ground)
    middle = (size[0] / 2, size[1] / 2 - 1)
    ImageDraw.Draw(image).text(middle, character, fill=ink, font=font, anchor="mm")
    return Planes.of_rgb(np.asarray(image, dtype=np.float32))


def _even(length: float) -> int:
    return (math.ceil(length) + 1) & ~1


def figure(width: int, height: int) -> tuple[Image.Image, float]:
    """An empty RGBA image for a sprite of that size in pixels, and the scale to draw it in."""
    size = (width * _OVERSAMPLING, height * _OVERSAMPLING)
    return Image.new("RGBA", size, (0, 0, 0, 0)), float(_OVERSAMPLING)


def _phase(cover: Floats, dx: int, dy: int, width: int, height: int) -> tuple[tuple[Words, Words], ...]:
    moved = np.zeros((height, width, 4), dtype=np.float32)
    moved[dy : dy + cover.shape[0], dx : dx + cover.shape[1]] = cover
    alpha = moved[..., 3]
    layers = []
    for plane, offset, shift in zip(_yuv(moved[..., :3], 0), _OFFSETS, (0, 1, 1), strict=True):
        light, kept = plane + offset * alpha, 1 - alpha
        if shift:
            light, kept = _halved(light), _halved(kept)
        layers.append((_to_words(light * 256), _to_words(kept * 256)))
    return tuple(layers)


def _shrunk(rgba: Floats) -> Floats:
    """Averaged down, with colours multiplied by their cover and the cover from 0 to 1."""
    premultiplied = rgba.copy()
    premultiplied[..., 3] /= 255
    premultiplied[..., :3] *= premultiplied[..., 3:]
    height, width = rgba.shape[0] // _OVERSAMPLING, rgba.shape[1] // _OVERSAMPLING
    blocks = premultiplied.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING, 4)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def _yuv(rgb: Floats, offset: float = 1) -> Sequence[Floats]:
    planes = rgb @ _BT709.T + offset * _OFFSETS
    return planes[..., 0], planes[..., 1], planes[..., 2]


def _halved(plane: Floats) -> Floats:
    height, width = plane.shape
    blocks = plane.reshape(height // 2, 2, width // 2, 2)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def _to_bytes(plane: Floats) -> Bytes:
    return np.asarray((plane + 0.5).clip(0, 255), dtype=np.uint8)


def _to_words(plane: Floats) -> Words:
    return np.asarray((plane + 0.5).clip(0, 65535), dtype=np.uint16)


def _view(plane: av.video.plane.VideoPlane) -> Bytes:
    # A plane is a writable buffer, though its stub does not say so.
    memory = np.frombuffer(plane, dtype=np.uint8)  # type: ignore[call-overload]
    return np.asarray(memory.reshape(-1, plane.line_size)[: plane.height, : plane.width])
