"""A recipe for restoring images: a pixel loss, an adversarial one, and others, each with a weight of its own.

The discriminator sees an image *and* what was given, side by side, so it asks whether this image could be the truth
behind what is seen. With the adversarial weight 0 there is none::

    recipe = restoring.Recipe("squares", adversarial=0.05)
    restorer = restoring.train(digits.images, degrade.half, recipe, seed=0)
    restored = restoring.answers(restorer, degrade.half(digits.test_images), runtime.generator(1))
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.data.degrade import Damaged
from gancourse.data.moving import Between
from gancourse.models import averaging, dense_conv, patch
from gancourse.models.restorer import NOISE, Restorer

__all__ = [
    "BATCH_SIZE",
    "GAMMA",
    "PIXEL_LOSSES",
    "R1_EVERY",
    "WHERE",
    "Parts",
    "Recipe",
    "answers",
    "build",
    "finish",
    "make_step",
    "stream",
    "train",
]

BATCH_SIZE = 32
GAMMA = 0.3
"""Weight of R1, which enters as gamma / 2."""

R1_EVERY = 4
"""R1 comes in every fourth step only, with four times the weight."""

PIXEL_LOSSES = {
    "squares": lambda restored, truth: (restored - truth).square().mean(),
    "absolute": lambda restored, truth: (restored - truth).abs().mean(),
}
"""Mean over all pixels of the squared, or of the absolute, difference from the truth."""

WHERE = ("everywhere", "hidden", "known")
"""Which pixels the pixel loss counts: all, the hidden ones, or the known ones."""

_PIXEL_RATE, _RATE, _LAST_SHARE = 1.5e-3, 4e-3, 0.05  # measured too: absolute differences are a little better at 4e-3
_DECAY = 0.98  # of the average
_COUNTED, _PIECE = 8, 250  # batches for batch norm's statistics, and images at once

Question = Damaged | Between
Damage = Callable[[Tensor], Question]


@dataclass(frozen=True)
class Recipe:
    """What is asked of the restorer, as a sum of terms.

    Attributes:
        pixel: "squares", "absolute", or None for no pixel loss.
        adversarial: weight of the generator's non-saturating loss; 0 for no discriminator.
        perceptual: a function from images to features (N, F); the mean squared difference of the features of answer
            and truth is added. None for none.
        diversity: weight of the mean absolute difference of two answers to one question, which is made *large*.
        d_sees_given: whether the discriminator sees what was given beside the image.
        patch_layers: 0 for a discriminator of the whole image, otherwise the layers of one that judges patches,
            :class:`gancourse.models.patch.Discriminator`.
        noise: how z comes in, one of ``models.restorer.NOISE``.
        wide: of :class:`gancourse.models.restorer.Restorer`.
        num_steps: over how many steps the rates fall.
        where: which pixels the pixel loss counts, one of :data:`WHERE`. The others add 0, and the loss is still the
            mean over all pixels.
        rate: learning rate of both players; None for 0.0015 without a discriminator, and 0.004 with one.
        enlarge: of :class:`gancourse.models.restorer.Restorer`.
    First met in: notebook 13.
    """

    pixel: str | None = "squares"
    adversarial: float = 0.0
    perceptual: Callable[[Tensor], Tensor] | None = None
    diversity: float = 0.0
    d_sees_given: bool = True
    noise: str = "beside"
    wide: bool = False
    num_steps: int = 600
    patch_layers: int = 0
    where: str = "everywhere"
    rate: float | None = None
    enlarge: bool = False

    def __post_init__(self) -> None:
        if self.pixel is not None and self.pixel not in PIXEL_LOSSES:
            raise ValueError(f"pixel must be one of {', '.join(PIXEL_LOSSES)}, or None, got {self.pixel!r}")
        for name in ("adversarial", "diversity"):
            real_between(name, getattr(self, name), 0.0)
        whole_between("num_steps", self.num_steps, 1)
        whole_between("patch_layers", self.patch_layers, 0, 4)
        if self.noise not in NOISE:
            raise ValueError(f"noise must be one of {', '.join(NOISE)}, got {self.noise!r}")
        if self.where not in WHERE:
            raise ValueError(f"where must be one of {', '.join(WHERE)}, got {self.where!r}")
        if self.rate is not None:
            real_between("rate", self.rate, 1e-6, 1.0)
        if self.pixel is None and not self.adversarial and self.perceptual is None:
            raise ValueError("a recipe needs a pixel loss, a perceptual one, or an adversarial weight above 0")


@dataclass(frozen=True)
class Parts:
    """Everything that training changes; made by :func:`build`.

    Attributes:
        restorer: the generator.
        discriminator: scores an image with what was given as further channels; None without an adversarial loss.
        average: follows the restorer's weights, and is what is used in the end.
        g_optimizer, d_optimizer: their optimisers.
        schedules: let the learning rates fall to a twentieth along a cosine.
    """

    restorer: Restorer
    discriminator: dense_conv.Discriminator | patch.Discriminator | None
    average: AveragedModel
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer | None
    schedules: tuple[CosineAnnealingLR, ...]


def build(recipe: Recipe, *, image_size: int = 28, seed: int, device: str | torch.device = "cpu") -> Parts:
    """Return a fresh restorer, a discriminator if the recipe has an adversarial loss, and what trains them.

    The learning rate is the recipe's. If that is None, it is 0.0015 without a discriminator, and 0.004 for both with
    one.

    Args:
        recipe: what is asked of the restorer.
        image_size: side of the images.
        seed: of the first weights; the restorer's do not depend on whether there is a discriminator.
        device: where to train.
    Raises:
        ValueError: the networks are not made for this size.
    First met in: notebook 13.
    """
    latent_dim = 256 if recipe.noise == "dropout" else 16
    with runtime.seeded(seed):
        restorer = Restorer(
            image_size, latent_dim=latent_dim, noise=recipe.noise, wide=recipe.wide, enlarge=recipe.enlarge
        )
        restorer = restorer.to(device)
        seen, discriminator = 3 if recipe.d_sees_given else 1, None
        if recipe.adversarial and recipe.patch_layers:
            discriminator = patch.Discriminator(image_size, seen, layers=recipe.patch_layers).to(device)
        elif recipe.adversarial:
            discriminator = dense_conv.Discriminator(image_size, seen).to(device)
    rate = recipe.rate or (_RATE if recipe.adversarial else _PIXEL_RATE)
    betas = (0.0, 0.999) if recipe.adversarial else (0.9, 0.999)
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=rate, betas=betas, fused=True)
        for network in (restorer, discriminator)
        if network is not None
    ]
    schedules = tuple(CosineAnnealingLR(one, recipe.num_steps, _LAST_SHARE * rate) for one in optimizers)
    d_optimizer = optimizers[1] if recipe.adversarial else None
    return Parts(restorer, discriminator, averaging.average(restorer, _DECAY), optimizers[0], d_optimizer, schedules)


def make_step(
    parts: Parts, recipe: Recipe, noise: torch.Generator, *, keep: bool = True
) -> Callable[[Question], dict[str, Tensor]]:
    """Return the step: D's update if there is a D, the restorer's, the rates, the average, in this order.

    Args:
        parts: from :func:`build`, by the same recipe.
        recipe: the terms and their weights.
        noise: draws z.
        keep: let known pixels through to the answer as they are.
    Returns:
        A function from a batch of questions, :class:`gancourse.data.degrade.Damaged` or
        :class:`gancourse.data.moving.Between`, to the losses as scalars, for ``training.train``: "g_loss", and
        "pixel_loss" and "d_loss" where there are such.
    Raises:
        ValueError: the pixel loss counts known pixels alone, and ``keep`` lets these through: it would always be 0.
    First met in: notebook 13.
    """
    if keep and recipe.where == "known":
        raise ValueError("keep must be False where the pixel loss counts known pixels alone: let through, they cost 0")
    restorer, discriminator = parts.restorer, parts.discriminator
    weights, steps = list(restorer.parameters()), itertools.count()

    def score(image: Tensor, given: Tensor) -> Tensor:
        return discriminator(torch.cat([image, given], dim=1) if recipe.d_sees_given else image)

    def train_discriminator(truth: Tensor, fake: Tensor, given: Tensor) -> Tensor:
        braked = next(steps) % R1_EVERY == 0
        real = truth.clone().requires_grad_(braked)
        real_logits, fake_logits = score(real, given), score(fake, given)
        d_loss = losses.non_saturating_discriminator_loss(
            real_logits=real_logits.flatten(), fake_logits=fake_logits.flatten()
        )
        # one logit for each image: the mean of its patches, if there are such
        brake = R1_EVERY * GAMMA / 2 * penalties.r1_penalty(_of_images(real_logits), real) if braked else 0.0
        parts.d_optimizer.zero_grad()
        (d_loss + brake).backward()
        parts.d_optimizer.step()
        return d_loss.detach()

    def step(damaged: Question) -> dict[str, Tensor]:
        given, truth, known = damaged.given, damaged.truth, _known(damaged, keep)
        fake = restorer(given, _drawn(restorer, given, noise), known=known)
        says = {}
        if discriminator is not None:
            says["d_loss"] = train_discriminator(truth, fake.detach(), given)
        g_loss = torch.zeros(())
        if recipe.pixel is not None:
            g_loss = g_loss + PIXEL_LOSSES[recipe.pixel](_counted_part(fake, damaged, recipe.where), truth)
            says["pixel_loss"] = g_loss.detach()
        if discriminator is not None:
            fooled = losses.non_saturating_generator_loss(fake_logits=score(fake, given).flatten())
            g_loss = g_loss + recipe.adversarial * fooled
        if recipe.perceptual is not None:
            features = recipe.perceptual(fake) - recipe.perceptual(truth).detach()
            g_loss = g_loss + features.square().mean()
        if recipe.diversity:
            other = restorer(given, _drawn(restorer, given, noise), known=known)
            g_loss = g_loss - recipe.diversity * (fake - other).abs().mean()
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)  # D's weights need no gradient here
        parts.g_optimizer.step()
        for schedule in parts.schedules:
            schedule.step()
        parts.average.update_parameters(restorer)
        return {"g_loss": g_loss.detach(), **says}

    return step


def stream(
    images: Tensor, damage: Damage, generator: torch.Generator, *, batch_size: int = BATCH_SIZE
) -> Iterator[Question]:
    """Return an endless stream of damaged batches, in a shuffled order, each image once an epoch.

    Args:
        images: whole images, shape (N, 1, S, S).
        damage: what is done to a batch, e.g. ``degrade.half``.
        generator: the stream's own; ``damage`` draws from another one if it draws.
        batch_size: images in a batch.
    Raises:
        TypeError, ValueError: as in :func:`gancourse.data.batches.stream`.
    First met in: notebook 13.
    """
    return map(damage, batches.stream(images, batch_size, generator))


def finish(parts: Parts, stream: Iterator[Question], noise: torch.Generator) -> Restorer:
    """Return the averaged restorer in eval mode, with batch norm's statistics measured again.

    Args:
        parts: after training.
        stream: damaged batches to measure on, from :func:`stream`; 2,000 images are taken.
        noise: draws z.
    First met in: notebook 13.
    """
    restorer, taken, measured_on = parts.average.module, 0, []
    while taken < _COUNTED * _PIECE:
        given = next(stream).given
        measured_on.append((given, _drawn(restorer, given, noise)))
        taken += len(given)
    averaging.recompute_batch_norm(restorer, measured_on)
    return restorer.eval().requires_grad_(False)


def train(images: Tensor, damage: Damage, recipe: Recipe, *, seed: int, keep: bool = True) -> Restorer:
    """Train a restorer from its first weights to its end, where the images are, and return it finished.

    Args:
        images: whole images, shape (N, 1, S, S), in [-1, 1].
        damage: what is done to them, e.g. ``degrade.half``.
        recipe: what is asked of the restorer, and for how many steps.
        seed: of the first weights, of the batches and of z.
        keep: let known pixels through to the answer as they are.
    Raises:
        TypeError, ValueError: the images or their size will not do.
    First met in: notebook 13.
    """
    parts = build(recipe, image_size=images.shape[-1], seed=seed, device=images.device)
    noise = runtime.generator(seed + 1)
    damaged = stream(images, damage, runtime.generator(seed + 2))
    step = make_step(parts, recipe, noise, keep=keep)
    for _ in range(recipe.num_steps):
        step(next(damaged))
    return finish(parts, damaged, noise)


@torch.no_grad()
def answers(
    restorer: Restorer, damaged: Question, noise: torch.Generator, *, draws: int = 1, keep: bool = True
) -> Tensor:
    """Return answers to every question, each with noise of its own: shape (draws, N, 1, S, S).

    Args:
        restorer: a finished one.
        damaged: the questions.
        noise: draws z.
        draws: answers to each question.
        keep: let known pixels through to the answer as they are.
    Raises:
        ValueError: ``draws`` is no whole number from 1 on.
    First met in: notebook 13.
    """
    draws, made = whole_between("draws", draws, 1), []
    given, known = damaged.given, _known(damaged, keep)
    for _ in range(draws):
        for first in range(0, len(given), _PIECE):
            piece = slice(first, first + _PIECE)
            z = _drawn(restorer, given[piece], noise)
            made.append(restorer(given[piece], z, known=None if known is None else known[piece]))
    return torch.cat(made).unflatten(0, (draws, len(given)))


def _counted_part(fake: Tensor, damaged: Question, where: str) -> Tensor:
    """Return the answer with the truth in the place of all pixels that the pixel loss does not count."""
    if where == "everywhere":
        return fake
    if not isinstance(damaged, Damaged):
        raise TypeError(f"where must be 'everywhere' for what has no mask of known pixels, {type(damaged).__name__}")
    return torch.where((damaged.mask > 0) == (where == "known"), fake, damaged.truth)


def _known(damaged: Question, keep: bool) -> Tensor | None:
    """Return the mask of known pixels if they are to be let through."""
    if keep and not isinstance(damaged, Damaged):
        raise TypeError(f"keep must be False for what has no mask of known pixels, {type(damaged).__name__}")
    return damaged.mask if keep else None


def _drawn(restorer: Restorer, given: Tensor, noise: torch.Generator) -> Tensor:
    """Return z for every question, drawn where ``noise`` is and moved to where the questions are."""
    z = torch.randn(len(given), restorer.latent_dim, generator=noise, device=noise.device)
    return z.to(given.device)


def _of_images(logits: Tensor) -> Tensor:
    """Return one logit for each image, shape (N,), of one for each or of a map of patches for each."""
    return logits.flatten(1).mean(dim=1) if logits.ndim > 1 else logits
