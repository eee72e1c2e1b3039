"""tools/spoken_runs.py: words, noises and ways back are measured as their rows say."""

import pytest
import torch

import spoken_runs
from gancourse import runtime, vocoding
from gancourse.data import instrument, sounds
from gancourse.metrics import listener
from gancourse.spectra import LogMel


@pytest.fixture
def bench(monkeypatch):
    """The instrument's notes in the place of the recordings, and judges that have hardly learned."""
    words, log_mel = sounds.load("instrument"), LogMel(4_000)
    pictures = log_mel.pictures(words.waves)
    judges = [
        listener.train(pictures[::9], words.labels[::9], 6, nonsense=extra, num_steps=20)
        for extra in (None, -torch.rand(20, 1, 32, 32, generator=runtime.generator(0)))
    ]
    is_word = words.labels == 0
    mine, held = ((is_word & part).nonzero().flatten() for part in (~words.held_out, words.held_out))
    made = spoken_runs.Bench(words, log_mel, pictures, *judges, mine, held, (mine[:135], mine[135:]))
    monkeypatch.setattr(spoken_runs, "bench", lambda: made)
    return made


def test_a_set_is_judged_by_both_judges(bench):
    found = spoken_runs.heard_as(bench.pictures[bench.halves[0]])
    assert found["frechet"] == pytest.approx(0, abs=1e-3)
    said = bench.plain.probabilities(bench.pictures[bench.halves[0]]).argmax(1)
    assert found["plain"] == round(float((said == 0).double().mean()), 3)
    assert "frechet" not in spoken_runs.heard_as(bench.pictures[:20])


@pytest.mark.parametrize("name", spoken_runs.REAL)
def test_what_no_generator_makes(bench, name):
    waves = spoken_runs.no_generator(name)
    assert waves.shape[1] == 2_048 and bool(torch.isfinite(waves).all())
    if name == "real, other takes":
        assert torch.equal(waves, bench.words.waves[bench.held])
    if name == "real, through Griffin-Lim":
        assert len(waves) == len(bench.halves[1])  # as many as a distance compares, of all speakers
    if name == "mean picture":
        real, again = bench.pictures[bench.mine], bench.log_mel.pictures(waves[:20])
        spread = [(pictures - pictures.mean(dim=0)).abs().mean() for pictures in (real, again)]
        off = (again.mean(dim=0) - real.mean(dim=0)).abs().mean()
        assert 0 < spread[1] < spread[0] / 2 and off < spread[0]
    if name == "real, other half":
        assert not set(bench.halves[0].tolist()) & set(bench.halves[1].tolist())


def test_a_word_played_backwards_still_begins_at_once():
    waves = torch.tensor([[0.0, 1.0, 2.0, 0.0, 3.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]])
    turned = spoken_runs.backwards(waves)
    assert turned.tolist() == [[3, 0, 2, 1, 0, 0, 0], [7, 6, 5, 4, 3, 2, 1]]


def test_generators_are_trained_for_their_steps_and_repeat(bench):
    for make, _ in spoken_runs.GENERATORS.values():
        assert torch.equal(make(3, 2), make(3, 2)) and make(3, 2).shape == (spoken_runs.SAMPLES, 2_048)


def test_the_truth_comes_back_as_it_was_and_half_as_loud_is_seen():
    log_mel = LogMel(8_000, length=1_024)
    truth = instrument.pluck(30, runtime.generator(0)).waves
    same = spoken_runs.numbers(truth, truth, log_mel)
    assert same["decibels"] == 0 and same["loudness"] == 1 and same["wave"] == 0 and same["in_tune"] == 1
    half = spoken_runs.numbers(truth / 2, truth, log_mel)
    assert half["loudness"] == 0.5 and half["wave"] == 0.5 and half["in_tune"] == 1
    assert 2 < half["decibels"] < 6.1  # 6 dB, less where a band was black before


def test_a_row_of_the_vocoder(monkeypatch):
    monkeypatch.setattr(spoken_runs, "NOTES", 40)
    monkeypatch.setattr(spoken_runs, "ASKED", 20)
    monkeypatch.setitem(spoken_runs.RECIPES, "spectral", vocoding.Recipe(num_steps=2))
    asked = ["random: truth", "random: Griffin-Lim", "random: spectral"]
    rows = list(spoken_runs.vocoder([0, 1], lambda name: name in asked))
    assert [row["name"] for row in rows] == asked and [row["steps"] for row in rows] == [0, 0, 2]
    assert rows[0]["decibels"] == [0, 0] and len(rows[2]["lines"]) == 2
