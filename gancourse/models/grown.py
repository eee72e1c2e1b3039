"""A pair that can be grown: it makes and judges images of a quarter, of half, and of the whole side.

Which size it works at is its ``stage``: 0, 1 or 2. Its ``fade`` is the share that the newest block has in the image,
beside the enlarged image of the size before; it rises from 0 to 1 while the block is new. Both are set from outside::

    G.stage = D.stage = 1
    G.fade = D.fade = 0.3
    logits = D(G(z))                                    # 14 by 14 pixels, of 28 in the end

There are two bodies. "pair" ends as the quick pair of :mod:`gancourse.models.dense_conv`, layer by layer, and whole it
costs little more than at half the side. "stack" has two convolutions of 3 by 3 at each size, as in the paper, so that
every size costs a multiple of the one before.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.models import _inputs, dense_conv

__all__ = ["BODIES", "STAGES", "Discriminator", "Generator"]

BODIES = ("pair", "stack")
STAGES = 3
"""Sizes: a quarter of the side, half of it, all of it."""

_SLOPE = 0.2


class _Growing(nn.Module):
    """What both networks share: sizes, stage and fade."""

    def __init__(self, image_size: int, channels: int, body: str) -> None:
        super().__init__()
        if body not in BODIES:
            raise ValueError(f"body must be one of {', '.join(BODIES)}, got {body!r}")
        self.image_size, self.channels, self.body = image_size, channels, body
        self._stage, self._fade = STAGES - 1, 1.0

    @property
    def stage(self) -> int:
        """The size it works at: 0, 1 or 2 for a quarter, half, or all of the side."""
        return self._stage

    @stage.setter
    def stage(self, stage: int) -> None:
        self._stage = whole_between("stage", stage, 0, STAGES - 1)

    @property
    def fade(self) -> float:
        """The share of the newest block, from 0 to 1; at stage 0 there is none, and it changes nothing."""
        return self._fade

    @fade.setter
    def fade(self, fade: float) -> None:
        self._fade = real_between("fade", fade, 0.0, 1.0)

    @property
    def side(self) -> int:
        """Side of the images at this stage, in pixels."""
        return self.image_size // 2 ** (STAGES - 1 - self.stage)

    @property
    def fading(self) -> bool:
        """Whether the size before still has a share."""
        return self.stage > 0 and self.fade < 1


class Generator(_Growing):
    """Turn latent vectors (N, latent_dim) into images (N, channels, side, side) in [-1, 1], of the stage's size.

    Args:
        image_size: side of the largest images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        latent_dim: size of z.
        width: feature maps at half the side; twice as many at a quarter.
        body: one of :data:`BODIES`.
    Raises:
        ValueError: an argument is not allowed.
    Source: after Karras et al. (2018), section 2, whose images grow from 4 to 1024 pixels.
    First met in: notebook 16.
    """

    def __init__(
        self, image_size: int = 28, channels: int = 1, latent_dim: int = 32, width: int = 16, *, body: str = "pair"
    ) -> None:
        plain = dense_conv.Generator(image_size, channels, latent_dim, width)
        super().__init__(plain.image_size, plain.channels, body)
        self.latent_dim, self.width = plain.latent_dim, plain.width
        width, channels = plain.width, plain.channels
        self.dense = plain.dense
        if body == "pair":
            self.blocks = nn.ModuleList([plain.convolutions[:3], nn.Identity()])
            last: nn.Module = plain.convolutions[3]
        else:
            self.blocks = nn.ModuleList(
                [nn.Sequential(nn.Upsample(scale_factor=2), *_normed(inputs, width), *_normed(width, width))
                 for inputs in (2 * width, width)]
            )  # fmt: skip
            last = nn.Conv2d(width, channels, 1)
        self.to_image = nn.ModuleList([nn.Conv2d(2 * width, channels, 1), nn.Conv2d(width, channels, 1), last])
        self.to(memory_format=torch.channels_last)

    def forward(self, z: Tensor) -> Tensor:
        _inputs.check_latents(self, z, self.latent_dim)
        _inputs.needs_two_samples(self, z)
        first = self.image_size // 4
        before = maps = self.dense(z).unflatten(1, (first, first, 2 * self.width)).permute(0, 3, 1, 2)
        for block in self.blocks[: self.stage]:
            before, maps = maps, block(maps)
        image = self.to_image[self.stage](maps)
        if self.fading:
            old = F.interpolate(self.to_image[self.stage - 1](before), scale_factor=2)
            image = self.fade * image + (1 - self.fade) * old
        return image.tanh()


class Discriminator(_Growing):
    """Score images (N, channels, side, side) of the stage's size by logits (N,), larger = more real.

    Args:
        image_size, channels, width, body: as for :class:`Generator`.
    Raises:
        ValueError: an argument is not allowed.
    Source: after Karras et al. (2018), section 2.
    First met in: notebook 16.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, width: int = 16, *, body: str = "pair") -> None:
        plain = dense_conv.Discriminator(image_size, channels, width)
        super().__init__(plain.image_size, plain.channels, body)
        width, channels = plain.width, plain.channels
        self.dense = plain.layers[4:]
        if body == "pair":
            self.blocks = nn.ModuleList([nn.Sequential(plain.layers[2], nn.LeakyReLU(_SLOPE)), nn.Identity()])
            last: nn.Module = plain.layers[0]
        else:
            self.blocks = nn.ModuleList(
                [nn.Sequential(*_plain(width, width), *_plain(width, outputs), nn.AvgPool2d(2))
                 for outputs in (2 * width, width)]
            )  # fmt: skip
            last = nn.Conv2d(channels, width, 1)
        self.from_image = nn.ModuleList([nn.Conv2d(channels, 2 * width, 1), nn.Conv2d(channels, width, 1), last])
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.side)
        maps = self._seen(self.stage, images)
        for place in reversed(range(self.stage)):
            maps = self.blocks[place](maps)
            if place == self.stage - 1 and self.fading:
                old = self._seen(self.stage - 1, F.avg_pool2d(images, 2))
                maps = self.fade * maps + (1 - self.fade) * old
        return self.dense(maps)

    def _seen(self, stage: int, images: Tensor) -> Tensor:
        return F.leaky_relu(self.from_image[stage](images), _SLOPE)


def _normed(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _plain(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.LeakyReLU(_SLOPE, inplace=True)]
