"""A plucked string that exists on paper only: of every note its pitch, decay, brightness and phase are known.

A note is a sum of harmonics, sines at whole multiples of its pitch, and each dies away. Higher ones are weaker, by a
factor that is the note's brightness, and die away faster::

    brightness^(k - 1)  exp(-t (1 + 0.2 (k - 1)) / decay)  sin(2 pi k pitch t + k phase),   k = 1, 2, ... below 3,600 Hz
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between

__all__ = ["BRIGHTNESS", "DECAY", "LENGTH", "NOTES", "NOTE_NAMES", "PHASES", "SAMPLE_RATE", "Notes", "play", "pluck"]

SAMPLE_RATE = 8_000
"""Numbers a second."""

LENGTH = 1_024
"""Numbers of one note: 0.128 seconds."""

NOTES = (262.0, 294.0, 330.0, 392.0, 440.0, 523.0)
"""Pitches in Hz: C, D, E, G, A, and the C above."""

NOTE_NAMES = ("C", "D", "E", "G", "A", "high C")

DECAY = (0.02, 0.08)
"""Shortest and longest time, in seconds, after which the first harmonic has 1/e of its strength."""

BRIGHTNESS = (0.3, 0.8)
"""Smallest and largest ratio of one harmonic's strength to that of the one below."""

PHASES = ("struck", "random")
"""Where the wave begins: every note at 0, as if struck alike, or each somewhere else."""

_MOST_HARMONICS, _HIGHEST = 13, 3_600.0
_FASTER, _LOUDNESS = 0.2, 0.5


class Notes(NamedTuple):
    """Notes and what they are made of.

    Attributes:
        waves: shape (N, length), float32, in [-1, 1].
        note: index in ``NOTES``, shape (N,), int64.
        decay: seconds, shape (N,).
        brightness: shape (N,).
        phase: radians, shape (N,); 0 everywhere where the notes are struck.
    """

    waves: Tensor
    note: Tensor
    decay: Tensor
    brightness: Tensor
    phase: Tensor

    @property
    def pitch(self) -> Tensor:
        """Hz, shape (N,)."""
        return torch.tensor(NOTES)[self.note]


def pluck(n: int, generator: torch.Generator, *, phase: str = "struck", length: int = LENGTH) -> Notes:
    """Return ``n`` notes: a pitch of six, decay (even on the logarithm) and brightness anywhere in their ranges.

    Args:
        n: how many.
        generator: draws them.
        phase: "struck" (every wave begins at 0) or "random" (each begins somewhere else). Nothing else differs.
        length: numbers of each.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 17.
    """
    n = whole_between("n", n, 1)
    if phase not in PHASES:
        raise ValueError(f"phase must be one of {', '.join(PHASES)}, got {phase!r}")
    note = torch.randint(len(NOTES), (n,), generator=generator)
    shares = torch.rand(3, n, generator=generator)  # drawn alike for both kinds of phase
    low, high = map(math.log, DECAY)
    decay = torch.exp(low + (high - low) * shares[0])
    brightness = BRIGHTNESS[0] + (BRIGHTNESS[1] - BRIGHTNESS[0]) * shares[1]
    start = 2 * math.pi * shares[2] if phase == "random" else torch.zeros(n)
    waves = play(torch.tensor(NOTES)[note], decay, brightness, start, length=length)
    return Notes(waves, note, decay, brightness, start)


def play(
    pitch: Tensor,
    decay: Tensor,
    brightness: Tensor,
    phase: Tensor,
    *,
    length: int = LENGTH,
    sample_rate: float = SAMPLE_RATE,
) -> Tensor:
    """Return the waves of notes of your choice, shape (N, length), float32.

    Every wave has, at its very beginning, the same strength: a root mean square of 0.35, over a period.

    Args:
        pitch: Hz, shape (N,); above 0, below half the sample rate.
        decay: seconds, shape (N,), above 0.
        brightness: shape (N,), from 0 (a pure tone) to 1.
        phase: radians, shape (N,).
        length: numbers of each wave.
        sample_rate: numbers a second.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 17.
    """
    length = whole_between("length", length, 1)
    rate = real_between("sample_rate", sample_rate, 1.0)
    ranges = {
        "pitch": (0.0, rate / 2),
        "decay": (0.0, math.inf),
        "brightness": (-1e-9, 1.0),
        "phase": (-math.inf, None),
    }
    given = dict(zip(ranges, (pitch, decay, brightness, phase), strict=True))
    for name, value in given.items():
        _check(name, value, len(pitch) if isinstance(pitch, Tensor) and pitch.ndim else 0, *ranges[name])
    pitch, decay, brightness, phase = (value.double()[:, None] for value in given.values())
    t = torch.arange(length, dtype=torch.float64) / rate
    waves, power = torch.zeros(len(pitch), length, dtype=torch.float64), torch.zeros_like(pitch)
    for k in range(1, _MOST_HARMONICS + 1):
        heard = (k * pitch < min(_HIGHEST, rate / 2)) | (torch.tensor(k) == 1)
        strength = brightness ** (k - 1) * heard
        fading = torch.exp(-t * (1 + _FASTER * (k - 1)) / decay)
        waves += strength * fading * torch.sin(2 * math.pi * k * pitch * t + k * phase)
        power += strength**2
    return (_LOUDNESS * waves / power.sqrt()).float()


def _check(name: str, value: object, count: int, low: float, high: float | None) -> None:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} must be a floating-point tensor of shape (N,), got {got}")
    if value.ndim != 1 or len(value) != count or count == 0:
        raise ValueError(f"{name} must have shape (N,), one for each note, got {tuple(value.shape)}")
    inside = torch.isfinite(value) & (value > low)
    if high is not None:
        inside &= (value < high) if name == "pitch" else (value <= high)
    if not bool(inside.all()):
        limit = f"above {max(low, 0):g}" if high in (None, math.inf) else f"from {max(low, 0):g} to {high:g}"
        wrong = float(value[~inside][0])
        raise ValueError(f"{name} must be finite{'' if high is None else ' and ' + limit}, got {wrong:g}")
