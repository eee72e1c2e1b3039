"""What one network draws taught to another: by differences, by a discriminator, or by both.

A flow of many steps is taught to a network of one::

    noise, images = distilling.pairs(teacher, 4_000, steps=16, seed=0)
    student = distilling.train(teacher, noise, images, real, num_steps=400, seed=0)
    distilling.one_step(student, fresh_noise)

A generator is taught to a smaller one::

    z, images = distilling.generator_pairs(teacher, 20_000, seed=0)
    student = distilling.train(teacher, z, images, real, student=Generator(width=8, hidden=128), num_steps=400, seed=0)
    student(fresh_z)

The teacher turns each noise into one image, always the same. So there is a right answer for every noise, and a student
can be paid for coming close to it. The discriminator asks something else: whether the answer looks like a digit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse import flowing, losses, penalties, recommended, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import averaging, dense_conv
from gancourse.models.flow import Denoiser

__all__ = ["RATE", "generator_pairs", "one_step", "pairs", "train"]

RATE = 4e-3
"""Adam's rate of the student: the best of those that the table `distilled` tried."""

_D_RATE, _DECAY, _LAST_SHARE, _PIECE = 4e-3, 0.99, 0.05, 250
_COUNTED = 5_000  # z for batch norm's statistics


def pairs(teacher: Denoiser, n: int, *, steps: int = 16, method: str = "euler", seed: int) -> tuple[Tensor, Tensor]:
    """Return noise and what the teacher makes of it, both of shape (n, C, S, S).

    Args:
        teacher: a trained flow.
        n: how many pairs.
        steps, method: of the teacher, see :func:`gancourse.flowing.sample`.
        seed: of the noise.
    Raises:
        ValueError: a number will not do.
    First met in: notebook 22.
    """
    n, device = whole_between("n", n, 1), next(teacher.parameters()).device
    shape = (n, teacher.channels, teacher.image_size, teacher.image_size)
    noise = torch.randn(shape, generator=runtime.generator(seed)).to(device)
    made = [flowing.sample(teacher, part, steps=steps, method=method) for part in noise.split(_PIECE)]
    return noise, torch.cat(made)


@torch.no_grad()
def generator_pairs(teacher: nn.Module, n: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return z, shape (n, latent_dim), and the images that a generator makes of them, shape (n, C, S, S).

    Args:
        teacher: a trained generator in eval mode.
        n: how many pairs.
        seed: of z.
    Raises:
        ValueError: n is no such number, or the teacher is in training mode, where an image depends on its batch.
    First met in: notebook 21.
    """
    n, device = whole_between("n", n, 1), next(teacher.parameters()).device
    if teacher.training:
        raise ValueError("teacher must be in eval mode: in training mode an image depends on the others of its batch")
    z = torch.randn(n, teacher.latent_dim, generator=runtime.generator(seed)).to(device)
    return z, torch.cat([teacher(part) for part in z.split(_PIECE)])


@torch.no_grad()
def one_step(student: Denoiser, noise: Tensor) -> Tensor:
    """Return the student's images, asked once at t = 0, in [-1, 1].

    Args:
        student: from :func:`train`; a flow gives about the mean image here.
        noise: shape (N, C, S, S).
    First met in: notebook 22.
    """
    return torch.cat([student(part, part.new_zeros(len(part))) for part in noise.split(_PIECE)])


def train(
    teacher: Denoiser | nn.Module,
    noise: Tensor,
    images: Tensor,
    real: Tensor,
    *,
    student: nn.Module | None = None,
    differences: float = 10.0,
    adversarial: float = 1.0,
    rate: float = RATE,
    num_steps: int,
    seed: int,
) -> Denoiser | nn.Module:
    """Train a student to answer as the teacher did; return its average in eval mode, without gradients.

    A flow's student is a copy of it that is asked at once, at t = 0. The loss is ``differences`` times the mean squared
    difference from the teacher's image, plus ``adversarial`` times the non-saturating loss of a fresh discriminator,
    which compares with ``real`` and has the recommended recipe's R1.

    Args:
        teacher: a trained flow or generator, left as it is.
        noise, images: pairs, from :func:`pairs` or :func:`generator_pairs`.
        real: real images, shape (M, C, S, S). Without a discriminator nothing is taken from them.
        student: a fresh network that turns ``noise`` into images, left as it is: a copy is trained, and batch norm's
            statistics are measured again at the end. None for a copy of the teacher.
        differences, adversarial: weights; one of them may be 0.
        rate: full rate of the student; the discriminator's is 0.004, and both fall along a cosine.
        num_steps: how many steps, of 64 images.
        seed: of the discriminator's first weights and of the batches.
    Raises:
        ValueError: an argument will not do, or both weights are 0.
    Source: Sauer et al. (2023), equation 1, for the sum of both.
    First met in: notebook 22.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    differences = real_between("differences", differences, 0.0)
    adversarial = real_between("adversarial", adversarial, 0.0)
    if student is not None and len(noise) != len(images):
        raise ValueError(f"noise must be one for each of {len(images)} images, got {len(noise)}")
    if student is None and noise.shape != images.shape:
        raise ValueError(f"noise must have the shape of images, {tuple(images.shape)}, got {tuple(noise.shape)}")
    if differences == adversarial == 0:
        raise ValueError("differences and adversarial must not both be 0: the student would learn nothing")
    student = copy.deepcopy(teacher) if student is None else copy.deepcopy(student).train()
    student.to(noise.device).requires_grad_(True)
    answer = _answers(student)
    average = averaging.average(student, _DECAY)
    networks, rates = [student], [rate]
    if adversarial:
        with runtime.seeded(seed):
            D = dense_conv.Discriminator(teacher.image_size, teacher.channels)
        networks.append(D.to(noise.device, memory_format=torch.channels_last))
        rates.append(_D_RATE)
        reals = batches.stream(real, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=full, betas=recommended.BETAS, fused=True)
        for network, full in zip(networks, rates, strict=True)
    ]
    falling = [
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps, _LAST_SHARE * full)
        for optimizer, full in zip(optimizers, rates, strict=True)
    ]
    asked = batches.labelled(noise, images, recommended.BATCH_SIZE, runtime.generator(seed + 1))
    weights = list(student.parameters())
    for done in range(num_steps):
        x, wanted = next(asked)
        made = answer(x)
        loss = differences * (made - wanted).square().mean() if differences else made.new_zeros(())
        if adversarial:
            _update(D, optimizers[1], next(reals), made.detach(), braked=done % recommended.R1_EVERY == 0)
            loss = loss + adversarial * losses.non_saturating_generator_loss(fake_logits=D(made))
        optimizers[0].zero_grad()
        loss.backward(inputs=weights)
        optimizers[0].step()
        for schedule in falling:
            schedule.step()
        average.update_parameters(student)
    if not isinstance(student, Denoiser):
        averaging.recompute_batch_norm(average.module, noise[:_COUNTED].split(_PIECE))
    return average.module


def _answers(student: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return how a student is asked: a flow at t = 0, anything else as it is."""
    return (lambda x: student(x, x.new_zeros(len(x)))) if isinstance(student, Denoiser) else student


def _update(
    D: dense_conv.Discriminator, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor, *, braked: bool
) -> None:
    """Make the discriminator's step of the recommended recipe."""
    real_logits = D(real.requires_grad_(braked))
    loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=D(fake))
    if braked:
        loss = loss + recommended.R1_EVERY * recommended.GAMMA / 2 * penalties.r1_penalty(real_logits, real)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
