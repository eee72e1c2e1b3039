"""How good is a gradient that goes around the choice of a letter? Bias and spread, against the exact gradient.

The writer wants a high mean score: J = E_q[score of a word], the score of a word being the sum of its discriminator's
scores of the beginnings. For short words J is a sum over every string, and its gradient with it. Each way around the
choice gives an estimate from a batch of written words instead. Many estimates show its two errors: *bias*, how far
their mean lies from the exact gradient, and *spread*, how far one estimate lies from their mean.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.language import every_string
from gancourse.ensembles import _letters
from gancourse.ensembles.writing import returns
from gancourse.models.writer import Discriminator, Writer, above_zero, gumbel

__all__ = ["KINDS", "Quality", "bias_and_spread", "estimates", "exact_gradient"]

_REINFORCE = {
    "whole word": ("whole", "none"),
    "whole word, baseline": ("whole", "others"),
    "to go": ("to_go", "none"),
    "to go, baseline": ("to_go", "others"),
    "to go, own baseline": ("to_go", "own"),
}
_RELAXED = ("straight_through", "soft")

KINDS = (*_REINFORCE, *_RELAXED)
"""The estimators: REINFORCE by what a letter is paid and what is taken off, then both relaxations."""


class Quality(NamedTuple):
    """What an estimator is worth; lengths are given over that of the exact gradient.

    Attributes:
        bias: length of (mean of the estimates - exact gradient), without what chance adds to it.
        spread: root of the mean squared distance of one estimate from their mean.
        cosine: of the angle between the mean of the estimates and the exact gradient.
    """

    bias: float
    spread: float
    cosine: float


@usual_modes()
def exact_gradient(writer: Writer, discriminator: Discriminator, length: int) -> Tensor:
    """Return the gradient of E_q[score] in the writer's weights, by a sum over every string: shape (P,).

    Args:
        writer, discriminator: of the same letters.
        length: letters of a string; there may be a million strings.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 18.
    """
    _check(writer, discriminator)
    strings = every_string(writer.letters, length)
    layers = _letters.stacked([writer])
    with torch.no_grad():
        scores = discriminator(torch.nn.functional.one_hot(strings, writer.letters).float()).sum(-1)
    log_q = _letters.expected(layers, strings[None]).gather(-1, strings[None, ..., None]).sum((-2, -1))
    mean = (log_q.exp() * scores).sum()
    return _joined(torch.autograd.grad(mean, layers))[0]


@usual_modes()
def estimates(
    writer: Writer,
    discriminator: Discriminator,
    length: int,
    kind: str,
    *,
    tau: float = 1.0,
    batch_size: int = 64,
    repeats: int = 300,
    seed: int = 0,
) -> Tensor:
    """Return estimates of the gradient of E_q[score], each from a batch of its own: shape (repeats, P).

    Args:
        writer, discriminator: of the same letters.
        length: letters of a word.
        kind: one of :data:`KINDS`.
        tau: temperature of the softmax of "straight_through" and "soft".
        batch_size: words for one estimate, at least 2.
        repeats: estimates, at least 2.
        seed: of the noise.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 18.
    """
    _check(writer, discriminator)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    length, tau = whole_between("length", length, 1), above_zero("tau", tau)
    batch_size, repeats = whole_between("batch_size", batch_size, 2), whole_between("repeats", repeats, 2)
    uniform = torch.rand(repeats, batch_size, length, writer.letters, generator=runtime.generator(seed))
    # as many copies of the writer as estimates: one backward pass then gives each copy its own
    layers = [layer.detach().expand(repeats, *layer.shape[1:]).requires_grad_() for layer in _letters.stacked([writer])]
    judges = [layer.detach().expand(repeats, *layer.shape[1:]) for layer in _letters.stacked([discriminator])]
    _, log_q, seen = _letters.write(layers, gumbel(uniform), kind if kind in _RELAXED else "hard", tau)
    scores = _letters.scores(judges, seen)
    if kind in _REINFORCE:
        objective = (returns(scores.detach(), *_REINFORCE[kind]) * log_q).sum(-1)
    else:
        objective = scores.sum(-1)
    return _joined(torch.autograd.grad(objective.mean(1).sum(), layers))


def bias_and_spread(estimates: Tensor, exact: Tensor) -> Quality:
    """Return bias, spread and direction of estimates, shape (repeats, P), of an exact gradient, shape (P,).

    The mean of R estimates lies off by chance too, by spread^2 / R in the mean of squares, which is taken off. Where
    chance alone explains the distance, the bias is 0.

    Raises:
        TypeError, ValueError: the shapes do not fit, there are fewer than 2 estimates, or the gradient is 0.
    First met in: notebook 18.
    """
    if not isinstance(estimates, Tensor) or not isinstance(exact, Tensor):
        raise TypeError("estimates and exact must be tensors")
    if estimates.ndim != 2 or len(estimates) < 2 or exact.shape != estimates.shape[1:]:
        raise ValueError(
            f"estimates must have shape (repeats, {exact.numel()}), repeats at least 2, got {tuple(estimates.shape)}"
        )
    estimates, exact = estimates.double(), exact.double()
    length = float(exact.norm())
    if not length > 0:
        raise ValueError("exact must not be 0: there is no length to compare with")
    mean, variance = estimates.mean(0), float(estimates.var(0).sum())
    bias = max(0.0, float((mean - exact).square().sum()) - variance / len(estimates)) ** 0.5
    cosine = float(mean @ exact / (mean.norm() * length).clamp(min=1e-300))
    return Quality(bias / length, variance**0.5 / length, cosine)


def _joined(gradients: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)


def _check(writer: nn.Module, discriminator: nn.Module) -> None:
    for name, network, kind in (("writer", writer, Writer), ("discriminator", discriminator, Discriminator)):
        if not isinstance(network, kind):
            raise TypeError(f"{name} must be a models.writer.{kind.__name__}, got {type(network).__name__}")
    if writer.letters != discriminator.letters:
        raise ValueError(f"discriminator must have the writer's letters, {writer.letters}, got {discriminator.letters}")
