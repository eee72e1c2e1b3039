"""Divergences between two known densities on the line, and the value of the minimax game.

All of them are integrals, computed on a fine even grid between ``low`` and ``high`` (the trapezoid rule: for smooth
densities that have died out at both ends it is as exact as float64 allows; each jump of a density costs up to one
grid step; the Wasserstein distance, whose integrand has corners, is right to about 1e-6). Natural logarithms
throughout, taken in log space, so that tails cost no accuracy. Densities that do not integrate to 1 on the grid are
refused: a wrong number would be worse than none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real, whole

__all__ = ["Density", "js", "kl", "minimax_value", "optimal_logits", "wasserstein_1d_densities"]

_MASS_TOLERANCE = 1e-3


class Density(Protocol):
    """What these functions need of a distribution: see :mod:`gancourse.data.toy`."""

    dim: int

    def log_prob(self, x: Tensor) -> Tensor: ...


def kl(p: Density, q: Density, low: float, high: float, *, points: int = 20_001) -> float:
    """Return the Kullback-Leibler divergence of ``p`` from ``q``, KL(p || q).

    The integral of p log(p / q): at least 0, 0 only for p = q, not symmetric, and infinite
    where ``q`` has no mass but ``p`` has. "Reverse KL" is this with the arguments exchanged.

    Args:
        p, q: distributions on the line with an exact ``log_prob``.
        low, high: integrate from low to high; (all but 1e-3 of) the mass of both must lie between.
        points: grid points, at least 101.
    Returns:
        A number in nats, possibly ``inf``.
    Raises:
        TypeError: ``p`` or ``q`` has no density on the line, or a limit is no number.
        ValueError: the limits are not finite and in order, or a density does not integrate to 1 between them.
    First met in: notebook 01.
    """
    step, log_p, log_q = _on_grid(p, q, low, high, points)
    return _integrate(_weighted(log_p, log_p - log_q), step)


def js(p: Density, q: Density, low: float, high: float, *, points: int = 20_001) -> float:
    """Return the Jensen-Shannon divergence of ``p`` and ``q``.

    1/2 KL(p || m) + 1/2 KL(q || m) with m = (p + q) / 2: symmetric, from 0 (equal) to log 2 (no overlap).

    Args:
        p, q, low, high, points: as in :func:`kl`.
    Returns:
        A number in nats, between 0 and log 2.
    Raises:
        TypeError, ValueError: as :func:`kl`.
    Source: Lin (1991).
    First met in: notebook 01.
    """
    step, log_p, log_q = _on_grid(p, q, low, high, points)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    return _integrate(0.5 * (_weighted(log_p, log_p - log_m) + _weighted(log_q, log_q - log_m)), step)


def optimal_logits(p: Density, q: Density, x: Tensor) -> Tensor:
    """Return the logit of the best discriminator, log p(x) - log q(x).

    The best discriminator for data density p and generated density q is D* = p / (p + q); its logit,
    log D* / (1 - D*), is the log density ratio. Larger means more real.

    Args:
        p: density of the data.
        q: density of the generated points.
        x: points, shape (..., dim).
    Returns:
        Logits, shape (...): ``inf`` where only p has mass, ``-inf`` where only q has, NaN where neither has
        (there no answer is better than another).
    Raises:
        TypeError, ValueError: a distribution has no density, or their ``dim`` differ.
    Source: Goodfellow et al. (2014), proposition 1.
    First met in: notebook 01.
    """
    for label, density in (("p", p), ("q", q)):
        _check_density(label, density)
    if p.dim != q.dim:
        raise ValueError(f"q must have the dim of p, {p.dim}, got {q.dim}")
    return p.log_prob(x) - q.log_prob(x)


def minimax_value(
    p: Density,
    q: Density,
    low: float,
    high: float,
    *,
    logits: Callable[[Tensor], Tensor] | None = None,
    points: int = 20_001,
) -> float:
    """Return the value V of the minimax game for data ``p``, generated density ``q`` and a discriminator.

    V = integral of p log D + q log(1 - D). For the best discriminator, used if none is given, this is
    2 JS(p, q) - 2 log 2 (so -log 4 when p = q); any other discriminator gives less. The discriminator's loss is -V.

    Args:
        p: density of the data.
        q: density of the generated points.
        low, high, points: as in :func:`kl`.
        logits: the discriminator as a function from points, shape (N, 1), float64, to logits, shape (N,).
    Returns:
        A number in nats, at most 0.
    Raises:
        TypeError, ValueError: as :func:`kl`, or ``logits`` returns another shape or NaN.
    Source: Goodfellow et al. (2014), equation 1 and theorem 1.
    First met in: notebook 01.
    """
    step, log_p, log_q = _on_grid(p, q, low, high, points)
    if logits is None:
        scores = (log_p - log_q).nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)  # 0/0: any answer will do
    else:
        if not callable(logits):
            raise TypeError(f"logits must be a function from points to logits, got {type(logits).__name__}")
        with torch.no_grad():
            scores = logits(_grid(low, high, points)[:, None])
        if not isinstance(scores, Tensor) or scores.shape != log_p.shape:
            got = f"shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores).__name__
            raise ValueError(f"logits must return one logit per point, shape ({points},), got {got}")
        scores = scores.double()
        if bool(scores.isnan().any()):
            raise ValueError(f"logits returned {int(scores.isnan().sum())} NaN value(s)")
    return -_integrate(_weighted(log_p, F.softplus(-scores)) + _weighted(log_q, F.softplus(scores)), step)


def wasserstein_1d_densities(p: Density, q: Density, low: float, high: float, *, points: int = 20_001) -> float:
    """Return the Wasserstein-1 distance of two densities on the line: the area between their distribution functions.

    The average distance that mass must travel. It has the unit of x and keeps growing as two densities move apart.
    For two samples instead of densities, see :func:`gancourse.metrics.transport.wasserstein_1d`.

    Args:
        p, q, low, high, points: as in :func:`kl`.
    Returns:
        A number, at least 0.
    Raises:
        TypeError, ValueError: as :func:`kl`.
    Source: Vallender (1974).
    First met in: notebook 01.
    """
    step, log_p, log_q = _on_grid(p, q, low, high, points)
    gap = log_p.exp() - log_q.exp()
    area = torch.cumulative_trapezoid(gap, dx=step).abs()
    return float(torch.trapezoid(F.pad(area, (1, 0)), dx=step))


# ---------------------------------------------------------------- helpers


def _weighted(log_weight: Tensor, value: Tensor) -> Tensor:
    """Return exp(log_weight) * value, and 0 (not NaN) where the weight is 0."""
    weight = log_weight.exp()
    return torch.where(weight > 0, weight * value, torch.zeros_like(weight))


def _integrate(values: Tensor, step: float) -> float:
    return float(torch.trapezoid(values, dx=step))


def _grid(low: float, high: float, points: int) -> Tensor:
    return torch.linspace(low, high, points, dtype=torch.float64)


def _on_grid(p: Density, q: Density, low: float, high: float, points: int) -> tuple[float, Tensor, Tensor]:
    """Check everything and return the grid step and both log densities on the grid."""
    for label, limit in (("low", low), ("high", high)):
        if (number := real(limit)) is None:
            raise TypeError(f"{label} must be a number, got {type(limit).__name__}")
        if not math.isfinite(number):
            raise ValueError(f"{label} must be finite, got {limit}")
    low, high = real(low), real(high)
    if not low < high:
        raise ValueError(f"low must be below high, got {low:g} and {high:g}")
    if (count := whole(points)) is None or count < 101:
        raise ValueError(f"points must be a whole number, at least 101, got {points!r}")
    points = count
    x, step = _grid(low, high, points), (high - low) / (points - 1)
    logs = []
    for label, density in (("p", p), ("q", q)):
        _check_density(label, density)
        if density.dim != 1:
            raise ValueError(f"{label} must be a density on the line (dim 1), got dim {density.dim}")
        log_density = density.log_prob(x[:, None])
        mass = _integrate(log_density.exp(), step)
        if not abs(mass - 1) <= _MASS_TOLERANCE:
            raise ValueError(
                f"{label} must integrate to 1 between low = {low:g} and high = {high:g}, got {mass:.4g}; "
                "move the limits outwards, or use more points for a density narrower than the grid"
            )
        logs.append(log_density)
    return step, logs[0], logs[1]


def _check_density(label: str, density: object) -> None:
    if not callable(getattr(density, "log_prob", None)) or not isinstance(getattr(density, "dim", None), int):
        raise TypeError(f"{label} must be a distribution with log_prob and dim (see data.toy), got {density!r}")
