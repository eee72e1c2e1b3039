"""A question on a line with two answers, whose odds are known: the truth beside claims about restoring.

For x uniform on (-1, 1), y is near +1 with probability (1 + x) / 2 and near -1 otherwise. What is the best answer to
x? That depends on what "best" means, and for each meaning the answer and its error are known exactly.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import real, whole_between

__all__ = ["TwoAnswers", "two_answers"]

_SLICES = 200_001  # of the quantile function, for its integral


@dataclass(frozen=True)
class TwoAnswers:
    """The line with two answers; made by :func:`two_answers`.

    Attributes:
        spread: standard deviation of y around +1 and around -1.
    """

    spread: float

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return ``n`` questions and an answer to each, float32, shape (n, 1) both."""
        n = whole_between("n", n, 1)
        x = 2 * torch.rand(n, 1, generator=generator) - 1
        y = torch.where(torch.rand(n, 1, generator=generator) < self.share(x), 1.0, -1.0)
        return x, y + self.spread * torch.randn(n, 1, generator=generator)

    def share(self, x: Tensor) -> Tensor:
        """Return the probability that the answer to x is near +1: (1 + x) / 2."""
        return (1 + x) / 2

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean answer to each x, which has the least squared error: x itself."""
        return x.clone()

    def median(self, x: Tensor) -> Tensor:
        """Return the median answer to each x, which has the least absolute error.

        It lies near the likelier of both answers: where the cumulative probability of all answers is one half.
        """
        from scipy.special import ndtri

        likelier = x.abs().double().clamp(max=1)
        # near +1, for x > 0: (1 - x)/2 lies below, and the median is a quantile of the upper answer
        share = (likelier / (1 + likelier)).numpy()
        offset = torch.from_numpy(np.asarray(ndtri(np.clip(share, 1e-12, 1.0))))
        # at x = 0 there is no such point: every number between both answers will do, and this gives 0
        answer = torch.where(likelier > 0, 1 + self.spread * offset, 0.0)
        return (x.sign() * answer).to(x.dtype)

    def majority(self, x: Tensor) -> Tensor:
        """Return the centre of the likelier answer to each x: +1 for x > 0, -1 for x < 0."""
        return x.sign()

    @property
    def errors(self) -> dict[str, float]:
        """Mean squared error of three ways to answer: the mean, the likelier answer, a sample of the answers."""
        noise = self.spread**2
        return {"mean": 2 / 3 + noise, "majority": 1 + noise, "sample": 4 / 3 + 2 * noise}

    def quantiles(self, n: int) -> Tensor:
        """Return ``n`` answers that stand for all, shape (n,), float64, rising: the quantiles at (k + 1/2) / n.

        Half of all answers are N(1, spread^2), and half N(-1, spread^2).
        """
        shares = _middles(whole_between("n", n, 1))
        low, high = (torch.full_like(shares, sign * (1 + 10 * self.spread)) for sign in (-1, 1))
        for _ in range(50):  # halves of what was left
            middle = (low + high) / 2
            below = sum(torch.special.ndtr((middle - centre) / self.spread) for centre in (-1, 1)) / 2
            low, high = torch.where(below < shares, middle, low), torch.where(below < shares, high, middle)
        return (low + high) / 2

    @functools.cached_property
    def distance_of_mean(self) -> float:
        """W2 distance between the mean answers of all questions and the true answers, taken without the questions."""
        means = 2 * _middles(_SLICES) - 1  # uniform on (-1, 1), in order, as the answers are
        return float((self.quantiles(_SLICES) - means).square().mean().sqrt())

    def trade_off(self, distance: float) -> float:
        """Return the least mean squared error of answers whose marginal is so far (W2) from the true answers'.

        From the mean's own distance on, the mean itself is best. Nearer than that, the error rises with the square of
        what the distance falls.

        Args:
            distance: at least 0.
        Raises:
            ValueError: it is anything else.
        Source: Blau and Michaeli (2018) asked the question; the square is due to Freirich, Michaeli and Meir (2021).
        """
        if (number := real(distance)) is None or not 0 <= number < math.inf:
            raise ValueError(f"distance must be a finite number, at least 0, got {distance!r}")
        return self.errors["mean"] + max(0.0, self.distance_of_mean - number) ** 2


def two_answers(spread: float = 0.1) -> TwoAnswers:
    """Return the line with two answers.

    Args:
        spread: standard deviation of an answer around +1 or -1, above 0, at most 1/4, so that both lie apart.
    Raises:
        ValueError: it is anything else.
    First met in: notebook 13.
    """
    if (number := real(spread)) is None or not 0 < number <= 0.25:
        raise ValueError(f"spread must be a number above 0 and at most 0.25, got {spread!r}")
    return TwoAnswers(float(number))


def _middles(n: int) -> Tensor:
    return (torch.arange(n, dtype=torch.float64) + 0.5) / n
