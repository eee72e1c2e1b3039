"""The recommended recipe for images, whole: the pair, its optimisers, their falling rates, the average, and the step.

The step is a function of a real batch, as in every notebook; :func:`gancourse.training.train` repeats it::

    parts = recommended.build(28, 1, width=16, num_steps=1_100, seed=0)
    step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(1)))
    training.train(step, batches.stream(images, recommended.BATCH_SIZE, runtime.generator(2)), num_steps=1_100)

What each part of the recipe is worth is measured in notebook 07, whose ``train_recommended`` this is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel

from gancourse import losses, penalties, runtime
from gancourse.models import averaging, dense_conv

__all__ = [
    "BATCH_SIZE",
    "BETAS",
    "GAMMA",
    "IMAGE_SIZES",
    "R1_EVERY",
    "Parts",
    "assemble",
    "build",
    "latents",
    "make_step",
]

IMAGE_SIZES = (16, 28, 32, 64)
"""Image sides that the pair can be built for."""

BATCH_SIZE = 64
GAMMA = 0.3
"""Weight of R1, which enters as gamma / 2."""

R1_EVERY = 8
"""R1 comes in every eighth step only, with eight times the weight."""

BETAS = (0.0, 0.9)
"""Of Adam: no momentum, and a mean of squared gradients over about ten steps."""

_RATES, _AT_WIDTH = (8e-3, 4e-3), 16  # of G and D
_LAST_SHARE = 0.05  # of the rates, at the end of the cosine
_DECAY = 0.99  # of the average


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`, or by :func:`assemble` from a pair of your own.

    Attributes:
        generator, discriminator: the pair.
        average: follows the generator's weights, and draws the samples (see :mod:`gancourse.models.averaging`).
        g_optimizer, d_optimizer: their optimisers.
        g_schedule, d_schedule: let both learning rates fall to a twentieth along a cosine.
    """

    generator: nn.Module
    discriminator: nn.Module
    average: AveragedModel
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    g_schedule: CosineAnnealingLR
    d_schedule: CosineAnnealingLR


def build(
    image_size: int,
    channels: int,
    *,
    width: int,
    num_steps: int,
    seed: int,
    device: str | torch.device = "cpu",
) -> Parts:
    """Return a fresh pair with all that belongs to its training.

    Args:
        image_size, channels, width: as for :class:`gancourse.models.dense_conv.Generator`. A wider network takes
            smaller steps: the rates are 0.008 and 0.004 at width 16, and fall in proportion to the width.
        num_steps: over how many steps the rates fall.
        seed: of the first weights.
        device: where to train.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 07.
    """
    with runtime.seeded(seed):
        pair = (
            dense_conv.Generator(image_size, channels, width=width),
            dense_conv.Discriminator(image_size, channels, width=width),
        )
    return assemble(*pair, width=width, num_steps=num_steps, device=device)


def assemble(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    width: int,
    num_steps: int,
    rates: tuple[float, float] | None = None,
    betas: tuple[float, float] = BETAS,
    device: str | torch.device = "cpu",
) -> Parts:
    """Give a pair of networks the recipe's optimisers, falling rates and average.

    Args:
        generator, discriminator: the pair, moved to ``device``.
        width: feature maps of both, from which the recipe's rates follow.
        num_steps: over how many steps the rates fall.
        rates: full rates of generator and discriminator; None: 0.008 and 0.004 at width 16, less in proportion to more.
        betas: of both Adams.
        device: where to train.
    First met in: notebook 12.
    """
    pair, optimizers, schedules = (generator, discriminator), [], []
    for network, rate in zip(pair, rates or [first * _AT_WIDTH / width for first in _RATES], strict=True):
        network.to(device, memory_format=torch.channels_last)
        optimizers.append(torch.optim.Adam(network.parameters(), lr=rate, betas=betas, fused=True))
        schedules.append(CosineAnnealingLR(optimizers[-1], num_steps, _LAST_SHARE * rate))
    return Parts(*pair, averaging.average(pair[0], _DECAY), *optimizers, *schedules)


def latents(parts: Parts, noise: torch.Generator) -> Callable[[int], Tensor]:
    """Return a function that draws so many latent vectors from ``noise``, on the device of the pair.

    Args:
        parts: from :func:`build`.
        noise: a random generator that nothing else draws from.
    First met in: notebook 07.
    """
    device = next(parts.generator.parameters()).device

    def draw(count: int) -> Tensor:
        return torch.randn(count, parts.generator.latent_dim, generator=noise, device=noise.device).to(device)

    return draw


def make_step(
    parts: Parts,
    latents: Callable[[int], Tensor],
    *,
    generator: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    first_step: int = 0,
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's update, G's update, both rates, the average, in this order.

    R1 is added to D's loss before the one backward pass, so that every weight of D gets one gradient that has all in
    it. Where several processes train together (``gancourse.train``), that gradient is what they share.

    Args:
        parts: from :func:`build`.
        latents: draws z, as :func:`latents` does.
        generator, discriminator: what the forward passes go through in place of the networks, such as the same
            networks wrapped for several processes; the weights that are trained stay those of ``parts``.
        first_step: steps done before; R1 comes at multiples of ``R1_EVERY``.
    Returns:
        A function from real images, shape (N, channels, S, S), to {"d_loss": ..., "g_loss": ...}, for
        ``training.train``. ``d_loss`` is without R1.
    First met in: notebook 07.
    """
    G, D = generator or parts.generator, discriminator or parts.discriminator
    weights, steps = list(parts.generator.parameters()), itertools.count(first_step)

    def step(real: Tensor) -> dict[str, Tensor]:
        fake = G(latents(len(real)))
        braked = next(steps) % R1_EVERY == 0
        real_logits = D(real.requires_grad_(braked))
        d_loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=D(fake.detach()))
        brake = R1_EVERY * GAMMA / 2 * penalties.r1_penalty(real_logits, real) if braked else 0.0
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()

        g_loss = losses.non_saturating_generator_loss(fake_logits=D(fake))
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)  # D's weights need no gradient here
        parts.g_optimizer.step()

        parts.g_schedule.step()
        parts.d_schedule.step()
        parts.average.update_parameters(parts.generator)
        return {"d_loss": d_loss, "g_loss": g_loss}

    return step
