"""The panel of the writer: it learns in the way that is chosen, and words, numbers and picture agree."""

import math

import pytest
import torch

from gancourse.data import language
from gancourse.labs import writing
from gancourse.metrics import strings


@pytest.fixture
def made():
    return writing.Writing(seed=1)


def test_each_way_is_what_its_name_says(made):
    asked = {}
    for made.way in writing.WAYS:
        made.batch = 16
        made.reset()
        inner = made._writer
        asked[made.way] = (inner.method, inner.tau, inner.baseline)
        assert inner._BATCH == 16 and made.steps_done == 0
    assert asked == {
        "maximum likelihood": ("likelihood", 1.0, "others"),
        "straight-through": ("straight_through", 1.0, "others"),
        "straight-through, τ 0.1": ("straight_through", 0.1, "others"),
        "REINFORCE": ("reinforce", 1.0, "others"),
        "REINFORCE, no baseline": ("reinforce", 1.0, "none"),
    }


def test_the_numbers_are_those_of_the_whole_language(made):
    """Found again word by word, with the writer as a module of its own."""
    made.way = "maximum likelihood"
    made.reset()
    for _ in range(20):
        made.step()
    words = language.syllables(6)
    writer, _ = made._writer.member(0)
    with torch.no_grad():
        log_q = writer.log_prob(words.words).double()
    p = words.log_p.exp()
    found = made.exact(1.0)
    assert float(found.kl) == pytest.approx(float((p * (words.log_p - log_q)).sum()), rel=1e-4)
    assert float(found.valid) == pytest.approx(float(log_q.exp().sum()), rel=1e-4)
    assert made.steps_done == 20 and f"KL(p‖q) {float(found.kl):.3g}" in made.status()


def test_likelihood_brings_the_kl_down_and_a_low_temperature_brings_validity(made):
    made.way = "maximum likelihood"
    made.reset()
    before = float(made.exact(1.0).kl)
    for _ in range(60):
        made.step()
    assert float(made.exact(1.0).kl) < 0.5 * before
    assert float(made.exact(0.5).valid) > float(made.exact(1.0).valid) + 0.05
    hot = made.words()
    made.temperature = 0.5
    cold = made.words()
    assert made._language.valid(cold).sum() > made._language.valid(hot).sum() + 20
    assert int(strings.distinct(cold)) < int(strings.distinct(hot))


def test_the_picture_crosses_what_is_no_word(made):
    made.step()
    figure = made.draw()
    drawn = made.words()[:12]
    shown = [line.get_text() for line in made._lines]
    words = made._language.decode(drawn)
    for text, word, good in zip(shown, words, made._language.valid(drawn).tolist(), strict=True):
        assert text == (word if good else f"× {word}")
    assert any(text.startswith("× ") for text in shown)
    made.temperature = 0.5
    assert made.draw() is figure
    found = made.exact(0.5)
    assert made._cross.get_xydata()[0] == pytest.approx([float(found.valid), min(float(found.kl), 20)])
    at_one = made.exact(1.0)
    assert made._way.get_xydata()[-1] == pytest.approx([float(at_one.valid), min(float(at_one.kl), 20)])


def test_the_same_seed_writes_the_same(made):
    other = writing.Writing(seed=1)
    for stepper in (made, other):
        for _ in range(3):
            stepper.step()
    assert torch.equal(made.words(), other.words()) and made.status() == other.status()
    first, second = writing.Writing(seed=2), writing.Writing(seed=3)
    assert not torch.equal(first.words(), second.words())


def test_what_is_no_way_is_refused(made):
    made.way = "magic"
    with pytest.raises(ValueError, match="way must be one of maximum likelihood"):
        made.reset()


def test_the_language_has_as_many_different_strings_as_said(made):
    words = language.syllables(6)
    p = words.log_p.exp()
    expected = float((1 - (1 - p) ** 500).sum())
    assert f"(the language: {expected:.0f})" in made.status() and math.isfinite(expected)
    assert int(strings.distinct(made.words())) == len({tuple(word) for word in made.words().tolist()})


def test_every_control_of_the_panel_changes_what_is_said():
    panel = writing.panel()
    try:
        assert panel.live and panel.alert_text == ""
        panel.advance(2)
        words = panel.status_text
        assert words.startswith("Step 2 by straight-through, batches of 64 words. At temperature 1.0, ")
        for attribute, value in (("temperature", 0.5), ("batch", 16), ("way", "REINFORCE")):
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and panel.status_text != words, attribute
            words = panel.status_text
        assert "by REINFORCE, batches of 16 words. At temperature 0.5" in words
        for way in writing.WAYS:
            panel.controls["way"].value = way
            panel.advance(1)
            assert panel.alert_text == "" and f"Step 1 by {way}," in panel.status_text
    finally:
        panel.close()
