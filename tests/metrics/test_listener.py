"""The judge of words learns, is fooled by shaped noise as the module says, and sees it when it is strict."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import sounds
from gancourse.metrics import listener
from gancourse.spectra import LogMel


@pytest.fixture(scope="module")
def words():
    return sounds.load("instrument")


@pytest.fixture(scope="module")
def judged(words):
    """Pictures, and a plain and a strict judge trained on a third of the notes."""
    log_mel, some = LogMel(words.sample_rate), torch.arange(len(words.waves)) % 3 == 0
    pictures, used = log_mel.pictures(words.waves[some]), ~words.held_out[some]
    labels = words.labels[some]
    bad = listener.nonsense(words.waves[some][used], labels[used], runtime.generator(0), each=60, mixed=200)
    plain = listener.train(pictures[used], labels[used], 6, num_steps=150)
    strict = listener.train(pictures[used], labels[used], 6, nonsense=log_mel.pictures(bad.waves), num_steps=150)
    return log_mel, pictures[~used], labels[~used], plain, strict


def test_both_judges_know_the_words(judged):
    _, pictures, labels, plain, strict = judged
    assert plain.accuracy(pictures, labels) > 0.9 and strict.accuracy(pictures, labels) > 0.9
    assert plain.probabilities(pictures).shape == (len(pictures), 6) and not plain.strict
    chances = strict.probabilities(pictures)
    assert chances.shape == (len(pictures), 7) and torch.allclose(chances.sum(1), torch.ones(len(pictures)))
    features = plain.features(pictures)
    assert features.shape == (len(pictures), 64) and float(features.min()) >= 0


def test_a_plain_judge_has_to_say_a_word_and_a_strict_one_has_not(judged, words):
    log_mel, *_, plain, strict = judged
    noise = log_mel.pictures(listener.shaped_noise(words.waves[words.labels == 2], 100, runtime.generator(9)))
    assert float((strict.probabilities(noise).argmax(1) == 6).double().mean()) > 0.95
    assert int(plain.probabilities(noise).argmax(1).max()) < 6


def test_pictures_are_judged_one_by_one(judged):
    _, pictures, _, plain, _ = judged
    assert torch.allclose(plain.probabilities(pictures[5:6]), plain.probabilities(pictures)[5:6], atol=1e-5)


def test_training_repeats_and_leaves_other_random_numbers_alone(judged):
    _, pictures, labels, *_ = judged
    state = torch.random.get_rng_state()
    first, second = (listener.train(pictures, labels, 6, num_steps=5, seed=3) for _ in range(2))
    assert torch.equal(first.probabilities(pictures), second.probabilities(pictures))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_shaped_noise_has_the_spectrum_and_the_envelope_it_says():
    """Sounds of one tone that is heard in their second half only: the noise has that tone, then and there."""
    t = torch.arange(2_048)
    waves = (torch.sin(2 * math.pi * 256 / 2_048 * t) * (t >= 1_024)).repeat(4, 1)
    noise = listener.shaped_noise(waves, 200, runtime.generator(1))
    assert noise.shape == (200, 2_048)
    assert float(noise[:, :1_024].abs().max()) == 0
    assert torch.allclose(noise.abs().amax(1), torch.full((200,), 0.9))
    power = torch.fft.rfft(noise).abs().square().mean(0)
    assert float(power[250:263].sum() / power.sum()) > 0.6
    assert not torch.allclose(noise[0], noise[1], atol=0.1)


def test_scrambling_keeps_the_strength_of_each_frequency():
    waves = torch.randn(3, 2_048, generator=runtime.generator(0)) * torch.linspace(1, 0, 2_048)
    mixed = listener.scrambled(waves, runtime.generator(1))
    ratio = torch.fft.rfft(mixed).abs()[:, 1:-1] / torch.fft.rfft(waves).abs()[:, 1:-1]
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=0.02)
    early, late = (mixed[:, part].square().mean() for part in (slice(0, 1_024), slice(1_024, 2_048)))
    assert 0.5 < float(early / late) < 2  # the words are at all moments


def test_nonsense_has_both_kinds_of_every_word(words):
    bad = listener.nonsense(words.waves[:600], words.labels[:600] % 3, runtime.generator(0), each=5, mixed=7)
    kinds = len((words.labels[:600] % 3).unique())
    assert bad.waves.shape == (5 * kinds + 7, 2_048) and bad.shaped.tolist() == [True] * 5 * kinds + [False] * 7


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda p, y: listener.train(p, y, 1), ValueError, "words must be a whole number from 2 on"),
        (lambda p, y: listener.train(p, y.int(), 6), TypeError, "labels must be int64, got torch.int32"),
        (lambda p, y: listener.train(p, y + 9, 6), ValueError, r"labels must have shape \(\d+,\), from 0 to 5"),
        (lambda p, y: listener.train(p[:, 0], y, 6), ValueError, r"pictures must have shape \(N, C, H, W\)"),
        (lambda p, y: listener.shaped_noise(p, 3, None), ValueError, "waves must be floating point, shape"),
    ],
)
def test_anything_else_is_refused_by_name(judged, call, kind, message):
    with pytest.raises(kind, match=message):
        call(judged[1], judged[2])


def test_pictures_of_another_size_are_refused(judged):
    with pytest.raises(ValueError, match="pictures must be 32x32, got 28x28"):
        judged[3].probabilities(torch.zeros(2, 1, 28, 28) - 0.5)
