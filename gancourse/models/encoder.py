"""From images to codes and back: encoders that give a code or a Gaussian, and a decoder that knows its odds.

The encoder has the layers of :class:`gancourse.models.dense_conv.Discriminator` with a code in the place of the logit,
and the decoder is :class:`gancourse.models.dense_conv.Generator`: all roads of notebook 15 use this pair.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models import _inputs, dense_conv

__all__ = ["Decoder", "Encoder", "GaussianEncoder"]

_DENSE = 256
_SIDES = (16, 28, 32, 64)


class Encoder(nn.Module):
    """Turn images (N, channels, image_size, image_size) into codes (N, code_dim).

    Args:
        image_size: side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        code_dim: numbers in a code.
        width: feature maps after the first layer.
        normed: batch norm after each layer but the first, at the end without weights of its own. Codes then have mean
            0 and variance 1 in every batch, as z has, from the first step on. In training mode at least two images.
    First met in: notebook 15.
    """

    def __init__(
        self, image_size: int = 28, channels: int = 1, code_dim: int = 32, *, width: int = 16, normed: bool = False
    ) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        code_dim = self.code_dim = _inputs.check_size("code_dim", code_dim)
        width = self.width = _inputs.check_size("width", width)
        self.normed = bool(normed)
        inner = 2 * width * (image_size // 4) ** 2
        layers = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        layers += [nn.Conv2d(width, 2 * width, 4, 2, 1, bias=not normed)]
        layers += [nn.BatchNorm2d(2 * width)] if normed else []
        layers += [nn.LeakyReLU(0.2, inplace=True), nn.Flatten(), nn.Linear(inner, _DENSE, bias=not normed)]
        layers += [nn.BatchNorm1d(_DENSE)] if normed else []
        layers += [nn.LeakyReLU(0.2, inplace=True), nn.Linear(_DENSE, code_dim, bias=not normed)]
        layers += [nn.BatchNorm1d(code_dim, affine=False)] if normed else []
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.image_size)
        if self.normed:
            _inputs.needs_two_samples(self, images, "images")
        return self.layers(images)


class GaussianEncoder(nn.Module):
    """Turn images into a Gaussian over codes for each: its mean and log variance, shape (N, code_dim) both.

    Args:
        image_size, channels, code_dim, width: as for :class:`Encoder`.
    First met in: notebook 15.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, code_dim: int = 32, *, width: int = 16) -> None:
        super().__init__()
        self.code_dim = _inputs.check_size("code_dim", code_dim)
        self.both = Encoder(image_size, channels, 2 * self.code_dim, width=width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.both(images).chunk(2, dim=1)
        return mean, log_variance


class Decoder(dense_conv.Generator):
    """The generator of ``dense_conv``, which can also say the odds of white for each pixel.

    An image in [-1, 1] and a probability of white p in [0, 1] are one number: image = 2 p - 1. As
    tanh(a) = 2 sigmoid(2 a) - 1, the log-odds of white are twice what goes into the last tanh. Cross-entropies are
    taken of them, because the logarithm of a rounded probability may be infinite.

    Args:
        image_size, channels, latent_dim, width: as for :class:`gancourse.models.dense_conv.Generator`.
    First met in: notebook 15.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, latent_dim: int = 32, width: int = 16) -> None:
        super().__init__(image_size, channels, latent_dim, width)

    def logits(self, z: Tensor) -> Tensor:
        """Return the log-odds of white, shape (N, channels, image_size, image_size), for codes (N, latent_dim)."""
        return 2 * self.convolutions[:-1](self._maps(z))
