"""Digits that move, in front of an empty background, where the right answer to "what comes next?" is known.

**Lanes.** A digit is seen in the middle of three lanes, one above the other. In the next frame it has moved up by a
lane, or down, or it has stayed, with equal odds. Nothing in the first frame says which. So the best answer by
squared error is the mean of three images, and the best one by absolute error is their median pixel by pixel.

**Crossing.** One digit moves from left to right and another from right to left; they pass through each other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between
from gancourse.data.degrade import Damaged
from gancourse.data.digits import check_images

__all__ = ["crossing", "lane_images", "lane_mean", "lane_median", "lanes"]

_BORDER = 1 / 7  # of an image, at every side: MNIST has no ink there


def lanes(images: Tensor, *, generator: torch.Generator) -> Damaged:
    """Return for each digit its first frame, and a second one in a lane that is drawn.

    Args:
        images: shape (N, 1, S, S), square, in [-1, 1].
        generator: draws the lanes.
    Returns:
        ``seen`` is the first frame, ``truth`` the second, and ``mask`` is 0: no pixel of the second frame is known.
    Raises:
        TypeError, ValueError: these are no such images; ``generator`` is none.
    First met in: notebook 13.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    ways = lane_images(images)
    lane = torch.randint(len(ways), (len(images),), generator=generator)
    return Damaged(ways[1], torch.zeros_like(images), ways[lane, torch.arange(len(images))])


def lane_images(images: Tensor) -> Tensor:
    """Return the second frame in each of the three lanes, shape (3, N, 1, S, S), from top to bottom.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    small = _small(images, _lane_side(images))
    free = images.shape[-1] - small.shape[-1]
    return torch.stack([_placed(small, images.shape[-1], top, free // 2) for top in (0, free // 2, free)])


def lane_mean(images: Tensor) -> Tensor:
    """Return the second frame with the least expected squared error: the mean of the three, shape (N, 1, S, S).

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return lane_images(images).mean(dim=0)


def lane_median(images: Tensor) -> Tensor:
    """Return the second frame with the least expected absolute error: pixel by pixel the median of the three.

    Lanes do not overlap. So two of the three values of any pixel are background, and the median is background
    everywhere.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return lane_images(images).median(dim=0).values


def crossing(images: Tensor, time: float) -> Tensor:
    """Return the frame of a film in which pairs of digits pass through each other, shape (N, 1, S, S).

    Each digit moves from left to right, and the one after it in the batch (the first after the last) from right to
    left, both at half their size.

    Args:
        images: as for :func:`lanes`, at least two.
        time: from 0 (the first frame) to 1 (the last); at 1/2 they lie over each other.
    Raises:
        TypeError, ValueError: these are no such images; ``time`` is out of range.
    First met in: notebook 13.
    """
    time = real_between("time", time, 0.0, 1.0)
    small = _small(images, images.shape[-1] // 2)
    if len(images) < 2:
        raise ValueError(f"images must hold at least two digits that can cross, got {len(images)}")
    side, way = images.shape[-1], images.shape[-1] - small.shape[-1]
    left = round(time * way)
    there = _placed(small, side, way // 2, left)
    back = _placed(small.roll(-1, 0), side, way // 2, way - left)
    return torch.maximum(there, back)


def _lane_side(images: Tensor) -> int:
    check_images(images, channels=1)
    return images.shape[-1] * 9 // 28  # 9 of 28, 5 of 16: less than a third


def _small(images: Tensor, side: int) -> Tensor:
    """Return the digits without their border, at another size."""
    check_images(images, channels=1)
    if images.shape[2] != images.shape[3]:
        raise ValueError(f"images must be square, got {tuple(images.shape)}")
    border = round(_BORDER * images.shape[-1])
    inner = images[:, :, border : images.shape[2] - border, border : images.shape[3] - border]
    made = F.interpolate(inner, size=side, mode="bilinear", antialias=True, align_corners=False)
    return made.clamp(-1, 1)


def _placed(small: Tensor, side: int, top: int, left: int) -> Tensor:
    """Return the small images on black ones of another side."""
    height, width = small.shape[2:]
    return F.pad(small, (left, side - left - width, top, side - top - height), value=-1.0)
