"""Where the ink of a picture lies and how it is spread: its moments, which every ruler of shapes is made from."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.digits import check_images

__all__ = ["Ink", "spread"]

_LEAST = 1e-9  # ink of an image that has none


class Ink(NamedTuple):
    """Moments of the ink of each image, shape (N,) each, float64, on the CPU.

    Attributes:
        share: the mean whiteness of the pixels, from 0 (all black) to 1.
        across: mean place of the ink along a row, in pixels from the centre of the first one.
        down: the same along a column, counted downwards.
        xx, yy: variance of the place along a row, along a column, in square pixels.
        xy: their covariance; positive for what falls to the right.
    """

    share: Tensor
    across: Tensor
    down: Tensor
    xx: Tensor
    yy: Tensor
    xy: Tensor


def spread(images: Tensor) -> Ink:
    """Return the moments of the ink. A pixel's ink is (value + 1) / 2: from black, -1, to white, 1.

    All moments of an image without ink are 0.

    Args:
        images: shape (N, 1, H, W), in [-1, 1].
    Raises:
        TypeError, ValueError: ``images`` are anything else.
    First met in: notebook 16.
    """
    check_images(images, channels=1)
    ink = ((images.detach()[:, 0].to("cpu", torch.float64) + 1) / 2).clamp_min(0)
    total = ink.sum((1, 2)).clamp_min(_LEAST)
    rows, columns = (torch.arange(size, dtype=torch.float64) for size in ink.shape[1:])
    across, down = (ink.sum(1) @ columns) / total, (ink.sum(2) @ rows) / total
    x, y = columns - across[:, None, None], rows[:, None] - down[:, None, None]
    xx, yy, xy = ((ink * product).sum((1, 2)) / total for product in (x * x, y * y, x * y))
    return Ink(ink.mean((1, 2)), across, down, xx, yy, xy)
