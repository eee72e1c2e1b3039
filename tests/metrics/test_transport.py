"""Exact 1-D transport against scipy, brute force and closed forms."""

import itertools
import math

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics.transport import wasserstein_1d

numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=9)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def test_by_hand():
    assert wasserstein_1d(tensor([5.0, 0.0]), tensor([1.0, 7.0])) == pytest.approx(1.5)  # 0 to 1 and 5 to 7
    assert wasserstein_1d(tensor([0.0]), tensor([1.0, 1.0, 4.0])) == pytest.approx(2.0)
    assert wasserstein_1d(tensor([0.0, 1.0]), tensor([0.0, 0.5, 1.0])) == pytest.approx(1 / 6)


def test_best_plan_among_all():
    a, b = [0.3, 2.0, -1.0, 5.0, 0.0], [1.0, 1.5, -4.0, 0.2, 9.0]
    best = min(sum(abs(x - y) for x, y in zip(a, order, strict=True)) for order in itertools.permutations(b)) / 5
    assert wasserstein_1d(tensor(a), tensor(b)) == pytest.approx(best, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(a=numbers, b=numbers)
def test_is_scipys_for_unequal_sizes(a, b):
    wanted = scipy.stats.wasserstein_distance(a, b)
    assert wasserstein_1d(tensor(a), tensor(b)) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(a=numbers, b=numbers, c=numbers, shift=st.floats(-50, 50), scale=st.floats(-3, 3))
def test_is_a_distance_and_has_the_unit_of_the_data(a, b, c, shift, scale):
    a, b, c = tensor(a), tensor(b), tensor(c)
    ab = wasserstein_1d(a, b)
    assert ab >= 0 and wasserstein_1d(a, a.flip(0)) == 0
    assert wasserstein_1d(b, a) == pytest.approx(ab, abs=1e-5)
    assert ab <= wasserstein_1d(a, c) + wasserstein_1d(c, b) + 1e-5
    assert wasserstein_1d(a, a + shift) == pytest.approx(abs(shift), abs=1e-5)
    assert wasserstein_1d(scale * a, scale * b) == pytest.approx(abs(scale) * ab, abs=1e-4)


def test_large_samples_of_two_gaussians_are_their_shift_apart():
    g = runtime.generator(0)
    a, b = torch.randn(40_000, generator=g), torch.randn(30_000, 1, generator=g) + 1.7
    assert wasserstein_1d(a, b) == pytest.approx(1.7, abs=0.03)


def test_is_exact_for_large_unequal_samples():
    """Weights 1 / N are kept in float64: no loss where N is large."""
    g = runtime.generator(1)
    a, b = torch.randn(100_003, generator=g).double(), torch.randn(99_991, generator=g).double()
    wanted = scipy.stats.wasserstein_distance(a.numpy(), b.numpy())
    assert wasserstein_1d(a, b) == pytest.approx(wanted, rel=1e-9)


def test_does_not_sort_in_place_nor_keep_the_graph():
    a = torch.tensor([3.0, 1.0], requires_grad=True)
    distance = wasserstein_1d(a, torch.tensor([0.0]))
    assert isinstance(distance, float) and a.tolist() == [3.0, 1.0]


GOOD = torch.zeros(3)
REFUSED = {
    "a list": (lambda: wasserstein_1d([0.0], GOOD), TypeError, "a must be a tensor of points.*got list"),
    "b int": (lambda: wasserstein_1d(GOOD, GOOD.long()), TypeError, "b must hold floating-point.*torch.int64"),
    "a plane": (lambda: wasserstein_1d(torch.zeros(3, 2), GOOD), ValueError, r"a must have shape.*got \(3, 2\)"),
    "a scalar": (lambda: wasserstein_1d(torch.tensor(1.0), GOOD), ValueError, r"a must have shape.*got \(\)"),
    "b empty": (lambda: wasserstein_1d(GOOD, GOOD[:0]), ValueError, "b is empty"),
    "b nan": (lambda: wasserstein_1d(GOOD, GOOD + math.nan), ValueError, "b must be finite, got 3"),
    "a inf": (lambda: wasserstein_1d(GOOD - math.inf, GOOD), ValueError, "a must be finite"),
}


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(act, kind, says):
    with pytest.raises(kind, match=says):
        act()
