"""Has a generator collapsed? Asked without labels: how many different samples are there?

Draw n samples. If two of them are the same, the generator has few: among 23 people two share a birthday about as often
as not, because 23 people are 253 pairs, and there are only 365 days. So from the number of pairs follows the number of
different samples, also if it is far greater than n.

| function | asks |
|---|---|
| :func:`pairwise_distances` | how far apart are the samples? |
| :func:`closest_pairs` | which ones are nearest to each other? Look at them |
| :func:`twins` | how many pairs are the same, up to a distance? |
| :func:`chance_of_twins` | how likely is a pair, if there are so many kinds? |
| :func:`kinds_from_twins` | how many kinds are there, if so many pairs were found? |
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.metrics import _inputs

__all__ = [
    "Kinds",
    "Pairs",
    "chance_of_twins",
    "closest_pairs",
    "kinds_from_twins",
    "pairwise_distances",
    "twins",
]

_MOST = 5_000  # samples: twelve million pairs


class Pairs(NamedTuple):
    """Pairs of samples, the nearest first: distances, and the index of one and of the other, each of shape (count,)."""

    distances: Tensor
    first: Tensor
    second: Tensor


class Kinds(NamedTuple):
    """A number of kinds, and the ends of an interval that holds the true one 95 times in 100; infinite for no limit."""

    estimate: float
    low: float
    high: float


def pairwise_distances(samples: Tensor) -> Tensor:
    """Return the Euclidean distance of each pair of samples.

    Args:
        samples: images or features, shape (N, ...), floating point, finite, N from 2 to 5,000.
    Returns:
        Shape (N (N - 1) / 2,), float64, on the CPU: of 0 and 1, 0 and 2, ..., 1 and 2, ...
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    rows = _inputs.flat("samples", samples)
    if len(rows) > _MOST:
        raise ValueError(f"samples must be at most {_MOST:,}, got {len(rows):,}: take a part")
    return torch.pdist(rows)


def closest_pairs(samples: Tensor, count: int = 20) -> Pairs:
    """Return the pairs of samples that are nearest to each other: the candidates for a look with your own eyes.

    Args:
        samples: as for :func:`pairwise_distances`.
        count: how many pairs, at least 1, at most all of them.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: the procedure of Arora, Risteski and Zhang (2018).
    First met in: notebook 10.
    """
    distances = pairwise_distances(samples)
    count = whole_between("count", count, 1, len(distances), why="all pairs")
    found = distances.topk(count, largest=False)
    first, second = torch.triu_indices(len(samples), len(samples), 1)[:, found.indices]
    return Pairs(found.values, first, second)


def twins(samples: Tensor, within: float) -> int:
    """Return the number of pairs that are the same: at a distance of at most ``within``.

    Three equal samples are three pairs. What "the same" means is your decision: 0 for exact copies; for images the
    distance at which you no longer see a difference, or at which real images hardly ever have a pair.

    Args:
        samples: as for :func:`pairwise_distances`.
        within: distance, at least 0, in the unit of the samples.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    return int((pairwise_distances(samples) <= real_between("within", within, 0)).sum())


def chance_of_twins(n: int, kinds: int) -> float:
    """Return the probability that among ``n`` samples at least two are of one kind, if all kinds are equally likely.

    ``1 - (1 - 1/K)(1 - 2/K)...(1 - (n-1)/K)``. It passes 1/2 at about n = 1.18 sqrt(K). If some kinds come more often
    than others, pairs are more likely still.

    Args:
        n: samples, at least 1.
        kinds: K, at least 1.
    Returns:
        Between 0 and 1.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    n, kinds = whole_between("n", n, 1), whole_between("kinds", kinds, 1)
    if n > kinds:
        return 1.0
    return -math.expm1(float(torch.log1p(-torch.arange(n, dtype=torch.float64) / kinds).sum()))


def kinds_from_twins(n: int, twins: int) -> Kinds:
    """Return how many kinds there must be if ``n`` samples held so many pairs of one kind.

    ``n (n - 1) / 2`` pairs were looked at, each of which is a hit with probability 1 / K. So K is about that number
    divided by the hits. The interval takes the number of hits for a Poisson number, which it nearly is while most
    samples have no twin. If kinds are not equally likely, K is 1 / sum p^2, the number of equally likely kinds that
    would give as many pairs: always less than the number there is.

    Args:
        n: samples, at least 2.
        twins: pairs found among them, from 0 to all pairs.
    Returns:
        The estimate is infinite for no pair; then only ``low`` says something: there are at least so many.
    Raises:
        ValueError: an argument is anything else.
    Source: Arora, Risteski and Zhang (2018) ask whether a pair is there; here they are counted. The interval is that
        of Garwood (1936).
    First met in: notebook 10.
    """
    from scipy.stats import chi2

    n = whole_between("n", n, 2)
    pairs = n * (n - 1) // 2
    twins = whole_between("twins", twins, 0, pairs, why="all pairs")
    most, least = chi2.ppf(0.975, 2 * twins + 2) / 2, chi2.ppf(0.025, 2 * twins) / 2 if twins else 0.0
    return Kinds(*(pairs / hits if hits else math.inf for hits in (twins, float(most), float(least))))
