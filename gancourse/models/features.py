"""What a discriminator may be shown instead of the bare points: transforms of a batch.

Each is a module without trained weights that maps points of shape (..., N, dim), a batch or
many batches at once, to what the first layer gets, and knows its ``width(dim)``. Put one in front
of a network with ``nn.Sequential(MinibatchStd(), mlp.Discriminator(data_dim=4))``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gancourse._numbers import real, whole

__all__ = ["FourierFeatures", "InTurn", "MinibatchStd", "Packing"]


class FourierFeatures(nn.Module):
    """Append sines and cosines of random projections, so that a small network sees fine detail.

    x becomes (x, sin(x W), cos(x W)) with fixed W ~ N(0, scale^2), shape (dim, count).

    Args:
        dim: coordinates of a point.
        count: number of frequencies.
        scale: their standard deviation; about 1 / (the size of the detail to be seen).
        seed: of the frequencies.
    Raises:
        ValueError: an argument is not a positive number of its kind.
    Source: Tancik et al. (2020), Fourier features let networks learn high frequency functions.
    First met in: notebook 05.
    """

    def __init__(self, *, dim: int = 2, count: int = 16, scale: float = 4.0, seed: int = 5) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("count", count)):
            if (number := whole(value)) is None or number < 1:
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
        if (factor := real(scale)) is None or not math.isfinite(factor) or factor <= 0:
            raise ValueError(f"scale must be above 0, got {scale!r}")
        if (start := whole(seed)) is None:
            raise ValueError(f"seed must be a whole number, got {seed!r}")
        random = torch.Generator().manual_seed(start)
        draws = torch.randn(whole(dim), whole(count), generator=random, dtype=torch.float32)
        self.register_buffer("frequencies", factor * draws)

    def width(self, dim: int) -> int:
        """Return the number of features of a point with ``dim`` coordinates."""
        if dim != len(self.frequencies):
            raise ValueError(f"these Fourier features were made for points of dim {len(self.frequencies)}, got {dim}")
        return dim + 2 * self.frequencies.shape[1]

    def forward(self, points: Tensor) -> Tensor:
        """Return the features, shape (..., N, dim + 2 count), of points of shape (..., N, dim)."""
        phase = points @ self.frequencies
        return torch.cat([points, phase.sin(), phase.cos()], dim=-1)


class MinibatchStd(nn.Module):
    """Append the batch's standard deviation along each axis to every point of the batch.

    A generator that puts all its samples in one place is given away by this number alone. It
    makes the logit of a point depend on the batch around it: feed real and fake apart.

    Source: Karras et al. (2018), section 3, who append one mean over features; a simple form of the
        minibatch discrimination of Salimans et al. (2016).
    First met in: notebook 05.
    """

    def width(self, dim: int) -> int:
        """Return the number of features of a point with ``dim`` coordinates."""
        return 2 * dim

    def forward(self, points: Tensor) -> Tensor:
        """Return the features, shape (..., N, 2 dim), of points of shape (..., N, dim)."""
        variance = points.var(dim=-2, keepdim=True, unbiased=False)
        spread = (variance + 1e-8).sqrt()  # the root of 0 has no slope
        return torch.cat([points, spread.expand_as(points)], dim=-1)


class Packing(nn.Module):
    """Join every ``size`` neighbours of a batch into one input, so that D judges several points at once.

    A batch of N points becomes N / size packs, and D gives one logit a pack.

    Args:
        size: points per pack, at least 1; must divide the batch.
    Raises:
        ValueError: ``size`` is not a positive whole number.
    Source: Lin et al. (2018), PacGAN.
    First met in: notebook 05.
    """

    def __init__(self, size: int = 2) -> None:
        super().__init__()
        if (number := whole(size)) is None or number < 1:
            raise ValueError(f"size must be a positive whole number, got {size!r}")
        self.size = number

    def width(self, dim: int) -> int:
        """Return the number of features of a pack of points with ``dim`` coordinates."""
        return self.size * dim

    def forward(self, points: Tensor) -> Tensor:
        """Return the packs, shape (..., N / size, size dim), of points of shape (..., N, dim)."""
        *batch, count, dim = points.shape
        if count % self.size:
            raise ValueError(f"points must hold a multiple of {self.size} rows to be packed, got {count}")
        return points.reshape(*batch, count // self.size, self.size * dim)


class InTurn(nn.Sequential):
    """Apply several of these transforms one after the other: ``InTurn(FourierFeatures(), Packing(2))``.

    First met in: notebook 05.
    """

    def width(self, dim: int) -> int:
        """Return the number of features that come out for a point with ``dim`` coordinates."""
        for transform in self:
            dim = transform.width(dim)
        return dim
