"""A network that guesses the clean image behind a noisy one: the course's two trunks joined, with skips."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.models import _inputs

__all__ = ["Denoiser", "PointDenoiser"]

_DENSE, _WAVES, _FASTEST = 256, 32, 100.0  # units at the bottom; sines of the time, and the fastest of them
_HIDDEN = 128  # units between the sines and what they add
_SIDES = (16, 28, 32, 64)


class Denoiser(nn.Module):
    """Guess the images (N, channels, image_size, image_size) behind ``x`` of the same shape, at the times ``t`` (N,).

    The way down is the discriminator's of :mod:`gancourse.models.dense_conv`, two convolutions and a dense layer; the
    way up is the generator's. What the way down has seen is handed across at each size (skips), so that the dense layer
    need not carry every stroke, and two residual blocks work at a quarter of the side. The time, 0 for pure noise and 1
    for the image itself, comes in as sines of several frequencies that are added to the maps. Guesses lie in [-1, 1].

    No layer takes statistics of the batch: each guess depends on its own ``x`` and ``t`` alone, in both modes.

    Args:
        image_size: side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        width: feature maps after the first layer.
    Source: after the U-Net of Ho et al. (2020), appendix B, made as small as this course's GANs.
    First met in: notebook 22.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, width: int = 16) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        width = self.width = _inputs.check_size("width", width)
        side, maps = image_size // 4, 2 * width
        self._parts = (width, maps, maps, _DENSE, maps, width)  # what the time adds to, in the order of the layers
        self.register_buffer("waves", torch.linspace(0, math.log(_FASTEST), _WAVES).exp(), persistent=False)
        self.time = nn.Sequential(nn.Linear(2 * _WAVES, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, sum(self._parts)))
        self.down = nn.ModuleList([nn.Conv2d(channels, width, 4, 2, 1), nn.Conv2d(width, maps, 4, 2, 1)])
        self.before, self.after = _Block(maps), _Block(maps)
        self.inward, self.norm = nn.Linear(maps * side * side, _DENSE), nn.LayerNorm(_DENSE)
        self.outward = nn.Linear(_DENSE, maps * side * side)
        self.up = nn.ModuleList([
            nn.ConvTranspose2d(2 * maps, width, 4, 2, 1), nn.ConvTranspose2d(2 * width, channels, 4, 2, 1)
        ])  # fmt: skip
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        _inputs.check_images(self, x, self.channels, self.image_size)
        _check_times(x, t)
        angles = t.to(x.dtype)[:, None] * self.waves
        added = self.time(torch.cat([angles.sin(), angles.cos()], dim=1)).split(self._parts, dim=1)
        large = F.silu(self.down[0](x) + _spread(added[0]))
        small = self.before(self.down[1](large) + _spread(added[1]), added[2])
        bottom = F.silu(self.norm(self.inward(small.flatten(1))) + added[3])
        rising = self.after(small + self.outward(bottom).view_as(small), added[4])
        rising = F.silu(self.up[0](torch.cat([rising, small], dim=1)) + _spread(added[5]))
        return torch.tanh(self.up[1](torch.cat([rising, large], dim=1)))


class PointDenoiser(nn.Module):
    """Guess the points (N, data_dim) behind ``x`` of the same shape, at the times ``t`` (N,): three dense layers.

    The layers are told the point and its time, and what they say is the velocity: the guess is x + (1 - t) velocity.

    Args:
        data_dim: numbers of a point.
        hidden: units of each of the two hidden layers.
    First met in: notebook 22.
    """

    def __init__(self, data_dim: int = 2, hidden: int = 64) -> None:
        super().__init__()
        data_dim = self.data_dim = _inputs.check_size("data_dim", data_dim)
        hidden = self.hidden = _inputs.check_size("hidden", hidden)
        self.layers = nn.Sequential(
            nn.Linear(data_dim + 1, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, data_dim),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        _inputs.check_latents(self, x, self.data_dim, "x")
        _check_times(x, t)
        t = t.to(x.dtype)[:, None]
        return x + (1 - t) * self.layers(torch.cat([x, t], dim=1))


class _Block(nn.Module):
    """Add to maps what two normed convolutions make of them, with the time between the two."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(math.gcd(4, maps), maps) for _ in range(2)])
        self.convolutions = nn.ModuleList([nn.Conv2d(maps, maps, 3, 1, 1) for _ in range(2)])

    def forward(self, maps: Tensor, added: Tensor) -> Tensor:
        inner = self.convolutions[0](F.silu(self.norms[0](maps))) + _spread(added)
        return maps + self.convolutions[1](F.silu(self.norms[1](inner)))


def _spread(added: Tensor) -> Tensor:
    """Give numbers of channels, shape (N, C), the two axes of maps."""
    return added[:, :, None, None]


def _check_times(x: Tensor, t: Tensor) -> None:
    if not isinstance(t, Tensor) or t.shape != x.shape[:1]:
        got = tuple(t.shape) if isinstance(t, Tensor) else type(t).__name__
        raise ValueError(f"t must be one time for each of x, shape ({len(x)},), got {got}")
