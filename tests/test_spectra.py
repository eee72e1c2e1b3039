"""Spectrograms, mel bands and the way back, against closed forms."""

import math

import pytest
import torch

from gancourse import runtime, spectra


def tone(frequency, rate=8_000, length=2_048, amplitude=1.0, phase=0.4):
    return (amplitude * torch.sin(2 * math.pi * frequency * torch.arange(length) / rate + phase))[None]


def test_a_tone_stands_where_it_should_as_strong_as_it_should():
    """At row k a sine of amplitude a gives a * 256 / 4, and half of that beside it: a Hann window's transform."""
    picture = spectra.spectrogram(tone(20 * 8_000 / 256, amplitude=0.3))
    assert picture.shape == (1, 129, 33)
    inside = picture[0, :, 3:-3]
    assert torch.allclose(inside[20], torch.full_like(inside[20], 0.3 * 64), rtol=1e-4)
    for beside in (19, 21):
        assert torch.allclose(inside[beside], inside[20] / 2, rtol=1e-3)
    assert float(inside[:17].max()) < 1e-2 and float(inside[24:].max()) < 1e-2


def test_windows_lie_around_multiples_of_the_hop():
    click = torch.zeros(1, 2_048)
    click[0, 640] = 1.0
    strength = spectra.spectrogram(click)[0, 50]
    assert int(strength.argmax()) == 10 and float(strength[10]) == pytest.approx(1)  # the top of the window
    assert strength[9] == pytest.approx(0.5, abs=1e-5) and float(strength[12]) < 1e-6


def test_the_mel_scale():
    assert spectra.mel(1_000) == pytest.approx(1_000, abs=0.05) and spectra.mel(0) == 0
    assert spectra.hz(spectra.mel(3_210.0)) == pytest.approx(3_210.0)


def test_mel_bands_are_triangles_that_share_every_frequency():
    filters = spectra.mel_filters(32, 4_000).double()
    assert filters.shape == (32, 129) and float(filters.min()) == 0 and float(filters.max()) <= 1
    frequency = torch.linspace(0, 2_000, 129).double()
    places = [spectra.hz(spectra.mel(80) + k / 33 * (spectra.mel(1_950) - spectra.mel(80))) for k in range(34)]
    between = (frequency > places[1]) & (frequency < places[-2])
    assert torch.allclose(filters.sum(0)[between], torch.ones(int(between.sum())).double(), atol=1e-5)
    assert float(filters[:, (frequency < 80) | (frequency > 1_950)].sum()) == 0
    middle = 10  # one triangle by hand
    rising = (frequency - places[middle]) / (places[middle + 1] - places[middle])
    falling = (places[middle + 2] - frequency) / (places[middle + 2] - places[middle + 1])
    assert torch.allclose(filters[middle], torch.minimum(rising, falling).clamp(min=0), atol=1e-5)


def test_a_sound_comes_back_from_its_complex_spectrogram():
    wave = torch.randn(2, 2_048, generator=runtime.generator(1))
    complete = torch.stft(wave, 256, 64, window=torch.hann_window(256), return_complex=True)
    assert torch.allclose(spectra.overlap_add(complete, 2_048), wave, atol=1e-5)
    assert torch.allclose(complete.abs(), spectra.spectrogram(wave))


def misfit(wave, wanted):
    return float((spectra.spectrogram(wave) - wanted).norm() / wanted.norm())


def test_griffin_lim_finds_a_sound_with_these_strengths_and_gets_no_worse():
    wave = tone(440.0) * torch.linspace(1, 0.1, 2_048) + 0.4 * tone(1_130.0, phase=1.0)
    wanted = spectra.spectrogram(wave)
    found = [
        misfit(spectra.griffin_lim(wanted, 2_048, runtime.generator(2), rounds=rounds), wanted)
        for rounds in (0, 1, 3, 10, 40)
    ]
    assert found == sorted(found, reverse=True) and found[0] > 0.5 and found[-1] < 0.25
    assert not torch.allclose(spectra.griffin_lim(wanted, 2_048, runtime.generator(2)), wave, atol=0.1)  # phases differ


def test_griffin_lim_leaves_a_sound_of_the_right_phases_as_it_is(monkeypatch):
    """With the true phases to begin with, there is nothing to make better."""
    wave = torch.randn(1, 2_048, generator=runtime.generator(1))
    complete = torch.stft(wave, 256, 64, window=torch.hann_window(256), return_complex=True)
    turns = (complete.angle() / (2 * math.pi)) % 1
    monkeypatch.setattr(torch, "rand", lambda *a, **k: turns)
    again = spectra.griffin_lim(complete.abs(), 2_048, runtime.generator(0), rounds=5)
    assert torch.allclose(again, wave, atol=1e-4)


def test_pictures_are_decibels_of_the_bands():
    log_mel = spectra.LogMel(4_000)
    wave = tone(700.0, rate=4_000, amplitude=0.2)
    picture = log_mel.pictures(wave)
    assert picture.shape == (1, 1, 32, 32)
    bands = log_mel.filters @ spectra.spectrogram(wave)[0, :, :32]
    by_hand = ((20 * bands.clamp(min=1e-6).log10() - 12) / 30).clamp(-1, 1)
    assert torch.allclose(picture[0, 0], by_hand, atol=1e-5)
    louder = log_mel.pictures(wave * 10**0.15)  # 3 dB
    moving = (picture > -0.9) & (picture < 0.85)
    assert torch.allclose((louder - picture)[moving], torch.full_like(picture, 0.1)[moving], atol=1e-4)
    assert float(log_mel.pictures(torch.zeros(1, 2_048)).max()) == -1
    assert log_mel.clipped(wave) == 0 < log_mel.clipped(100 * wave)


def test_pictures_come_back_through_sounds():
    log_mel = spectra.LogMel(4_000)
    wave = 0.5 * (tone(420.0, 4_000) + tone(910.0, 4_000)) * torch.linspace(1, 0.05, 2_048)
    picture = log_mel.pictures(wave)
    again = log_mel.pictures(log_mel.sounds(picture, runtime.generator(3)))
    loud = picture > -0.2
    assert float((again - picture)[loud].abs().mean()) < 0.06  # under 2 dB
    strengths = log_mel.strengths(picture)
    assert strengths.shape == (1, 129, 33) and float(strengths.min()) >= 0


def test_strengths_have_the_bands_they_are_made_of():
    log_mel = spectra.LogMel(4_000)
    flat = torch.zeros(1, 1, 32, 32)  # every band 12 dB, which smooth strengths can have
    bands = log_mel.filters @ log_mel.strengths(flat)[0, :, :32]
    assert torch.allclose(bands[2:-2], torch.full_like(bands[2:-2], 10 ** (12 / 20)), rtol=0.05)


def test_gradients_pass():
    wave = tone(300.0, 4_000).requires_grad_()
    spectra.LogMel(4_000).pictures(wave).sum().backward()
    assert bool(torch.isfinite(wave.grad).all()) and float(wave.grad.abs().max()) > 0


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: spectra.spectrogram(torch.zeros(2_048)), ValueError, "waves must have shape"),
        (lambda: spectra.spectrogram(torch.zeros(1, 2_048).int()), TypeError, "waves must be a floating-point"),
        (
            lambda: spectra.spectrogram(torch.zeros(1, 2_048), hop=100),
            ValueError,
            "hop must be a whole number from 1 to",
        ),
        (lambda: spectra.spectrogram(torch.zeros(1, 2_048), hop=48), ValueError, "a multiple of hop, got 256 and 48"),
        (lambda: spectra.mel_filters(400, 4_000), ValueError, "bands must be fewer"),
        (
            lambda: spectra.griffin_lim(-torch.ones(1, 129, 33), 2_048, runtime.generator(0)),
            ValueError,
            "strengths must be at least 0, got -1: are they decibels?",
        ),
        (
            lambda: spectra.griffin_lim(torch.ones(1, 129, 30), 2_048, runtime.generator(0)),
            ValueError,
            r"strengths must have shape \(N, 129, 33\), got \(1, 129, 30\)",
        ),
        (
            lambda: spectra.LogMel(4_000).pictures(torch.zeros(1, 1_024)),
            ValueError,
            r"waves must have shape \(N, 2048\)",
        ),
        (lambda: spectra.LogMel(4_000, length=2_000), ValueError, "length must be size times 64"),
    ],
)
def test_anything_else_is_refused_by_name(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
