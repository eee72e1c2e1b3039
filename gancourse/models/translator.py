"""A small network that translates images locally: every pixel of the answer sees a window of the image, no more.

It begins as a copy of its input, so at first it says what it was given (unless that is switched off). With
``domains`` it is also told into which of several domains to translate, by one plane of ones among planes of zeros.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs

__all__ = ["Translator"]

_FOLD = 2  # a square of so many pixels a side becomes the channels of one


class Translator(nn.Module):
    """Turn images (N, given_channels, S, S) into images (N, channels, S, S) in (-1, 1); S is any even number.

    Squares of 2 by 2 pixels are folded into channels; four convolutions of 3 by 3 follow at half the side, the middle
    two of them around a skip; then the squares are unfolded. A second way copies the image past all that. The answer
    is the tanh of both together. The last convolution starts at 0, so at first the answer is the tanh of the copy:
    the mean of the channels that were given (with ``as_copy``). A pixel of the answer sees a window of 18 by 18.

    Args:
        given_channels, channels: of the image, and of the answer.
        domains: how many it may be told to translate into; 0: it is told nothing.
        width: feature maps.
        as_copy: begin as a copy of the input; False: the copy begins at 0 and the last convolution at random.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 14.
    """

    def __init__(
        self, given_channels: int = 1, channels: int = 1, *, domains: int = 0, width: int = 16, as_copy: bool = True
    ) -> None:
        super().__init__()
        self.given_channels = _inputs.check_size("given_channels", given_channels)
        self.channels = _inputs.check_size("channels", channels)
        self.domains = whole_between("domains", domains, 0)
        width = self.width = _inputs.check_size("width", width)
        square = _FOLD**2
        self.first = nn.Conv2d(square * self.given_channels + self.domains, width, 3, 1, 1)
        self.middle = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, 1, 1)
        )
        self.last = nn.Conv2d(width, square * self.channels, 3, 1, 1)
        self.copy = nn.Conv2d(self.given_channels, self.channels, 1)
        if as_copy:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
        nn.init.constant_(self.copy.weight, as_copy / self.given_channels)
        nn.init.zeros_(self.copy.bias)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, domain: Tensor | None = None) -> Tensor:
        """Return the translation.

        Args:
            images: shape (N, given_channels, S, S), S even.
            domain: for a network with ``domains``: where to translate each image, int64 of shape (N,), or weights of
                the domains, shape (N, domains).
        Raises:
            TypeError, ValueError: an argument is anything else.
        """
        side = images.shape[-1] if isinstance(images, Tensor) and images.ndim else 0
        _inputs.check_images(self, images, self.given_channels, side)
        if side % _FOLD:
            raise ValueError(f"images must have an even side, got {side}")
        if (domain is None) != (self.domains == 0):
            raise ValueError(f"domain must be {'given' if self.domains else 'None'}: this network has {self.domains}")
        folded = F.pixel_unshuffle(images, _FOLD)
        if domain is not None:
            told = _inputs.class_weights(self, domain, self.domains)
            _inputs.check_count("domain", told, len(images), "images")
            planes = told[:, :, None, None].expand(-1, -1, *folded.shape[2:])
            folded = torch.cat([folded, planes], dim=1)
        seen = F.leaky_relu(self.first(folded), 0.2)
        changes = F.pixel_shuffle(self.last(seen + self.middle(seen)), _FOLD)
        return torch.tanh(changes + self.copy(images))
