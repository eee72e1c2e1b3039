"""A recipe for translating between two domains without pairs: CycleGAN.

Two networks translate, ``to_b`` and ``to_a``, and each has a discriminator of the domain that it leads to. Nobody says
which image belongs to which. What ties an answer to its question is the cycle: there and back again has to give the
image one began with::

    data = domains.unpaired(digits.load(), domains.outlines, generator=runtime.generator(0))
    there, back = translating.train(data, translating.Recipe(), seed=0)
    outlines = there(data.test_a)                      # compare with data.test_b
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.data.domains import Unpaired
from gancourse.models import dense_conv
from gancourse.models.translator import Translator

__all__ = [
    "BATCH_SIZE",
    "Parts",
    "Recipe",
    "Translators",
    "adam",
    "build",
    "cycles",
    "falling",
    "make_step",
    "stream",
    "train",
]

BATCH_SIZE = 16
_BETAS = (0.5, 0.99)
_QUARTER = 0.25  # of a run: when a weight that falls begins to, and how long before the end it has arrived


@dataclass(frozen=True)
class Recipe:
    """What is asked of two translators, as a sum of terms. All differences are means of absolute ones.

    Attributes:
        cycle: weight of the difference of an image and itself after there and back.
        cycle_end: the weight of the cycle falls to this one, from a quarter of the run to three quarters, by equal
            factors; None: it stays.
        both_ways: close the cycle from A and from B; False: from B alone.
        detached: cut each translation off before it is translated back, so that nobody learns to send what the way
            back needs; the control.
        identity: weight of the difference of an image and its translation into the domain where it is already.
        noise: standard deviation of noise on the translated image before it is translated back, from A.
        buffer: of how many old fakes some are shown to each discriminator in place of new ones; 0: new ones alone.
        as_copy: both translators begin as copies of what they are given; False: at random.
        gamma: of R1, which enters as gamma / 2.
        rate: learning rate of all networks; it falls to 0 along a line over the second half of the run.
        num_steps: of the run.
    First met in: notebook 14.
    """

    cycle: float = 5.0
    cycle_end: float | None = None
    both_ways: bool = True
    detached: bool = False
    identity: float = 0.0
    noise: float = 0.0
    buffer: int = 0
    as_copy: bool = True
    gamma: float = 0.3
    rate: float = 2e-3
    num_steps: int = 400

    def __post_init__(self) -> None:
        for name in ("cycle", "identity", "noise", "gamma", "rate"):
            real_between(name, getattr(self, name), 0.0)
        if self.cycle_end is not None and min(self.cycle, real_between("cycle_end", self.cycle_end, 0.0)) == 0:
            raise ValueError("cycle and cycle_end must be above 0 for a weight that falls by equal factors")
        whole_between("buffer", self.buffer, 0)
        whole_between("num_steps", self.num_steps, 1)

    def cycle_at(self, step: int) -> float:
        """Return the weight of the cycle at a step, counted from 0."""
        if self.cycle_end is None:
            return self.cycle
        way = min(1.0, max(0.0, (step / self.num_steps - _QUARTER) / (1 - 2 * _QUARTER)))
        return self.cycle * (self.cycle_end / self.cycle) ** way


class Translators(NamedTuple):
    """Two networks, there and back.

    Attributes:
        to_b: images of A to images of B.
        to_a: images of B to images of A.
    """

    to_b: Translator
    to_a: Translator


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        to_b, to_a: the translators.
        d_a, d_b: the discriminators of the domains.
        g_optimizer: of both translators.
        d_optimizer: of both discriminators.
        schedules: let the learning rates fall.
    """

    to_b: Translator
    to_a: Translator
    d_a: dense_conv.Discriminator
    d_b: dense_conv.Discriminator
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    schedules: tuple[LambdaLR, ...]


def build(recipe: Recipe, *, channels_a: int = 1, channels_b: int = 1, image_size: int = 28, seed: int) -> Parts:
    """Return two fresh translators, their discriminators, and what trains them.

    Args:
        recipe: for the first weights, the rates and their fall.
        channels_a, channels_b: of the images of both domains, 1 or 3; equal if the recipe has an identity loss.
        image_size: side of the images.
        seed: of the first weights.
    Raises:
        ValueError: the networks are not made for these sizes.
    First met in: notebook 14.
    """
    if recipe.identity and channels_a != channels_b:
        raise ValueError(f"an identity loss needs domains of equal channels, got {channels_a} and {channels_b}")
    with runtime.seeded(seed):
        to_b = Translator(channels_a, channels_b, as_copy=recipe.as_copy)
        to_a = Translator(channels_b, channels_a, as_copy=recipe.as_copy)
        d_a, d_b = (dense_conv.Discriminator(image_size, channels) for channels in (channels_a, channels_b))
    optimizers = [adam(recipe.rate, *players) for players in ((to_b, to_a), (d_a, d_b))]
    schedules = tuple(falling(optimizer, recipe.num_steps) for optimizer in optimizers)
    return Parts(to_b, to_a, d_a, d_b, *optimizers, schedules)


def make_step(
    parts: Parts, recipe: Recipe, noise: torch.Generator
) -> Callable[[tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """Return the step: both discriminators' update, both translators', the rates, in this order.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the terms and their weights.
        noise: draws the noise in the cycle, and what comes out of the buffers.
    Returns:
        A function from a batch (a, b) to the losses as scalars, for ``training.train``: "g_loss", "d_loss" and
        "cycle_loss", the difference after there and back without its weight.
    First met in: notebook 14.
    """
    to_b, to_a, d_a, d_b = parts.to_b, parts.to_a, parts.d_a, parts.d_b
    weights = [*to_b.parameters(), *to_a.parameters()]
    old_a, old_b = (_Buffer(recipe.buffer, noise) for _ in range(2))
    done = 0

    def step(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        nonlocal done
        a, b = batch
        fake_b, fake_a = to_b(a), to_a(b)
        d_loss = torch.zeros((), device=a.device)
        for discriminator, real, fake, old in ((d_a, a, fake_a, old_a), (d_b, b, fake_b, old_b)):
            d_loss = d_loss + _against(discriminator, real, old(fake.detach()), recipe.gamma)
        parts.d_optimizer.zero_grad()
        d_loss.backward()
        parts.d_optimizer.step()

        adversarial = sum(
            losses.non_saturating_generator_loss(fake_logits=discriminator(fake))
            for discriminator, fake in ((d_a, fake_a), (d_b, fake_b))
        )
        cycle, weight = torch.zeros((), device=a.device), recipe.cycle_at(done)
        if weight:
            sent_a, seen = (fake.detach() if recipe.detached else fake for fake in (fake_a, fake_b))
            cycle = (to_b(sent_a) - b).abs().mean()
            if recipe.both_ways:
                if recipe.noise:
                    drawn = torch.randn(fake_b.shape, generator=noise, device=noise.device)
                    seen = seen + recipe.noise * drawn.to(seen.device)
                cycle = cycle + (to_a(seen) - a).abs().mean()
        g_loss = adversarial + weight * cycle
        if recipe.identity:
            g_loss = g_loss + recipe.identity * ((to_b(b) - b).abs().mean() + (to_a(a) - a).abs().mean())
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)  # the discriminators' weights need no gradient here
        parts.g_optimizer.step()
        for schedule in parts.schedules:
            schedule.step()
        done += 1
        return {"g_loss": g_loss.detach(), "d_loss": d_loss.detach(), "cycle_loss": cycle.detach()}

    return step


def stream(
    a: Tensor, b: Tensor, generator: torch.Generator, *, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return an endless stream of batches of both domains, in shuffled orders that know nothing of each other.

    Args:
        a, b: images, shape (N, C, S, S) each; N may differ.
        generator: the stream's own.
        batch_size: images of each domain in a batch.
    Raises:
        TypeError, ValueError: as in :func:`gancourse.data.batches.stream`.
    First met in: notebook 14.
    """
    return zip(*(batches.stream(images, batch_size, generator) for images in (a, b)), strict=True)


def train(data: Unpaired, recipe: Recipe, *, seed: int) -> Translators:
    """Train two translators from their first weights to their end, and return them finished.

    Args:
        data: from ``data.domains``; the test images are not touched.
        recipe: what is asked of the translators, and for how many steps.
        seed: of the first weights, of the batches and of the noise.
    Raises:
        ValueError: the networks are not made for these images.
    First met in: notebook 14.
    """
    channels_a, channels_b = data.a.shape[1], data.b.shape[1]
    parts = build(recipe, channels_a=channels_a, channels_b=channels_b, image_size=data.a.shape[-1], seed=seed)
    step = make_step(parts, recipe, runtime.generator(seed + 1))
    pairs = stream(data.a, data.b, runtime.generator(seed + 2))
    for _ in range(recipe.num_steps):
        step(next(pairs))
    return Translators(*(network.eval().requires_grad_(False) for network in (parts.to_b, parts.to_a)))


@torch.no_grad()
def cycles(translators: Translators, a: Tensor, b: Tensor) -> tuple[float, float]:
    """Return the mean absolute difference after there and back, from A and from B.

    Args:
        translators: two networks, there and back.
        a, b: images of both domains.
    First met in: notebook 14.
    """
    to_b, to_a = translators
    return float((to_a(to_b(a)) - a).abs().mean()), float((to_b(to_a(b)) - b).abs().mean())


# ---------------------------------------------------------------- parts


def _against(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, gamma: float) -> Tensor:
    """Return a discriminator's loss with R1."""
    real = real.detach().clone().requires_grad_()
    real_logits = discriminator(real)
    loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=discriminator(fake))
    return loss + gamma / 2 * penalties.r1_penalty(real_logits, real)


def adam(rate: float, *players: torch.nn.Module) -> torch.optim.Optimizer:
    """Return Adam with betas 0.5 and 0.99 for all weights of the players.

    First met in: notebook 14.
    """
    weights = [weight for player in players for weight in player.parameters()]
    return torch.optim.Adam(weights, lr=rate, betas=_BETAS, fused=True)


def falling(optimizer: torch.optim.Optimizer, num_steps: int) -> LambdaLR:
    """Return a schedule that keeps the rate for half a run, and lets it fall to 0 along a line over the second half.

    First met in: notebook 14.
    """
    return LambdaLR(optimizer, lambda step: min(1.0, 2 * (1 - step / num_steps)))


class _Buffer:
    """Keeps old fakes, and gives some of them in place of new ones: each with the chance one half.

    Source: Shrivastava et al. (2017), as in CycleGAN.
    """

    def __init__(self, size: int, random: torch.Generator) -> None:
        self.size, self.random = size, random
        self.kept: Tensor | None = None

    def __call__(self, fakes: Tensor) -> Tensor:
        if not self.size:
            return fakes
        if self.kept is None or len(self.kept) < self.size:
            self.kept = fakes.clone() if self.kept is None else torch.cat([self.kept, fakes])[: self.size]
            return fakes
        old = torch.rand(len(fakes), generator=self.random) < 0.5
        places = torch.randperm(self.size, generator=self.random)[: len(fakes)]
        old = old[: len(places)].nonzero().flatten()
        given = fakes.clone()
        given[old] = self.kept[places[old]]
        self.kept[places[old]] = fakes[old]
        return given
