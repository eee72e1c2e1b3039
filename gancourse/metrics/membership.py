"""Was this image in the training set? A guess as a game with a score, and what differential privacy promises of it.

The game: somebody draws an image, half of the time from the training set and half of the time from others of the same
kind. The guesser sees the image and the model, gives it a score, and says "it was in" from some score on.

A mechanism that is differentially private bounds the game whatever the guesser does. "Gaussian" privacy with a number
mu says it in the words of this course: no guesser can tell two training sets that differ in one image better than a
single draw of N(0, 1) can be told from one of N(mu, 1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.metrics import detection, image_sets

__all__ = [
    "Game",
    "by_logit",
    "by_nearness",
    "epsilon_for",
    "game",
    "gaussian_mu",
    "most_advantage",
    "most_auc",
    "noise_for",
]

_PIECE = 500  # images looked at at once; changes nothing but memory


class Game(NamedTuple):
    """How well members and others are told apart: area under the ROC curve, best lead over chance, its threshold."""

    auc: float
    advantage: float
    threshold: float


@torch.no_grad()
def by_logit(discriminator: nn.Module, images: Tensor, labels: Tensor | None = None) -> Tensor:
    """Return what a discriminator says of each image, shape (N,): it should be larger for what it was trained on.

    Args:
        discriminator: takes images, and labels if it needs them.
        images: shape (N, C, S, S).
        labels: shape (N,), for a discriminator that is told them.
    Source: Hayes et al. (2019), LOGAN, white box.
    First met in: notebook 19.
    """
    if labels is None:
        return torch.cat([discriminator(piece) for piece in images.split(_PIECE)])
    pieces = zip(images.split(_PIECE), labels.split(_PIECE), strict=True)
    return torch.cat([discriminator(*piece) for piece in pieces])


def by_nearness(samples: Tensor, images: Tensor) -> Tensor:
    """Return minus the distance of each image from the nearest sample, shape (N,): all that samples alone can tell.

    Args:
        samples: what a generator made, shape (M, C, S, S): images or features.
        images: shape (N, C, S, S).
    Raises:
        TypeError, ValueError: as in ``metrics.image_sets.nearest``.
    Source: Chen et al. (2020), GAN-Leaks, full black box.
    First met in: notebook 19.
    """
    return -image_sets.nearest(images, samples).distances


def game(members: Tensor, others: Tensor) -> Game:
    """Return the score of a guesser who says "it was in" from some score on.

    Args:
        members: scores of images that were in the training set, shape (N,).
        others: scores of images of the same kind that were not, shape (M,).
    Raises:
        TypeError, ValueError: these are no such scores.
    First met in: notebook 19.
    """
    scores = torch.cat([members, others])
    was_in = torch.arange(len(scores), device=scores.device) < len(members)
    best = detection.advantage(scores, was_in)
    return Game(detection.roc_auc(scores, was_in), best.value, best.threshold)


# ---------------------------------------------------------------- what differential privacy promises


def most_advantage(epsilon: float, delta: float = 0.0) -> float:
    """Return the largest lead over chance that any guesser can have if training was (epsilon, delta)-private.

    Private means: P(guess "in" | it was) is at most e^epsilon P(guess "in" | it was not) + delta, and the same for
    guesses of "out". The largest difference that two such inequalities allow is (e^epsilon - 1 + 2 delta) over
    (e^epsilon + 1).

    Args:
        epsilon: at least 0.
        delta: from 0 to 1.
    Raises:
        ValueError: a number is out of range.
    Source: Kairouz, Oh and Viswanath (2015), the region of hypothesis tests.
    First met in: notebook 19.
    """
    epsilon, delta = real_between("epsilon", epsilon, 0), real_between("delta", delta, 0, 1)
    rare = math.exp(-epsilon)  # exp(epsilon) itself may overflow
    return (1 - rare + 2 * delta * rare) / (1 + rare)


def gaussian_mu(noise: float, num_steps: int, share: float = 1.0) -> float:
    """Return the mu of Gaussian privacy of a training with noise on its gradients.

    In each step the gradient of each image is cut to a largest length C, the gradients are added, and Gaussian noise
    of standard deviation ``noise`` times C is added to the sum. With all images in every step mu is sqrt(steps) /
    noise, exactly. With a random share of them it is about share * sqrt(steps * (exp(1 / noise^2) - 1)), for many
    steps and a small share; here the smaller of both is returned. Where the noise is below about 1 the approximation
    promises too much.

    Args:
        noise: above 0.
        num_steps: how many steps, at least 1.
        share: chance of each image to be in a step, above 0, at most 1.
    Raises:
        ValueError: a number is out of range.
    Source: Dong, Roth and Su (2022); Bu, Dong, Long and Su (2020) for the share.
    First met in: notebook 19.
    """
    noise, share = real_between("noise", noise, 0), real_between("share", share, 0, 1)
    num_steps = whole_between("num_steps", num_steps, 1)
    if noise == 0 or share == 0:
        raise ValueError(f"noise and share must be above 0, got {noise} and {share}")
    everyone = math.sqrt(num_steps) / noise
    if share == 1 or noise < 0.05:  # exp(1 / noise^2) overflows far below
        return everyone
    return min(everyone, share * math.sqrt(num_steps * math.expm1(1 / noise**2)))


def noise_for(mu: float, num_steps: int, share: float = 1.0) -> float:
    """Return the noise that gives this mu: the inverse of :func:`gaussian_mu`.

    Args:
        mu: above 0.
        num_steps, share: as there.
    Raises:
        ValueError: a number is out of range.
    First met in: notebook 19.
    """
    mu, share = real_between("mu", mu, 0), real_between("share", share, 0, 1)
    num_steps = whole_between("num_steps", num_steps, 1)
    if mu == 0 or share == 0:
        raise ValueError(f"mu and share must be above 0, got {mu} and {share}")
    everyone = math.sqrt(num_steps) / mu
    if share == 1:
        return everyone
    return min(everyone, 1 / math.sqrt(math.log1p((mu / share) ** 2 / num_steps)))


def epsilon_for(mu: float, delta: float) -> float:
    """Return the smallest epsilon for which a training with this mu is (epsilon, delta)-private.

    It is where Phi(mu / 2 - epsilon / mu) - e^epsilon Phi(-mu / 2 - epsilon / mu) has fallen to delta; 0 if it begins
    there. An (epsilon, delta) says less than the mu that it comes from: it is one of its many such pairs.

    Args:
        mu: at least 0.
        delta: above 0, below 1.
    Returns:
        epsilon, right to about nine digits.
    Raises:
        ValueError: a number is out of range.
    Source: Dong, Roth and Su (2022), corollary 2.13.
    First met in: notebook 19.
    """
    from scipy import optimize, special  # here, so that importing the package stays quick

    mu, delta = real_between("mu", mu, 0), real_between("delta", delta, 0, 1)
    if not 0 < delta < 1:
        raise ValueError(f"delta must be above 0 and below 1, got {delta}")
    if mu == 0:
        return 0.0

    def above(epsilon: float) -> float:
        """How far the log of what Gaussian privacy gives away at this epsilon is above that of delta."""
        first = special.log_ndtr(mu / 2 - epsilon / mu)
        second = epsilon + special.log_ndtr(-mu / 2 - epsilon / mu)
        return first + math.log(max(-math.expm1(second - first), 1e-300)) - math.log(delta)

    if above(0.0) <= 0:
        return 0.0
    most = mu * (mu / 2 + math.sqrt(-2 * math.log(delta)) + 1)  # the first term alone is below delta there
    return float(optimize.brentq(above, 0.0, most, rtol=1e-10))


def most_auc(mu: float) -> float:
    """Return the largest area under the ROC curve that any guesser can have under Gaussian privacy: Phi(mu / sqrt 2).

    Args:
        mu: at least 0.
    Raises:
        ValueError: it is anything else.
    First met in: notebook 19.
    """
    return 0.5 * (1 + math.erf(real_between("mu", mu, 0) / 2))
