"""Digits that move, in front of an empty background, where the right answer to "what comes next?" is known.

**Lanes.** A digit is seen in the middle of three lanes, one above the other. In the next frame it has moved up by a
lane, or down, or it has stayed, with equal odds. Nothing in the first frame says which. So the best answer by
squared error is the mean of three images, and the best one by absolute error is their median pixel by pixel.

**Straight** and **crossing.** A digit moves from the left edge to the right one; or it does so while another one comes
back through it. The frames before and after are given, and the frame half way is asked for. It has one right answer.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse.data.degrade import Damaged
from gancourse.data.digits import check_images

__all__ = ["Between", "crossing", "lane_images", "lane_mean", "lane_median", "lanes", "straight"]

_BORDER = 1 / 7  # of an image, at every side: MNIST has no ink there


class Between(NamedTuple):
    """Three frames of a film, of which the middle one is asked for.

    Attributes:
        before, after: what is given, shape (N, 1, S, S) each, in [-1, 1].
        truth: the frame half way between them; same shape.
    """

    before: Tensor
    after: Tensor
    truth: Tensor

    @property
    def given(self) -> Tensor:
        """What a restorer is given: ``before`` and ``after`` as two channels, shape (N, 2, S, S)."""
        return torch.cat([self.before, self.after], dim=1)


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
    lane = torch.randint(len(ways), (len(images),), generator=generator, device=generator.device).to(images.device)
    return Damaged(ways[1], torch.zeros_like(images), ways[lane, torch.arange(len(images), device=images.device)])


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


def straight(images: Tensor) -> Between:
    """Return for each digit three frames in which it moves from the left edge to the right one, at half its size.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return Between(*(_at(images, share) for share in (0, 1, 0.5)))


def crossing(images: Tensor) -> Between:
    """Return for each digit three frames in which another one comes back through it.

    The other one is the next of the batch, and the first for the last. Where both have ink, the brighter pixel is
    seen.

    Args:
        images: as for :func:`lanes`, at least two.
    Raises:
        TypeError, ValueError: these are no such images, or fewer.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    if len(images) < 2:
        raise ValueError(f"images must hold at least two digits that can cross, got {len(images)}")
    others = images.roll(-1, 0)
    return Between(*(torch.maximum(_at(images, share), _at(others, 1 - share)) for share in (0, 1, 0.5)))


def _at(images: Tensor, share: float) -> Tensor:
    """Return frames with the digits at half their size, so far on their way from left to right."""
    check_images(images, channels=1)
    side = images.shape[-1]
    small = _small(images, side // 2)
    way = side - side // 2
    return _placed(small, side, way // 2, round(share * way))


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
