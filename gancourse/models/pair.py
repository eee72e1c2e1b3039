"""A discriminator of pairs: it sees an image and a code, and says whether they come from the data and its encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models import _inputs
from gancourse.models.encoder import Encoder

__all__ = ["Discriminator"]

_DENSE = 256


class Discriminator(nn.Module):
    """Score pairs of an image (N, channels, image_size, image_size) and a code (N, code_dim) by logits (N,).

    Larger = more like a real image with the code that the encoder gives it; smaller = more like a drawn z with the
    image that the generator makes of it. Both roads meet before the last hidden layer. No batch norm: each pair is
    scored by itself.

    Args:
        image_size: side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        code_dim: numbers in a code.
        width: feature maps after the first layer.
    Source: after the joint discriminators of Donahue et al. (2017) and Dumoulin et al. (2017), made small.
    First met in: notebook 15.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, code_dim: int = 32, *, width: int = 16) -> None:
        super().__init__()
        self.code_dim = _inputs.check_size("code_dim", code_dim)
        self.of_images = Encoder(image_size, channels, _DENSE, width=width)
        self.of_codes = nn.Linear(self.code_dim, _DENSE)
        self.last = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(2 * _DENSE, _DENSE), nn.LeakyReLU(0.2), nn.Linear(_DENSE, 1), nn.Flatten(0)
        )

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        _inputs.check_latents(self, codes, self.code_dim, "codes")
        seen = self.of_images(images)
        _inputs.check_count("codes", codes, len(images), "the images")
        return self.last(torch.cat([seen, self.of_codes(codes)], dim=1))
