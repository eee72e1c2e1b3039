"""How likely data are under a decoder of two numbers, by summing over a grid: the exact value beside a bound.

With z ~ N(0, I) in the plane and x = decode(z) + noise, p(x) is an integral over z. In two dimensions a grid gives it
to many digits, and with it what the bound of a VAE leaves out: how far the encoder's Gaussian is from the exact
distribution of z given x. For codes of 32 numbers no grid is fine enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.metrics import _inputs

__all__ = ["Bound", "Moments", "Quadrature"]

_REACH, _PIECE = 5.0, 100  # of the grid to all sides; points at once
_OFF = 5e-3  # by which a Gaussian's sum over the grid may miss 1
_HALF_LOG_2_PI = math.log(2 * math.pi) / 2


class Moments(NamedTuple):
    """Mean and variance of z given x, number by number, shape (N, 2) both."""

    mean: Tensor
    variance: Tensor


class Bound(NamedTuple):
    """What an encoder's Gaussian says of each point, in nats, shape (N,), float64: log_prob = elbo + divergence.

    Attributes:
        log_prob: log p(x), exact.
        elbo: the evidence lower bound.
        divergence: of the encoder's Gaussian from the exact distribution of z given x.
    """

    log_prob: Tensor
    elbo: Tensor
    divergence: Tensor


class Quadrature:
    """A grid over z in the plane, with what the decoder makes of each of its points.

    Args:
        decode: a function from z, shape (M, 2), to points, shape (M, 2). Called once.
        noise: standard deviation of what is added to each coordinate of x, above 0.
        side: points of the grid in each direction, from -5 to 5. A distribution of z whose standard deviation is
            smaller than a point's distance is not resolved.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        line: the grid's coordinates in each direction, shape (side,).
    First met in: notebook 15.
    """

    @torch.no_grad()
    def __init__(self, decode: Callable[[Tensor], Tensor], noise: float, *, side: int = 160) -> None:
        self.noise = real_between("noise", noise, 1e-6)
        side = whole_between("side", side, 20)
        self.line = torch.linspace(-_REACH, _REACH, side)
        self._z = torch.cartesian_prod(self.line, self.line)
        self._log_area = 2 * math.log(float(self.line[1] - self.line[0]))
        centres = decode(self._z)
        _inputs.check_samples("what decode returns", centres)
        if centres.shape != self._z.shape:
            raise ValueError(f"decode must return shape {tuple(self._z.shape)}, got {tuple(centres.shape)}")
        self._z, self._centres = self._z.double(), centres.double()
        self._log_prior = -self._z.square().sum(dim=1) / 2 - 2 * _HALF_LOG_2_PI

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x) in nats, shape (N,), float64, for points (N, 2)."""
        return torch.cat([joint.logsumexp(dim=1) for joint, _ in self._joint(x)]) + self._log_area

    def density(self, x: Tensor) -> Tensor:
        """Return the density of z given each x on the grid, shape (N, side, side): z1 downwards, z2 across."""
        side = len(self.line)
        rows = [joint.softmax(dim=1) for joint, _ in self._joint(x)]
        return torch.cat(rows).view(-1, side, side) / math.exp(self._log_area)

    def moments(self, x: Tensor) -> Moments:
        """Return mean and variance of z given each x, shape (N, 2) both, float64."""
        means, variances = [], []
        for joint, _ in self._joint(x):
            share = joint.softmax(dim=1)
            mean = share @ self._z
            means.append(mean)
            variances.append(share @ self._z.square() - mean.square())
        return Moments(torch.cat(means), torch.cat(variances))

    def bound(self, x: Tensor, mean: Tensor, log_variance: Tensor) -> Bound:
        """Return log p(x), the evidence lower bound, and what lies between, for each x; by sums, without draws.

        The bound is the mean over z ~ N(mean, variance) of log p(x | z), minus the divergence of that Gaussian from
        N(0, I). The three numbers are computed each by itself: the first is the sum of the other two.

        Args:
            x: points, shape (N, 2).
            mean, log_variance: an encoder's answer for each, shape (N, 2) both.
        Raises:
            TypeError, ValueError: an argument is anything else; a Gaussian is narrower than the grid resolves, or lies
                beyond its border.
        """
        for name, value in (("mean", mean), ("log_variance", log_variance)):
            _inputs.check_samples(name, value)
            if value.shape != x.shape:
                raise ValueError(f"{name} must have the shape of x, {tuple(x.shape)}, got {tuple(value.shape)}")
        found: list[tuple[Tensor, ...]] = []
        for joint, rows in self._joint(x):
            centre, spread = (part[rows].detach().double().unsqueeze(1) for part in (mean, log_variance))
            log_q = -((self._z - centre).square() * (-spread).exp() + spread).sum(dim=2) / 2 - 2 * _HALF_LOG_2_PI
            share = (log_q + self._log_area).exp()
            if bool(((share.sum(dim=1) - 1).abs() > _OFF).any()):
                raise ValueError(
                    "mean and log_variance must be Gaussians that the grid holds, but some are too narrow or too far "
                    f"out for side={len(self.line)}; try a larger side"
                )
            log_prob = joint.logsumexp(dim=1) + self._log_area
            code_cost = (share * (log_q - self._log_prior)).sum(dim=1)
            elbo = (share * (joint - self._log_prior)).sum(dim=1) - code_cost
            found.append((log_prob, elbo, (share * (log_q - joint + log_prob.unsqueeze(1))).sum(dim=1)))
        return Bound(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _joint(self, x: Tensor) -> Iterator[tuple[Tensor, slice]]:
        """Yield log p(x, z) on the grid, shape (n, points), piece by piece, with the rows of x that it belongs to."""
        _inputs.check_samples("x", x)
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"x must have shape (N, 2), got {tuple(x.shape)}")
        for first in range(0, len(x), _PIECE):
            rows = slice(first, first + _PIECE)
            off = torch.cdist(x[rows].detach().double(), self._centres).square() / (2 * self.noise**2)
            yield self._log_prior - off - 2 * (_HALF_LOG_2_PI + math.log(self.noise)), rows
