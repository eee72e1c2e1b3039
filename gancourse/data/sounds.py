"""Spoken digits, the instrument's notes in their place where there are none, and WAV files of all kinds.

``load("auto")`` takes the Free Spoken Digit Dataset when it is at hand or quickly fetched, and otherwise notes of
:mod:`gancourse.data.instrument`, which are always there: six "words" instead of ten, "spoken" by six players.

| set | sounds | source, licence |
|---|---|---|
| fsdd | 3,000 recordings, 10 words, 6 speakers | Free Spoken Digit Dataset, Jackson and others; CC BY-SA 4.0 |
| instrument | 3,000 notes, 6 pitches, 6 players | computed here |

A WAV file says how many numbers a second it holds, and of which kind they are. Whatever these are, the sound comes out
at the rate asked for and as fast as it was, one channel, in [-1, 1]; what is no sound is left out, by name.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.data import archives, files, instrument

__all__ = [
    "HELD_TAKES",
    "NAMES",
    "Collection",
    "NoSound",
    "Words",
    "from_folder",
    "in_a_row",
    "load",
    "louder",
    "read_wav",
]

NAMES = ("auto", "fsdd", "instrument")

HELD_TAKES = 5
"""Of each speaker's takes of each word, so many first ones are kept for testing; FSDD's own rule."""

_QUICK_SECONDS, _PATIENT_SECONDS = 20.0, 300.0
_RATES = (1_000, 400_000)
_PEAK = 0.9
_FSDD = archives.PublishedArchive(
    name="fsdd",
    title="the Free Spoken Digit Dataset",
    ending=".wav",
    sha256="dbd573d7cafe79c4b49f65718115e1304e24e067fa39eff18a660dc6cb9c360f",
    addresses=(
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.zip",  # the project's own
        "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/zip/refs/heads/master",
    ),
    folders=(
        "fsdd/recordings",
        "recordings",
        "free-spoken-digit-dataset*",
        "free-spoken-digit-dataset*/recordings",
    ),
    most_bytes=60_000_000,
)
_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLAYERS = 6


class NoSound(ValueError):
    """A file is no sound that can be used; the message says in which way."""


@dataclass(frozen=True)
class Words:
    """Short sounds of a few kinds, by several speakers.

    Attributes:
        waves: shape (N, L), float32; each has the same peak, 0.9, unless it is silent.
        labels: which word, shape (N,), int64.
        speakers: who speaks, shape (N,), int64.
        takes: the how-manieth time, shape (N,), int64, from 0.
        sample_rate: numbers a second.
        name: "fsdd" or "instrument".
        source: one line that says what this is, where it came from, and how many were cut or padded.
        class_names, speaker_names: what the labels and the speakers are called.
    """

    waves: Tensor
    labels: Tensor
    speakers: Tensor
    takes: Tensor
    sample_rate: int
    name: str
    source: str
    class_names: tuple[str, ...]
    speaker_names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Words({self.source})"

    @property
    def held_out(self) -> Tensor:
        """True for the takes that are kept for testing, shape (N,)."""
        return self.takes < HELD_TAKES


class Collection(NamedTuple):
    """The sounds of a folder.

    Attributes:
        waves: shape (N, L), float32, in [-1, 1].
        names: of their files, in order.
        left_out: the other files by name, and why.
        cut, padded: how many were longer, and shorter, than L.
        line: all that in one line.
    """

    waves: Tensor
    names: tuple[str, ...]
    left_out: dict[str, str]
    cut: int
    padded: int
    line: str


def load(name: str = "auto", *, sample_rate: int = 4_000, length: int = 2_048) -> Words:
    """Return spoken digits, or notes in their place, and print one line that says which.

    "auto" takes the spoken digits if they are in the folder named by ``GANCOURSE_DATA`` (as ``fsdd.zip`` or unpacked),
    in the cache, or downloaded within 20 s, and otherwise the instrument. A network that failed is not waited for
    again in the same session. ``GANCOURSE_OFFLINE=1`` never tries it. The recordings are verified each time.

    Every sound is made as loud as the others, because one speaker of FSDD is about ten times as quiet as another.

    Args:
        name: "auto", "fsdd" or "instrument".
        sample_rate: numbers a second, 2,000 to 48,000. FSDD has 8,000 and is resampled.
        length: numbers of each sound: longer ones are cut at their end, shorter ones go on with silence.
    Raises:
        ValueError: an unknown name, or a number out of range.
        files.DataUnavailable: the set asked for by name is not at hand and cannot be fetched.
    First met in: notebook 17.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}")
    rate, length = whole_between("sample_rate", sample_rate, 2_000, 48_000), whole_between("length", length, 1)
    if name == "instrument":
        words = _notes(rate, length)
    else:
        try:
            patient = name == "fsdd"
            found = archives.fetch(_FSDD, seconds=_PATIENT_SECONDS if patient else _QUICK_SECONDS, patient=patient)
            words = _spoken(found, rate, length)
        except files.DataUnavailable as problem:
            if name == "fsdd":
                raise
            words = _notes(rate, length, note=f". {problem.reason}")
    print(words.source)
    return words


def from_folder(
    folder: str | Path, *, sample_rate: int = 8_000, length: int = 8_192, say: Callable[[str], None] = print
) -> Collection:
    """Return the sounds in a folder or a zip of WAV files, and say in one line what was done to them.

    Args:
        folder: a folder, or a zip, with WAV files in it; folders inside a folder are not searched.
        sample_rate: numbers a second of what is returned; files at other rates are resampled.
        length: numbers of each sound: longer ones are cut at their end, shorter ones go on with silence.
        say: called with the line.
    Raises:
        FileNotFoundError: there is no such folder or zip.
        ValueError: no file in it is a sound, or it is damaged as a whole.
    First met in: notebook 17.
    """
    path = Path(folder).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no folder or zip {str(folder)!r}")
    try:
        contents = archives.read_folder(path, ".wav") if path.is_dir() else archives.read_zip(path, ".wav")
    except files.DamagedFile as damage:
        raise ValueError(f"{path} cannot be used: {damage}") from damage
    rate, length = whole_between("sample_rate", sample_rate, *_RATES), whole_between("length", length, 1)
    found = _collected(contents, rate, length)
    if not found.names:
        why = "; ".join(f"{name}: {reason}" for name, reason in [*found.left_out.items()][:3])
        raise ValueError(f"{path} has no WAV file that is a sound{f' ({why})' if why else ''}")
    say(found.line)
    return found


def read_wav(source: str | Path | bytes, *, sample_rate: int = 8_000) -> Tensor:
    """Return the sound in a WAV file, shape (L,), float32, in [-1, 1], at the rate asked for.

    Whole numbers of 8, 16, 24, 32 or 64 bits and floats of 32 or 64 are read; several channels are averaged. Floats
    beyond 1 in size are scaled down together, so that nothing is clipped.

    Args:
        source: a path, or the bytes of a file.
        sample_rate: numbers a second of what is returned.
    Raises:
        NoSound: it is no WAV file, of a kind that is not read, cut off, or has fewer than two numbers.
        OSError: it cannot be read at all.
    First met in: notebook 17.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    wanted = whole_between("sample_rate", sample_rate, *_RATES)
    payload = source if isinstance(source, bytes) else Path(source).read_bytes()
    if not payload:
        raise NoSound("it is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("error", wavfile.WavFileWarning)
        warnings.filterwarnings("ignore", message="Chunk .non-data. not understood")  # pictures, titles, cue points
        try:
            rate, data = wavfile.read(io.BytesIO(payload))
        except wavfile.WavFileWarning as warning:
            raise NoSound(f"it is cut off ({_short(warning)})") from warning
        except Exception as error:  # scipy says ValueError, struct.error, and others besides
            raise NoSound(f"it is no WAV file that can be read ({_short(error)})") from error
    if not _RATES[0] <= rate <= _RATES[1]:
        raise NoSound(f"its rate is {rate:,} numbers a second")
    wave = _in_floats(data)
    if wave.ndim == 2:
        wave = wave.mean(axis=1)
    if len(wave) < 2:
        raise NoSound(f"it holds {len(wave)} number(s)")
    if not np.isfinite(wave).all():
        raise NoSound("it holds numbers that are not finite")
    if rate != wanted:
        ratio = Fraction(wanted, int(rate))
        wave = resample_poly(wave, ratio.numerator, ratio.denominator)
    return torch.from_numpy(wave / max(1.0, float(np.abs(wave).max()))).float()


def louder(waves: Tensor, peak: float = _PEAK) -> Tensor:
    """Return sounds of equal peak, silent ones as they are.

    Args:
        waves: shape (..., L).
        peak: largest absolute value of each, above 0, at most 1.
    First met in: notebook 17.
    """
    peak = real_between("peak", peak, 1e-6, 1.0)
    largest = waves.abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > 0, peak * waves / largest.clamp(min=1e-30), waves)


def in_a_row(waves: Tensor, gap: int = 800) -> Tensor:
    """Return sounds one after another, with silence between: one sound, shape (N (L + gap),), for a player.

    Args:
        waves: shape (N, L).
        gap: numbers of silence after each.
    First met in: notebook 17.
    """
    return torch.nn.functional.pad(waves.detach().cpu(), (0, whole_between("gap", gap, 0))).flatten()


# ---------------------------------------------------------------- helpers


def _in_floats(data: np.ndarray) -> np.ndarray:
    """Return the numbers of a file in [-1, 1]; bytes are the only kind without a sign, with silence at 128."""
    if data.dtype == np.uint8:
        return (data.astype(np.float64) - 128) / 128
    if np.issubdtype(data.dtype, np.integer):  # 24 bits come as 32, moved to the left
        return data.astype(np.float64) / -float(np.iinfo(data.dtype).min)
    return data.astype(np.float64)


def _collected(contents: dict[str, bytes], rate: int, length: int) -> Collection:
    waves, names, left_out, cut, padded = [], [], {}, 0, 0
    for name, payload in contents.items():
        try:
            wave = read_wav(payload, sample_rate=rate)
        except NoSound as problem:
            left_out[name] = str(problem)
            continue
        cut, padded = cut + (len(wave) > length), padded + (len(wave) < length)
        waves.append(torch.nn.functional.pad(wave[:length], (0, max(0, length - len(wave)))))
        names.append(name)
    stacked = torch.stack(waves) if waves else torch.zeros(0, length)
    line = f"{len(names):,} sounds of {length:,} numbers at {rate:,} Hz; {cut:,} cut, {padded:,} padded with silence"
    if left_out:
        shown = [f"{name}: {reason}" for name, reason in left_out.items()]
        more = f"; and {len(shown) - 3} more" if len(shown) > 3 else ""
        line += f"; {len(shown):,} left out ({'; '.join(shown[:3])}{more})"
    return Collection(stacked, tuple(names), left_out, cut, padded, line)


def _spoken(found: files.Fetched, rate: int, length: int) -> Words:
    contents = {name: found.contents[name] for name in sorted(found.contents) if _NAME.fullmatch(name)}
    collected = _collected(contents, rate, length)
    parts = [_NAME.fullmatch(name).groups() for name in collected.names]
    speakers = tuple(sorted({speaker for _, speaker, _ in parts}))
    columns = [[int(digit) for digit, _, _ in parts], [speakers.index(who) for _, who, _ in parts],
               [int(take) for _, _, take in parts]]  # fmt: skip
    source = f"Data: Free Spoken Digit Dataset, {found.origin}: {collected.line}"
    return Words(louder(collected.waves), *map(torch.tensor, columns), rate, "fsdd", source, _DIGITS, speakers)


def _notes(rate: int, length: int, note: str = "") -> Words:
    """Return notes as words: of each pitch 500, by six players who differ in brightness, as voices do."""
    generator = torch.Generator().manual_seed(17)
    takes, kinds = 500 // _PLAYERS, len(instrument.NOTES)
    labels, speakers, nth = (
        part.flatten() for part in torch.meshgrid(*map(torch.arange, (kinds, _PLAYERS, takes)), indexing="ij")
    )
    shares = torch.rand(3, len(labels), generator=generator)
    low, high = instrument.BRIGHTNESS
    brightness = low + (high - low) * (speakers + shares[0]) / _PLAYERS
    shortest, longest = (math.log(4 * seconds) for seconds in instrument.DECAY)  # a word lasts longer than a pluck
    decay = torch.exp(shortest + (longest - shortest) * shares[1])
    pitch = torch.tensor(instrument.NOTES)[labels]
    waves = instrument.play(pitch, decay, brightness, 2 * math.pi * shares[2], length=length, sample_rate=rate)
    names = tuple(f"player {number + 1}" for number in range(_PLAYERS))
    source = f"Data: notes of the instrument, {len(labels):,} of {length:,} numbers at {rate:,} Hz, computed here{note}"
    return Words(louder(waves), labels, speakers, nth, rate, "instrument", source, instrument.NOTE_NAMES, names)


def _short(problem: Exception) -> str:
    text = " ".join(str(problem).split())
    return (text if len(text) <= 90 else f"{text[:87]}...").rstrip(".") or type(problem).__name__
