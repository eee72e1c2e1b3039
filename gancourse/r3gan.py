"""R3GAN's loss and rules, each to be put into the recommended recipe, or taken out, alone.

    settings = r3gan.Settings()                                   # relativistic pairing with R1 and R2
    control = r3gan.RECOMMENDED                                   # the recipe of notebook 07 in the same words
    generator = r3gan.train(images, settings, num_steps=400, seed=0)

What R3GAN calls its loss is three things: each real image is compared with a fake one (relativistic pairing), D's slope
is held down at real images (R1) and at fake ones (R2). Its rules are no normalisation and small rates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gancourse import losses, penalties, recommended, runtime, styling
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import dense_conv

__all__ = ["NORMS", "RECOMMENDED", "Settings", "build", "make_step", "train", "without_norm"]

NORMS = ("batch", "none")
_FAMILIES = ("non_saturating", "relativistic")


@dataclass(frozen=True)
class Settings:
    """What may differ between two runs; all else is the recommended recipe.

    Attributes:
        loss: "relativistic" or "non_saturating".
        r1, r2: weights of the penalties, which enter as r1 / 2 and r2 / 2; 0 leaves one out.
        rates: full rates of G and D.
        norm: "batch" for batch norm in G, or "none".
        every: the penalties come in each so many-th step only, with so many times the weight.
    Raises:
        ValueError: a value will not do.
    First met in: notebook 22.
    """

    loss: str = "relativistic"
    r1: float = recommended.GAMMA
    r2: float = recommended.GAMMA
    rates: tuple[float, float] = (8e-3, 4e-3)
    norm: str = "batch"
    every: int = recommended.R1_EVERY

    def __post_init__(self) -> None:
        for name, allowed in (("loss", _FAMILIES), ("norm", NORMS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name in ("r1", "r2"):
            real_between(name, getattr(self, name), 0.0)
        if len(self.rates) != 2:
            raise ValueError(f"rates must be two, of G and D, got {self.rates!r}")
        for rate in self.rates:
            real_between("rates", rate, 0.0)
        whole_between("every", self.every, 1)


RECOMMENDED = Settings(loss="non_saturating", r2=0.0)
"""The recommended recipe."""


def without_norm(generator: nn.Module) -> nn.Module:
    """Take every batch norm out of a generator, in place, and give it weights that do without; return it.

    The layer before each gets the bias that batch norm had. All weights are drawn anew, as He et al. (2015) do, so that
    numbers keep their size from layer to layer: for this, batch norm was not needed. Draw inside ``runtime.seeded``.

    Args:
        generator: such as :class:`gancourse.models.dense_conv.Generator`.
    Returns:
        The same generator.
    Raises:
        ValueError: it has no batch norm.
    First met in: notebook 22.
    """
    found = 0
    for layers in [part for part in generator.modules() if isinstance(part, nn.Sequential)]:
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layers[place] = nn.Identity()
                layers[place - 1].bias = nn.Parameter(torch.zeros_like(layer.bias))
                found += 1
    if not found:
        raise ValueError(f"generator must have batch norm to take out, but {type(generator).__name__} has none")
    weighted = [layer for layer in generator.modules() if isinstance(layer, nn.Linear | nn.ConvTranspose2d)]
    for layer in weighted:
        gain = 1.0 if layer is weighted[-1] else math.sqrt(2)  # the last one ends in tanh, the others in ReLU
        nn.init.normal_(layer.weight, std=gain / math.sqrt(_arriving(layer)))
    return generator


def _arriving(layer: nn.Module) -> float:
    """Return how many numbers are summed into one output of a layer."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    return layer.in_channels * math.prod(
        size / step for size, step in zip(layer.kernel_size, layer.stride, strict=True)
    )


def build(
    settings: Settings,
    *,
    num_steps: int,
    seed: int,
    image_size: int = 28,
    channels: int = 1,
    width: int = 16,
    device: str | torch.device = "cpu",
) -> recommended.Parts:
    """Return a fresh pair with all that belongs to its training, as :func:`gancourse.recommended.build` does.

    Args:
        settings: of them ``rates`` and ``norm`` matter here.
        num_steps: over how many steps the rates fall.
        seed: of the first weights.
        image_size, channels, width: as for :class:`gancourse.models.dense_conv.Generator`.
        device: where to train.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 22.
    """
    with runtime.seeded(seed):
        generator = dense_conv.Generator(image_size, channels, width=width)
        discriminator = dense_conv.Discriminator(image_size, channels, width=width)
        if settings.norm == "none":
            without_norm(generator)
    return recommended.assemble(
        generator, discriminator, width=width, num_steps=num_steps, rates=settings.rates, device=device
    )


def make_step(
    parts: recommended.Parts, latents: Callable[[int], Tensor], settings: Settings
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's update, G's update, both rates, the average, in this order.

    With ``RECOMMENDED`` it is the step of :func:`gancourse.recommended.make_step`.

    Args:
        parts: from :func:`build`.
        latents: draws z, see :func:`gancourse.recommended.latents`.
        settings: of them ``loss``, ``r1``, ``r2`` and ``every`` matter here.
    Returns:
        A function from real images to {"d_loss": ..., "g_loss": ...}, for ``training.train``; ``d_loss`` is without
        the penalties.
    Source: Huang et al. (2024), equations 2 and 3 with both penalties of their section 2.
    First met in: notebook 22.
    """
    G, D, family = parts.generator, parts.discriminator, losses.LOSSES[settings.loss]
    weights, steps = list(G.parameters()), itertools.count()

    def step(real: Tensor) -> dict[str, Tensor]:
        fake = G(latents(len(real)))
        braked = next(steps) % settings.every == 0
        shown = fake.detach().requires_grad_(braked and settings.r2 > 0)
        real_logits = D(real.requires_grad_(braked and settings.r1 > 0))
        fake_logits = D(shown)
        d_loss = family.discriminator(real_logits=real_logits, fake_logits=fake_logits)
        brake = torch.zeros(())
        if real.requires_grad:
            brake = settings.every * settings.r1 / 2 * penalties.r1_penalty(real_logits, real)
        if shown.requires_grad:
            brake = brake + settings.every * settings.r2 / 2 * penalties.r2_penalty(fake_logits, shown)
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()

        seen = {"fake_logits": D(fake)}
        if family.paired:
            with torch.no_grad():  # for G the real side is a number
                seen["real_logits"] = D(real)
        g_loss = family.generator(**seen)
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)
        parts.g_optimizer.step()

        parts.g_schedule.step()
        parts.d_schedule.step()
        parts.average.update_parameters(G)
        return {"d_loss": d_loss, "g_loss": g_loss}

    return step


def train(images: Tensor, settings: Settings, *, num_steps: int, seed: int) -> nn.Module:
    """Train a pair where the images are, and return the generator's average, finished.

    Args:
        images: shape (N, C, S, S), in [-1, 1].
        settings: what differs from the recommended recipe.
        num_steps: how many steps; the rates fall over all of them.
        seed: of the first weights, of the batches and of z.
    Raises:
        TypeError, ValueError: an argument will not do, or the losses are no longer finite.
    First met in: notebook 22.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    side, channels = images.shape[-1], images.shape[1]
    parts = build(settings, num_steps=num_steps, seed=seed, image_size=side, channels=channels, device=images.device)
    drawn = recommended.latents(parts, runtime.generator(seed + 1))
    step = make_step(parts, drawn, settings)
    real = batches.stream(images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(num_steps):
        step(next(real))
    return styling.finish(parts, drawn)
