"""The panel of pairs: answers are counted as given, the interval is Wilson's, and nothing is told before the end."""

import io

import numpy as np
import PIL.Image
import pytest
import torch
from matplotlib.colors import to_rgb

from gancourse import runtime
from gancourse.labs import guess
from gancourse.plotting import style


def batches(count=25, size=10):
    random = runtime.generator(1)
    real = torch.rand(count, 1, size, size, generator=random) * 0.5 - 1  # dark
    return real, real + 1.0  # bright


def brightness(images):
    return -images.mean(dim=(1, 2, 3))  # darker is more real: always right about these


@pytest.fixture
def panel():
    made = guess.panel(*batches(), brightness)
    yield made
    made.close()


def answer(panel, right):
    """Answer every pair, ``right(i)`` says whether rightly."""
    other = {"left": "right", "right": "left"}
    for i, side in enumerate(list(panel.stepper.real_side)):
        panel.controls["answer"].value = side if right(i) else other[side]


def picture(panel):
    return np.asarray(PIL.Image.open(io.BytesIO(panel.png)).convert("RGB")).astype(int)


def has_colour(panel, name):
    wanted = np.array(to_rgb(style.COLOURS[name])) * 255
    return int((np.abs(picture(panel) - wanted).max(axis=2) < 12).sum()) > 50


# ---------------------------------------------------------------- counting


@pytest.mark.parametrize("hits, asked", [(0, 20), (1, 1), (7, 20), (13, 19), (20, 20), (540, 1000)])
def test_the_interval_is_wilsons(hits, asked):
    from scipy.stats import binomtest

    wanted = binomtest(hits, asked).proportion_ci(method="wilson")
    assert guess.interval(hits, asked) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


@pytest.mark.parametrize("hits, asked", [(1, 0), (-1, 5), (6, 5), (1.0, 5), (True, 5)])
def test_counts_that_cannot_be_are_refused(hits, asked):
    with pytest.raises(ValueError, match="hits must be"):
        guess.interval(hits, asked)


def test_a_hit_rate_pairs_everybody_and_counts_draws_half():
    def first_pixel(images):
        return images[:, 0, 0, 0]

    real = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1)
    fake = torch.tensor([0.0, 2.0]).reshape(2, 1, 1, 1)
    # pairs: 1>0, 1<2, 2>0, 2=2, 3>0, 3>2
    assert guess.hit_rate(first_pixel, real, fake) == pytest.approx(4.5 / 6)
    assert guess.hit_rate(first_pixel, fake, real) == pytest.approx(1.5 / 6)


def test_twenty_answers_are_counted_and_nothing_is_told_before(panel):
    said = []
    for i, side in enumerate(list(panel.stepper.real_side)):
        said.append(panel.status_text)
        panel.controls["answer"].value = side if i % 4 else {"left": "right", "right": "left"}[side]
        assert panel.controls["answer"].value == "" and panel.alert_text == ""
    assert all(f"pair {i + 1} of 20" in words and "You were" not in words for i, words in enumerate(said))
    assert panel.stepper.hits == 15 and panel.stepper.done
    low, high = guess.interval(15, 20)
    assert f"You were right in 15 of 20: 75%, and with so few answers your true rate may be anywhere from {low:.0%} to "
    assert "You were right in 15 of 20: 75%" in panel.status_text
    assert f"from {low:.0%} to {high:.0%}. That is better than tossing a coin." in panel.status_text
    assert "The discriminator: 20 of 20, better than you." in panel.status_text


@pytest.mark.parametrize(
    "right, words",
    [
        (lambda i: True, "You were right in 20 of 20: 100%"),
        (lambda i: True, "The discriminator: 20 of 20, as you."),
        (lambda i: i % 2 == 0, "Tossing a coin may do as well."),
        (lambda i: i < 3, "worse than tossing a coin: you can tell, but you take the wrong one."),
    ],
)
def test_the_verdict(panel, right, words):
    answer(panel, right)
    assert words in panel.status_text


def test_a_worse_discriminator_is_called_so_and_none_is_not_mentioned():
    real, fake = batches()
    with_worse = guess.panel(real, fake, lambda images: -brightness(images))
    answer(with_worse, lambda i: True)
    assert "The discriminator: 0 of 20, worse than you." in with_worse.status_text
    undecided = guess.Guess(real, fake, lambda images: torch.zeros(len(images)))
    assert undecided.d_hits == [0.5] * 20
    alone = guess.panel(real, fake)
    answer(alone, lambda i: True)
    assert "discriminator" not in alone.status_text
    alone.close()


def test_going_back_takes_answers_back_and_going_on_leaves_pairs_out(panel):
    for _ in range(6):
        panel.controls["answer"].value = "left"
    assert panel.controls["pair"].value == 7 and "6 answered" in panel.status_text
    panel.controls["pair"].value = 3
    assert sorted(panel.stepper.answers) == [1, 2] and "pair 3 of 20" in panel.status_text
    panel.controls["pair"].value = 20
    panel.controls["answer"].value = "right"
    assert panel.stepper.done and " of 3: " in panel.status_text
    panel.controls["answer"].value = "left"  # too late
    assert len(panel.stepper.answers) == 3
    panel.restart.click()
    assert panel.stepper.answers == {} and "pair 1 of 20" in panel.status_text


def test_another_game_is_another_drawing_and_the_same_game_the_same(panel):
    first = panel.stepper.pair_real.clone(), list(panel.stepper.real_side)
    panel.controls["answer"].value = "left"
    panel.controls["game"].value = 2
    assert panel.stepper.answers == {} and not torch.equal(panel.stepper.pair_real, first[0])
    assert "Game 2, pair 1" in panel.status_text
    panel.controls["game"].value = 1
    assert torch.equal(panel.stepper.pair_real, first[0]) and panel.stepper.real_side == first[1]
    assert 3 < panel.stepper.real_side.count("left") < 17
    assert len(panel.stepper.pair_real.flatten(1).unique(dim=0)) == 20  # none twice


# ---------------------------------------------------------------- the picture


def test_the_real_one_is_drawn_on_its_side(panel):
    for _ in range(5):
        left, right = np.split(picture(panel)[20:250], 2, axis=1)
        darker = "left" if left.mean() < right.mean() else "right"
        assert darker == panel.stepper.real_side[panel.stepper.pair - 1]
        panel.controls["answer"].value = "left"


def test_frames_come_only_at_the_end_and_wrong_picks_in_the_warning_colour(panel):
    assert not has_colour(panel, "real") and not has_colour(panel, "warning")
    answer(panel, lambda i: True)
    assert has_colour(panel, "real") and not has_colour(panel, "warning")
    panel.controls["game"].value = 3
    assert not has_colour(panel, "real")
    answer(panel, lambda i: i > 2)
    assert has_colour(panel, "real") and has_colour(panel, "warning")
    words = [mark.get_text() for mark in panel.stepper._picture._marks]
    assert words == ["miss"] * 3 + ["hit"] * 17


def test_without_images_there_are_strokes_and_no_random_number_is_drawn():
    before = torch.random.get_rng_state()
    made = guess.panel()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert "pair 1 of 20" in made.status_text
    made.close()
    real, fake = guess.strokes(30)
    assert real.shape == fake.shape == (30, 1, 28, 28)
    assert min(float(real.min()), float(fake.min())) >= -1 and max(float(real.max()), float(fake.max())) <= 1
    assert len(real.flatten(1).unique(dim=0)) == 30 and 0.02 < float((real > 0).float().mean()) < 0.3

    def steps_between_pixels(images):
        return float(images.diff(dim=3).square().mean())

    assert steps_between_pixels(fake) > 1.3 * steps_between_pixels(real)
    assert torch.equal(guess.strokes(30)[1], fake) and not torch.equal(guess.strokes(30, 1)[0], real)


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        ({"fake": None}, "real and fake must be given together"),
        ({"real": torch.zeros(5, 1, 10, 10)}, "real must hold at least 20 images, got 5"),
        ({"fake": torch.zeros(25, 1, 9, 9)}, "of one size, got (25, 1, 10, 10) and (25, 1, 9, 9)"),
        ({"real": torch.full((25, 1, 10, 10), 3.0)}, "real must lie in [-1, 1]"),
    ],
)
def test_wrong_images_are_refused(wrong, fragment):
    real, fake = batches()
    with pytest.raises(ValueError) as caught:
        guess.panel(**{"real": real, "fake": fake} | wrong)
    assert fragment in str(caught.value)
