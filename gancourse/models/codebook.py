"""A codebook: each vector is replaced by the nearest of a few words, and gradients pass as if it had not been.

The nearest word is a jump, whose gradient is 0 nearly everywhere. The *straight-through* gradient goes on to the vector
as if the word were the vector itself. Words are moved towards the vectors that chose them; a word that none chooses
does not move, and stays dead unless something revives it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.models import _inputs

__all__ = ["Codebook", "Quantised", "nearest", "perplexity", "straight_through"]

_LEAST = 1e-2  # a word that fewer vectors than this chose, on average, is not moved by its average


def nearest(vectors: Tensor, book: Tensor) -> Tensor:
    """Return the number of the nearest word for each vector, shape (...), int64; no gradient passes.

    Args:
        vectors: shape (..., D), floating point.
        book: the words, shape (K, D), of the same dtype and on the same device.
    Raises:
        TypeError, ValueError: the two are anything else.
    First met in: notebook 15.
    """
    _check_vectors("vectors", vectors)
    _check_vectors("book", book)
    if book.ndim != 2 or book.shape[1] != vectors.shape[-1]:
        raise ValueError(f"book must have shape (K, {vectors.shape[-1]}), as the vectors, got {tuple(book.shape)}")
    if book.dtype != vectors.dtype or book.device != vectors.device:
        raise ValueError(
            f"book must have the vectors' dtype and device, {vectors.dtype} on {vectors.device}, "
            f"got {book.dtype} on {book.device}"
        )
    rows = vectors.detach().reshape(-1, book.shape[1])
    # direct differences: the faster |a|^2 - 2ab + |b|^2 confuses near words that lie far from 0
    apart = torch.cdist(rows, book.detach(), compute_mode="donot_use_mm_for_euclid_dist")
    return apart.argmin(dim=1).view(vectors.shape[:-1])


def straight_through(vectors: Tensor, words: Tensor) -> Tensor:
    """Return ``words``, whose gradient goes to ``vectors`` unchanged and not to the words.

    Args:
        vectors, words: the same shape, floating point.
    Raises:
        TypeError, ValueError: the two are anything else.
    Source: van den Oord, Vinyals and Kavukcuoglu (2017), section 3.2; the estimator is Bengio's (2013).
    First met in: notebook 15.
    """
    _check_vectors("vectors", vectors)
    _check_vectors("words", words)
    if vectors.shape != words.shape:
        raise ValueError(f"words must have the shape of vectors, {tuple(vectors.shape)}, got {tuple(words.shape)}")
    return vectors + (words - vectors).detach()


def perplexity(tokens: Tensor, words: int) -> float:
    """Return how many words are in use, each counted by its share: exp of the entropy of the shares.

    Args:
        tokens: numbers of words, int64, any shape, from 0 to ``words`` - 1.
        words: how many words there are.
    Returns:
        From 1, where one word does all the work, to ``words``, where all are equally frequent.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 15.
    """
    words = whole_between("words", words, 1)
    if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64:
        got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise TypeError(f"tokens must be an int64 tensor, got {got}")
    if tokens.numel() == 0:
        raise ValueError("tokens is empty: at least one is needed")
    if int(tokens.min()) < 0 or int(tokens.max()) >= words:
        raise ValueError(f"tokens must be from 0 to {words - 1}, got {int(tokens.min())} to {int(tokens.max())}")
    shares = torch.bincount(tokens.flatten(), minlength=words).double() / tokens.numel()
    return math.exp(-float(torch.special.xlogy(shares, shares).sum()))


class Quantised(NamedTuple):
    """What a codebook makes of vectors.

    Attributes:
        words: the nearest words, shape (..., D); gradients pass straight through to the vectors.
        tokens: their numbers, shape (...), int64.
        loss: a scalar that draws words to the vectors that chose them, and vectors to their words.
    """

    words: Tensor
    tokens: Tensor
    loss: Tensor


class Codebook(nn.Module):
    """K words of D numbers each.

    The loss is mean (word - [vector])^2 + commitment * mean ([word] - vector)^2 over all numbers, where [ ] stops the
    gradient: the first term moves words, the second vectors. Call :meth:`update` after each step of training.

    Args:
        words: K, how many.
        size: D, numbers in a word.
        commitment: weight of the second term.
        restart_after: a word that no vector chose in so many updates is put onto a vector of the last batch; None:
            never, so that it stays dead.
        follow: from 0 to less than 1: words follow a running mean of the vectors that chose them, this share of which
            is kept in each update, and the loss moves no word ("EMA"). None: the loss moves them.
        start: first words, shape (K, D). None: uniform from -1/K to 1/K, as in the paper.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        book: the words, shape (K, D).
        idle: updates since a word was last chosen, shape (K,), int64.
    Source: van den Oord et al. (2017), their appendix A.1 for the running mean; restarts: Dhariwal et al. (2020).
    First met in: notebook 15.
    """

    def __init__(
        self,
        words: int = 128,
        size: int = 16,
        *,
        commitment: float = 0.25,
        restart_after: int | None = None,
        follow: float | None = None,
        start: Tensor | None = None,
    ) -> None:
        super().__init__()
        words, size = _inputs.check_size("words", words), _inputs.check_size("size", size)
        self.commitment = real_between("commitment", commitment, 0.0)
        self.restart_after = None if restart_after is None else whole_between("restart_after", restart_after, 1)
        self.follow = None if follow is None else real_between("follow", follow, 0.0, 1.0)
        if self.follow == 1:
            raise ValueError("follow must be less than 1, or no word ever moves, got 1")
        if start is None:
            start = (2 * torch.rand(words, size) - 1) / words
        elif not isinstance(start, Tensor) or start.shape != (words, size) or not start.is_floating_point():
            got = tuple(start.shape) if isinstance(start, Tensor) else type(start).__name__
            raise ValueError(f"start must be floating point of shape ({words}, {size}), got {got}")
        self.book = nn.Parameter(start.detach().clone(), requires_grad=self.follow is None)
        self.register_buffer("idle", torch.zeros(words, dtype=torch.int64))
        self.register_buffer("_counts", torch.ones(words))
        self.register_buffer("_sums", self.book.detach().clone())

    def __len__(self) -> int:
        return len(self.book)

    def forward(self, vectors: Tensor) -> Quantised:
        """Return the nearest word for each vector, shape (..., D), with its number, and the loss."""
        tokens = nearest(vectors, self.book)
        words = self.book[tokens]
        loss = self.commitment * (words.detach() - vectors).square().mean()
        if self.follow is None:
            loss = loss + (words - vectors.detach()).square().mean()
        return Quantised(straight_through(vectors, words), tokens, loss)

    @torch.no_grad()
    def update(self, vectors: Tensor, tokens: Tensor, generator: torch.Generator) -> int:
        """Move the words by their running means if they follow any, and restart dead ones; return how many of these.

        Args:
            vectors: of the batch that has just been used, shape (..., D).
            tokens: their words, shape (...).
            generator: draws the vectors onto which dead words are put.
        """
        vectors, tokens = vectors.detach().flatten(0, -2), tokens.flatten()
        chosen = torch.bincount(tokens, minlength=len(self))
        if self.follow is not None:
            sums = torch.zeros_like(self.book).index_add_(0, tokens, vectors)
            self._counts.lerp_(chosen.to(self._counts.dtype), 1 - self.follow)
            self._sums.lerp_(sums, 1 - self.follow)
            enough = (self._counts > _LEAST).unsqueeze(1)
            self.book.copy_(torch.where(enough, self._sums / self._counts.clamp(min=_LEAST).unsqueeze(1), self.book))
        self.idle.copy_(torch.where(chosen > 0, 0, self.idle + 1))
        if self.restart_after is None:
            return 0
        dead = (self.idle >= self.restart_after).nonzero().flatten()
        if len(dead):
            places = torch.randint(len(vectors), (len(dead),), generator=generator, device=generator.device)
            self.book[dead] = self._sums[dead] = vectors[places.to(vectors.device)]
            self._counts[dead], self.idle[dead] = 1.0, 0
        return len(dead)


def _check_vectors(name: str, vectors: Tensor) -> None:
    if not isinstance(vectors, Tensor):
        raise TypeError(f"{name} must be a tensor of shape (..., D), got {type(vectors).__name__}")
    if not vectors.is_floating_point():
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {vectors.dtype}")
    if vectors.ndim < 2 or vectors.numel() == 0:
        raise ValueError(f"{name} must have shape (..., D), at least one vector, got {tuple(vectors.shape)}")
