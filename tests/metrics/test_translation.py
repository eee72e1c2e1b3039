"""The numbers for translations: closed forms, hidden messages of known strength, and what each of them cannot see."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import domains
from gancourse.metrics import translation


def images(count=6, channels=1, side=8, seed=0):
    return 2 * torch.rand(count, channels, side, side, generator=runtime.generator(seed)) - 1


def strokes(count=60, side=8, seed=0):
    """Black images with a white bar each."""
    made = torch.full((count, 1, side, side), -1.0)
    for n, row in enumerate(torch.randint(side, (count,), generator=runtime.generator(seed)).tolist()):
        made[n, :, row] = 1
    return made


# ---------------------------------------------------------------- off, nearest, papers, message


def test_off_is_the_mean_absolute_difference():
    truth = images()
    assert translation.off(truth, truth) == 0
    assert translation.off(truth + 0.25, truth) == pytest.approx(0.25, rel=1e-5)
    half = truth.clone()
    half[:3] -= 0.5
    assert translation.off(half, truth) == pytest.approx(0.25, rel=1e-5)
    with pytest.raises(ValueError, match="images and truth must have one shape"):
        translation.off(truth, truth[:3])


def test_nearest_of_is_by_absolute_differences():
    candidates = torch.stack([images(seed=seed) for seed in range(4)])
    wanted = torch.tensor([3, 0, 2, 2, 1, 0])
    shown = candidates[wanted, torch.arange(6)] + 0.2
    assert torch.equal(translation.nearest_of(shown, candidates), wanted)
    # one pixel far off or all a little: absolute differences prefer the former, squares the latter
    candidates = torch.zeros(2, 1, 1, 1, 4)
    candidates[0, ..., 0] = 1.0
    candidates[1] = 0.3
    assert translation.nearest_of(torch.zeros(1, 1, 1, 4), candidates).tolist() == [0]
    with pytest.raises(ValueError, match=r"candidates must have shape \(K, ...\) with the images' \(6, 1, 8, 8\)"):
        translation.nearest_of(images(), images())


def test_papers_are_recovered_by_their_colour_whatever_is_written():
    digits = strokes()
    papers = torch.arange(60) % 3
    right = domains.coloured(digits, papers)
    assert translation.papers_recovered(right, digits, papers) == 1
    assert translation.papers_recovered(domains.coloured(digits, (papers + 1) % 3), digits, papers) == 0
    some = torch.where(torch.arange(60) < 45, papers, (papers + 2) % 3)
    assert translation.papers_recovered(domains.coloured(digits, some), digits, papers) == 0.75
    faint = 0.1 * right + 0.3  # pale colours are nearest to the right one as well
    assert translation.papers_recovered(faint, digits, papers) == 1
    inked = torch.where(digits > 0, domains.coloured(-digits, (papers + 1) % 3), right)  # another colour under the ink
    assert translation.papers_recovered(inked, digits, papers) == 1
    always = domains.coloured(digits, 1)
    assert translation.papers_recovered(always, digits, papers) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="papers must be from 0 to 3, got 0 to 4"):
        translation.papers_recovered(right, digits, papers.clamp(max=1) * 4)


def test_a_message_is_the_root_of_the_mean_square_around_the_mean():
    one = images(5)
    assert translation.message(one.expand(3, -1, -1, -1, -1)) == pytest.approx(0, abs=1e-9)
    assert translation.message(torch.stack([one - 0.2, one + 0.2])) == pytest.approx(0.2, rel=1e-5)
    three = torch.stack([one, one + 0.3, one + 0.6])
    assert translation.message(three) == pytest.approx(0.3 * math.sqrt(2 / 3), rel=1e-5)
    with pytest.raises(ValueError, match=r"answers must have shape \(K, N, ...\) with K at least 2"):
        translation.message(one[None])


# ---------------------------------------------------------------- the probe


def hidden(size, count=900, seed=3):
    """Return images, the truth, and labels written into one corner by so much, under noise of 0.05."""
    random = runtime.generator(seed)
    truth = images(count, seed=seed)
    labels = torch.randint(3, (count,), generator=random)
    shown = truth + 0.05 * torch.randn(truth.shape, generator=random)
    shown[:, 0, 0, 0] += size * (labels == 1)
    shown[:, 0, 5, 2] += size * (labels == 2)
    return shown, truth, labels


def test_the_probe_reads_what_is_there_and_nothing_else():
    assert translation.probe(*hidden(0.5)) == pytest.approx(1, abs=0.01)
    assert translation.probe(*hidden(0.0)) == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / 300))
    weak = translation.probe(*hidden(0.1))
    assert 0.45 < weak < 0.9
    shown, truth, labels = hidden(0.5)
    shuffled = labels[torch.randperm(len(labels), generator=runtime.generator(1))]
    assert translation.probe(shown, truth, shuffled) < 0.45
    assert translation.probe(truth, truth, labels) < 0.45


def test_the_probe_is_ridge_regression_on_the_first_images():
    shown, truth, labels = hidden(0.1, count=120)
    added = (shown - truth).double()
    seen = torch.cat(
        [
            added.flatten(1),
            (added[..., 1:] * added[..., :-1]).flatten(1).mean(1, keepdim=True),
            (added**2).flatten(1).mean(1, keepdim=True),
            torch.ones(120, 1, dtype=torch.float64),
        ],
        dim=1,
    )
    target = torch.eye(3, dtype=torch.float64)[labels]
    gram = seen[:40].T @ seen[:40] + torch.eye(seen.shape[1], dtype=torch.float64)
    guess = (seen[40:] @ torch.linalg.solve(gram, seen[:40].T @ target[:40])).argmax(1)
    expected = float((guess == labels[40:]).double().mean())
    assert translation.probe(shown, truth, labels, taught=1 / 3) == pytest.approx(expected)


def test_the_probe_sees_patterns_without_a_mean_by_their_squares():
    """Stripes of either sign: no pixel says anything alone, the product of neighbours does."""
    random = runtime.generator(5)
    labels = torch.randint(2, (600,), generator=random)
    sign = 2.0 * torch.randint(2, (600, 1, 1, 1), generator=random) - 1
    stripes = sign * torch.tensor([1.0, -1.0]).repeat(4).expand(600, 1, 8, 8)
    level = sign.expand(600, 1, 8, 8)
    truth = torch.zeros(600, 1, 8, 8)
    shown = torch.where(labels.view(-1, 1, 1, 1) == 1, stripes, level)
    assert translation.probe(shown, truth, labels) > 0.95


@pytest.mark.parametrize(
    "change, words",
    [
        ({"labels": torch.zeros(9).long()}, r"labels must be int64 of shape \(900,\)"),
        ({"labels": torch.zeros(900)}, r"labels must be int64 of shape \(900,\), got torch.float32"),
        ({"taught": 1.0}, "taught must leave images to learn from and to test on"),
        ({"taught": 1.5}, "taught must be a finite number, from 0.0 to 1.0"),
        ({"truth": images()}, "images and truth must have one shape"),
    ],
)
def test_what_the_probe_refuses(change, words):
    shown, truth, labels = hidden(0.5)
    given = {"images": shown, "truth": truth, "labels": labels} | change
    with pytest.raises(ValueError, match=words):
        translation.probe(**given)


# ---------------------------------------------------------------- on the way back


def test_eight_bits_have_256_greys_half_a_step_away_at_most():
    x = torch.linspace(-1, 1, 4_096).view(1, 1, 64, 64)
    made = translation.eight_bits(x)
    assert len(made.unique()) == 256 and made.min() == -1 and made.max() == 1
    assert float((made - x).abs().max()) <= 1 / 255 + 1e-6
    assert torch.allclose(translation.eight_bits(made), made, atol=1e-6)


def test_noise_has_the_size_it_says_and_leaves_the_images_alone():
    x = images(200, side=16)
    before = x.clone()
    made = translation.noisy(x, 0.3, generator=runtime.generator(1))
    assert torch.equal(x, before)
    assert float((made - x).std()) == pytest.approx(0.3, rel=0.02)
    assert float((made - x).mean()) == pytest.approx(0, abs=0.01)
    assert torch.equal(translation.noisy(x, 0, generator=runtime.generator(1)), x)


def test_blur_is_the_mean_of_nine():
    x = images(2, 3)
    made = translation.blurred(x)
    assert made.shape == x.shape
    assert torch.allclose(made[:, :, 3, 4], x[:, :, 2:5, 3:6].mean((2, 3)), atol=1e-6)
    corner = (4 * x[..., 0, 0] + 2 * x[..., 0, 1] + 2 * x[..., 1, 0] + x[..., 1, 1]) / 9
    assert torch.allclose(made[..., 0, 0], corner, atol=1e-6)
