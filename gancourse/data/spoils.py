"""Images, spoiled in a known way and by a known amount, so that the right verdict about them is known.

| spoil | its strength |
|---|---|
| :func:`blur` | ``sigma``, pixels |
| :func:`noise` | ``std``, in units of [-1, 1] |
| :func:`brighten` | ``shift``, in units of [-1, 1] |
| :func:`to_levels` | number of grey levels |
| :func:`jpeg` | quality, 95 down to 1 |
| :func:`resize` | the small side, and whether with care |
| :func:`shift_pixels` | pixels |
| :func:`slant` | ``slope``, pixels sideways for each upwards |

Each image is changed by itself, so labels stay as they are; spoils of a whole set are in ``data.spoiled_sets``. Images
that come back are new tensors of the same type, cut off at -1 and 1.
"""

from __future__ import annotations

import io
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.data.digits import check_images

__all__ = ["blur", "brighten", "jpeg", "noise", "resize", "shift_pixels", "slant", "to_levels"]


def blur(images: Tensor, sigma: float) -> Tensor:
    """Return the images blurred by a Gaussian; beyond the border the outermost pixels go on.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        sigma: standard deviation of the Gaussian in pixels, at least 0, at most the side.
    Returns:
        New images of the same shape; with ``sigma`` 0 the same ones.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    check_images(images)
    sigma = real_between("sigma", sigma, 0, min(images.shape[-2:]))
    if sigma == 0:
        return images.clone()
    reach = math.ceil(4 * sigma)
    weights = torch.exp(-torch.arange(-reach, reach + 1, dtype=torch.float64).square() / (2 * sigma**2))
    weights = (weights / weights.sum()).to(images)
    rows = images.flatten(0, 1).unsqueeze(1)  # each channel by itself
    rows = F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="replicate"), weights.reshape(1, 1, 1, -1))
    rows = F.conv2d(F.pad(rows, (0, 0, reach, reach), mode="replicate"), weights.reshape(1, 1, -1, 1))
    return rows.reshape(images.shape).clamp(-1, 1)


def noise(images: Tensor, std: float, *, generator: torch.Generator) -> Tensor:
    """Return the images with Gaussian noise on every pixel, cut off at -1 and 1.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        std: standard deviation of the noise, at least 0; black and white are 2 apart.
        generator: draws the noise.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    check_images(images)
    std = real_between("std", std, 0)
    drawn = torch.randn(images.shape, generator=generator, device=generator.device)
    return (images + std * drawn.to(images)).clamp(-1, 1)


def brighten(images: Tensor, shift: float) -> Tensor:
    """Return the images with ``shift`` added to every pixel, cut off at -1 and 1: another mean, the same strokes.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        shift: from -2 to 2; black and white are 2 apart.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    check_images(images)
    return (images + real_between("shift", shift, -2, 2)).clamp(-1, 1)


def to_levels(images: Tensor, levels: int = 256) -> Tensor:
    """Return the images rounded to ``levels`` evenly spaced greys from black to white; 256 is what a byte holds.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        levels: how many, from 2 to 256.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    check_images(images)
    top = whole_between("levels", levels, 2, 256) - 1
    return (((images + 1) / 2 * top).round() / top * 2 - 1).clamp(-1, 1)


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Return what is left of the images after they were written as JPEG files and read again.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1], C is 1 (grey) or 3 (red, green, blue).
        quality: of the files, from 1 to 95; Pillow's own is 75.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    from PIL import Image

    check_images(images)
    if images.shape[1] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, got {images.shape[1]}")
    quality = whole_between("quality", quality, 1, 95)
    pixels = ((images.detach().cpu().double() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    read = torch.empty_like(pixels)
    for place, image in enumerate(pixels.permute(0, 2, 3, 1).numpy()):
        file = io.BytesIO()
        Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).save(file, "JPEG", quality=quality)
        decoded = torch.frombuffer(bytearray(Image.open(file).tobytes()), dtype=torch.uint8)
        read[place] = decoded.reshape(image.shape).permute(2, 0, 1)
    return (read.double() / 127.5 - 1).to(images)


def resize(images: Tensor, size: int, *, careful: bool) -> Tensor:
    """Return the images made smaller, with care or without, and then enlarged again to their old size.

    Without care a pixel of the small image is a single pixel of the large one, so that what lies between them is lost,
    and thin strokes break. With care it is a weighted mean of all of them. Both are enlarged in the same way
    (bicubic), so what differs between the two is the first step alone.

    Args:
        images: shape (N, C, S, S), floating point, in [-1, 1].
        size: the small side, from 2 to S; with S they come back as they were.
        careful: True for bicubic interpolation that averages, False for every so-manieth pixel.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Parmar, Zhang and Zhu (2022), on resizing and FID.
    First met in: notebook 10.
    """
    check_images(images)
    height, width = images.shape[-2:]
    if height != width:
        raise ValueError(f"images must be square, got {height}x{width}")
    size = whole_between("size", size, 2, width)
    if not isinstance(careful, bool):
        raise TypeError(f"careful must be True or False, got {careful!r}")
    if size == width:
        return images.clone()
    if careful:
        small = F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True)
    else:
        small = F.interpolate(images, size=size, mode="nearest-exact")
    return F.interpolate(small, size=width, mode="bicubic", align_corners=False).clamp(-1, 1)


def shift_pixels(images: Tensor, down: int, across: int) -> Tensor:
    """Return the images moved by whole pixels; from outside comes black (-1).

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        down: pixels, negative for up, less than H either way.
        across: pixels to the right, negative for to the left, less than W either way.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    check_images(images)
    height, width = images.shape[-2:]
    down = whole_between("down", down, 1 - height, height - 1)
    across = whole_between("across", across, 1 - width, width - 1)
    moved = torch.full_like(images, -1.0)
    into = moved[..., max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)]
    into.copy_(images[..., max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)])
    return moved


def slant(images: Tensor, slope: float) -> Tensor:
    """Return the images leaning to the right (or left): each row is moved sideways by ``slope`` times its height.

    The middle row stays. What is moved out is lost, and from outside comes black (-1). Between pixels it is linear.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        slope: pixels to the right for each pixel upwards, from -2 to 2.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 12.
    """
    check_images(images)
    slope = real_between("slope", slope, -2.0, 2.0) * images.shape[-2] / images.shape[-1]
    rows = torch.tensor([[1.0, slope, 0.0], [0.0, 1.0, 0.0]], dtype=images.dtype, device=images.device)
    grid = F.affine_grid(rows.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return (F.grid_sample(images + 1, grid, align_corners=False) - 1).clamp(-1, 1)
