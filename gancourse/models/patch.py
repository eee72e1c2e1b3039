"""A discriminator of patches: it scores every window of an image by itself, and never sees the whole.

Its answer is a map of logits. The losses take all of them as one batch, ``logits.flatten()``. A penalty on the slope
takes one logit for each image, the mean of its map: the slope of their sum is larger by the number of patches, and
the penalty by its square.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs

__all__ = ["Discriminator", "receptive_field"]

_SIDES = (16, 28, 32, 64)
_KERNEL, _LAST_KERNEL, _MOST = 4, 3, 4


class Discriminator(nn.Module):
    """Score images (N, channels, S, S) patch by patch, by logits of shape (N, H, W); larger = more real.

    ``layers`` convolutions of 4 by 4 with stride 2, each with twice as many maps as the one before, and one of 3 by 3
    that gives the logits: H = W = S / 2^layers, rounded down.

    Args:
        image_size: S: 16, 28, 32 or 64.
        channels: of the images.
        layers: 1 to 4; each about doubles the window, see :func:`receptive_field`.
        width: feature maps after the first layer.
    Raises:
        ValueError: a size is not allowed.
    Source: PatchGAN of Isola et al. (2017), made small and without batch norm.
    First met in: notebook 14.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, *, layers: int = 2, width: int = 16) -> None:
        super().__init__()
        self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        self.channels = _inputs.check_size("channels", channels)
        count = whole_between("layers", layers, 1, _MOST)
        width = self.width = _inputs.check_size("width", width)
        parts: list[nn.Module] = []
        maps = self.channels
        for layer in range(count):
            parts += [nn.Conv2d(maps, width * 2**layer, _KERNEL, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            maps = width * 2**layer
        self.layers = nn.Sequential(*parts, nn.Conv2d(maps, 1, _LAST_KERNEL, 1, 1))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.image_size)
        return self.layers(images).squeeze(1)


def receptive_field(layers: int) -> int:
    """Return the side of the window, in pixels, that one logit of :class:`Discriminator` sees.

    From the last layer to the first: a layer with kernel k and stride s turns a window of r of its outputs into one
    of s (r - 1) + k of its inputs.

    Args:
        layers: as for :class:`Discriminator`.
    Raises:
        ValueError: it is no whole number from 1 to 4.
    First met in: notebook 14.
    """
    window = _LAST_KERNEL
    for _ in range(whole_between("layers", layers, 1, _MOST)):
        window = 2 * (window - 1) + _KERNEL
    return window
