"""Numbers for a set of generated images, from what the judge says of them and from its features.

Each number sees one thing and is blind to others, so read several together:

| function | asks | cannot see |
|---|---|---|
| :func:`confidence` | does the judge know what it sees? | variety, copies |
| :func:`class_entropy` | how even are the kinds? | variety within a kind, quality |
| :func:`inception_style_score` | both of these at once | variety within a kind, copies |
| :func:`label_agreement` | does it draw what it was asked for? | all but the classes |
| :func:`frechet_distance` | same mean and spread of the features? | anything beyond mean and covariance |
| :func:`kernel_distance` | the same mean, spread and skew? | what moments up to the third do not show |
| :func:`precision_recall` | samples inside the data? data inside the samples? | how often each place is visited |
| :func:`nearer_than_held_out` | copies of training images? | copies that were shifted or turned |

More of them, each with its own blind spot: ``metrics.neighbours``, ``metrics.two_samples``, ``metrics.birthday``.

None of them is a number from a paper, although the formulas are: the Inception score, FID and KID are
these formulas on the features of one published network, and ours are on a small judge of our own. They can be
compared with each other, under the same judge and with as many samples, and with
:func:`real_against_real`: what the same measure says of real images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.metrics import _inputs
from gancourse.metrics.judge import class_histogram

__all__ = [
    "Neighbours",
    "PrecisionRecall",
    "class_entropy",
    "confidence",
    "frechet_distance",
    "inception_style_score",
    "kernel_distance",
    "label_agreement",
    "nearer_than_held_out",
    "nearest",
    "precision_recall",
    "real_against_real",
]

_CANDIDATES = 8  # neighbours that are looked at exactly
_ROWS = 500  # queries compared at once; changes nothing but memory
_COLUMNS = 10_000  # with so many of the pool


class PrecisionRecall(NamedTuple):
    """Two shares in [0, 1]: fakes that lie among the real ones, real ones that lie among the fakes."""

    precision: float
    recall: float


class Neighbours(NamedTuple):
    """For each query its nearest in the pool: distances, shape (N,), and indices into the pool, shape (N,)."""

    distances: Tensor
    indices: Tensor


# ---------------------------------------------------------------- from the judge's probabilities


def confidence(probabilities: Tensor) -> float:
    """Return the mean probability that the judge gives to the class it decides for.

    Args:
        probabilities: shape (N, K), from ``Judge.probabilities``.
    Returns:
        Between 1/K (it knows nothing) and 1 (it is always sure). Real digits do not reach 1 either.
    Raises:
        TypeError, ValueError: the rows are no probabilities.
    First met in: notebook 06.
    """
    class_histogram(probabilities)  # refuses what is no probability
    return float(probabilities.double().amax(dim=1).mean())


def class_entropy(probabilities: Tensor) -> float:
    """Return how evenly the samples are spread over the classes: the entropy of their shares, in nats.

    Args:
        probabilities: shape (N, K), from ``Judge.probabilities``.
    Returns:
        Between 0 (all samples are of one class) and log K (as many of each; log 10 = 2.30).
    Raises:
        TypeError, ValueError: the rows are no probabilities.
    First met in: notebook 06.
    """
    return _entropy(class_histogram(probabilities))


def inception_style_score(probabilities: Tensor) -> float:
    """Return exp of the mean divergence KL(p(class | image), p(class)): sure about each, even over all.

    The formula of the Inception score, on the course's judge. It is computed over all samples at once. The
    usual split into ten parts gives a smaller number.

    Args:
        probabilities: shape (N, K), from ``Judge.probabilities``.
    Returns:
        Between 1 (the judge says the same of every image) and K (sure of every image, all classes even).
    Raises:
        TypeError, ValueError: the rows are no probabilities.
    Source: Salimans et al. (2016), section 4.
    First met in: notebook 06.
    """
    class_histogram(probabilities)
    rows = probabilities.double()
    rows = rows / rows.sum(dim=1, keepdim=True)
    # mean KL(p(y|x), p(y)) is the entropy of the mean minus the mean of the entropies, and at least 0
    within = -torch.special.xlogy(rows, rows).sum(dim=1).mean()
    return float((_entropy(rows.mean(dim=0)) - within).clamp_min(0).exp())


def label_agreement(probabilities: Tensor, labels: Tensor) -> float:
    """Return the share of images that the judge takes for the class they are labelled with.

    For a conditional generator: does it draw what it was asked for? All numbers that look at the images alone stay
    as they are when the labels of a set are exchanged; this one falls. Real images do not reach 1 either.

    Args:
        probabilities: shape (N, K), from ``Judge.probabilities``.
        labels: what each image should show, shape (N,), int64, from 0 to K - 1.
    Returns:
        Between 0 and 1; 1/K for labels drawn at random.
    Raises:
        TypeError, ValueError: the rows are no probabilities, or there is not one label for each.
    First met in: notebook 10.
    """
    class_histogram(probabilities)
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels must be an int64 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.shape != probabilities.shape[:1]:
        raise ValueError(f"labels must have shape {tuple(probabilities.shape[:1])}, got {tuple(labels.shape)}")
    kinds = probabilities.shape[1]
    if not 0 <= int(labels.min()) <= int(labels.max()) < kinds:
        raise ValueError(f"labels must be from 0 to {kinds - 1}, got {int(labels.min())} to {int(labels.max())}")
    return float((probabilities.argmax(dim=1).cpu() == labels.cpu()).double().mean())


def _entropy(shares: Tensor) -> float:
    return float(-torch.special.xlogy(shares, shares).sum())


# ---------------------------------------------------------------- from the judge's features


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Return the Frechet distance of two sets of features, each taken for a Gaussian.

    ``|m1 - m2|^2 + trace(S1 + S2 - 2 (S1 S2)^(1/2))``, with means m and covariances S (divisor N - 1), in float64.
    This is the *squared* Wasserstein-2 distance between the two Gaussians. On the features of one published network
    it is called FID; on our judge's features it is a number of its own.

    It falls with the number of samples, also for a perfect generator, so compare only at equal numbers, and
    with :func:`real_against_real` at that number.

    Args:
        real: features, shape (N, D), floating point, finite, N at least 2; fewer samples than features are fine.
        fake: features, shape (M, D).
    Returns:
        A number, at least 0 and always real; 0 for equal mean and covariance.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Dowson and Landau (1982); for GANs Heusel et al. (2017).
    First met in: notebook 06.
    """
    real, fake = _inputs.pair(real, fake)
    (mean_r, root_r), (mean_f, root_f) = _gaussian(real), _gaussian(fake)
    # With S = R'R for both, trace (S1 S2)^(1/2) is the sum of the singular values of R1 R2'. No root of a
    # matrix is taken, so nothing turns complex when there are fewer samples than features.
    cross = torch.linalg.svdvals(root_r @ root_f.T).sum()
    distance = (mean_r - mean_f).square().sum() + root_r.square().sum() + root_f.square().sum() - 2 * cross
    return float(distance.clamp_min(0))


def _gaussian(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and a triangular root R of the covariance, S = R'R."""
    mean = points.mean(dim=0)
    root = torch.linalg.qr((points - mean) / (len(points) - 1) ** 0.5, mode="r").R
    return mean, root


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Return the squared maximum mean discrepancy of two sets of features, unbiased, kernel (x'y / D + 1)^3.

    Unbiased means: whatever the number of samples, it is right *on average*. Two samples of one distribution
    give numbers around 0, also negative ones. (On the features of one published network it is called KID.)

    Args:
        real: features, shape (N, D), floating point, finite, N at least 2.
        fake: features, shape (M, D).
    Returns:
        A number; clearly above the spread of :func:`real_against_real` means that the sets differ.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Gretton et al. (2012), lemma 6; the kernel is that of Binkowski et al. (2018).
    First met in: notebook 06.
    """
    real, fake = _inputs.pair(real, fake)
    n, m = len(real), len(fake)
    within_real = (_kernel_sum(real, real) - _kernel(real, real, pairwise=True).sum()) / (n * (n - 1))
    within_fake = (_kernel_sum(fake, fake) - _kernel(fake, fake, pairwise=True).sum()) / (m * (m - 1))
    return float(within_real + within_fake - 2 * _kernel_sum(real, fake) / (n * m))


def _kernel(a: Tensor, b: Tensor, *, pairwise: bool = False) -> Tensor:
    products = (a * b).sum(dim=1) if pairwise else a @ b.T
    return (products / a.shape[1] + 1) ** 3


def _kernel_sum(a: Tensor, b: Tensor) -> Tensor:
    return torch.stack([_kernel(rows, b).sum() for rows in a.split(_ROWS)]).sum()


def real_against_real(
    real: Tensor,
    n: int,
    *,
    distance: Callable[[Tensor, Tensor], float] = frechet_distance,
    repeats: int = 5,
    generator: torch.Generator,
) -> Tensor:
    """Return what ``distance`` says of two sets of ``n`` real samples: the floor that no generator beats on average.

    The two sets have no sample in common and are drawn anew each time. A generator whose distance at this ``n``
    lies among these numbers is, for this measure, as good as the data.

    Args:
        real: features of real images, shape (N, D).
        n: samples on each side, at least 2, at most N / 2.
        distance: :func:`frechet_distance`, :func:`kernel_distance`, or any function of two sets of features.
        repeats: how many pairs of sets, at least 1.
        generator: draws the sets; give it a seed of its own.
    Returns:
        Shape (repeats,), float64.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 06.
    """
    real = _inputs.features("real", real)
    n = whole_between("n", n, 2, len(real) // 2, why=f"half of the {len(real)} samples")
    repeats = whole_between("repeats", repeats, 1)
    found = []
    for _ in range(repeats):
        order = torch.randperm(len(real), generator=generator, device=generator.device).cpu()
        found.append(float(distance(real[order[:n]], real[order[n : 2 * n]])))
    return torch.tensor(found, dtype=torch.float64)


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3) -> PrecisionRecall:
    """Return the share of fakes among the real ones (precision), and of real ones among the fakes (recall).

    Round every real sample a ball is drawn that just reaches its k-th nearest real neighbour. Together they stand for
    "where the data is". Precision counts the fakes that lie in at least one ball (the rim included). Recall is the
    same with the roles exchanged. Few kinds of good samples: precision high, recall low. Noise round the data: the
    other way round. Both depend on the number of samples: use as many of both, and compare with two sets of real ones.

    Args:
        real: features, shape (N, D), floating point, finite.
        fake: features, shape (M, D).
        k: which neighbour sets the radius, at least 1, less than N and M.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Kynkäänniemi et al. (2019), improved precision and recall.
    First met in: notebook 06.
    """
    real, fake = _inputs.pair(real, fake)
    k = whole_between("k", k, 1, min(len(real), len(fake)) - 1, why="fewer than the samples")
    return PrecisionRecall(_covered(real, fake, k), _covered(fake, real, k))


def _covered(centres: Tensor, points: Tensor, k: int) -> float:
    """Return the share of ``points`` that lie in a ball round at least one of the ``centres``."""
    radii = torch.cat([_inputs.distances(rows, centres).kthvalue(k + 1, dim=1).values for rows in centres.split(_ROWS)])
    inside = [(_inputs.distances(rows, centres) <= radii).any(dim=1) for rows in points.split(_ROWS)]
    return float(torch.cat(inside).double().mean())


# ---------------------------------------------------------------- copies


@torch.no_grad()
def nearest(queries: Tensor, pool: Tensor) -> Neighbours:
    """Return for each query the nearest of the pool, by Euclidean distance: of pixels, or of features.

    Args:
        queries: shape (N, ...), floating point, finite: images or features.
        pool: shape (M, ...), the same but for the number.
    Returns:
        Distances, shape (N,), and indices into the pool, shape (N,), int64, on the CPU. An exact copy is at 0.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 06.
    """
    _inputs.check_samples("queries", queries)
    _inputs.check_samples("pool", pool)
    if queries.shape[1:] != pool.shape[1:]:
        raise ValueError(
            f"queries and pool must agree in all but the number, got {tuple(queries.shape)} and {tuple(pool.shape)}"
        )
    dtype = torch.float64 if torch.float64 in (queries.dtype, pool.dtype) else torch.float32
    queries, pool = (samples.detach().to(device="cpu", dtype=dtype).flatten(1) for samples in (queries, pool))
    middle = pool.mean(dim=0)  # products of numbers far from 0 would lose the digits that tell neighbours apart
    finder = _Finder(queries - middle, pool - middle, largest=float(max(queries.abs().max(), pool.abs().max())))
    distances, indices = [], []
    for rows, around in zip(queries.split(_ROWS), finder.queries.split(_ROWS), strict=True):
        near, sure_up_to = finder.candidates(around)
        exact = (rows.double().unsqueeze(1) - pool[near].double()).norm(dim=2)
        best, which = exact.min(dim=1)
        where = near.gather(1, which.unsqueeze(1)).squeeze(1)
        unsure = (best >= sure_up_to).nonzero().flatten()  # another one may be nearer: look at all of them
        for k in unsure.tolist():
            best[k], where[k] = (pool.double() - rows[k].double()).norm(dim=1).min(dim=0)
        distances.append(best.to(dtype))
        indices.append(where)
    return Neighbours(torch.cat(distances), torch.cat(indices))


class _Finder:
    """Finds a few candidates for the nearest neighbour by matrix products: fast, and rough by a known amount."""

    def __init__(self, queries: Tensor, pool: Tensor, *, largest: float) -> None:
        self.queries, self.pool, self.squares = queries, pool, pool.square().sum(dim=1)
        digits = torch.finfo(pool.dtype).eps
        norms = float(queries.square().sum(dim=1).max()) + float(self.squares.max())
        self.error = (32 * digits * norms) ** 0.5 + 8 * digits * largest * pool.shape[1] ** 0.5

    def candidates(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the places of up to 8 of the pool for each row, shape (N, 8), and what all others are farther than."""
        found = torch.empty(len(rows), 0, dtype=rows.dtype)
        where = torch.empty(len(rows), 0, dtype=torch.long)
        own = rows.square().sum(dim=1, keepdim=True)
        for start in range(0, len(self.pool), _COLUMNS):
            pool = self.pool[start : start + _COLUMNS]
            rough = torch.addmm(own + self.squares[start : start + _COLUMNS], rows, pool.T, alpha=-2)
            kept = rough.topk(min(_CANDIDATES, len(pool)), dim=1, largest=False)
            found, where = torch.cat([found, kept.values], 1), torch.cat([where, kept.indices + start], 1)
            order = found.argsort(dim=1)[:, :_CANDIDATES]
            found, where = found.gather(1, order), where.gather(1, order)
        farthest = found[:, -1].clamp_min(0).sqrt() - self.error
        everything = len(self.pool) <= _CANDIDATES
        return where, torch.full_like(farthest, torch.inf) if everything else farthest


def nearer_than_held_out(fake: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Return how often a fake is nearer to its nearest training image than a held-out real image is to its own.

    The chance that of one fake and one held-out image, drawn at random, the fake is the nearer one (ties count half).
    A generator that copies training images comes near 1. About 1/2 is what new real images would give. Well below
    1/2 means samples that lie further out than real ones: noise, or bad strokes. It is no proof: dull, blurred
    samples are near to everything, and a copy that is shifted by a pixel is far from its original.

    Args:
        fake: generated samples, shape (N, ...): images or features.
        train: what the generator was trained on, shape (M, ...).
        held_out: real samples that it was not trained on, shape (L, ...).
    Returns:
        A number in [0, 1].
    Raises:
        TypeError, ValueError: as in :func:`nearest`.
    Source: the statistic of Meehan, Chaudhuri and Dasgupta (2020), a test for data-copying, without its regions.
    First met in: notebook 06.
    """
    ours = nearest(fake, train).distances.double()
    theirs = nearest(held_out, train).distances.double().sort().values
    above = len(theirs) - torch.searchsorted(theirs, ours, right=True)
    equal = len(theirs) - torch.searchsorted(theirs, ours) - above
    return float((above + 0.5 * equal).mean() / len(theirs))
