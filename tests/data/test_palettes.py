"""Three clouds and their opposites, in the shares that were asked for, and without any pairing."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import palettes


def test_the_right_answer_is_the_opposite_colour():
    points = palettes.palettes()
    assert points.a.tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    assert torch.equal(points.b, -points.a)
    assert palettes.MAPS[0] == (0, 1, 2) and len(set(palettes.MAPS)) == 6
    assert all(sorted(one) == [0, 1, 2] for one in palettes.MAPS)


def test_points_lie_in_their_clouds_in_the_right_shares():
    points = palettes.palettes((6, 3, 1), spread=0.1)
    n = 6_000
    for drawn, middles in zip(points.sample(n, runtime.generator(1)), (points.a, points.b), strict=True):
        assert drawn.shape == (n, 3) and drawn.dtype == torch.float32
        near, cloud = torch.cdist(drawn, middles).min(dim=1)
        shares = torch.bincount(cloud, minlength=3) / n
        assert torch.allclose(shares, torch.tensor([0.6, 0.3, 0.1]), atol=4 * math.sqrt(0.25 / n))
        off = drawn - middles[cloud]
        assert float(off.std()) == pytest.approx(0.1, rel=0.05) and near.max() < 0.6
        assert off.mean(0).abs().max() < 0.01


def test_the_two_domains_are_drawn_without_pairing():
    points = palettes.palettes()
    a, b = points.sample(3_000, runtime.generator(2))
    both = torch.stack([torch.cdist(a, points.a).argmin(1), torch.cdist(b, points.b).argmin(1)])
    counts = torch.bincount(both[0] * 3 + both[1], minlength=9).double()
    assert (counts - 3_000 / 9).abs().max() < 5 * math.sqrt(3_000 / 9)
    again = points.sample(3_000, runtime.generator(2))
    assert torch.equal(a, again[0]) and torch.equal(b, again[1])


@pytest.mark.parametrize("shares", [(1, 1), (1, 1, 0), (1, 1, -1), (1, 1, float("inf")), (1, 1, "1")])
def test_other_shares_are_refused(shares):
    with pytest.raises(ValueError, match="shares must be three numbers above 0, got"):
        palettes.palettes(shares)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="spread must be"):
        palettes.palettes(spread=-0.1)
    with pytest.raises(ValueError, match="n must be a whole number from 1 on"):
        palettes.palettes().sample(0, runtime.generator(0))
