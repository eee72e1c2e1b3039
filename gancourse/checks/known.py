"""What more than one notebook asks for, and the ways to get it wrong that a checker knows by name.

The two losses of a GAN, of logits; and the distance W1 of two samples on the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from gancourse.checks.comparing import Mistakes

__all__ = ["D_CONSTANTS", "D_MISTAKES", "G_MISTAKES", "d_loss", "distance_mistakes", "down", "g_loss", "up", "w1"]


def up(logits: Tensor) -> Tensor:
    """Return −log D on average: cross-entropy with the label 1, small where D says *real*."""
    return F.softplus(-logits).mean()


def down(logits: Tensor) -> Tensor:
    """Return −log(1 − D) on average: cross-entropy with the label 0, small where D says *fake*."""
    return F.softplus(logits).mean()


def d_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return −V, what D minimises."""
    return up(real) + down(fake)


def g_loss(fake: Tensor) -> Tensor:
    """Return the non-saturating loss, what G minimises."""
    return up(fake)


_SUM = "this is the sum over the batch; take the mean, so that nothing grows with the batch size"
_TWICE = (
    "the sigmoid was applied twice (yours, and the one inside the loss): functions named 'with_logits' want the raw "
    "scores. The loss then never leaves a narrow band and its gradients are squashed"
)
_SWAPPED = (
    "the arguments of the cross-entropy are swapped: scores come first, labels second. Swapped, the loss is a straight "
    "line in the scores and can fall for ever"
)
_LEAST_SQUARES = "this is the least-squares loss: it has neither sigmoid nor log"
_WITHOUT_LOG = "the logarithms are missing: these are probabilities as they are"
_LOG_TOO_LATE = (
    "the mean is taken before the logarithm; each sample has a logarithm of its own, and the mean comes last"
)
_REPLACED = "log(1 − D) was replaced by something it is not, D / 2 or log ½. Try D = 0.1: log 0.9 is −0.105"
_BITS = "this is in bits; use the natural logarithm"

D_MISTAKES: Mistakes = [
    (
        lambda r, f: -d_loss(r, f),
        "this is V itself, which D *maximises*, so its loss is −V. G minimises V; if D minimises it too, both pull the "
        "same way and D learns to call real fake",
    ),
    (
        lambda r, f: up(r),
        "the fake term is missing: without it D wins by calling everything real, its loss falls to 0, and it knows "
        "nothing about fakes",
    ),
    (lambda r, f: down(f), "the real term is missing: without it D wins by calling everything fake"),
    (
        lambda r, f: down(r) + up(f),
        "real and fake have changed places (or their labels): this loss is small when D calls the fakes real",
    ),
    (
        lambda r, f: up(r.sigmoid()) + down(f),
        "a sigmoid is on the scores of the *real* data, and the loss has one inside: it wants raw scores from both",
    ),
    (
        lambda r, f: up(r) + down(f.sigmoid()),
        "a sigmoid is on the scores of the *fakes*, and the loss has one inside: it wants raw scores from both",
    ),
    (
        lambda r, f: up(r) + up(f),
        "real and fake carry the same label, *real*, so D learns nothing about fakes; on those it is paid log(1 − D)",
    ),
    (
        lambda r, f: down(r) + down(f),
        "real and fake carry the same label, *fake*, so D learns nothing about real data; on that it is paid log D",
    ),
    (lambda r, f: up(r) - down(f), "the fake term has the wrong sign: this pushes D(G(z)) *up*"),
    (lambda r, f: down(f) - up(r), "the real term has the wrong sign: this pushes D(x) *down* on real data"),
    (
        lambda r, f: d_loss(r, f) / 2,
        "this is half of it: the mean over real and fake together. Here the two means are *added*, so that the loss is "
        "exactly −V",
    ),
    (lambda r, f: len(r) * d_loss(r, f), _SUM),
    *(
        (lambda r, f, of=of: of(r.sigmoid(), f.sigmoid()), _TWICE)
        for of in (
            d_loss,
            lambda r, f: -d_loss(r, f),
            lambda r, f: up(r) + up(f),
            lambda r, f: down(r) + down(f),
            lambda r, f: down(r) + up(f),
            lambda r, f: up(r),
            lambda r, f: len(r) * d_loss(r, f),
        )
    ),
    (lambda r, f: up(r) + f.sigmoid().mean() / -2, _REPLACED),
    (lambda r, f: up(r) + f.sigmoid().mean() / 2, _REPLACED),
    (lambda r, f: down(r.new_ones(())) - r.mean() + math.log(2), _SWAPPED),
    (
        lambda r, f: f.mean() - r.mean(),
        "this is the Wasserstein critic's loss: the scores are used as they are, with neither sigmoid nor log",
    ),
    (
        lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(),
        "this is the hinge loss: it has neither sigmoid nor log",
    ),
    (lambda r, f: (r - 1).square().mean() + f.square().mean(), _LEAST_SQUARES),
    (
        lambda r, f: (r.sigmoid() - 1).square().mean() + f.sigmoid().square().mean(),
        "this is the squared distance of D from its labels; V is made of logarithms",
    ),
    (lambda r, f: 0.9 * up(r) + 0.1 * down(r) + down(f), "the real labels are 0.9 (one-sided smoothing), and not 1"),
    (lambda r, f: up(r.mean()) + down(f.mean()), _LOG_TOO_LATE),
    (lambda r, f: -r.sigmoid().mean().log() - (1 - f.sigmoid().mean()).log(), _LOG_TOO_LATE),
    (lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean(), _WITHOUT_LOG),
    (lambda r, f: f.sigmoid().mean() - r.sigmoid().mean(), _WITHOUT_LOG),
    (lambda r, f: d_loss(r, f) / math.log(2), _BITS),
]
"""Of real and fake logits; the shape of the arguments is (N,) for both. No two have the same gradient."""

D_CONSTANTS: Mistakes = [(lambda r, f, sign=sign: up(r) + sign * math.log(0.5), _REPLACED) for sign in (1, -1)]
"""As above; what is wrong is a constant, which no gradient shows."""

G_MISTAKES: Mistakes = [
    (
        lambda f: down(f),
        "G is trained towards the label 0: minimising −log(1 − D(G(z))) pushes D(G(z)) to 0, so G learns to be caught",
    ),
    (
        lambda f: -up(f),
        "the sign is turned round: minimising +log D(G(z)) pushes D(G(z)) to 0, so G learns to be caught",
    ),
    (
        lambda f: -down(f),
        "this is the *saturating* loss, log(1 − D). It has the same best point, but hardly any slope where D rejects "
        "the fakes: not the same loss",
    ),
    *((lambda f, of=of: of(f.sigmoid()), _TWICE) for of in (up, down, lambda f: -up(f), lambda f: -down(f))),
    (lambda f: down(f.new_ones(())) - f.mean(), _SWAPPED),
    (
        lambda f: -f.mean(),
        "this is the Wasserstein loss: the bare score, with neither sigmoid nor log. It needs a critic with a "
        "Lipschitz bound; −log D(G(z)) is another thing, and no Wasserstein distance",
    ),
    (
        lambda f: (f.sigmoid() - 0.5).square().mean(),
        "D(G(z)) = 1/2 is where the game ends, not what G pushes for: G pushes D(G(z)) up, D pushes back",
    ),
    (lambda f: len(f) * up(f), _SUM),
    (lambda f: up(f.mean()), _LOG_TOO_LATE),
    (lambda f: -f.sigmoid().mean().log(), _LOG_TOO_LATE),
    (lambda f: -f.sigmoid().mean(), _WITHOUT_LOG),
    (lambda f: (1 - f.sigmoid()).mean(), _WITHOUT_LOG),
    (lambda f: (f - 1).square().mean(), _LEAST_SQUARES),
    (lambda f: up(f) / math.log(2), _BITS),
]
"""Of fake logits, shape (N,)."""


def w1(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean distance from each point of ``a`` to the one of ``b`` that has its place in the order."""
    return (a.flatten().sort().values - b.flatten().sort().values).abs().mean()


def distance_mistakes(unsorted: str) -> Mistakes:
    """Return what is known to go wrong with W1 by sorting, of two samples of equal size.

    Args:
        unsorted: the sentence for points that are paired as they happen to stand.
    """

    def of_ways(formula: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda a, b: formula(a.flatten().sort().values - b.flatten().sort().values)

    def every(a: Tensor, b: Tensor) -> Tensor:
        return (a.reshape(-1, 1) - b.reshape(1, -1)).abs()

    cancel = (
        "ways in opposite directions cancel: this is the difference of the two means, and is 0 for any two samples "
        "with equal means. The absolute value is missing, or comes too late"
    )
    return [
        (lambda a, b: (a - b).abs().mean(), unsorted),
        (lambda a, b: (a.sort(0).values - b).abs().mean(), "only the first sample is sorted; sort the second too"),
        (lambda a, b: (a - b.sort(0).values).abs().mean(), "only the second sample is sorted; sort the first too"),
        (
            lambda a, b: (a.sort(0).values - b.sort(0, descending=True).values).abs().mean(),
            "one sample is sorted upwards and the other downwards: smallest to largest is the most expensive plan "
            "there is",
        ),
        (of_ways(lambda ways: ways.abs().sum()), "this is the sum of all ways; each point carries 1/N of the mass"),
        (of_ways(lambda ways: ways.mean()), cancel),
        (of_ways(lambda ways: -ways.mean()), cancel),
        (of_ways(lambda ways: ways.mean().abs()), cancel),
        (of_ways(lambda ways: ways.sum().abs()), cancel),
        (of_ways(lambda ways: ways.square().mean()), "the ways are squared; W1 takes the length itself"),
        (of_ways(lambda ways: ways.square().mean().sqrt()), "this is W2, the root of the mean square"),
        (of_ways(lambda ways: ways.norm()), "this is the root of the sum of squares; W1 is made of absolute values"),
        (of_ways(lambda ways: ways.abs().max()), "this is the longest way; the mean is wanted"),
        (of_ways(lambda ways: ways.abs().median()), "this is the way in the middle (the median); the mean is wanted"),
        (
            lambda a, b: every(a, b).mean(),
            "every point is compared with every other, N times N pairs ((N, 1) against (N,) does so by itself); each "
            "point goes to one place",
        ),
        (
            lambda a, b: every(a, b).min(1).values.mean(),
            "each point goes to the nearest one, so some places get two and others none",
        ),
        (
            lambda a, b: (a.sort(0).indices - b.sort(0).indices).abs().double().mean(),
            "these are the indices that sort the points, and not the sorted points",
        ),
        (lambda a, b: (a.median() - b.median()).abs(), "this is the distance of the two medians"),
    ]
