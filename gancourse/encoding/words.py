"""A codebook for points of the plane, without any encoder: what kills words, and what revives them.

Points choose their nearest word, and words move to the points that chose them. With 32 words this is k-means done a
batch at a time, and the best codebook is known well enough. What differs is how a word moves, and where words begin.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse.data.batches import Samples
from gancourse.encoding import both
from gancourse.models.codebook import Codebook, nearest

__all__ = ["KINDS", "STARTS", "best_book", "distortion", "train_book"]

KINDS = {
    "gradient": {},
    "averages": {"follow": 0.95},
    "restarts": {"restart_after": 10},
}
"""How words move: by the gradient of the codebook's loss, by running means of the points that chose them, or by the
gradient with dead words put onto points."""

STARTS = ("far", "data")
"""Where words begin: in a small heap beside the points, or on points."""

_RATE, _BATCH = 0.05, 256
_HEAP, _HEAP_SPREAD = (3.0, 0.0), 0.05


def train_book(
    source: Samples, *, kind: str = "gradient", start: str = "far", words: int = 32, num_steps: int = 400, seed: int
) -> Codebook:
    """Train a codebook on points of the plane.

    Args:
        source: a distribution of points in the plane, such as ``toy.ring()``.
        kind: one of :data:`KINDS`.
        start: one of :data:`STARTS`.
        words: how many.
        num_steps: batches of 256 points.
        seed: of where words begin, of the points and of restarts.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 15.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, got {start!r}")
    words, num_steps = whole_between("words", words, 1), whole_between("num_steps", num_steps, 1)
    random = runtime.generator(seed)
    first = source.sample(words, random)
    if start == "far":
        first = torch.tensor(_HEAP) + _HEAP_SPREAD * torch.randn(words, 2, generator=random)
    book = Codebook(words, 2, start=first, **KINDS[kind])
    moved = book.follow is None
    optimizer, schedule = both.falling_adam(book.parameters(), _RATE, (0.9, 0.99), num_steps) if moved else (None, None)
    for _ in range(num_steps):
        points = source.sample(_BATCH, random)
        quantised = book(points)
        if moved:
            optimizer.zero_grad()
            quantised.loss.backward()
            optimizer.step()
            schedule.step()
        book.update(points, quantised.tokens, random)
    return book.eval().requires_grad_(False)


def distortion(book: Tensor, points: Tensor) -> float:
    """Return the mean squared distance of points to their nearest word.

    Args:
        book: the words, shape (K, D).
        points: shape (N, D).
    First met in: notebook 15.
    """
    return float((points - book[nearest(points, book)]).square().sum(dim=1).mean())


def best_book(points: Tensor, words: int = 32, *, seed: int = 0) -> Tensor:
    """Return the best of ten codebooks by k-means, each from another beginning, shape (words, D).

    Args:
        points: shape (N, D).
        words: how many.
        seed: of the beginnings.
    First met in: notebook 15.
    """
    from sklearn.cluster import KMeans

    words = whole_between("words", words, 1, len(points), why="the number of points")
    found = KMeans(words, n_init=10, random_state=runtime.checked_seed(seed)).fit(points.numpy())
    return torch.from_numpy(found.cluster_centers_).to(points)
