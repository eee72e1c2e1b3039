"""What is heard in sounds of which everything is known: tones, decays, noise, silence, lines put there on purpose."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import instrument
from gancourse.metrics import sound

T = torch.arange(1_024, dtype=torch.float64) / 8_000


def tone(frequency, decay=math.inf, phase=0.3):
    return (torch.sin(2 * math.pi * frequency * T + phase) * torch.exp(-T / decay))[None]


@pytest.mark.parametrize("period", [13, 20, 31, 40])
@pytest.mark.parametrize("decay", [0.03, math.inf])
def test_a_wave_that_repeats_after_a_whole_number_of_steps_is_heard_exactly(period, decay):
    shape = torch.randn(period, generator=runtime.generator(period), dtype=torch.float64)
    wave = shape.repeat(1_024 // period + 1)[:1_024] * torch.exp(-T / decay)
    heard = sound.hear(wave[None])
    assert float(heard.periodicity) == pytest.approx(1, abs=1e-9)
    assert float(heard.pitch) == pytest.approx(8_000 / period, rel=0.02)  # the parabola may lean to one side


@pytest.mark.parametrize("frequency", [200.0, 262.0, 392.0, 523.0, 660.0])
def test_the_pitch_of_a_tone_between_whole_lags(frequency):
    heard = sound.hear(tone(frequency))
    assert abs(float(sound.semitones(heard.pitch) - sound.semitones(torch.tensor(frequency)))) < 0.05
    assert float(heard.periodicity) > 0.97
    assert float(heard.centroid) == pytest.approx(frequency, rel=0.05)


def test_a_sine_of_another_rate():
    wave = torch.sin(2 * math.pi * 300 * torch.arange(1_024, dtype=torch.float64) / 4_000)[None]
    heard = sound.hear(wave, sample_rate=4_000)
    assert float(heard.pitch) == pytest.approx(300, rel=0.02)
    assert float(heard.centroid) == pytest.approx(300, rel=0.05)


@pytest.mark.parametrize("decay", [0.02, 0.05, 0.08])
def test_the_decay_of_a_tone_is_its_own(decay):
    # 500 Hz has 8 whole periods in a stretch of 128, so that every stretch has the same share of a period
    assert float(sound.hear(tone(500.0, decay)).decay) == pytest.approx(decay, rel=1e-6)
    assert float(sound.hear(tone(500.0)).decay) == 1.0  # what does not die away
    assert float(sound.hear(tone(500.0, -0.05)).decay) == 1.0  # what grows


def test_the_centroid_is_the_mean_of_two_tones_by_power():
    # 500 and 1,500 Hz, the second half as strong: powers 4 to 1
    wave = tone(500.0) + 0.5 * tone(1_500.0, phase=1.0)
    assert float(sound.hear(wave).centroid) == pytest.approx((4 * 500 + 1_500) / 5, rel=0.02)


def test_noise_and_silence_have_no_pitch():
    noise = torch.randn(200, 1_024, generator=runtime.generator(1))
    assert 0 < float(sound.hear(noise).periodicity.median()) < 0.15
    heard = sound.hear(torch.zeros(2, 1_024))
    assert heard.periodicity.tolist() == [0, 0] and all(bool(torch.isfinite(part).all()) for part in heard)


def test_loudness_is_not_heard():
    notes = instrument.pluck(30, runtime.generator(2)).waves.double()
    for loud, quiet in zip(sound.hear(notes), sound.hear(1e-6 * notes), strict=True):
        assert torch.allclose(loud, quiet, rtol=1e-6)


def test_true_notes_are_heard_as_what_they_are():
    notes = instrument.pluck(600, runtime.generator(2))
    heard = sound.hear(notes.waves)
    off = sound.semitones(heard.pitch) - sound.semitones(notes.pitch.double())
    assert float(off.abs().max()) < 0.3 and float(heard.periodicity.min()) > sound.TONAL
    for mine, theirs in ((heard.decay.log(), notes.decay.log()), (heard.centroid, notes.brightness)):
        assert float(torch.corrcoef(torch.stack([mine, theirs.double()]))[0, 1]) > (0.97 if mine is not heard[3] else 0)


def test_a_report_counts_notes_and_measures_distances():
    truth = instrument.pluck(1_200, runtime.generator(3))
    others = instrument.pluck(1_200, runtime.generator(4))
    same = sound.compare(others.waves, truth.waves)
    assert same.tonal == 1 and same.missing == 0 and sum(same.notes) == pytest.approx(1)
    assert same.decay < 0.02 and same.pitch < 0.4 and same.centroid < 40
    fewer = others.waves[(others.note != 2) & (others.note != 5)]
    report = sound.compare(fewer, truth.waves)
    assert report.missing == 2 and report.notes[2] == report.notes[5] == 0 and sum(report.notes) == pytest.approx(1)


def test_the_distances_are_those_between_what_is_heard():
    """Every note an octave of 12 semitones up, or its decay halved: the distances are known."""
    truth = tone(300.0, 0.04).repeat(30, 1)
    higher = sound.compare(tone(600.0, 0.04).repeat(30, 1), truth)
    assert higher.pitch == pytest.approx(12, abs=0.2) and higher.centroid == pytest.approx(300, rel=0.05)
    shorter = sound.compare(tone(500.0, 0.02).repeat(25, 1), tone(500.0, 0.04).repeat(30, 1))
    assert shorter.decay == pytest.approx(math.log10(2), rel=1e-6)
    noise = sound.compare(torch.randn(40, 1_024, generator=runtime.generator(1)), truth)
    assert noise.tonal == 0 and math.isnan(noise.pitch) and noise.missing == 6 and sum(noise.notes) == 0


def test_a_line_of_known_strength_is_found_where_it_is():
    random = runtime.generator(5)
    noise = torch.randn(400, 1_024, generator=random, dtype=torch.float64)
    plain = sound.lines(noise)
    assert plain.shape == (7,) and float(plain.max()) < 3
    found = sound.lines(noise + 0.4 * tone(1_500.0))
    # under a Hann window: noise 3/8 L, a tone a^2 / 16 L^2
    expected = 10 * math.log10(1 + 0.4**2 / 16 * 1_024**2 / (3 / 8 * 1_024))
    assert float(found[2]) == pytest.approx(expected, abs=1)
    assert torch.allclose(found[[0, 1, 3, 4, 5, 6]], plain[[0, 1, 3, 4, 5, 6]], atol=0.5)
    assert torch.allclose(sound.lines(1e-3 * noise), plain)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (
            lambda: sound.hear(torch.zeros(2, 1, 1_024)),
            ValueError,
            r"waves must have shape \(N, L\), got \(2, 1, 1024\)",
        ),
        (lambda: sound.hear(torch.zeros(2, 100)), ValueError, "waves must have at least 256 numbers each, got 100"),
        (lambda: sound.hear(torch.full((1, 1_024), math.nan)), ValueError, "waves must be finite"),
        (lambda: sound.hear(torch.zeros(1, 1_024).long()), TypeError, "waves must hold floating-point numbers"),
        (lambda: sound.lines(torch.zeros(1, 1_024)), ValueError, "waves are silent"),
        (lambda: sound.lines(torch.ones(1, 400)), ValueError, "a multiple of 16 numbers, at least 416, got 400"),
        (lambda: sound.lines(torch.ones(1, 1_024), 3), ValueError, "parts must be a whole number from 4 on, got 3"),
    ],
)
def test_anything_else_is_refused_by_name(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
