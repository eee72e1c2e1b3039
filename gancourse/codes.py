"""Gaussians over codes: draws that gradients pass, the price of a code in nats, and a Gaussian fitted to codes.

A code is a row of numbers, shape (N, C). An encoder that is unsure gives a Gaussian for each image, by a mean and the
logarithm of a variance for every number of the code; all covariances of it are 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse._numbers import whole_between

__all__ = ["BITS", "FittedGaussian", "draw", "fit_gaussian", "kl_to_normal"]

BITS = 1 / math.log(2)
"""Bits in a nat: 1.44."""


def draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """Return one draw from each Gaussian, through which gradients reach the mean and the variance.

    mean + standard deviation * noise, the standard deviation being exp(log_variance / 2): the noise comes from
    outside, so the draw is a smooth function of both ("reparameterisation").

    Args:
        mean, log_variance: the same shape, floating point; (N, C), or (K, N, C) for K encoders at once.
        generator: draws the noise, on its own device; the noise goes to the device of ``mean``.
    Raises:
        TypeError, ValueError: the two are anything else.
    Source: Kingma and Welling (2014), section 2.4.
    First met in: notebook 15.
    """
    _check(mean=mean, log_variance=log_variance)
    noise = torch.randn(mean.shape, generator=generator, device=generator.device, dtype=mean.dtype)
    return mean + (log_variance / 2).exp() * noise.to(mean.device)


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence KL(N(mean, variance) || N(0, I)) of each row, in nats.

    The sum over the numbers of a code of (mean^2 + variance - 1 - log variance) / 2. It is 0 where the encoder gives
    the prior itself and so says nothing about the image; times :data:`BITS` it is what the code costs in bits.

    Args:
        mean, log_variance: the same shape (..., C), floating point.
    Returns:
        Shape (...), at least 0.
    Raises:
        TypeError, ValueError: the two are anything else.
    Source: Kingma and Welling (2014), appendix B.
    First met in: notebook 15.
    """
    _check(mean=mean, log_variance=log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=-1)


@dataclass(frozen=True)
class FittedGaussian:
    """A Gaussian with the mean and the covariance of some codes; made by :func:`fit_gaussian`.

    Attributes:
        mean: shape (C,).
        covariance: shape (C, C).
    """

    mean: Tensor
    covariance: Tensor

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return ``n`` draws, shape (n, C), in the dtype and on the device of the codes it was fitted to."""
        n = whole_between("n", n, 1)
        # by eigenvectors: a direction in which no code varies has the variance 0, which Cholesky would refuse
        variances, axes = torch.linalg.eigh(self.covariance.double())
        root = axes * variances.clamp(min=0).sqrt()
        noise = torch.randn(n, len(self.mean), generator=generator, device=generator.device, dtype=torch.float64)
        return (self.mean.double() + noise.to(root.device) @ root.T).to(self.mean.dtype)


def fit_gaussian(codes: Tensor) -> FittedGaussian:
    """Return the Gaussian that has the mean and the covariance of these codes.

    What it draws can be decoded like any code: with it an autoencoder, which has no prior, can be sampled as well.

    Args:
        codes: shape (N, C), at least 2 rows, floating point, finite.
    Raises:
        TypeError, ValueError: ``codes`` is anything else.
    First met in: notebook 15.
    """
    _check(codes=codes)
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"codes must have shape (N, C), N at least 2, got {tuple(codes.shape)}")
    if not bool(torch.isfinite(codes).all()):
        raise ValueError("codes must be finite, got NaN or infinite values")
    exact = codes.detach().double()
    return FittedGaussian(exact.mean(dim=0).to(codes.dtype), exact.T.cov().reshape(2 * exact.shape[1:]).to(codes.dtype))


def _check(**parts: Tensor) -> None:
    """Refuse, by name, what is no floating-point tensor with a row of numbers for each code, all of one shape."""
    first_name, first = next(iter(parts.items()))
    for name, part in parts.items():
        if not isinstance(part, Tensor):
            raise TypeError(f"{name} must be a tensor of shape (N, C), got {type(part).__name__}")
        if not part.is_floating_point():
            raise TypeError(f"{name} must hold floating-point numbers, got dtype {part.dtype}")
        if part.ndim < 2 or part.numel() == 0:
            raise ValueError(f"{name} must have shape (N, C), one row for each code, got {tuple(part.shape)}")
        if part.shape != first.shape:
            raise ValueError(
                f"{name} must have the shape of {first_name}, {tuple(first.shape)}, got {tuple(part.shape)}"
            )
