"""A mark in images that a key finds again: a pattern, as faint as its strength, that chance does not make.

The key seeds a pattern of light and dark cells. Whoever has the key asks how well an image goes with the pattern; an
unmarked image goes with it no better than with any other pattern. The mark is the classic one of spread-spectrum
watermarking, and so are its weaknesses: who moves the image moves the mark away from the pattern, and who has many
marked images and many others finds the pattern without the key.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data.digits import check_images

__all__ = ["embed", "pattern", "score"]


def pattern(key: int, image_size: int = 28, cell: int = 2) -> Tensor:
    """Return the pattern of a key: cells of +1 and -1, each by the throw of a coin, shape (1, S, S).

    Args:
        key: a whole number from 0; to be kept secret.
        image_size: side of the images in pixels.
        cell: side of a cell in pixels; it divides the side. Coarse cells outlive blur, fine ones are harder to see.
    Raises:
        ValueError: a number is not allowed.
    First met in: notebook 19.
    """
    side = whole_between("image_size", image_size, 2)
    cell = whole_between("cell", cell, 1, side)
    if side % cell:
        raise ValueError(f"cell must divide the side of the images, {side}, got {cell}")
    coins = torch.randint(2, ((side // cell) ** 2,), generator=runtime.generator(key))
    signs = 2.0 * coins - 1
    return signs.reshape(1, side // cell, 1, side // cell, 1).expand(1, -1, cell, -1, cell).reshape(1, side, side)


def embed(images: Tensor, key: int, strength: float = 0.1, cell: int = 2) -> Tensor:
    """Return the images with the key's pattern on them, ``strength`` lighter and darker, cut off at -1 and 1.

    Args:
        images: shape (N, 1, S, S), floating point, in [-1, 1].
        key, cell: as for :func:`pattern`.
        strength: from 0 to 1, in units of [-1, 1].
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Cox et al. (1997), Secure spread spectrum watermarking.
    First met in: notebook 19.
    """
    check_images(images, channels=1)
    strength = real_between("strength", strength, 0, 1)
    return (images + strength * pattern(key, images.shape[-1], cell).to(images)).clamp(-1, 1)


def score(images: Tensor, key: int, cell: int = 2) -> Tensor:
    """Return how well each image goes with the key's pattern, shape (N,).

    What is compared are the means of the cells, less the mean of the nine cells around each (h, as a vector), with the
    signs of the pattern, s: the score is h.s / |h|. Images are smooth, and so most of an image is taken away and most
    of the mark stays. h knows nothing of the key: over all keys an image without the mark has the mean 0, the variance
    1, and a score above t with a probability of at most exp(-t^2 / 2) (Hoeffding 1963). An image of one grey gets 0.

    Args:
        images: shape (N, 1, S, S), floating point, in [-1, 1].
        key, cell: as for :func:`embed`.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 19.
    """
    check_images(images, channels=1)
    signs = pattern(key, images.shape[-1], cell)[:, ::cell, ::cell].flatten().to(images)
    cells = F.avg_pool2d(images, cell)
    fine = (cells - F.avg_pool2d(F.pad(cells, (1, 1, 1, 1), mode="replicate"), 3, stride=1)).flatten(1)
    length = fine.norm(dim=1)
    return torch.where(length > 1e-6, fine @ signs / length.clamp_min(1e-12), 0.0)
