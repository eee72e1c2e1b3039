"""What all roads share: a pair of encoder and decoder, looking through it in pieces, and falling rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import runtime
from gancourse.data import batches

__all__ = ["BATCH_SIZE", "LAST_SHARE", "Coded", "codes", "falling_adam", "normal", "pictures", "shuffled"]

BATCH_SIZE = 64
LAST_SHARE = 0.05
"""Of the learning rates, at the end of the cosine."""

_PIECE = 250  # images at once where nothing is trained


class Coded(NamedTuple):
    """A pair that goes both ways, finished: in eval mode, without gradients for its weights.

    Attributes:
        encoder: images to codes, or to a mean and a log variance.
        decoder: codes to images.
    """

    encoder: nn.Module
    decoder: nn.Module


@torch.no_grad()
def codes(encoder: nn.Module, images: Tensor) -> Tensor:
    """Return the codes of images, shape (N, code_dim), piece by piece; of a Gaussian encoder its means.

    Args:
        encoder: a finished one.
        images: shape (N, channels, S, S), on its device.
    First met in: notebook 15.
    """
    parts = [encoder(piece) for piece in images.split(_PIECE)]
    return torch.cat([part[0] if isinstance(part, tuple) else part for part in parts])


@torch.no_grad()
def pictures(decoder: nn.Module, codes: Tensor) -> Tensor:
    """Return the images of codes, shape (N, channels, S, S), piece by piece.

    Args:
        decoder: a finished decoder or generator.
        codes: shape (N, latent_dim), on its device.
    First met in: notebook 15.
    """
    return torch.cat([decoder(piece) for piece in codes.split(_PIECE)])


def normal(count: int, size: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return draws from N(0, I), shape (count, size), from a generator on any device."""
    return torch.randn(count, size, generator=generator, device=generator.device).to(device)


def shuffled(images: Tensor, seed: int, batch_size: int = BATCH_SIZE) -> Iterator[Tensor]:
    """Return an endless stream of batches of images, in an order that depends on ``seed``."""
    return batches.stream(images, batch_size, runtime.generator(seed))


def falling_adam(
    weights: Iterable[nn.Parameter], rate: float, betas: tuple[float, float], num_steps: int
) -> tuple[torch.optim.Adam, CosineAnnealingLR]:
    """Return Adam for those of the weights that are trained, and a schedule that lets its rate fall to a twentieth."""
    trained = [weight for weight in weights if weight.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=rate, betas=betas, fused=True)
    return optimizer, CosineAnnealingLR(optimizer, num_steps, LAST_SHARE * rate)
