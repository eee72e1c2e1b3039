"""Autoencoder and VAE: an encoder and a decoder trained together, with or without a prior for the code.

The loss of a VAE is minus the evidence lower bound in nats for an image: what the pixels cost when the code is known,
plus beta times what the code costs (its divergence from N(0, I)). An autoencoder is the same without the second term
and without noise. The step is a function of a real batch, as in every notebook.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import codes, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.encoding import both
from gancourse.encoding.both import Coded
from gancourse.models.encoder import Decoder, Encoder, GaussianEncoder

__all__ = ["PIXELS", "Parts", "Recipe", "build", "finish", "make_step", "pixel_cost", "train"]

PIXELS = ("cross-entropy", "gaussian")
"""What the decoder's answer means: the odds of white for each pixel, or the centre of a Gaussian with one variance,
learned, for all pixels."""

_RATE, _BETAS = 3e-3, (0.9, 0.99)
_FIRST_LOG_VARIANCE = -2.0  # of pixels in [-1, 1]


@dataclass(frozen=True)
class Recipe:
    """What is trained.

    Attributes:
        code_dim: numbers in a code.
        beta: weight of the code's cost: 1 for a VAE; None for an autoencoder.
        pixels: one of :data:`PIXELS`.
        num_steps: over how many steps the rate falls.
    First met in: notebook 15.
    """

    code_dim: int = 32
    beta: float | None = None
    pixels: str = "cross-entropy"
    num_steps: int = 900

    def __post_init__(self) -> None:
        whole_between("code_dim", self.code_dim, 1)
        whole_between("num_steps", self.num_steps, 1)
        if self.beta is not None:
            real_between("beta", self.beta, 0.0)
        if self.pixels not in PIXELS:
            raise ValueError(f"pixels must be one of {', '.join(PIXELS)}, got {self.pixels!r}")


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        encoder: an :class:`~gancourse.models.encoder.Encoder`, or a ``GaussianEncoder`` for a VAE.
        decoder: turns codes into images.
        log_variance: of the pixels, one number; trained only where the recipe's pixels are "gaussian".
        optimizer, schedule: of all of them.
    """

    encoder: nn.Module
    decoder: Decoder
    log_variance: nn.Parameter
    optimizer: torch.optim.Optimizer
    schedule: CosineAnnealingLR


def pixel_cost(decoder: Decoder, z: Tensor, images: Tensor, log_variance: Tensor | None = None) -> Tensor:
    """Return what the pixels of each image cost when its code is known, shape (N,), in nats: minus log p(image | z).

    Args:
        decoder: a decoder.
        z: codes, shape (N, latent_dim).
        images: shape (N, channels, S, S), in [-1, 1].
        log_variance: of the Gaussian around the decoder's image, a number; None: the decoder's answer is the odds of
            white, and the cost the cross-entropy of (image + 1) / 2 with them, which reads grey as a share of white.
    First met in: notebook 15.
    """
    if log_variance is None:
        cost = F.binary_cross_entropy_with_logits(decoder.logits(z), (images + 1) / 2, reduction="none")
    else:
        cost = 0.5 * ((decoder(z) - images).square() * (-log_variance).exp() + log_variance + math.log(2 * math.pi))
    return cost.flatten(1).sum(dim=1)


def build(
    recipe: Recipe, *, image_size: int = 28, channels: int = 1, seed: int, device: str | torch.device = "cpu"
) -> Parts:
    """Return a fresh encoder and decoder and what trains them.

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
        kind = Encoder if recipe.beta is None else GaussianEncoder
        encoder = kind(image_size, channels, recipe.code_dim).to(device)
        decoder = Decoder(image_size, channels, recipe.code_dim).to(device)
    learned = recipe.pixels == "gaussian"
    log_variance = nn.Parameter(torch.tensor(_FIRST_LOG_VARIANCE, device=device), requires_grad=learned)
    weights = (*encoder.parameters(), *decoder.parameters(), log_variance)
    optimizer, schedule = both.falling_adam(weights, _RATE, _BETAS, recipe.num_steps)
    return Parts(encoder, decoder, log_variance, optimizer, schedule)


def make_step(parts: Parts, recipe: Recipe, noise: torch.Generator) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: codes, their images, one update of both networks, the rate.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the terms.
        noise: draws the codes of a VAE.
    Returns:
        A function from images to scalars, for ``training.train``: "loss", "pixel_cost" (nats for an image) and, for a
        VAE, "code_cost" (the same, before beta).
    First met in: notebook 15.
    """
    log_variance = parts.log_variance if recipe.pixels == "gaussian" else None

    def step(images: Tensor) -> dict[str, Tensor]:
        says = {}
        if recipe.beta is None:
            z = parts.encoder(images)
        else:
            mean, spread = parts.encoder(images)
            z = codes.draw(mean, spread, noise)
            says["code_cost"] = codes.kl_to_normal(mean, spread).mean()
        says["pixel_cost"] = pixel_cost(parts.decoder, z, images, log_variance).mean()
        loss = says["pixel_cost"]
        if recipe.beta is not None:
            loss = loss + recipe.beta * says["code_cost"]
        parts.optimizer.zero_grad()
        loss.backward()
        parts.optimizer.step()
        parts.schedule.step()
        return {"loss": loss.detach(), **{name: value.detach() for name, value in says.items()}}

    return step


def finish(parts: Parts) -> Coded:
    """Return both networks in eval mode, without gradients for their weights.

    Args:
        parts: after training.
    First met in: notebook 15.
    """
    return Coded(*(network.eval().requires_grad_(False) for network in (parts.encoder, parts.decoder)))


def train(images: Tensor, recipe: Recipe, *, seed: int) -> Coded:
    """Train an autoencoder or a VAE from its first weights to its end, on the device of the images.

    Args:
        images: shape (N, channels, S, S), in [-1, 1].
        recipe: what is trained, and for how many steps.
        seed: of the first weights, of the batches and of the noise.
    Raises:
        TypeError, ValueError: the images or their size will not do.
    First met in: notebook 15.
    """
    parts = build(recipe, image_size=images.shape[-1], channels=images.shape[1], seed=seed, device=images.device)
    step, real = make_step(parts, recipe, runtime.generator(seed + 1)), both.shuffled(images, seed + 2)
    for _ in range(recipe.num_steps):
        step(next(real))
    return finish(parts)
