"""The instrument plays what it says: the formula of a note, the ranges, and phase as the only difference."""

import math

import numpy as np
import pytest
import torch

from gancourse import runtime
from gancourse.data import instrument


def one(pitch=392.0, decay=0.05, brightness=0.6, phase=0.7, **more):
    return instrument.play(*(torch.tensor([value]) for value in (pitch, decay, brightness, phase)), **more)[0]


def by_hand(pitch, decay, brightness, phase, length=1_024, rate=8_000):
    """The sum in the module's docstring, written anew with numpy."""
    t, wave, power = np.arange(length) / rate, np.zeros(length), 0.0
    for k in range(1, 14):
        if k > 1 and k * pitch >= min(3_600, rate / 2):
            continue
        a = brightness ** (k - 1)
        wave += a * np.exp(-t * (1 + 0.2 * (k - 1)) / decay) * np.sin(2 * np.pi * k * pitch * t + k * phase)
        power += a**2
    return 0.5 * wave / math.sqrt(power)


@pytest.mark.parametrize(
    "note",
    [(392.0, 0.05, 0.6, 0.7), (262.0, 0.02, 0.3, 0.0), (3_700.0, 0.08, 0.8, 2.0), (440.0, 0.05, 0.0, 1.0)],
)
def test_a_note_is_the_sum_it_says(note):
    assert np.allclose(one(*note).numpy(), by_hand(*note), atol=1e-6)
    slower = one(*note, length=300, sample_rate=16_000).numpy()
    assert np.allclose(slower, by_hand(*note, length=300, rate=16_000), atol=1e-6)


def test_the_ranges_and_the_shares():
    notes = instrument.pluck(6_000, runtime.generator(3), phase="random")
    assert notes.waves.shape == (6_000, 1_024) and notes.waves.dtype == torch.float32
    assert float(notes.waves.abs().max()) <= 1
    assert (torch.bincount(notes.note, minlength=6) / 6_000 - 1 / 6).abs().max() < 0.02
    assert set(notes.pitch.tolist()) == set(instrument.NOTES)
    log_decay = notes.decay.log()
    low, high = map(math.log, instrument.DECAY)
    assert low <= float(log_decay.min()) and float(log_decay.max()) <= high
    assert float(log_decay.mean()) == pytest.approx((low + high) / 2, abs=0.02)
    assert float(notes.brightness.mean()) == pytest.approx(0.55, abs=0.01)
    assert float(notes.phase.min()) >= 0 and float(notes.phase.max()) < 2 * math.pi
    assert float(notes.phase.cos().mean()) == pytest.approx(0, abs=0.04)


def test_phase_is_the_only_difference_between_struck_and_random():
    struck, random = (instrument.pluck(50, runtime.generator(4), phase=phase) for phase in instrument.PHASES)
    for name in ("note", "decay", "brightness"):
        assert torch.equal(getattr(struck, name), getattr(random, name))
    assert float(struck.phase.abs().max()) == 0 and float(struck.waves[:, 0].abs().max()) == 0
    assert float(random.waves[:, 0].abs().max()) > 0.1
    strength = [torch.fft.rfft(notes.waves.double()).abs() for notes in (struck, random)]
    assert float((strength[0] - strength[1]).norm() / strength[0].norm()) < 0.15  # it is hardly seen in a spectrum


def test_a_wave_goes_with_its_own_numbers():
    notes = instrument.pluck(7, runtime.generator(5), phase="random", length=200)
    for place in (0, 6):
        made = by_hand(*(float(part[place]) for part in (notes.pitch, *notes[2:])), length=200)
        assert np.allclose(notes.waves[place].numpy(), made, atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda g: instrument.pluck(0, g), "n must be a whole number from 1 on, got 0"),
        (lambda g: instrument.pluck(2, g, phase="late"), "phase must be one of struck, random, got 'late'"),
        (lambda g: one(pitch=4_000.0), "pitch must be finite and from 0 to 4000, got 4000"),
        (lambda g: one(pitch=0.0), "pitch must be finite and from 0 to 4000, got 0"),
        (lambda g: one(decay=0.0), "decay must be finite and above 0, got 0"),
        (lambda g: one(brightness=1.2), "brightness must be finite and from 0 to 1, got 1.2"),
        (lambda g: one(phase=math.nan), "phase must be finite, got nan"),
        (
            lambda g: instrument.play(*(torch.ones(n) for n in (2, 3, 2, 2))),
            r"decay must have shape \(N,\), one for each note, got \(3,\)",
        ),
    ],
)
def test_anything_else_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(runtime.generator(0))


def test_whole_numbers_as_pitch_are_refused():
    with pytest.raises(TypeError, match="pitch must be a floating-point tensor"):
        instrument.play(torch.tensor([440]), *(torch.ones(1) for _ in range(3)))
