"""BiGAN: encoder and generator trained together, by a discriminator that sees an image and a code.

The encoder makes pairs of a real image and its code, (x, E(x)); the generator makes pairs of a drawn z and its image,
(G(z), z). The discriminator is to tell them apart, and both others are to make that impossible. Where it is impossible
and neither uses noise, each inverts the other. Nothing compares pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel

from gancourse import losses, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.encoding import both
from gancourse.encoding.both import Coded
from gancourse.encoding.inverse import settle
from gancourse.models import averaging, dense_conv, pair
from gancourse.models.encoder import Encoder

__all__ = ["GAMMAS", "R1_EVERY", "Parts", "Recipe", "build", "finish", "make_step", "train"]

GAMMAS = (0.3, 0.03)
"""Weights of R1 for the slope in the image and in the code, which enter as gamma / 2."""

R1_EVERY = 4
"""R1 comes in every fourth step only, with four times the weight."""

_RATE, _BETAS = 4e-3, (0.0, 0.99)
_DECAY = 0.98  # of the average


@dataclass(frozen=True)
class Recipe:
    """What is trained.

    Attributes:
        code_dim: size of z.
        cycle: weight of the mean squared error of E(G(z)) to z, which BiGAN itself does not have.
        num_steps: over how many steps the rates fall.
    First met in: notebook 15.
    """

    code_dim: int = 32
    cycle: float = 0.0
    num_steps: int = 850

    def __post_init__(self) -> None:
        whole_between("code_dim", self.code_dim, 1)
        whole_between("num_steps", self.num_steps, 1)
        real_between("cycle", self.cycle, 0.0)


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        encoder: ends in batch norm without weights, so that its codes have the mean and variance of z.
        generator, discriminator: of images, and of pairs.
        average: follows the generator's weights.
        optimizer: of encoder and generator, which have one loss.
        d_optimizer: of the discriminator.
        schedules: let both rates fall to a twentieth along a cosine.
    """

    encoder: Encoder
    generator: dense_conv.Generator
    discriminator: pair.Discriminator
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    schedules: tuple[CosineAnnealingLR, CosineAnnealingLR]


def build(
    recipe: Recipe, *, image_size: int = 28, channels: int = 1, seed: int, device: str | torch.device = "cpu"
) -> Parts:
    """Return fresh networks and what trains them.

    Args:
        recipe: what is trained.
        image_size, channels: of the images.
        seed: of the first weights.
        device: where to train.
    Raises:
        ValueError: the networks are not made for this size.
    First met in: notebook 15.
    """
    with runtime.seeded(seed):
        encoder = Encoder(image_size, channels, recipe.code_dim, normed=True).to(device)
        generator = dense_conv.Generator(image_size, channels, recipe.code_dim).to(device)
        discriminator = pair.Discriminator(image_size, channels, recipe.code_dim).to(device)
    joint = (*encoder.parameters(), *generator.parameters())
    optimizer, schedule = both.falling_adam(joint, _RATE, _BETAS, recipe.num_steps)
    d_optimizer, d_schedule = both.falling_adam(discriminator.parameters(), _RATE, _BETAS, recipe.num_steps)
    average = averaging.average(generator, _DECAY)
    return Parts(encoder, generator, discriminator, average, optimizer, d_optimizer, (schedule, d_schedule))


def make_step(parts: Parts, recipe: Recipe, noise: torch.Generator) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's update, the update of E and G, the rates, the average, in this order.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the terms.
        noise: draws z.
    Returns:
        A function from real images to {"d_loss", "g_loss"} as scalars, for ``training.train``; ``d_loss`` without R1,
        ``g_loss`` of encoder and generator, without the cycle.
    First met in: notebook 15.
    """
    encoder, generator, discriminator = parts.encoder, parts.generator, parts.discriminator
    joint, steps = [*encoder.parameters(), *generator.parameters()], itertools.count()

    def step(images: Tensor) -> dict[str, Tensor]:
        z = both.normal(len(images), recipe.code_dim, noise, images.device)
        code, fake = encoder(images), generator(z)
        braked = next(steps) % R1_EVERY == 0
        points = [points.detach().clone().requires_grad_(braked) for points in (images, code)]
        real_logits = discriminator(*points)
        d_loss = losses.non_saturating_discriminator_loss(
            real_logits=real_logits, fake_logits=discriminator(fake.detach(), z)
        )
        brake = 0.0
        if braked:
            slopes = torch.autograd.grad(real_logits.sum(), points, create_graph=True)
            brake = sum(
                R1_EVERY * gamma / 2 * slope.square().flatten(1).sum(dim=1).mean()
                for gamma, slope in zip(GAMMAS, slopes, strict=True)
            )
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()

        # each of the two wants its pairs taken for the other's
        g_loss = losses.non_saturating_generator_loss(fake_logits=discriminator(fake, z))
        g_loss = g_loss + losses.non_saturating_generator_loss(fake_logits=-discriminator(images, code))
        loss = g_loss + recipe.cycle * F.mse_loss(encoder(fake), z) if recipe.cycle else g_loss
        parts.optimizer.zero_grad()
        loss.backward(inputs=joint)
        parts.optimizer.step()
        for schedule in parts.schedules:
            schedule.step()
        parts.average.update_parameters(generator)
        return {"d_loss": d_loss.detach(), "g_loss": g_loss.detach()}

    return step


def finish(parts: Parts, noise: torch.Generator) -> Coded:
    """Return the encoder and the averaged generator, finished.

    Args:
        parts: after training.
        noise: draws z, to measure batch norm's statistics on.
    First met in: notebook 15.
    """
    return Coded(parts.encoder.eval().requires_grad_(False), settle(parts.average.module, noise))


def train(images: Tensor, recipe: Recipe, *, seed: int) -> Coded:
    """Train a BiGAN from its first weights to its end, on the device of the images.

    Args:
        images: shape (N, channels, S, S), in [-1, 1].
        recipe: what is trained, and for how many steps.
        seed: of the first weights, of z and of the batches.
    Raises:
        TypeError, ValueError: the images or their size will not do.
    Source: Donahue, Krähenbühl and Darrell (2017); Dumoulin et al. (2017), who call it ALI.
    First met in: notebook 15.
    """
    parts = build(recipe, image_size=images.shape[-1], channels=images.shape[1], seed=seed, device=images.device)
    noise = runtime.generator(seed + 1)
    step, real = make_step(parts, recipe, noise), both.shuffled(images, seed + 2)
    for _ in range(recipe.num_steps):
        step(next(real))
    return finish(parts, noise)
