"""Numbers for two sets of samples that come from who is whose neighbour.

| function | asks | cannot see |
|---|---|---|
| :func:`density_coverage` | how thick are the fakes where the data is? which real ones have a fake near? | copies |
| :func:`neighbour_accuracy` | are the neighbours of a fake fakes, those of a real one real? | how far apart |

Precision and recall, which came before density and coverage, are in ``metrics.image_sets``. All take features, and
all depend on the number of samples: use as many of both, and compare with two sets of real ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.metrics import _inputs

__all__ = ["DensityCoverage", "NeighbourAccuracy", "density_coverage", "neighbour_accuracy"]

_ROWS = 500  # samples compared at once; changes nothing but memory


class DensityCoverage(NamedTuple):
    """How thick the fakes lie where the data is (1: as thick), and the share of real ones that have a fake near."""

    density: float
    coverage: float


class NeighbourAccuracy(NamedTuple):
    """Two shares in [0, 1]: of real samples and of fakes whose nearest other sample is of their own kind."""

    real: float
    fake: float


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5) -> DensityCoverage:
    """Return how densely the fakes lie in the balls of the data, and how many of these balls hold a fake.

    Round every real sample a ball is drawn that just reaches its k-th nearest real neighbour. Density counts for each
    fake the balls it lies in, divided by k, on average. Precision asks only whether there is one, so that a single
    outlier with its huge ball can save all fakes; here it counts for 1 / k. Coverage is the share of balls in which
    there is at least one fake. Unlike recall it never draws balls round fakes, whose outliers would make it large.

    For two samples of one distribution, as many of each, density is 1 on average, and coverage about 1 - 2^-k.

    Args:
        real: features, shape (N, D), floating point, finite.
        fake: features, shape (M, D).
        k: which neighbour sets the radius, at least 1, less than N.
    Returns:
        Density, at least 0, may be above 1; coverage, in [0, 1]. The rim of a ball belongs to it.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Naeem et al. (2020), equations 3 and 4.
    First met in: notebook 10.
    """
    real, fake = _inputs.pair(real, fake)
    k = whole_between("k", k, 1, len(real) - 1, why="fewer than the real samples")
    inside, covered = 0, 0
    for rows in real.split(_ROWS):
        radii = _inputs.distances(rows, real).kthvalue(k + 1, dim=1, keepdim=True).values  # the first is itself
        within = _inputs.distances(rows, fake) <= radii
        inside, covered = inside + int(within.sum()), covered + int(within.any(dim=1).sum())
    return DensityCoverage(inside / (k * len(fake)), covered / len(real))


def neighbour_accuracy(real: Tensor, fake: Tensor) -> NeighbourAccuracy:
    """Return how often the nearest other sample, real or fake, is of a sample's own kind.

    Both sets are put into one, and each sample is named after its nearest neighbour there, itself left out. If both
    come from one distribution, half of the names are right. More means that the sets can be told apart; in a
    collapsed set, whose samples are near to each other, most fakes have a fake next to them. Less than half means
    that fakes lie closer to real ones than real ones do to each other: copies of this very set. Of several that are
    equally near, each has the same chance.

    Args:
        real: features, shape (N, D), floating point, finite, N at least 2.
        fake: features, shape (N, D), as many.
    Raises:
        TypeError, ValueError: an argument is anything else, or the sets are not of one size.
    Source: Lopez-Paz and Oquab (2017), with the nearest neighbour for a classifier; for GANs Xu et al. (2018).
    First met in: notebook 10.
    """
    real, fake = _inputs.pair(real, fake)
    if len(real) != len(fake):
        raise ValueError(f"real and fake must be equally many, got {len(real)} and {len(fake)}")
    both = torch.cat([real, fake])
    is_fake = torch.arange(len(both)) >= len(real)
    right = torch.empty(len(both), dtype=torch.float64)
    for place in torch.arange(len(both)).split(_ROWS):
        apart = _inputs.distances(both[place], both)
        apart[torch.arange(len(place)), place] = torch.inf
        nearest = apart == apart.amin(dim=1, keepdim=True)
        own = nearest & (is_fake[place].unsqueeze(1) == is_fake)
        right[place] = own.sum(dim=1).double() / nearest.sum(dim=1)
    return NeighbourAccuracy(float(right[~is_fake].mean()), float(right[is_fake].mean()))
