"""A recipe for the way from a picture of a sound back to the sound: differences, a discriminator, or both.

    recipe = vocoding.Recipe(spectral=1.0, adversarial=0.05)
    vocoder = vocoding.train(waves, log_mel, recipe, seed=0)
    again = vocoder(log_mel.pictures(other_waves))

``wave`` asks for the very numbers of the sound, and so for its phase, which the picture does not show. ``spectral``
asks that the sound gives the same picture, whatever its phase. The discriminator asks that it could be a sound of the
set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import losses, penalties, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models.waveform import Discriminator, Vocoder
from gancourse.spectra import LogMel

__all__ = ["BATCH_SIZE", "Recipe", "make_step", "train"]

BATCH_SIZE = 32

_LAST_SHARE, _PENALTY, _PENALTY_EVERY = 0.05, 0.5, 4


@dataclass(frozen=True)
class Recipe:
    """What is asked of a vocoder, as a sum of terms.

    Attributes:
        wave: weight of the mean absolute difference of both waves.
        spectral: weight of the mean absolute difference of both pictures.
        adversarial: weight of the non-saturating loss; 0 for no discriminator. D sees waves alone.
        lr, lr_d: rates of Adam at the start; they fall to a twentieth along a cosine.
        num_steps: over how many steps.
    First met in: notebook 17.
    """

    wave: float = 0.0
    spectral: float = 1.0
    adversarial: float = 0.0
    lr: float = 2e-3
    lr_d: float = 1e-3
    num_steps: int = 500

    def __post_init__(self) -> None:
        for name in ("wave", "spectral", "adversarial", "lr", "lr_d"):
            real_between(name, getattr(self, name), 0.0)
        whole_between("num_steps", self.num_steps, 1)
        if not (self.wave or self.spectral or self.adversarial):
            raise ValueError("a recipe needs a weight above 0")


def make_step(
    vocoder: Vocoder, log_mel: LogMel, recipe: Recipe, *, seed: int = 0
) -> Callable[[Tensor], dict[str, Tensor]]:
    """Return the step: D's update if there is a D, the vocoder's, the rates, in this order.

    Args:
        vocoder: what is trained.
        log_mel: makes the pictures that it is given, and those that ``spectral`` compares.
        recipe: the terms and their weights.
        seed: of D's first weights.
    Returns:
        A function from waves, shape (N, L), to the losses, "g_loss" and, with a discriminator, "d_loss".
    First met in: notebook 17.
    """
    weights, optimizers = list(vocoder.parameters()), [torch.optim.Adam(vocoder.parameters(), recipe.lr, (0.5, 0.99))]
    discriminator, taken = None, 0
    if recipe.adversarial:
        with runtime.seeded(seed):
            discriminator = Discriminator(log_mel.length).to(weights[0].device)
        optimizers.append(torch.optim.Adam(discriminator.parameters(), recipe.lr_d, (0.0, 0.99)))
    schedules = [
        CosineAnnealingLR(one, recipe.num_steps, _LAST_SHARE * one.param_groups[0]["lr"]) for one in optimizers
    ]

    def train_discriminator(real: Tensor, fake: Tensor) -> Tensor:
        braked = taken % _PENALTY_EVERY == 0
        real = real.detach().clone().requires_grad_(braked)
        real_logits = discriminator(real)
        d_loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=discriminator(fake))
        brake = _PENALTY_EVERY * _PENALTY / 2 * penalties.r1_penalty(real_logits, real) if braked else 0.0
        optimizers[1].zero_grad()
        (d_loss + brake).backward()
        optimizers[1].step()
        return d_loss.detach()

    def step(real: Tensor) -> dict[str, Tensor]:
        nonlocal taken
        pictures, says = log_mel.pictures(real), {}
        fake = vocoder(pictures)
        if discriminator is not None:
            says["d_loss"] = train_discriminator(real, fake.detach())
        taken += 1
        g_loss = torch.zeros((), device=real.device)
        if recipe.wave:
            g_loss = g_loss + recipe.wave * (fake - real).abs().mean()
        if recipe.spectral:
            g_loss = g_loss + recipe.spectral * (log_mel.pictures(fake) - pictures).abs().mean()
        if discriminator is not None:
            fooled = losses.non_saturating_generator_loss(fake_logits=discriminator(fake))
            g_loss = g_loss + recipe.adversarial * fooled
        optimizers[0].zero_grad()
        g_loss.backward(inputs=weights)
        optimizers[0].step()
        for schedule in schedules:
            schedule.step()
        return {"g_loss": g_loss.detach(), **says}

    return step


def train(waves: Tensor, log_mel: LogMel, recipe: Recipe, *, seed: int) -> Vocoder:
    """Train a vocoder on these sounds, where they are, and return it.

    Args:
        waves: shape (N, L), L the length that ``log_mel`` is made for, 32 for each of its windows.
        log_mel: makes the pictures.
        recipe: what is asked.
        seed: of first weights and batches.
    Raises:
        ValueError: the pictures do not fit the vocoder.
    First met in: notebook 17.
    """
    if log_mel.hop != 32:
        raise ValueError(f"log_mel must have a window every 32 numbers, got {log_mel.hop}")
    with runtime.seeded(seed):
        vocoder = Vocoder(log_mel.size).to(waves.device)
    step = make_step(vocoder, log_mel, recipe, seed=seed + 1)
    stream = batches.stream(waves, BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(recipe.num_steps):
        step(next(stream))
    return vocoder.eval().requires_grad_(False)
