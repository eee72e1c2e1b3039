"""The panel of messages: what arrives is what was said, the numbers are those of the picture, words follow controls."""

import numpy as np
import pytest
import torch

from gancourse import runtime
from gancourse.data import digits, domains
from gancourse.labs import messages
from gancourse.metrics import translation


@pytest.fixture(scope="module")
def halves():
    return domains.papers_and_grey(digits.load("embedded", image_size=16), generator=runtime.generator(3))


@pytest.fixture
def made(halves):
    by_hand = messages.StandIn()
    return messages.Messages(by_hand.to_b, by_hand.to_a, halves, seed=1)


def test_the_pair_made_by_hand_hides_the_paper_and_reads_it_again(halves):
    by_hand = messages.StandIn(strength=0.2)
    grey = by_hand.to_b(halves.test_a)
    off = grey - halves.test_b
    assert grey.shape == halves.test_b.shape and float(grey.abs().max()) <= 1
    assert float(off.abs().max()) <= 0.2 + 1e-5 and float(off.mean().abs()) < 0.02
    back = by_hand.to_a(grey)
    plain = domains.read_off(halves.test_a, halves.papers)
    assert translation.papers_recovered(back, plain, halves.papers) == 1
    unsaid = by_hand.to_a(halves.test_b)
    assert translation.papers_recovered(unsaid, plain, halves.papers) < 0.5
    assert translation.off(back, halves.test_a) < 0.3 < translation.off(unsaid, halves.test_a)


def test_without_damage_all_arrives_as_it_was_sent(made, halves):
    made.strength = 0.0
    for made.damage in ("noise", "blur"):
        assert torch.allclose(made.arriving(), messages.StandIn().to_b(halves.test_a)[: len(made._sent)], atol=1e-6)
    made.damage = "fewer grey levels"
    assert float((made.arriving() - made._made).abs().max()) <= 1 / 255 + 1e-6
    assert made.recovered == 1


def test_each_damage_is_what_its_name_says(made):
    made.strength, made.damage = 0.5, "noise"
    calm = made._made.abs() < 0.2  # nothing is cut off there
    assert float((made.arriving() - made._made)[calm].std()) == pytest.approx(0.4, rel=0.05)
    made.damage = "fewer grey levels"
    assert made.levels(0) == 256 and made.levels(0.5) == 23 and made.levels(1) == 2
    assert len(made.arriving().unique()) <= 23
    made.strength = 1
    assert len(made.arriving().unique()) <= 2
    made.damage = "blur"
    rough = made.arriving().diff(dim=-1).abs().mean(), made._made.diff(dim=-1).abs().mean()
    assert rough[0] < 0.6 * rough[1]
    made.damage = "rain"
    with pytest.raises(ValueError, match="damage must be one of noise, fewer grey levels, blur, got 'rain'"):
        made.arriving()


def test_without_its_message_the_true_image_arrives_and_f_has_to_guess(made):
    made.strength, made.removed = 0.0, 1.0
    assert torch.allclose(made.arriving(), made._true)
    assert made.recovered < 0.5
    made.removed = 0.5
    assert torch.allclose(made.arriving() - made._true, 0.5 * (made._made - made._true), atol=1e-6)


def test_a_blur_and_much_noise_leave_f_guessing_and_little_noise_does_not(made):
    found = {}
    for damage, strength in (("noise", 0.1), ("blur", 1.0)):
        made.damage, made.strength = damage, strength
        found[damage] = made.recovered
    assert found["noise"] > 0.95 and found["blur"] < 0.6


def test_the_cross_lies_on_its_curve(made):
    for made.damage in messages.DAMAGES:
        for made.strength in (0.0, 0.5, 1.0):
            made.draw()
            place = np.linspace(0, 1, 7).tolist().index(made.strength)
            assert made._curves[made.damage][place] == pytest.approx(made.recovered), (made.damage, made.strength)
            assert made._cross.get_xydata()[0] == pytest.approx([made.strength, made.recovered])
    row = made._pictures[1].get_array()
    assert np.allclose(row[:16, :16, 0], 127.5 * (made._made[0, 0].numpy() + 1), atol=0.51)


def test_the_words_follow_every_control():
    panel = messages.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        assert "Sent as G made them" in panel.status_text and "100% of the digits" in panel.status_text
        words, picture = panel.status_text, panel.png
        for attribute, value, fragment in (
            ("damage", "blur", "σ = 0.36"),
            ("strength", 1.0, "σ = 1.20"),
            ("damage", "fewer grey levels", "2 grey levels"),
            ("strength", 0.3, "grey levels"),
            ("removed", 0.5, "with 50% of the message"),
            ("removed", 1.0, "without a message"),
            ("damage", "noise", "deviation 0.24"),
        ):
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and fragment in panel.status_text, attribute
            assert panel.status_text != words and panel.png != picture
            words, picture = panel.status_text, panel.png
    finally:
        panel.close()


def test_what_does_not_belong_together_is_refused(halves):
    by_hand = messages.StandIn()
    with pytest.raises(ValueError, match="together, or none of them"):
        messages.panel(by_hand.to_b, by_hand.to_a)
    with pytest.raises(ValueError, match="papers_and_grey"):
        messages.Messages(by_hand.to_b, by_hand.to_a, halves._replace(papers=None))
    with pytest.raises(ValueError, match="papers_and_grey"):
        messages.Messages(by_hand.to_b, by_hand.to_a, "digits")


def test_a_guess_depends_on_the_number_of_papers(made):
    two = domains.papers_and_grey(
        digits.load("embedded", image_size=16), generator=runtime.generator(4), n_test=40, papers=2
    )
    by_hand = messages.StandIn()
    fewer = messages.Messages(by_hand.to_b, by_hand.to_a, two)
    assert made.guess == pytest.approx(1 / 3) and fewer.guess == 0.5
    assert "(a guess: 33%)" in made.status() and "(a guess: 50%)" in fewer.status()
