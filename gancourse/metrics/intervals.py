"""How sure a mean over a few runs is: its interval by Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real

__all__ = ["Interval", "mean_interval"]


class Interval(NamedTuple):
    """A mean, and where the mean of ever more runs may well lie, in the unit of the values."""

    low: float
    mean: float
    high: float


def mean_interval(values: Sequence[float] | Tensor, *, level: float = 0.95) -> Interval:
    """Return the mean of a few values with its interval by Student's t: mean ± t · s / √n.

    It is exact if the values are independent and Gaussian. For two arms that ran on the same seeds, give the
    *differences*, one for each seed: what both arms owe to the seed drops out.

    Args:
        values: at least two finite numbers, shape (n,).
        level: how often such an interval holds the true mean, between 0 and 1.
    Returns:
        Lower end, mean and upper end.
    Raises:
        ValueError: there are fewer than two values, one is not finite, or the level is not between 0 and 1.
    Source: Student (1908), *The Probable Error of a Mean*.
    First met in: notebook 19.
    """
    from scipy.stats import t  # here, so that importing the package stays quick

    numbers = torch.as_tensor(values, dtype=torch.float64).detach().cpu()
    if numbers.ndim != 1 or len(numbers) < 2 or not bool(numbers.isfinite().all()):
        raise ValueError(f"values must be at least two finite numbers in a row, got {values!r}")
    if (share := real(level)) is None or not 0 < share < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    mean, deviation = float(numbers.mean()), float(numbers.std())
    half = float(t.ppf((1 + share) / 2, len(numbers) - 1)) * deviation / math.sqrt(len(numbers))
    return Interval(mean - half, mean, mean + half)
