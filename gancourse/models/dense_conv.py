"""A quick pair for small images: dense layers where the shape is decided, two convolutions for strokes.

Of the pairs that notebook 07 measures, this one gives the clearest digits for a minute of a CPU. The
convolutional pair of the same width ends about three times further from the data after the same steps with the
classic loss and optimiser, and about six times with the modern ones. It differs in several things at once,
the number of parameters (two fifths in G, a fortieth in D), batch norm in D and the first weights among them; the
table does not say which of them does it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models import _inputs

__all__ = ["Discriminator", "Generator"]

_DENSE = 256
_SIDES = (16, 28, 32, 64)


class Generator(nn.Module):
    """Turn latent vectors (N, latent_dim) into images (N, channels, image_size, image_size).

    Images lie in [-1, 1]. In training mode batch norm uses the statistics of the batch (which
    needs at least two samples); ``.eval()`` uses the running averages, so that a sample depends
    on its own z alone.

    Args:
        image_size: side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        latent_dim: size of z.
        width: feature maps before the last layer.
        hidden: units of the first dense layer.
    Source: after the generator of InfoGAN, Chen et al. (2016), appendix C.1, made narrower.
    First met in: notebook 00.
    """

    def __init__(
        self, image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 16, hidden: int = _DENSE
    ) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        latent_dim = self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        width = self.width = _inputs.check_size("width", width)
        hidden = self.hidden = _inputs.check_size("hidden", hidden)
        side, maps = image_size // 4, 2 * width
        self.dense = nn.Sequential(
            nn.Linear(latent_dim, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, maps * side * side, bias=False),
            nn.BatchNorm1d(maps * side * side),
            nn.ReLU(inplace=True),
        )
        self.convolutions = nn.Sequential(
            nn.ConvTranspose2d(maps, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
            nn.Tanh(),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, z: Tensor) -> Tensor:
        return self.convolutions(self._maps(z))

    def _maps(self, z: Tensor) -> Tensor:
        """Return what the dense layers hand to the convolutions: maps at a quarter of the side."""
        _inputs.check_latents(self, z, self.latent_dim)
        _inputs.needs_two_samples(self, z)
        side = self.image_size // 4
        # Channels last in memory, which the CPU's convolutions like best; the shape stays (N, C, H, W).
        return self.dense(z).unflatten(1, (side, side, 2 * self.width)).permute(0, 3, 1, 2)


class Discriminator(nn.Module):
    """Score images (N, channels, image_size, image_size) by logits (N,), larger = more real.

    No batch norm: each image is scored by itself, so a gradient penalty per sample makes sense.

    Args:
        image_size: side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        width: feature maps after the first layer.
    Source: after the discriminator of InfoGAN, Chen et al. (2016), appendix C.1, made narrower
        and without batch norm.
    First met in: notebook 00.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, width: int = 16) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        width = self.width = _inputs.check_size("width", width)
        side = image_size // 4
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(2 * width * side * side, _DENSE),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(_DENSE, 1),
            nn.Flatten(0),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.image_size)
        return self.layers(images)
