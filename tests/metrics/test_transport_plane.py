"""Exact transport by assignment, against brute force, sorting and closed forms."""

import itertools
import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import toy
from gancourse.metrics.transport import wasserstein_1d, wasserstein_by_assignment


def points(n, seed, dim=2):
    return torch.randn(n, dim, generator=runtime.generator(seed), dtype=torch.float64)


def test_best_plan_among_all():
    a, b = points(6, 0), 2 * points(6, 1) + 1
    plans = itertools.permutations(range(6))
    best = min(float((a - b[list(plan)]).norm(dim=1).mean()) for plan in plans)
    assert wasserstein_by_assignment(a, b) == pytest.approx(best, rel=1e-12)


def test_a_shift_costs_its_length():
    a = points(200, 0)
    assert wasserstein_by_assignment(a, a[torch.randperm(200)] + torch.tensor([3.0, -4.0])) == pytest.approx(5.0)
    assert wasserstein_by_assignment(a, a.flip(0)) == 0
    far = 1e6 + points(50, 1)  # no digits are lost far from the origin
    assert wasserstein_by_assignment(far, far.flip(0)) == 0


def test_on_the_line_it_is_sorting():
    a, b = points(300, 0, dim=1), 2 * points(300, 1, dim=1)
    assert wasserstein_by_assignment(a, b) == pytest.approx(wasserstein_1d(a, b), rel=1e-12)


def test_is_a_distance():
    a, b, c = (scale * points(60, seed) for seed, scale in ((0, 1), (1, 2), (2, 3)))
    ab, bc, ac = (wasserstein_by_assignment(*pair) for pair in ((a, b), (b, c), (a, c)))
    assert ab == pytest.approx(wasserstein_by_assignment(b, a), rel=1e-12)
    assert ac <= ab + bc
    assert wasserstein_by_assignment(3 * a, 3 * b) == pytest.approx(3 * ab)


def test_a_lost_half_costs_the_way_between_the_modes():
    both, one = toy.mixture([[-2.0, 0.0], [2.0, 0.0]], 0.01), toy.mixture([[-2.0, 0.0]], 0.01)
    got = wasserstein_by_assignment(both.sample(500, runtime.generator(0)), one.sample(500, runtime.generator(1)))
    assert got == pytest.approx(2.0, abs=0.15)  # half of the mass travels 4


@pytest.mark.parametrize("place", ["a", "b"])
@pytest.mark.parametrize(
    "bad, error, words",
    [
        ([[0.0, 0.0]], TypeError, "must be a tensor of points"),
        (torch.zeros(3, 2, dtype=torch.int64), TypeError, "must hold floating-point numbers"),
        (torch.zeros(3), ValueError, r"must have shape \(N, dim\)"),
        (torch.zeros(0, 2), ValueError, r"must have shape \(N, dim\), at least one point"),
        (torch.full((3, 2), math.nan), ValueError, "must be finite, got 6"),
        (torch.zeros(5000, 2), ValueError, "must hold at most 4,000 points, got 5,000"),
    ],
)
def test_bad_points_are_refused_by_name(place, bad, error, words):
    good = torch.zeros(3, 2)
    with pytest.raises(error, match=f"{place} {words}"):
        wasserstein_by_assignment(*((bad, good) if place == "a" else (good, bad)))


def test_unequal_sizes_are_refused():
    with pytest.raises(ValueError, match=r"b must have the shape of a, \(3, 2\), got \(4, 2\)"):
        wasserstein_by_assignment(torch.zeros(3, 2), torch.zeros(4, 2))
