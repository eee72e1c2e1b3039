"""The interval of a mean is Student's, and holds the truth as often as it says."""

import math

import pytest
import torch
from scipy import stats

from gancourse.metrics.intervals import mean_interval


def test_five_numbers_by_hand():
    """1 to 5: mean 3, deviation √2.5, and t with four degrees of freedom is 2.7764."""
    low, mean, high = mean_interval([1, 2, 3, 4, 5])
    assert mean == 3
    half = 2.776445 * math.sqrt(2.5) / math.sqrt(5)
    assert (low, high) == pytest.approx((3 - half, 3 + half), rel=1e-6)


def test_it_is_scipys_at_another_level_and_moves_with_the_unit():
    values = torch.tensor([0.2, -1.0, 0.7])
    ours = mean_interval(values, level=0.8)
    theirs = stats.t.interval(0.8, 2, loc=float(values.mean()), scale=stats.sem(values.numpy()))
    assert (ours.low, ours.high) == pytest.approx(theirs, rel=1e-6)
    moved = mean_interval(10 * values + 3, level=0.8)
    assert moved == pytest.approx([10 * end + 3 for end in ours], rel=1e-6)


def test_it_holds_the_true_mean_nineteen_times_in_twenty():
    draws = torch.randn(2_000, 5, generator=torch.Generator().manual_seed(0))
    held = sum(low <= 0 <= high for low, _, high in map(mean_interval, draws))
    assert 0.935 < held / 2_000 < 0.965


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [[1.0, 2.0], [3.0, 4.0]]])
def test_what_has_no_interval_is_refused(values):
    with pytest.raises(ValueError, match="values must be at least two finite numbers"):
        mean_interval(values)


@pytest.mark.parametrize("level", [0, 1, -0.5, "much"])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        mean_interval([1, 2], level=level)
