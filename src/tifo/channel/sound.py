"""The channel's and the creatives' sound: seamless loops of whole seconds, made once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tifo.channel.timeline import AAC_FRAME_SAMPLES, SAMPLES_PER_S

Samples = NDArray[np.float32]


class Loop:
    """Mono sound that repeats; addressed by AAC frames from the epoch, so it never loses its place."""

    def __init__(self, samples: Samples) -> None:
        if samples.size % SAMPLES_PER_S:
            raise ValueError("a loop is a whole number of seconds")
        self._length = samples.size
        self._samples = np.concatenate((samples, samples[:AAC_FRAME_SAMPLES]))

    def frame(self, number: int) -> Samples:
        """The samples of one AAC frame, as 1 x AAC_FRAME_SAMPLES."""
        start = number * AAC_FRAME_SAMPLES % self._length
        return self._samples[None, start : start + AAC_FRAME_SAMPLES]


def stadium() -> Loop:
    """A far murmur, a soft chord, and a short bell each second: four of them, the first one higher."""
    seconds = np.arange(4 * SAMPLES_PER_S) / SAMPLES_PER_S
    chord = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (110, 165, 220, 277))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * seconds / 4)
    bells = np.concatenate([_bell(hertz) for hertz in (1320, 880, 880, 880)])
    return Loop((0.012 * chord * swell + 0.02 * _murmur(seconds.size) + bells).astype(np.float32))


def jingle(notes: Sequence[int]) -> Loop:
    """A creative's own tune: one note in hertz each half second, over and over; an even count of them."""
    length = SAMPLES_PER_S // 2
    return Loop(np.concatenate([_bell(hertz, 0.09, 5)[:length] for hertz in notes]).astype(np.float32))


def _bell(hertz: int, loudness: float = 0.07, fade_per_s: float = 18) -> NDArray[np.float64]:
    seconds = np.arange(SAMPLES_PER_S) / SAMPLES_PER_S
    attack = np.minimum(1, seconds / 0.004)
    tone = np.sin(2 * np.pi * hertz * seconds) + 0.3 * np.sin(4 * np.pi * hertz * seconds)
    return np.asarray(loudness * attack * np.exp(-seconds * fade_per_s) * tone)


def _murmur(size: int) -> NDArray[np.float64]:
    """Noise of a crowd, filtered as a circle so that its end meets its beginning."""
    spectrum = np.fft.rfft(np.random.default_rng(11).normal(0, 1, size))
    hertz = np.fft.rfftfreq(size, 1 / SAMPLES_PER_S)
    noise = np.fft.irfft(spectrum * np.exp(-(((hertz - 400) / 300) ** 2)), size)
    return np.asarray(noise / np.abs(noise).max())
