"""Numbers for sounds: what a note's pitch, decay and brightness are, and how far a set of notes is from the truth.

| function | asks | cannot see |
|---|---|---|
| :func:`hear` | pitch, periodicity, decay and brightness of each sound | whether it is pleasant |
| :func:`compare` | how far are these distributions from the truth's? | how the numbers hang together in one sound |
| :func:`lines` | is there more energy at multiples of rate / parts than around? | whether true sounds have it too |
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.data.instrument import NOTES, SAMPLE_RATE
from gancourse.metrics import _inputs
from gancourse.metrics.transport import wasserstein_1d

__all__ = ["TONAL", "Heard", "NoteReport", "compare", "hear", "lines", "semitones"]

TONAL = 0.9
"""A sound whose periodicity is above this has a pitch."""

_LOWEST, _HIGHEST = 190.0, 670.0  # Hz: where a pitch is looked for
_NEAR_THE_BEST = 0.95  # of the highest peak of the autocorrelation: the first peak so high is the period
_FRAME = 128
_QUIETEST = 1e-8  # of the loudest frame's energy: what is quieter counts as so quiet
_LONGEST = 1.0  # seconds
_OFF_KEY = 0.3  # semitones
_FEWEST_TONAL = 20


class Heard(NamedTuple):
    """What is heard in each sound, shape (N,) each, float64.

    Attributes:
        pitch: Hz; one over the period.
        periodicity: how well the sound repeats after that period: 1 for what repeats but for its loudness, below 0.15
            for noise, 0 for silence.
        decay: seconds after which the amplitude has fallen to 1/e; 1 second for whatever takes longer or grows.
        centroid: the mean frequency in Hz, each with the weight of its power: how bright the sound is.
    """

    pitch: Tensor
    periodicity: Tensor
    decay: Tensor
    centroid: Tensor


class NoteReport(NamedTuple):
    """A set of sounds beside the truth; distances are exact W1 distances between what is heard in both.

    Attributes:
        tonal: share of the sounds that have a pitch (periodicity above ``TONAL``).
        periodicity: its median.
        notes: which share of all sounds is each of the six notes: tonal, and within 0.3 semitones of it.
        missing: how many of the six notes make up less than a twentieth of the sounds that are a note at all.
        pitch: distance in semitones, of the tonal ones; NaN where there are fewer than 20.
        decay: distance of log10(decay / seconds).
        centroid: distance in Hz.
    """

    tonal: float
    periodicity: float
    notes: tuple[float, ...]
    missing: int
    pitch: float
    decay: float
    centroid: float


def hear(waves: Tensor, *, sample_rate: float = SAMPLE_RATE) -> Heard:
    """Return pitch, periodicity, decay and centroid of each sound.

    The period is the shortest lag, from 1/670 to 1/190 of a second, at which the autocorrelation has a peak almost as
    high as its highest. At each lag it is divided by the energies of both stretches that are compared, so a wave that
    repeats and dies away evenly has exactly 1 there; between whole lags a parabola is laid through three points. The
    decay is a straight line through the logarithm of the energy in stretches of 128 numbers.

    Args:
        waves: shape (N, L), floating point, finite.
        sample_rate: numbers a second.
    Raises:
        TypeError, ValueError: an argument is anything else, or the sounds are too short for the lowest pitch.
    First met in: notebook 17.
    """
    rate = real_between("sample_rate", sample_rate, 1_000.0)
    x = _waves("waves", waves)
    length, first, last = x.shape[1], math.floor(rate / _HIGHEST) + 1, math.floor(rate / _LOWEST)
    if length < max(2 * last, 2 * _FRAME):
        raise ValueError(f"waves must have at least {max(2 * last, 2 * _FRAME)} numbers each, got {length}")
    x = x / x.abs().amax(dim=1, keepdim=True).clamp(min=1e-300)  # a quiet sound is heard like a loud one
    silent = x.abs().amax(dim=1) == 0
    power = torch.fft.rfft(x, 2 * length).abs().square()

    lag = torch.arange(last + 2)
    energy = F.pad(x.square().cumsum(dim=1), (1, 0))
    both = (energy[:, length - lag] * (energy[:, -1:] - energy[:, lag])).clamp(min=0).sqrt()
    r = torch.fft.irfft(power)[:, : last + 2] / both.clamp(min=1e-12)
    middle = r[:, first : last + 1]
    is_peak = (middle >= r[:, first - 1 : last]) & (middle >= r[:, first + 1 :])
    peak = middle.where(is_peak, torch.tensor(-1.0, dtype=x.dtype))
    best = peak.amax(dim=1)
    at = (peak >= _NEAR_THE_BEST * best[:, None]).int().argmax(dim=1) + first
    rows = torch.arange(len(x))
    before, here, after = r[rows, at - 1], r[rows, at], r[rows, at + 1]
    period = at + 0.5 * (before - after) / (before - 2 * here + after).clamp(max=-1e-9)

    frames = x[:, : length // _FRAME * _FRAME].unflatten(1, (-1, _FRAME)).square().mean(dim=2)
    loudness = (frames / frames.amax(dim=1, keepdim=True).clamp(min=1e-300)).clamp(min=_QUIETEST).log()
    t = torch.arange(frames.shape[1], dtype=x.dtype) * _FRAME / rate
    t -= t.mean()
    slope = (loudness * t).sum(dim=1) / t.square().sum()  # energy falls twice as fast as amplitude
    frequency = torch.arange(length + 1, dtype=x.dtype) * rate / (2 * length)
    return Heard(
        rate / period,
        torch.where(silent, 0.0, best.clamp(0, 1)),
        -2 / slope.clamp(max=-2 / _LONGEST),
        (power * frequency).sum(dim=1) / power.sum(dim=1).clamp(min=1e-300),
    )


def semitones(pitch: Tensor) -> Tensor:
    """Return pitches in semitones above the lowest of the six notes: 12 is an octave, twice the frequency.

    Args:
        pitch: Hz, above 0.
    First met in: notebook 17.
    """
    return 12 * torch.log2(pitch / NOTES[0])


def compare(waves: Tensor, truth: Tensor, *, sample_rate: float = SAMPLE_RATE) -> NoteReport:
    """Return how far a set of sounds is from true notes of the instrument, by what is heard in them.

    Args:
        waves, truth: shapes (N, L) and (M, L), floating point, finite.
        sample_rate: numbers a second, of both.
    Raises:
        TypeError, ValueError: as in :func:`hear`.
    First met in: notebook 17.
    """
    ours, theirs = hear(waves, sample_rate=sample_rate), hear(truth, sample_rate=sample_rate)
    tonal, true_tonal = ours.periodicity > TONAL, theirs.periodicity > TONAL
    keys = semitones(torch.tensor(NOTES, dtype=torch.float64))
    off = (semitones(ours.pitch[tonal])[:, None] - keys).abs()
    nearest = off.argmin(dim=1)[off.amin(dim=1) < _OFF_KEY]
    count = torch.bincount(nearest, minlength=len(NOTES))
    heard_enough = int(tonal.sum()) >= _FEWEST_TONAL and bool(true_tonal.any())
    return NoteReport(
        tonal=float(tonal.double().mean()),
        periodicity=float(ours.periodicity.median()),
        notes=tuple((count / len(waves)).tolist()),
        missing=int((count < max(1, 0.05 * float(count.sum()))).sum()),
        pitch=wasserstein_1d(semitones(ours.pitch[tonal]), semitones(theirs.pitch[true_tonal]))
        if heard_enough
        else math.nan,
        decay=wasserstein_1d(ours.decay.log10(), theirs.decay.log10()),
        centroid=wasserstein_1d(ours.centroid, theirs.centroid),
    )


def lines(waves: Tensor, parts: int = 16) -> Tensor:
    """Return by how many decibels the mean spectrum stands out at each multiple of rate / parts.

    A generator whose layers each make a sound four times as long treats every 4th, 16th, 64th number alike, and what
    differs between the places shows as tones at multiples of a 4th, 16th, 64th of the rate. The energy at a multiple is
    the largest of three neighbouring frequencies; it is divided by the median of 18 around it. Around 2 to 4 dB come
    from that maximum alone. Sounds that have a tone there by nature have it here too, so compare with the truth.

    Args:
        waves: shape (N, L), floating point, finite.
        parts: of the rate; the multiples run from 1 to parts / 2 - 1, and L is at least 26 parts.
    Returns:
        Shape (parts / 2 - 1,), float64, decibels.
    Raises:
        TypeError, ValueError: an argument is anything else, or all waves are silent.
    First met in: notebook 17.
    """
    parts = whole_between("parts", parts, 4)
    x = _waves("waves", waves)
    length = x.shape[1]
    if length < 26 * parts or length % parts:
        raise ValueError(f"waves must have a multiple of {parts} numbers, at least {26 * parts}, got {length}")
    power = torch.fft.rfft(x * torch.hann_window(length, dtype=x.dtype)).abs().square().mean(dim=0)
    if float(power.sum()) == 0:
        raise ValueError("waves are silent, so nothing stands out")
    found = []
    for place in range(length // parts, length // 2, length // parts):
        around = torch.cat([power[place - 12 : place - 3], power[place + 4 : place + 13]]).median()
        found.append(10 * torch.log10(power[place - 1 : place + 2].amax() / around.clamp(min=1e-300)))
    return torch.stack(found)


def _waves(name: str, waves: Tensor) -> Tensor:
    _inputs.check_samples(name, waves)
    if waves.ndim != 2:
        raise ValueError(f"{name} must have shape (N, L), got {tuple(waves.shape)}")
    return waves.detach().to("cpu", torch.float64)
