"""Pictures of sounds, and the way back: spectrograms, mel bands, log-mel pictures, Griffin and Lim's method.

A spectrogram cuts a sound into overlapping windows and says how strong each frequency is in each. It keeps the
strengths and drops the phases, where each wave begins. So the way back is a guess, which Griffin and Lim's method makes
better and better: to the strengths belong phases with which neighbouring windows agree where they overlap.

Everything here takes sounds of shape (N, L), and keeps the device, and gradients, of what it is given.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole_between

__all__ = ["HOP", "WINDOW", "LogMel", "griffin_lim", "hz", "mel", "mel_filters", "overlap_add", "spectrogram"]

WINDOW = 256
"""Numbers in a window."""

HOP = 64
"""Numbers from the beginning of one window to that of the next."""


def spectrogram(waves: Tensor, *, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Return how strong each frequency is in each window: shape (N, window / 2 + 1, L / hop + 1), at least 0.

    Windows are Hann windows around the places 0, hop, 2 hop, ...; beyond its ends a sound goes on as its mirror image.
    Row k is the frequency k rate / window. A sine of amplitude a at such a frequency (but the first two and the last)
    gives a * window / 4 there.

    Args:
        waves: shape (N, L), floating point, L above window / 2.
        window: numbers in a window, even.
        hop: from one window to the next, a divisor of the window, at most a quarter of it.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 17.
    """
    return _stft(_waves(waves, window), *_sizes(window, hop)).abs()


def mel(frequency: float) -> float:
    """Return a frequency in Hz on the mel scale, on which equal steps sound about equally large: 1,000 Hz are 1,000.

    Source: O'Shaughnessy (1987): 2595 log10(1 + f / 700).
    First met in: notebook 17.
    """
    return 2595 * math.log10(1 + frequency / 700)


def hz(mels: float) -> float:
    """Return the frequency in Hz of a place on the mel scale; the inverse of :func:`mel`."""
    return 700 * (10 ** (mels / 2595) - 1)


def mel_filters(bands: int, sample_rate: float, *, window: int = WINDOW, low: float = 80.0) -> Tensor:
    """Return the weights of mel bands, shape (bands, window / 2 + 1): triangles of height 1 that overlap by half.

    The corners lie evenly on the mel scale, from ``low`` to just below half the rate. Between the first and the last
    centre the weights of each frequency sum to 1.

    Args:
        bands: how many.
        sample_rate: numbers a second.
        window: of the spectrogram.
        low: where the first band begins, in Hz.
    Raises:
        ValueError: an argument is out of range, or a band is so narrow that no frequency falls into it.
    First met in: notebook 17.
    """
    bands, rate = whole_between("bands", bands, 1), real_between("sample_rate", sample_rate, 100.0)
    window, high = _sizes(window, window // 4)[0], 0.975 * rate / 2
    low = real_between("low", low, 0.0, 0.9 * high)
    places = torch.linspace(mel(low), mel(high), bands + 2, dtype=torch.float64)
    corners = torch.tensor([hz(place) for place in places.tolist()], dtype=torch.float64)
    frequency = torch.linspace(0, rate / 2, window // 2 + 1, dtype=torch.float64)
    rising = (frequency - corners[:-2, None]) / corners.diff()[:-1, None]
    falling = (corners[2:, None] - frequency) / corners.diff()[1:, None]
    filters = torch.minimum(rising, falling).clamp(min=0)
    if not bool((filters.sum(dim=1) > 0).all()):
        raise ValueError(f"bands must be fewer: of {bands} bands, one has none of the {window // 2 + 1} frequencies")
    return filters.float()


def griffin_lim(
    strengths: Tensor,
    length: int,
    noise: torch.Generator,
    *,
    rounds: int = 40,
    window: int = WINDOW,
    hop: int = HOP,
) -> Tensor:
    """Return sounds, shape (N, length), whose spectrograms are nearly these, by Griffin and Lim's method.

    It begins with random phases. In each round it makes a sound of strengths and phases, and takes the phases of that
    sound's own windows. No round makes the difference between the wanted strengths and the sound's larger.

    Args:
        strengths: from :func:`spectrogram`, shape (N, window / 2 + 1, length / hop + 1), at least 0.
        length: numbers of each sound.
        noise: draws the first phases.
        rounds: how often the phases are made better.
        window, hop: as in the spectrogram.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Griffin and Lim (1984).
    First met in: notebook 17.
    """
    window, hop = _sizes(window, hop)
    length = whole_between("length", length, window // 2 + 1)
    shape = (window // 2 + 1, length // hop + 1)
    if not isinstance(strengths, Tensor) or not strengths.is_floating_point():
        raise TypeError(
            f"strengths must be a floating-point tensor, got {getattr(strengths, 'dtype', type(strengths))}"
        )
    if strengths.ndim != 3 or tuple(strengths.shape[1:]) != shape or len(strengths) == 0:
        raise ValueError(f"strengths must have shape (N, {shape[0]}, {shape[1]}), got {tuple(strengths.shape)}")
    if not bool((strengths >= 0).all()):
        raise ValueError(f"strengths must be at least 0, got {float(strengths.min()):.3g}: are they decibels?")
    turns = torch.rand(strengths.shape, generator=noise, device=noise.device).to(strengths)
    spectrum = torch.polar(strengths, 2 * math.pi * turns)
    for _ in range(whole_between("rounds", rounds, 0)):
        own = _stft(_istft(spectrum, length, window, hop), window, hop)
        spectrum = strengths * own / own.abs().clamp(min=1e-9)
    return _istft(spectrum, length, window, hop)


def overlap_add(spectrum: Tensor, length: int, *, window: int = WINDOW, hop: int = HOP) -> Tensor:
    """Return the sounds that a complex spectrogram belongs to, shape (N, length); exact if there is such a sound.

    Where windows disagree, the sound is the one whose windows come nearest, in squares.

    Args:
        spectrum: complex, shape (N, window / 2 + 1, length / hop + 1).
        length: numbers of each sound.
        window, hop: as in the spectrogram.
    First met in: notebook 17.
    """
    return _istft(spectrum, length, *_sizes(window, hop))


class LogMel:
    """Small pictures of sounds: 32 mel bands upwards in 32 windows across, in decibels; and the way back.

    A picture's values are decibels over a range of 60: a band of a window with strength s becomes
    (20 log10(s) - middle) / 30, and what lies outside [-1, 1] is cut off. So silence is black, -1.

    Args:
        sample_rate: numbers a second.
        size: bands and windows: 32, or another of the image networks' sides.
        length: numbers of a sound: size times 64.
        middle: decibels that become 0.
    Raises:
        ValueError: an argument is out of range.
    First met in: notebook 17.
    """

    RANGE = 30.0

    def __init__(self, sample_rate: float, *, size: int = 32, length: int = 2_048, middle: float = 12.0) -> None:
        self.size, self.length = whole_between("size", size, 4), whole_between("length", length, WINDOW)
        self.sample_rate = real_between("sample_rate", sample_rate, 100.0)
        self.middle = real_between("middle", middle, -200.0, 200.0)
        self.hop = self.length // self.size
        if self.length % self.size or WINDOW % self.hop or self.hop > WINDOW // 4:
            raise ValueError(f"length must be size times 64 or a smaller power of two, got {length} and size {size}")
        self.filters = mel_filters(self.size, self.sample_rate)

    def pictures(self, waves: Tensor) -> Tensor:
        """Return a picture of each sound, shape (N, 1, size, size), in [-1, 1]; low bands first.

        Args:
            waves: shape (N, length), floating point.
        """
        if not isinstance(waves, Tensor) or waves.ndim != 2 or waves.shape[1] != self.length:
            raise ValueError(f"waves must have shape (N, {self.length}), got {getattr(waves, 'shape', type(waves))}")
        strengths = spectrogram(waves, hop=self.hop)[:, :, : self.size]
        bands = self.filters.to(strengths) @ strengths
        return ((20 * bands.clamp(min=1e-6).log10() - self.middle) / self.RANGE).clamp(-1, 1)[:, None]

    def clipped(self, waves: Tensor) -> float:
        """Return which share of the pictures' values is cut off at the top: these are wrong, not only quiet."""
        return float((self.pictures(waves) >= 1).double().mean())

    def strengths(self, pictures: Tensor) -> Tensor:
        """Return strengths of all frequencies that would give these pictures, as far as there are such.

        Of all strengths with the same bands it takes those with the least sum of squares, and 0 for negative ones.
        """
        bands = 10 ** ((pictures[:, 0] * self.RANGE + self.middle) / 20)
        return F.pad((self._inverse.to(bands) @ bands).clamp(min=0), (0, 1), mode="replicate")

    @functools.cached_property
    def _inverse(self) -> Tensor:
        return torch.linalg.pinv(self.filters.double()).float()

    def sounds(self, pictures: Tensor, noise: torch.Generator, *, rounds: int = 40) -> Tensor:
        """Return a sound for each picture by :func:`griffin_lim`, shape (N, length).

        Args:
            pictures: shape (N, 1, size, size), in [-1, 1].
            noise: draws the first phases.
            rounds: how often the phases are made better.
        """
        if not isinstance(pictures, Tensor) or tuple(pictures.shape[1:]) != (1, self.size, self.size):
            got = getattr(pictures, "shape", type(pictures))
            raise ValueError(f"pictures must have shape (N, 1, {self.size}, {self.size}), got {got}")
        return griffin_lim(self.strengths(pictures), self.length, noise, rounds=rounds, hop=self.hop)


def _sizes(window: int, hop: int) -> tuple[int, int]:
    window = whole_between("window", window, 8)
    hop = whole_between("hop", hop, 1, window // 4)
    if window % 2 or window % hop:
        raise ValueError(f"window must be even and a multiple of hop, got {window} and {hop}")
    return window, hop


def _waves(waves: Tensor, window: int) -> Tensor:
    if not isinstance(waves, Tensor) or not waves.is_floating_point():
        raise TypeError(f"waves must be a floating-point tensor, got {getattr(waves, 'dtype', type(waves).__name__)}")
    if waves.ndim != 2 or waves.shape[1] <= window // 2 or len(waves) == 0:
        raise ValueError(f"waves must have shape (N, L), L above {window // 2}, got {tuple(waves.shape)}")
    return waves


def _stft(waves: Tensor, window: int, hop: int) -> Tensor:
    shape = torch.hann_window(window, dtype=waves.dtype, device=waves.device)
    return torch.stft(waves, window, hop, window=shape, return_complex=True)


def _istft(spectrum: Tensor, length: int, window: int, hop: int) -> Tensor:
    shape = torch.hann_window(window, dtype=spectrum.real.dtype, device=spectrum.device)
    return torch.istft(spectrum, window, hop, window=shape, length=length)
