"""The recommended recipe with labels: a pair that is told what to draw, its step, and asking it.

Optimisers, falling rates, lazy R1 and average are those of :mod:`gancourse.recommended`; what is new is who sees the
label, and the terms of a classifier where D has one::

    parts = conditional.build("projection", image_size=28, num_steps=700, seed=0)
    step = conditional.make_step(parts, runtime.generator(1))
    training.train(step, batches.labelled(images, labels, 64, runtime.generator(2)), num_steps=700)
    generator = conditional.finish(parts, runtime.generator(3))
    sevens = conditional.ask(generator, torch.full((16,), 7), runtime.generator(4))
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import losses, penalties, recommended, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.models import averaging
from gancourse.models.conditional import Discriminator, Generator, Reading

__all__ = ["CLASSIFIER_ON", "Labelled", "Score", "ask", "build", "finish", "latents", "make_step", "uphill"]

Labelled = tuple[Tensor, Tensor]
"""A batch of images and their labels."""

Score = Callable[[Tensor, Tensor], Tensor]
"""From images and their labels to one number each, shape (N,), larger = better."""

CLASSIFIER_ON = ("both", "real", "fake")
"""What teaches the second head its classes: AC-GAN's takes both, InfoGAN's has fakes alone."""

CODES_WEIGHT = 0.3
"""Weight of the squared error of guessed continuous codes, beside the cross-entropy of the class."""

_PIECE = 500  # images made at once; changes nothing but memory
_COUNTED = 4_000  # latent vectors over which batch norm's statistics are measured


def build(
    kind: str = "projection",
    *,
    image_size: int,
    num_steps: int,
    seed: int,
    classes: int = 10,
    latent_dim: int = 54,
    embed: int | None = None,
    codes: int = 0,
    channels: int = 1,
    width: int = 16,
    device: str | torch.device = "cpu",
) -> recommended.Parts:
    """Return a fresh conditional pair with all that belongs to its training.

    Args:
        kind: how D meets the label, one of ``models.conditional.KINDS``.
        image_size, channels, width: of both networks.
        num_steps: over how many steps the rates fall.
        seed: of the first weights.
        classes: how many.
        latent_dim: size of z without the label; the last ``codes`` entries are the continuous codes.
        embed: size of a learned vector for each class in G, in place of the one-hot one.
        codes: continuous codes that the second head guesses besides the class; for the kind "classifier".
        device: where to train.
    Raises:
        ValueError: a size or the kind is not allowed, or there are more codes than entries of z.
    First met in: notebook 12.
    """
    shape = {"image_size": image_size, "channels": channels, "width": width}
    with runtime.seeded(seed):
        generator = Generator(classes, latent_dim=latent_dim, embed=embed, **shape)
        discriminator = Discriminator(classes, kind, codes=codes, **shape)
    if discriminator.codes > generator.latent_dim:
        raise ValueError(f"codes must be at most latent_dim, {generator.latent_dim}, got {codes}")
    return recommended.assemble(generator, discriminator, width=width, num_steps=num_steps, device=device)


def latents(
    parts: recommended.Parts, noise: torch.Generator, *, among: Tensor | None = None
) -> Callable[[int], Labelled]:
    """Return a function that draws so many latent vectors and labels to ask for, from ``noise``.

    z is N(0, 1), but for its last entries where D guesses continuous codes: those are uniform on [-1, 1].

    Args:
        parts: from :func:`build`.
        noise: a random generator that nothing else draws from.
        among: labels to draw from, evenly, shape (M,), or rows of weights, shape (M, classes); None for all classes.
    First met in: notebook 12.
    """
    G, codes = parts.generator, parts.discriminator.codes
    device = next(G.parameters()).device
    pool = (torch.arange(G.classes) if among is None else among).to(device)

    def draw(count: int) -> Labelled:
        z = torch.randn(count, G.latent_dim, generator=noise, device=noise.device)
        if codes:
            z[:, -codes:] = 2 * torch.rand(count, codes, generator=noise, device=noise.device) - 1
        asked = torch.randint(len(pool), (count,), generator=noise, device=noise.device)
        return z.to(device), pool[asked.to(device)]

    return draw


def make_step(
    parts: recommended.Parts,
    noise: torch.Generator,
    *,
    weight: float = 1.0,
    classifier_on: str = "both",
    among: Tensor | None = None,
    first_step: int = 0,
) -> Callable[[Labelled], dict[str, Tensor]]:
    """Return the step: D's update on real images with their labels and fakes with those asked for, then G's.

    With a classifier, D also learns to guess: the cross-entropy on real images, on fakes, or both, is added to its
    loss, and ``weight`` times that on fakes to G's. With ``classifier_on="fake"`` the labels of the real images are
    not looked at at all: that is InfoGAN.

    Args:
        parts: from :func:`build`.
        noise: draws z and the labels asked for; nothing else should draw from it.
        weight: of the classifier's term in G's loss, at least 0; without a classifier it changes nothing.
        classifier_on: one of ``CLASSIFIER_ON``.
        among: labels to ask for, as for :func:`latents`.
        first_step: steps done before; R1 comes at multiples of ``recommended.R1_EVERY``.
    Returns:
        A function from (images, labels) to {"d_loss": ..., "g_loss": ...}, and with a classifier also "d_class" and
        "g_class", its terms before their weight; ``d_loss`` is without R1.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 12.
    """
    if classifier_on not in CLASSIFIER_ON:
        raise ValueError(f"classifier_on must be one of {', '.join(CLASSIFIER_ON)}, got {classifier_on!r}")
    weight = real_between("weight", weight, 0.0)
    G, D, draw = parts.generator, parts.discriminator, latents(parts, noise, among=among)
    weights, steps = list(G.parameters()), itertools.count(first_step)
    guessing = D.kind == "classifier"

    def seen(images: Tensor, labels: Tensor) -> tuple[Tensor, Reading | None]:
        reading = D.read(images) if guessing else None
        return (D(images, labels) if reading is None else reading.logits), reading

    def step(batch: Labelled) -> dict[str, Tensor]:
        real, labels = batch
        z, asked = draw(len(real))
        codes = z[:, len(z[0]) - D.codes :]
        fake = G(z, asked)
        braked = next(steps) % recommended.R1_EVERY == 0
        real_logits, of_real = seen(real.requires_grad_(braked), labels)
        fake_logits, of_fake = seen(fake.detach(), asked)
        d_loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=fake_logits)
        whole = d_loss
        if braked:
            whole = whole + recommended.R1_EVERY * recommended.GAMMA / 2 * penalties.r1_penalty(real_logits, real)
        if guessing:
            d_class = 0.0
            if classifier_on != "fake":
                d_class = d_class + F.cross_entropy(of_real.classes, labels)
            if classifier_on != "real":
                d_class = d_class + _guess_error(of_fake, asked, codes)
            whole = whole + d_class
        parts.d_optimizer.zero_grad()
        whole.backward()
        parts.d_optimizer.step()

        fake_logits, of_fake = seen(fake, asked)
        g_loss = whole = losses.non_saturating_generator_loss(fake_logits=fake_logits)
        if guessing:
            g_class = _guess_error(of_fake, asked, codes)
            whole = whole + weight * g_class
        parts.g_optimizer.zero_grad()
        whole.backward(inputs=weights)  # D's weights need no gradient here
        parts.g_optimizer.step()

        parts.g_schedule.step()
        parts.d_schedule.step()
        parts.average.update_parameters(G)
        numbers = {"d_loss": d_loss, "g_loss": g_loss}
        return numbers | {"d_class": d_class, "g_class": g_class} if guessing else numbers

    return step


def _guess_error(reading: Reading, labels: Tensor, codes: Tensor) -> Tensor:
    """Return the cross-entropy of the guessed class, plus the weighted squared error of the guessed codes, if any."""
    error = F.cross_entropy(reading.classes, labels)
    return error + CODES_WEIGHT * F.mse_loss(reading.codes, codes) if codes.shape[1] else error


def finish(parts: recommended.Parts, noise: torch.Generator, *, among: Tensor | None = None) -> nn.Module:
    """Return the averaged generator, with batch norm statistics of its own, measured on latents and labels.

    Args:
        parts: from :func:`build`, trained.
        noise: draws the latents and labels.
        among: labels to ask for, as for :func:`latents`.
    Returns:
        It, in eval mode: called with z and labels, or through :func:`ask`.
    First met in: notebook 12.
    """
    z, asked = latents(parts, noise, among=among)(_COUNTED)
    averaging.recompute_batch_norm(parts.average, zip(z.split(_PIECE), asked.split(_PIECE), strict=True))
    return parts.average.module


@torch.no_grad()
def ask(
    generator: Generator, labels: Tensor, noise: torch.Generator | None = None, *, z: Tensor | None = None
) -> Tensor:
    """Return an image for each label, made in pieces without gradients, in the mode that the generator is in.

    Args:
        generator: from :func:`finish`.
        labels: what to ask for, shape (N,), int64, or weights of the classes, shape (N, classes).
        noise: draws z; or
        z: latent vectors, shape (N, latent_dim).
    Raises:
        TypeError: neither or both of ``noise`` and ``z`` are given.
        ValueError: the generator refuses its arguments.
    First met in: notebook 12.
    """
    if (noise is None) == (z is None):
        raise TypeError("give either noise, which draws z, or z itself")
    if z is None:
        z = torch.randn(len(labels), generator.latent_dim, generator=noise, device=noise.device).to(labels.device)
    pieces = zip(z.split(_PIECE), labels.split(_PIECE), strict=True)
    return torch.cat([generator(*piece) for piece in pieces])


def uphill(
    generator: Generator,
    score: Score,
    labels: Tensor,
    z: Tensor,
    *,
    steps: int,
    size: float,
    pull: float = 0.0,
    noise: torch.Generator | None = None,
) -> Tensor:
    """Return latent vectors moved towards images of a higher score: guidance by gradients.

    Each step adds ``size * (gradient of the score with respect to z - pull * z)``. With a pull of 1 that is the slope
    of log N(z) + score. With ``noise`` it adds sqrt(2 size) times standard normal numbers as well: Langevin's steps,
    which for small sizes and many steps draw z from the density proportional to N(z) exp(score).

    Args:
        generator: from :func:`finish`; its weights, and those behind the score, stay as they are.
        score: of images, shape (N, channels, S, S), with labels; such as a discriminator.
        labels: what is asked for, as for :func:`ask`.
        z: where to start, shape (N, latent_dim).
        steps: how many, at least 0. Each costs a pass forward and a pass back through both networks.
        size: of a step, at least 0.
        pull: weight of the way back to z = 0, at least 0.
        noise: draws the noise; None for none.
    Returns:
        Shape (N, latent_dim), without a graph.
    Raises:
        ValueError: a number is anything else, or the generator or the score refuses its arguments.
    Source: Che et al. (2020) for Langevin's steps by a discriminator's logit.
    First met in: notebook 12.
    """
    steps = whole_between("steps", steps, 0)
    size, pull = real_between("size", size, 0.0), real_between("pull", pull, 0.0)
    moved = []
    for at, asked in zip(z.detach().split(_PIECE), labels.split(_PIECE), strict=True):
        for _ in range(steps):
            at.requires_grad_()
            with torch.enable_grad():
                (slope,) = torch.autograd.grad(score(generator(at, asked), asked).sum(), at)
            at = at.detach()
            at = at + size * (slope - pull * at)
            if noise is not None:
                at = at + (2 * size) ** 0.5 * torch.randn(at.shape, generator=noise, device=noise.device).to(at)
        moved.append(at.detach())
    return torch.cat(moved)
