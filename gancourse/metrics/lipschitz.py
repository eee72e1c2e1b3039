"""How steep is a critic? The Lipschitz constant, measured.

A function is L-Lipschitz if no two of its values differ by more than L times the distance of their points. For every
such critic the mean score difference, divided by L, is a lower bound of the Wasserstein distance; only the best one
reaches it. L itself cannot be read off a network. What can be measured are lower bounds of it, each at the points it
is given:

    slopes            |gradient of the critic| at each point
    largest_slope     the largest of them: over a dense grid, nearly the constant of the region
    mean_slope        their mean over random interpolates between real and fake: where WGAN-GP's penalty looks
    steepest_pair     the largest |f(x) - f(y)| / |x - y| over all pairs of points

Nothing here is differentiable or changes the critic: it is for looking.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["largest_slope", "mean_slope", "slopes", "steepest_pair"]

Score = Callable[[Tensor], Tensor]

_MOST_PAIRED = 4000


def slopes(critic: Score, points: Tensor) -> Tensor:
    """Return the norm of the critic's gradient at each point, shape (N,).

    Args:
        critic: gives scores, shape (N,), for points; a module or any function.
        points: where to look, shape (N, ...), floating point, finite.
    Returns:
        Norms, at least 0, over all axes of a point; no graph hangs on them.
    Raises:
        TypeError, ValueError: ``points`` is no such tensor, or the scores have another shape or do not depend on them.
    First met in: notebook 08.
    """
    _check("points", points)
    if not callable(critic):
        raise TypeError(f"critic must be a module or a function, got {type(critic).__name__}")
    with torch.inference_mode(False), torch.enable_grad():
        points = points.detach().clone().requires_grad_()
        scores = _scores(critic, points)
        if not scores.requires_grad:
            raise ValueError(_IGNORES)
        (gradient,) = torch.autograd.grad(scores.sum(), points, allow_unused=True)
    if gradient is None:
        raise ValueError(_IGNORES)
    return gradient.detach().flatten(1).norm(dim=1)


def largest_slope(critic: Score, points: Tensor) -> float:
    """Return the largest gradient norm of the critic over the points: a lower bound of its Lipschitz constant.

    Over a dense grid of a region it is nearly the constant of that region. A critic may be steeper elsewhere.

    Args:
        critic, points: as in :func:`slopes`.
    Raises:
        TypeError, ValueError: as :func:`slopes`.
    First met in: notebook 08.
    """
    return float(slopes(critic, points).max())


def mean_slope(critic: Score, real: Tensor, fake: Tensor, *, generator: torch.Generator | None = None) -> float:
    """Return the mean gradient norm of the critic over random points between real and fake.

    E |grad f(x)| over x = e real + (1 - e) fake, one e ~ U(0, 1) per pair: the points of WGAN-GP's penalty.
    In one dimension the best critic under that penalty, with weight lambda, has the mean 1 + W1 / (2 lambda).

    Args:
        critic: as in :func:`slopes`.
        real: real data, shape (N, ...), floating point.
        fake: generated data, of the shape of ``real``.
        generator: random generator for e; PyTorch's own if not given.
    Raises:
        TypeError, ValueError: as :func:`slopes`, or ``fake`` differs from ``real`` in shape.
    First met in: notebook 08.
    """
    _check("real", real)
    _check("fake", fake)
    if real.shape != fake.shape:
        raise ValueError(f"fake must have the shape of real, {tuple(real.shape)}, got {tuple(fake.shape)}")
    device = real.device if generator is None else generator.device
    e = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator, device=device, dtype=real.dtype)
    e = e.to(real.device)
    return float(slopes(critic, e * real + (1 - e) * fake).mean())


def steepest_pair(critic: Score, points: Tensor) -> float:
    """Return the largest |f(x) - f(y)| / |x - y| over all pairs of points: a lower bound of the Lipschitz constant.

    No derivative is taken, so it also sees jumps, and slopes between points that lie far apart.

    Args:
        critic: as in :func:`slopes`.
        points: at least two different points, shape (N, ...), N at most 4,000.
    Raises:
        TypeError, ValueError: as :func:`slopes`, or there are too many points or no two different ones.
    First met in: notebook 08.
    """
    _check("points", points)
    if not callable(critic):
        raise TypeError(f"critic must be a module or a function, got {type(critic).__name__}")
    if len(points) > _MOST_PAIRED:
        raise ValueError(f"points must hold at most {_MOST_PAIRED:,} points, got {len(points):,}: take a part")
    with torch.no_grad():
        scores = _scores(critic, points).double()
    places = points.detach().double().flatten(1)
    apart = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist")
    if not bool((apart > 0).any()):
        raise ValueError("points must hold at least two different points: a slope needs a distance")
    rise = (scores[:, None] - scores[None, :]).abs()
    return float(torch.where(apart > 0, rise / apart, torch.zeros_like(rise)).max())


# ---------------------------------------------------------------- helpers

_IGNORES = "critic's scores do not depend on the points: does it ignore its input, or detach inside?"


def _scores(critic: Score, points: Tensor) -> Tensor:
    scores = critic(points)
    if not isinstance(scores, Tensor) or scores.shape != points.shape[:1]:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        hint = "; use .squeeze(1)" if got == (len(points), 1) else ""
        raise ValueError(f"critic must give one score per point, shape ({len(points)},), got {got}{hint}")
    return scores


def _check(label: str, points: object) -> None:
    if not isinstance(points, Tensor):
        raise TypeError(f"{label} must be a tensor of shape (N, ...), got {type(points).__name__}")
    if not points.is_floating_point():
        raise TypeError(f"{label} must hold floating-point numbers, got dtype {points.dtype}")
    if points.ndim < 2 or points.numel() == 0:
        raise ValueError(f"{label} must have shape (N, ...), at least one point, got {tuple(points.shape)}")
    if not bool(torch.isfinite(points).all()):
        raise ValueError(f"{label} must be finite, got {int((~torch.isfinite(points)).sum())} NaN or infinite value(s)")
