"""VQ-VAE and VQ-GAN: an image as sixteen words of a codebook, and a small model of which word comes next.

The tokeniser is trained first, to give images back from tokens; with an adversarial weight a discriminator of the
returned images joins in (VQ-GAN). Then the tokeniser stays as it is, and the prior learns from the tokens of real
images which token follows. Tokens that it writes are decoded into new images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.encoding import both
from gancourse.models import dense_conv
from gancourse.models.tokens import Prior, Tokeniser

__all__ = [
    "GAMMA",
    "PIXEL_WEIGHT",
    "R1_EVERY",
    "Parts",
    "Recipe",
    "build",
    "make_step",
    "prior_bits",
    "token_sets",
    "train",
    "train_prior",
]

PIXEL_WEIGHT = 10.0
"""Of the mean squared error, beside the codebook's loss."""

GAMMA = 0.3
"""Weight of R1, which enters as gamma / 2."""

R1_EVERY = 4
"""R1 comes in every fourth step of the discriminator only, with four times the weight."""

_RATE, _BETAS = 3e-3, (0.9, 0.99)
_D_RATE, _D_BETAS = 2e-3, (0.0, 0.99)
_PRIOR_RATE, _PRIOR_BATCH = 4e-3, 128


@dataclass(frozen=True)
class Recipe:
    """What is trained.

    Attributes:
        words, size: of the codebook: how many words, and numbers in each.
        restart_after, follow: as for :class:`gancourse.models.codebook.Codebook`.
        adversarial: weight of the generator's non-saturating loss; 0 for no discriminator.
        features: weight of the mean squared difference of what the discriminator's convolutions make of image and
            return; only with an adversarial weight.
        starts_at: share of the run after which both weights are switched on.
        silent: share of the run for which the discriminator is trained before that, unheard.
        num_steps: over how many steps the rates fall.
    First met in: notebook 15.
    """

    words: int = 128
    size: int = 16
    restart_after: int | None = 20
    follow: float | None = None
    adversarial: float = 0.0
    features: float = 0.0
    starts_at: float = 0.0
    silent: float = 0.0
    num_steps: int = 800

    def __post_init__(self) -> None:
        for name in ("words", "size", "num_steps"):
            whole_between(name, getattr(self, name), 1)
        for name in ("adversarial", "features"):
            real_between(name, getattr(self, name), 0.0)
        real_between("starts_at", self.starts_at, 0.0, 1.0)
        real_between("silent", self.silent, 0.0, self.starts_at)
        if self.features and not self.adversarial:
            raise ValueError("features are the discriminator's: without an adversarial weight there is none")


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        tokeniser: encoder, codebook and decoder.
        discriminator: of images; None without an adversarial weight.
        optimizer, d_optimizer: theirs.
        schedules: let the rates fall to a twentieth along a cosine, the discriminator's over its own steps.
    """

    tokeniser: Tokeniser
    discriminator: dense_conv.Discriminator | None
    optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer | None
    schedules: tuple[CosineAnnealingLR, ...]


def build(
    recipe: Recipe, *, image_size: int = 28, channels: int = 1, seed: int, device: str | torch.device = "cpu"
) -> Parts:
    """Return a fresh tokeniser, a discriminator if the recipe has one, and what trains them.

    Args:
        recipe: what is trained.
        image_size, channels: of the images; the side is 16 or 28.
        seed: of the first weights; the tokeniser's do not depend on whether there is a discriminator.
        device: where to train.
    Raises:
        ValueError: the networks are not made for this size.
    First met in: notebook 15.
    """
    book = {"words": recipe.words, "size": recipe.size, "restart_after": recipe.restart_after, "follow": recipe.follow}
    with runtime.seeded(seed):
        tokeniser = Tokeniser(image_size, channels, **book).to(device)
        discriminator = dense_conv.Discriminator(image_size, channels).to(device) if recipe.adversarial else None
    optimizer, schedule = both.falling_adam(tokeniser.parameters(), _RATE, _BETAS, recipe.num_steps)
    if discriminator is None:
        return Parts(tokeniser, None, optimizer, None, (schedule,))
    d_optimizer, d_schedule = both.falling_adam(discriminator.parameters(), _D_RATE, _D_BETAS, recipe.num_steps)
    return Parts(tokeniser, discriminator, optimizer, d_optimizer, (schedule, d_schedule))


def make_step(parts: Parts, recipe: Recipe, noise: torch.Generator) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's update if D is trained by now, the tokeniser's, its codebook's, the rates.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the terms, and when they come in.
        noise: draws where dead words are put.
    Returns:
        A function from images to scalars, for ``training.train``: "loss", "pixel_loss" (mean squared error), "restarts"
        (words that were put elsewhere) and, while D is trained, "d_loss".
    First met in: notebook 15.
    """
    tokeniser, discriminator = parts.tokeniser, parts.discriminator
    weights = [weight for weight in tokeniser.parameters() if weight.requires_grad]
    heard_from = math.ceil(recipe.starts_at * recipe.num_steps)
    trained_from = math.ceil((recipe.starts_at - recipe.silent) * recipe.num_steps)
    done = 0

    def train_discriminator(images: Tensor, again: Tensor) -> Tensor:
        braked = (done - trained_from) % R1_EVERY == 0
        real = images.clone().requires_grad_(braked)
        real_logits = discriminator(real)
        d_loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=discriminator(again))
        brake = R1_EVERY * GAMMA / 2 * penalties.r1_penalty(real_logits, real) if braked else 0.0
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()
        return d_loss.detach()

    def step(images: Tensor) -> dict[str, Tensor]:
        nonlocal done
        again, vectors, quantised = tokeniser(images)
        pixel_loss, says = (again - images).square().mean(), {}
        loss = PIXEL_WEIGHT * pixel_loss + quantised.loss
        if discriminator is not None and done >= trained_from:
            says["d_loss"] = train_discriminator(images, again.detach())
        if discriminator is not None and done >= heard_from:
            fooled = losses.non_saturating_generator_loss(fake_logits=discriminator(again))
            loss = loss + recipe.adversarial * fooled
            if recipe.features:
                seen = [discriminator.layers[:4](x) for x in (again, images)]
                loss = loss + recipe.features * F.mse_loss(seen[0], seen[1].detach())
        parts.optimizer.zero_grad()
        loss.backward(inputs=weights)
        parts.optimizer.step()
        says["restarts"] = torch.tensor(tokeniser.codebook.update(vectors, quantised.tokens, noise))
        parts.schedules[0].step()
        if "d_loss" in says:
            parts.schedules[1].step()
        done += 1
        return {"loss": loss.detach(), "pixel_loss": pixel_loss.detach(), **says}

    return step


def train(images: Tensor, recipe: Recipe, *, seed: int) -> Tokeniser:
    """Train a tokeniser from its first weights to its end, on the device of the images.

    Args:
        images: shape (N, channels, S, S), in [-1, 1]; S is 16 or 28.
        recipe: what is trained, and for how many steps.
        seed: of the first weights, of the batches and of restarts.
    Returns:
        The tokeniser in eval mode, without gradients for its weights.
    Raises:
        TypeError, ValueError: the images or their size will not do.
    Source: van den Oord et al. (2017); with a discriminator Esser, Rombach and Ommer (2021).
    First met in: notebook 15.
    """
    parts = build(recipe, image_size=images.shape[-1], channels=images.shape[1], seed=seed, device=images.device)
    step, real = make_step(parts, recipe, runtime.generator(seed + 1)), both.shuffled(images, seed + 2)
    for _ in range(recipe.num_steps):
        step(next(real))
    return parts.tokeniser.eval().requires_grad_(False)


@torch.no_grad()
def token_sets(tokeniser: Tokeniser, images: Tensor) -> Tensor:
    """Return the tokens of images in reading order, shape (N, 16), piece by piece.

    Args:
        tokeniser: a finished one.
        images: shape (N, channels, S, S), on its device.
    First met in: notebook 15.
    """
    return torch.cat([tokeniser.tokens(piece).flatten(1) for piece in images.split(500)])


def train_prior(tokens: Tensor, *, words: int = 128, num_steps: int = 300, seed: int) -> Prior:
    """Train a model of which token comes next.

    Args:
        tokens: of real images, shape (N, 16), from :func:`token_sets`.
        words: how many the codebook has.
        num_steps: steps of training.
        seed: of the first weights and of the batches.
    Returns:
        The prior in eval mode, without gradients for its weights.
    First met in: notebook 15.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    with runtime.seeded(seed):
        prior = Prior(words).to(tokens.device)
    optimizer, schedule = both.falling_adam(prior.parameters(), _PRIOR_RATE, _BETAS, num_steps)
    stream = both.shuffled(tokens, seed + 1, _PRIOR_BATCH)
    for _ in range(num_steps):
        batch = next(stream)
        loss = F.cross_entropy(prior(batch).flatten(0, 1), batch.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return prior.eval().requires_grad_(False)


@torch.no_grad()
def prior_bits(prior: Prior, tokens: Tensor) -> float:
    """Return the bits that an image costs by this model: minus the mean log2 probability of all its tokens.

    Args:
        prior: a finished one.
        tokens: of images it was not trained on, shape (N, 16).
    First met in: notebook 15.
    """
    nats = F.cross_entropy(prior(tokens).flatten(0, 1), tokens.flatten())
    return float(nats) * tokens.shape[1] / math.log(2)
