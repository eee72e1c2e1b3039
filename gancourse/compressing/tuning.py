"""A pair trained by the recommended step: a small generator from its first weights on, or a pruned one trained on."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from gancourse import recommended, runtime, styling
from gancourse._numbers import whole_between
from gancourse.compressing import pruning
from gancourse.compressing.channels import SIZES
from gancourse.data import batches
from gancourse.models import dense_conv

__all__ = ["RATES", "fresh", "train"]

RATES = (8e-3, 4e-3)
"""Full rates of generator and discriminator, those of the recommended recipe."""


def fresh(
    size: str = "whole", *, seed: int, image_size: int = 28
) -> tuple[dense_conv.Generator, dense_conv.Discriminator]:
    """Return a generator of one of :data:`gancourse.compressing.channels.SIZES`, and a discriminator of usual size.

    Only the generator is handed on to those who want images, so only it has to be small.

    Args:
        size: its name.
        seed: of the first weights.
        image_size: side of the images.
    Raises:
        ValueError: there is no such size, or no such side.
    First met in: notebook 21.
    """
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, got {size!r}")
    with runtime.seeded(seed):
        return dense_conv.Generator(image_size, **SIZES[size]), dense_conv.Discriminator(image_size)


def train(
    generator: nn.Module,
    discriminator: nn.Module,
    images: Tensor,
    *,
    rates: tuple[float, float] = RATES,
    num_steps: int,
    seed: int,
) -> tuple[nn.Module, nn.Module]:
    """Train copies of both; return the generator's average, finished and in eval mode, and the discriminator.

    Weights of the generator that are exactly 0 stay 0. Batch norm's statistics are measured again at the end.

    Args:
        generator, discriminator: a pair, fresh or trained; both stay as they are.
        images: shape (N, C, S, S), in [-1, 1].
        rates: full rates of both; they fall to a twentieth along a cosine.
        num_steps: how many steps, of 64 images.
        seed: of z and of the batches.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 21.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    pair = [copy.deepcopy(network).train().requires_grad_(True) for network in (generator, discriminator)]
    parts = recommended.assemble(*pair, width=1, num_steps=num_steps, rates=rates, device=images.device)
    pruning.hold_zeros(parts.generator)
    drawn = recommended.latents(parts, runtime.generator(seed + 1))
    step = recommended.make_step(parts, drawn)
    real = batches.stream(images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(num_steps):
        step(next(real))
    return styling.finish(parts, drawn), parts.discriminator.eval().requires_grad_(False)
