"""The recipe for sounds: a pair along time, its optimisers, their falling rates, the average, and the step.

    recipe = sounding.Recipe(num_steps=500)
    generator = sounding.train(instrument.pluck(4_096, runtime.generator(0)).waves, recipe, seed=1)
    notes = sounding.sample(generator, 500, runtime.generator(2))

It is the recipe for images of notebook 07 with other rates, and with WGAN-GP beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import averaging
from gancourse.models.waveform import UPSAMPLING, Discriminator, Generator

__all__ = ["BATCH_SIZE", "LOSSES", "Parts", "Recipe", "build", "finish", "make_step", "sample", "train"]

BATCH_SIZE = 32

LOSSES = ("non_saturating", "wasserstein")

_LAST_SHARE, _DECAY = 0.05, 0.99  # of the rates at the end of the cosine, and of the average
_COUNTED, _PIECE = 8, 250  # batches for batch norm's statistics, and sounds at once


@dataclass(frozen=True)
class Recipe:
    """How a pair for sounds is built and trained.

    Attributes:
        shuffle: phase shuffle of the discriminator by up to so many places; 0 for none.
        shuffle_last: also after its last convolution.
        up: how the generator makes sounds longer, one of ``models.waveform.UPSAMPLING``.
        loss: "non_saturating", with R1; or "wasserstein", with WGAN-GP's penalty in every critic step.
        penalty: weight of R1, which enters as penalty / 2, or of the gradient penalty.
        penalty_every: the penalty comes in every so-manieth step of D only, so many times as strong.
        d_steps: steps of D before each of G.
        lr_g, lr_d: rates of Adam at the start; they fall to a twentieth along a cosine.
        betas: of Adam.
        width: feature maps of both networks.
        num_steps: steps of G over which the rates fall.
    First met in: notebook 17.
    """

    shuffle: int = 0
    shuffle_last: bool = True
    up: str = "transposed"
    loss: str = "non_saturating"
    penalty: float = 0.5
    penalty_every: int = 4
    d_steps: int = 1
    lr_g: float = 5e-3
    lr_d: float = 2.5e-3
    betas: tuple[float, float] = (0.0, 0.99)
    width: int = 16
    num_steps: int = 1_000

    def __post_init__(self) -> None:
        whole_between("shuffle", self.shuffle, 0)
        for name in ("penalty_every", "d_steps", "width", "num_steps"):
            whole_between(name, getattr(self, name), 1)
        for name in ("penalty", "lr_g", "lr_d"):
            real_between(name, getattr(self, name), 0.0)
        for name, value, known in (("up", self.up, UPSAMPLING), ("loss", self.loss, LOSSES)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        generator, discriminator: the pair.
        average: follows the generator's weights, and is what is used in the end.
        g_optimizer, d_optimizer: their optimisers.
        schedules: let the learning rates fall.
    """

    generator: Generator
    discriminator: Discriminator
    average: AveragedModel
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    schedules: tuple[CosineAnnealingLR, ...]


def build(recipe: Recipe, *, length: int = 1_024, seed: int, device: str | torch.device = "cpu") -> Parts:
    """Return a fresh pair with all that belongs to its training.

    Args:
        recipe: how.
        length: numbers of a sound.
        seed: of the first weights, which do not depend on phase shuffle, and of the shuffle.
        device: where to train.
    Raises:
        ValueError: the networks are not made for this length.
    First met in: notebook 17.
    """
    with runtime.seeded(seed):
        generator = Generator(length, width=recipe.width, up=recipe.up).to(device)
    with runtime.seeded(seed + 1):
        discriminator = Discriminator(
            length, width=recipe.width, shuffle=recipe.shuffle, seed=seed, shuffle_last=recipe.shuffle_last
        ).to(device)
    rates = ((generator, recipe.lr_g), (discriminator, recipe.lr_d))
    optimizers = [torch.optim.Adam(one.parameters(), lr=rate, betas=recipe.betas, fused=True) for one, rate in rates]
    schedules = tuple(
        CosineAnnealingLR(optimizer, recipe.num_steps, _LAST_SHARE * rate)
        for optimizer, (_, rate) in zip(optimizers, rates, strict=True)
    )
    return Parts(generator, discriminator, averaging.average(generator, _DECAY), *optimizers, schedules)


def make_step(parts: Parts, recipe: Recipe, noise: torch.Generator) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's updates, G's update, the rates, the average, in this order.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the loss and its penalty.
        noise: draws z, and the places between real and fake where WGAN-GP looks.
    Returns:
        A function from real sounds, shape (d_steps * N, L), N for each step of D, to {"d_loss": ..., "g_loss": ...},
        for ``training.train``. ``d_loss`` is without the penalty.
    First met in: notebook 17.
    """
    generator, discriminator, loss = parts.generator, parts.discriminator, losses.LOSSES[recipe.loss]
    weights, steps = list(generator.parameters()), itertools.count()
    device = weights[0].device

    def fakes(count: int) -> Tensor:
        return generator(torch.randn(count, generator.latent_dim, generator=noise, device=noise.device).to(device))

    def penalty(real: Tensor, real_logits: Tensor, fake: Tensor) -> Tensor:
        if recipe.loss == "wasserstein":
            return recipe.penalty * penalties.gradient_penalty(discriminator, real, fake, generator=noise)
        return recipe.penalty / 2 * penalties.r1_penalty(real_logits, real)

    def train_discriminator(real: Tensor) -> Tensor:
        braked = next(steps) % recipe.penalty_every == 0
        real = real.detach().clone().requires_grad_(braked)
        with torch.no_grad():
            fake = fakes(len(real))
        real_logits = discriminator(real)
        d_loss = loss.discriminator(real_logits=real_logits, fake_logits=discriminator(fake))
        brake = recipe.penalty_every * penalty(real, real_logits, fake) if braked else 0.0
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()
        return d_loss.detach()

    def step(real: Tensor) -> dict[str, Tensor]:
        for batch in real.chunk(recipe.d_steps):
            d_loss = train_discriminator(batch)
        g_loss = loss.generator(fake_logits=discriminator(fakes(len(batch))))
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)  # D's weights need no gradient here
        parts.g_optimizer.step()
        for schedule in parts.schedules:
            schedule.step()
        parts.average.update_parameters(generator)
        return {"d_loss": d_loss, "g_loss": g_loss.detach()}

    return step


def finish(parts: Parts, noise: torch.Generator) -> Generator:
    """Return the averaged generator in eval mode, with batch norm's statistics measured again.

    Args:
        parts: after training.
        noise: draws z.
    First met in: notebook 17.
    """
    generator = parts.average.module
    z = torch.randn(_COUNTED * _PIECE, generator.latent_dim, generator=noise, device=noise.device)
    averaging.recompute_batch_norm(generator, z.to(next(generator.parameters()).device).split(_PIECE))
    return generator.eval().requires_grad_(False)


def train(waves: Tensor, recipe: Recipe, *, seed: int) -> Generator:
    """Train a generator of sounds from its first weights to its end, where the sounds are, and return it finished.

    Args:
        waves: shape (N, L), in [-1, 1].
        recipe: how, and for how many steps.
        seed: of the first weights, of the batches and of z.
    Raises:
        TypeError, ValueError: the sounds or their length will not do.
    First met in: notebook 17.
    """
    parts = build(recipe, length=waves.shape[-1], seed=seed, device=waves.device)
    noise = runtime.generator(seed + 2)
    stream = batches.stream(waves, recipe.d_steps * BATCH_SIZE, runtime.generator(seed + 3))
    step = make_step(parts, recipe, noise)
    for _ in range(recipe.num_steps):
        step(next(stream))
    return finish(parts, noise)


@torch.no_grad()
def sample(generator: Generator, n: int, noise: torch.Generator) -> Tensor:
    """Return ``n`` sounds, shape (n, L).

    Args:
        generator: a finished one.
        n: how many.
        noise: draws z.
    Raises:
        ValueError: ``n`` is no whole number from 1 on.
    First met in: notebook 17.
    """
    z = torch.randn(whole_between("n", n, 1), generator.latent_dim, generator=noise, device=noise.device)
    return torch.cat([generator(piece) for piece in z.to(next(generator.parameters()).device).split(_PIECE)])
