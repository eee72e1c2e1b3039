"""Damage hides and averages what it says, keeps the truth, and refuses what it cannot damage."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import degrade


def images(count=3, side=28, seed=0):
    return 2 * torch.rand(count, 1, side, side, generator=runtime.generator(seed)) - 1


def test_a_rectangle_is_hidden_and_the_rest_kept():
    whole = images(side=16)
    damaged = degrade.hide(whole, (2, 5), (7, 16))
    hidden = torch.zeros(16, 16, dtype=torch.bool)
    for row in (2, 3, 4):  # pixel by pixel, rows and columns of different number
        for column in range(7, 16):
            hidden[row, column] = True
    assert bool((damaged.mask == (~hidden).float()).all())
    assert bool((damaged.seen[..., hidden] == -1).all())
    assert torch.equal(damaged.seen[..., ~hidden], whole[..., ~hidden])
    assert damaged.truth is whole
    assert torch.equal(damaged.given, torch.stack([damaged.seen[:, 0], damaged.mask[:, 0]], dim=1))


@pytest.mark.parametrize("side, first, stop", [(28, 8, 20), (16, 5, 11), (32, 9, 23)])
def test_half_and_hole_hide_what_they_say(side, first, stop):
    whole = images(side=side)
    half, hole = degrade.half(whole).mask[0, 0], degrade.hole(whole).mask[0, 0]
    assert half[: side // 2].min() == 1 and half[side // 2 :].max() == 0
    assert float((hole == 0).sum()) == (stop - first) ** 2
    assert hole[first:stop, first:stop].max() == 0
    assert (stop - first) / side == pytest.approx(3 / 7, abs=0.06)


@pytest.mark.parametrize("side", [28, 16])
def test_shrinking_averages_squares_and_knows_no_pixel(side):
    small = images(count=2, side=side // 4, seed=1)
    whole = small.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)
    noise = torch.zeros_like(whole)
    noise[:, :, ::4, ::4], noise[:, :, 3::4, 3::4] = 0.3, -0.3  # sums to 0 over every square
    damaged = degrade.shrink((whole * 0.6) + noise)
    assert damaged.mask.abs().max() == 0
    # bilinear enlargement is exact where it is known: a constant image, and the average over the whole
    assert float(degrade.shrink(torch.full((1, 1, side, side), 0.25)).seen.sub(0.25).abs().max()) < 1e-6
    centre = side // 8  # of squares
    by_hand = small[:, :, centre - 1 : centre + 1, centre - 1 : centre + 1] * 0.6
    # a pixel half way between four squares would be their mean; the four nearest lie 1/8 of a square off
    seen = damaged.seen[:, :, 4 * centre - 1 : 4 * centre + 1, 4 * centre - 1 : 4 * centre + 1]
    assert torch.allclose(seen.mean((2, 3)), by_hand.mean((2, 3)), atol=1e-5)
    weights = torch.tensor([5 / 8, 3 / 8])
    assert torch.allclose(seen[:, 0, 0, 0], (by_hand[:, 0] * weights[:, None] * weights).sum((1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x: degrade.hide(x, (3, 3), (0, 4)), "rows must be .first, stop. with 0 <= first < stop <= 28"),
        (lambda x: degrade.hide(x, (0, 4), (0, 29)), "columns must be"),
        (lambda x: degrade.hide(x, (0, 1.5), (0, 4)), "rows must be"),
        (lambda x: degrade.hide(x, 4, (0, 4)), "rows must be"),
        (lambda x: degrade.shrink(x, 3), "factor must divide the sides of the images, .28, 28., got 3"),
        (lambda x: degrade.shrink(x, 1), "factor must be a whole number from 2 on"),
        (lambda x: degrade.half((x + 1) / 2), "must lie in .-1, 1."),
        (lambda x: degrade.hole(x.expand(-1, 3, -1, -1)), "must have 1 channel"),
    ],
)
def test_anything_else_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call(images())
