"""Ellipses that the course draws itself, so that what makes one differ from another is known.

Four factors, drawn evenly and independently of each other, decide everything about an image: where the ellipse lies,
how large it is, and how it is turned. A ruler, made of moments of the ink, reads them off any image again, also off
one that a generator made.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.data import ink

__all__ = ["FACTORS", "Ellipses", "draw", "measure", "sample"]

FACTORS = ("across", "down", "size", "angle")
"""Each in [-1, 1]: from left to right, from top to bottom, from small to large, turned one way and the other.

A positive angle falls to the right. At the ends the centre lies 0.35 of half the image's side away from the middle, the
longer half axis has 0.33 and 0.57 of it, and the longer axis is turned by 0.7 rad from level.
"""

_REACH, _SIZE, _SIZE_REACH, _TURN = 0.35, 0.45, 0.12, 0.7
_SOFT = 1.5  # pixels: at the tips the ink falls along a logistic curve of half this scale
_SMALLEST, _LARGEST = 16, 128


class Ellipses(NamedTuple):
    """Images, shape (N, 1, S, S), and the factors they were drawn from, shape (N, 4), in the order of FACTORS."""

    images: Tensor
    factors: Tensor


def draw(factors: Tensor, image_size: int = 16) -> Tensor:
    """Return an ellipse for each row of factors, twice as long as wide and white on black, with a soft edge.

    Args:
        factors: shape (N, 4), floating point, in the order of :data:`FACTORS`, each in [-1, 1].
        image_size: side of the images in pixels, 16 to 128.
    Returns:
        Shape (N, 1, S, S), in [-1, 1].
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    side = whole_between("image_size", image_size, _SMALLEST, _LARGEST)
    if not isinstance(factors, Tensor) or not factors.is_floating_point():
        raise TypeError(f"factors must be a floating-point tensor, got {getattr(factors, 'dtype', type(factors))}")
    if factors.ndim != 2 or factors.shape[1] != len(FACTORS) or len(factors) == 0:
        raise ValueError(f"factors must have shape (N, {len(FACTORS)}), got {tuple(factors.shape)}")
    if not bool((factors.abs() <= 1).all()):
        raise ValueError(f"factors must lie in [-1, 1], got up to {float(factors.abs().max()):.3g}")
    across, down, size, angle = factors.T[:, :, None, None]
    size, angle = _SIZE + _SIZE_REACH * size, _TURN * angle
    line = (torch.arange(side, dtype=factors.dtype, device=factors.device) + 0.5) / side * 2 - 1
    x, y = line - _REACH * across, line[:, None] - _REACH * down
    along, over = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    radius = ((along / size).square() + (2 * over / size).square()).sqrt()  # 1 on the edge
    return (2 * torch.sigmoid((1 - radius) * size * side / _SOFT) - 1).unsqueeze(1)


def sample(n: int, *, generator: torch.Generator, image_size: int = 16) -> Ellipses:
    """Return ``n`` ellipses whose factors are uniform on [-1, 1] and independent.

    Args:
        n: how many.
        generator: draws the factors.
        image_size: side of the images in pixels.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    n = whole_between("n", n, 1)
    factors = 2 * torch.rand(n, len(FACTORS), generator=generator, device=generator.device) - 1
    return Ellipses(draw(factors, image_size), factors)


def measure(images: Tensor) -> Tensor:
    """Return the factors of each image by the moments of its ink, shape (N, 4), float32: the inverse of :func:`draw`.

    It may be asked of any image. What is no ellipse has a place, a size and an angle too, and they may lie outside
    [-1, 1]. The place is the centre of the ink. The size is that of an ellipse with as much ink; the soft edge adds
    a known amount, which is taken off. The angle is that of the longer principal axis.

    Args:
        images: shape (N, 1, S, S), square, in [-1, 1].
    Raises:
        TypeError, ValueError: ``images`` are anything else.
    First met in: notebook 16.
    """
    found = ink.spread(images)
    side = images.shape[-1]
    if images.shape[-2] != side:
        raise ValueError(f"images must be square, got {tuple(images.shape)}")
    across, down = ((2 * place + 1) / side - 1 for place in (found.across, found.down))
    # The ink of a logistic edge of scale s = soft / (size side): pi size^2 / 2 times E r^2 = 1 + pi^2 s^2 / 3.
    squared = 8 * found.share / math.pi - (math.pi * _SOFT / side) ** 2 / 3
    size = squared.clamp_min(0).sqrt()
    angle = 0.5 * torch.atan2(2 * found.xy, found.xx - found.yy)
    factors = [across / _REACH, down / _REACH, (size - _SIZE) / _SIZE_REACH, angle / _TURN]
    return torch.stack(factors, dim=1).float()
