"""Known damage to images: a part hidden, or the whole made small. The truth stays at hand to compare with.

What a network that restores is given are two planes: the image as far as it can be seen, and a mask that says which
of its pixels are known. Without the mask a hidden pixel could not be told from a black one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import whole, whole_between
from gancourse.data.digits import check_images

__all__ = ["Damaged", "half", "hide", "hole", "shrink"]


class Damaged(NamedTuple):
    """Damaged images and what they were.

    Attributes:
        seen: what is left, shape (N, 1, S, S), in [-1, 1]; hidden pixels are -1.
        mask: 1 where the pixel of ``seen`` is the true one, 0 elsewhere; same shape.
        truth: the images before; same shape.
    """

    seen: Tensor
    mask: Tensor
    truth: Tensor

    @property
    def given(self) -> Tensor:
        """What a restorer is given: ``seen`` and ``mask`` as two channels, shape (N, 2, S, S)."""
        return torch.cat([self.seen, self.mask], dim=1)


def hide(images: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Damaged:
    """Hide a rectangle of every image.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
        rows: (first, stop) of the hidden rows, counted from the top; ``stop`` itself is not hidden.
        columns: (first, stop) of the hidden columns, counted from the left.
    Raises:
        TypeError, ValueError: these are no such images, or the rectangle is empty or not inside them.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    sides = [_part(*given) for given in (("rows", rows, images.shape[2]), ("columns", columns, images.shape[3]))]
    mask = torch.ones_like(images)
    mask[:, :, sides[0], sides[1]] = 0
    return Damaged(torch.where(mask > 0, images, -1.0), mask, images)


def half(images: Tensor) -> Damaged:
    """Hide the lower half of every image; of an odd number of rows the middle one too.

    Args:
        images: as for :func:`hide`.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    return hide(images, (images.shape[2] // 2, images.shape[2]), (0, images.shape[3]))


def hole(images: Tensor) -> Damaged:
    """Hide a square in the middle of every image, three sevenths of its side: 12 pixels of 28, 6 of 16.

    Args:
        images: as for :func:`hide`; square.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    side = images.shape[2]
    first = (2 * side + 3) // 7  # 2/7 of the side, rounded
    return hide(images, (first, side - first), (first, images.shape[3] - first))


def shrink(images: Tensor, factor: int = 4) -> Damaged:
    """Make every image smaller by averaging squares of pixels, and enlarge it to its size again.

    The average is all that is known: no pixel of what is seen is a true one, so the mask is 0 everywhere.

    Args:
        images: as for :func:`hide`.
        factor: side of the squares in pixels; it divides both sides.
    Raises:
        TypeError, ValueError: these are no such images, or the factor does not divide a side.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    factor = whole_between("factor", factor, 2)
    if any(side % factor for side in images.shape[2:]):
        raise ValueError(f"factor must divide the sides of the images, {tuple(images.shape[2:])}, got {factor}")
    small = F.avg_pool2d(images, factor)
    return Damaged(F.interpolate(small, scale_factor=factor, mode="bilinear"), torch.zeros_like(images), images)


def _part(name: str, ends: tuple[int, int], side: int) -> slice:
    numbers = tuple(map(whole, ends)) if isinstance(ends, tuple | list) else ()
    if len(numbers) != 2 or None in numbers or not 0 <= numbers[0] < numbers[1] <= side:
        raise ValueError(f"{name} must be (first, stop) with 0 <= first < stop <= {side}, got {ends!r}")
    return slice(*numbers)
