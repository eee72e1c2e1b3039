"""data.ellipses: what is drawn is what was asked for, and the ruler reads it again."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import ellipses, ink


def drawn(factors, side=16):
    return ellipses.draw(torch.tensor([factors], dtype=torch.float32), side)


def test_the_middle_ellipse_is_twice_as_long_as_wide_and_white():
    (image,) = drawn([0.0, 0.0, 0.0, 0.0], 64)[0]
    white = image > 0
    # the longer half axis is 0.45 of half a side of 64: 28.8 pixels from tip to tip
    assert int(white[31].sum()) == pytest.approx(28.8, abs=1) and int(white[:, 31].sum()) == pytest.approx(14.4, abs=1)
    assert float(image[31:33, 31:33].min()) > 0.99 and float(image[0].max()) < -0.99
    assert torch.allclose(image, image.flip(0), atol=1e-5) and torch.allclose(image, image.flip(1), atol=1e-5)


@pytest.mark.parametrize(
    ("place", "moments"),
    [
        (0, lambda found: float(found.across) - 31.5),
        (1, lambda found: float(found.down) - 31.5),
        (3, lambda found: float(found.xy)),
    ],
)
def test_each_factor_moves_its_own_moment_in_its_direction(place, moments):
    for value in (-0.8, 0.6):
        factors = [0.0] * 4
        factors[place] = value
        found = moments(ink.spread(drawn(factors, 64)))
        assert (found > 0) == (value > 0) and abs(found) > 1
    factors = [0.0] * 4
    factors[place] = 1.0
    if place < 2:
        assert moments(ink.spread(drawn(factors, 64))) == pytest.approx(0.35 * 32, rel=1e-3)


def test_the_ink_is_that_of_a_logistic_edge_exactly():
    """Integrated over the plane: pi a b (1 + pi^2 s^2 / 3), s the logistic scale in units of the radius."""
    for size in (-1.0, 0.0, 1.0):
        axis = 0.45 + 0.12 * size
        scale = 1.5 / (axis * 64)
        area = math.pi * axis**2 / 2 * (1 + math.pi**2 * scale**2 / 3)
        found = 4 * float(ink.spread(drawn([0.0, 0.0, size, 0.5], 64)).share)
        assert found == pytest.approx(area, rel=1e-3)


@pytest.mark.parametrize(("side", "worst", "typical"), [(16, 0.06, 0.01), (28, 0.012, 0.001), (64, 0.001, 0.0002)])
def test_the_ruler_reads_the_factors_again(side, worst, typical):
    images, factors = ellipses.sample(3_000, generator=runtime.generator(0), image_size=side)
    error = (ellipses.measure(images) - factors).abs()
    assert float(error.max()) < worst and float(error.mean()) < typical


def test_the_ruler_goes_on_beyond_the_factors_and_reads_nothing_as_small():
    image = drawn([1.0, -1.0, -1.0, 1.0], 64)
    moved = image.roll((-4, 4), (2, 3))
    shift = 4 / 32 / 0.35
    found = ellipses.measure(moved)[0]
    assert found.tolist() == pytest.approx([1 + shift, -1 - shift, -1.0, 1.0], abs=2e-3)
    nothing = ellipses.measure(torch.full((1, 1, 16, 16), -1.0))[0]
    assert bool(torch.isfinite(nothing).all()) and float(nothing[2]) == pytest.approx(-0.45 / 0.12)


def test_samples_are_uniform_independent_and_repeatable():
    images, factors = ellipses.sample(20_000, generator=runtime.generator(3))
    assert images.shape == (20_000, 1, 16, 16) and images.dtype == torch.float32
    assert float(images.abs().max()) <= 1 and float(factors.abs().max()) <= 1
    assert factors.mean(0).abs().max() < 0.02 and (factors.var(0) - 1 / 3).abs().max() < 0.01
    off = torch.corrcoef(factors.T) - torch.eye(4)
    assert float(off.abs().max()) < 0.03
    again = ellipses.sample(20_000, generator=runtime.generator(3))
    assert torch.equal(again.images, images) and torch.equal(again.factors, factors)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ellipses.draw(torch.zeros(2, 3)), ValueError, r"factors must have shape \(N, 4\), got \(2, 3\)"),
        (lambda: ellipses.draw(torch.zeros(0, 4)), ValueError, r"factors must have shape \(N, 4\)"),
        (lambda: ellipses.draw(torch.zeros(2, 4, dtype=torch.int64)), TypeError, "floating-point"),
        (lambda: ellipses.draw(torch.full((1, 4), 1.2)), ValueError, r"\[-1, 1\], got up to 1.2"),
        (lambda: ellipses.draw(torch.full((1, 4), torch.nan)), ValueError, r"\[-1, 1\]"),
        (lambda: ellipses.draw(torch.zeros(1, 4), 12), ValueError, "image_size must be a whole number from 16 to 128"),
        (lambda: ellipses.sample(0, generator=runtime.generator(0)), ValueError, "n must be a whole number from 1"),
        (lambda: ellipses.sample(3, generator=0), TypeError, "generator must be a torch.Generator, got int"),
        (lambda: ellipses.measure(torch.zeros(1, 1, 16, 12)), ValueError, "images must be square"),
        (lambda: ellipses.measure(torch.zeros(1, 3, 16, 16)), ValueError, "images"),
    ],
)
def test_other_things_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
