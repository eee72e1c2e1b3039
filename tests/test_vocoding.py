"""The recipe for the way back adds the terms that it names; a difference of waves cannot guess a phase."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime, vocoding
from gancourse.data import instrument
from gancourse.models.waveform import Discriminator, Vocoder
from gancourse.spectra import LogMel
from gancourse.vocoding import Recipe

LOG_MEL = LogMel(8_000, length=1_024)


def notes(count, phase="struck", seed=0):
    return instrument.pluck(count, runtime.generator(seed), phase=phase).waves


def built(seed=0):
    with runtime.seeded(seed):
        return Vocoder()


def test_parameters_by_hand_and_shapes():
    # 32*64*5+64, 64*64*5+64, 64*32*8+32, 32*16*16+16, 16*16+1
    assert sum(p.numel() for p in Vocoder().parameters()) == 10_304 + 20_544 + 16_416 + 8_208 + 257
    waves = built()(LOG_MEL.pictures(notes(3)))
    assert waves.shape == (3, 1_024) and float(waves.detach().abs().max()) <= 1
    with pytest.raises(ValueError, match=r"pictures must have shape \(N, 1, 32, windows\), got .*\[3, 32, 32\]"):
        built()(torch.zeros(3, 32, 32))


@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe(wave=0.7, spectral=0.0), Recipe(wave=0.3, spectral=2.0), Recipe(adversarial=0.2)]
)
def test_the_loss_is_the_sum_of_its_terms(recipe):
    real, vocoder = notes(4), built()
    before = copy.deepcopy(vocoder)
    says = vocoding.make_step(vocoder, LOG_MEL, recipe, seed=3)(real)
    fake = before(LOG_MEL.pictures(real))
    expected = recipe.wave * (fake - real).abs().mean()
    expected += recipe.spectral * (LOG_MEL.pictures(fake) - LOG_MEL.pictures(real)).abs().mean()
    if not recipe.adversarial:
        assert float(says["g_loss"]) == pytest.approx(expected.item(), rel=1e-4) and "d_loss" not in says
        return
    with runtime.seeded(3):
        first = Discriminator(1_024)
    d_loss = F.softplus(-first(real)).mean() + F.softplus(first(fake.detach())).mean()
    assert float(says["d_loss"]) == pytest.approx(d_loss.item(), rel=1e-4)
    assert 0 < (float(says["g_loss"]) - expected.item()) / recipe.adversarial < 2  # D has moved by now


def test_the_penalty_and_the_rates(monkeypatch):
    counted = []
    monkeypatch.setattr(vocoding.penalties, "r1_penalty", lambda logits, real: counted.append(1) or logits.sum() * 0)
    vocoder, by_step = built(), []
    step = vocoding.make_step(vocoder, LOG_MEL, Recipe(adversarial=0.1, num_steps=5))
    for _ in range(5):
        step(notes(2))
        by_step.append(len(counted))
    assert by_step == [1, 1, 1, 1, 2]


def test_a_difference_of_waves_makes_notes_of_unknown_phase_quiet():
    """Nothing is nearer, on average, to a wave that may begin anywhere than near silence; to a struck one it is not."""
    loud = {}
    for phase in instrument.PHASES:
        vocoder = vocoding.train(notes(256, phase), LOG_MEL, Recipe(wave=1.0, spectral=0.0, num_steps=150), seed=0)
        asked = notes(64, phase, seed=1)
        loud[phase] = float(vocoder(LOG_MEL.pictures(asked)).square().mean().sqrt() / asked.square().mean().sqrt())
    assert loud["random"] < loud["struck"] / 1.5


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"spectral": 0.0}, "a recipe needs a weight above 0"),
        ({"wave": -1.0}, "wave must be a finite number, at least 0.0"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
    ],
)
def test_a_wrong_recipe_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(Recipe(), **settings)


def test_pictures_with_other_steps_are_refused():
    with pytest.raises(ValueError, match="log_mel must have a window every 32 numbers, got 64"):
        vocoding.train(notes(4), LogMel(8_000), Recipe(), seed=0)
