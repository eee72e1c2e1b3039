"""The inverse of a generator that does not move: by an encoder, by descent in z, or by one after the other.

A trained generator says which image belongs to a z. Asking the other way round has no formula. An encoder guesses z at
once, and learns either from images that the generator drew, whose z is known, or from real ones, whose pixels it has to
give back. Descent in z takes a hundred steps for each image, and ends in the next valley.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import recommended, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.encoding import both
from gancourse.models import averaging, dense_conv
from gancourse.models.encoder import Encoder

__all__ = ["GIVE_BACK", "invert", "settle", "train_encoder", "train_generator"]

GIVE_BACK = ("codes", "pixels")
"""What an encoder learns to give back: z of generated images, or real images by way of the generator."""

_RATE, _BETAS = 2e-3, (0.9, 0.99)
_COUNTED, _PIECE = 8, 250  # batches for batch norm's statistics, and samples in each


def train_generator(images: Tensor, *, code_dim: int = 32, num_steps: int = 500, seed: int) -> nn.Module:
    """Train a GAN by the recommended recipe, with a z of ``code_dim`` numbers, and return its averaged generator.

    Args:
        images: shape (N, channels, S, S), in [-1, 1]; trained on their device.
        code_dim: size of z.
        num_steps: steps of training.
        seed: of the first weights, of z and of the batches.
    Returns:
        The generator in eval mode, batch norm's statistics measured again, without gradients for its weights.
    Raises:
        TypeError, ValueError: the images or their size will not do.
    First met in: notebook 15.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    channels, size = images.shape[1:3]
    with runtime.seeded(seed):
        pair = dense_conv.Generator(size, channels, code_dim), dense_conv.Discriminator(size, channels)
    parts = recommended.assemble(*pair, width=16, num_steps=num_steps, device=images.device)
    noise = runtime.generator(seed + 1)
    step, real = recommended.make_step(parts, recommended.latents(parts, noise)), both.shuffled(images, seed + 2)
    for _ in range(num_steps):
        step(next(real))
    return settle(parts.average.module, noise)


def settle(generator: nn.Module, noise: torch.Generator) -> nn.Module:
    """Return the generator finished: batch norm measured again on draws of z, eval mode, no gradient for its weights.

    Args:
        generator: an averaged one, with the size of z as ``latent_dim``.
        noise: draws z.
    First met in: notebook 15.
    """
    device = next(generator.parameters()).device
    z = both.normal(_COUNTED * _PIECE, generator.latent_dim, noise, device)
    averaging.recompute_batch_norm(generator, z.split(_PIECE))
    return generator.eval().requires_grad_(False)


def train_encoder(
    generator: nn.Module, images: Tensor, *, give_back: str = "pixels", num_steps: int = 250, seed: int
) -> nn.Module:
    """Train an encoder for a generator that does not move.

    Args:
        generator: a finished one, on the device of the images.
        images: real ones, shape (N, channels, S, S); only their shape and device count with "codes".
        give_back: "codes": mean squared error of E(G(z)) to z. "pixels": of G(E(x)) to real x.
        num_steps: steps of training.
        seed: of the first weights, and of z or of the batches.
    Returns:
        The encoder, in eval mode, without gradients for its weights.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 15.
    """
    if give_back not in GIVE_BACK:
        raise ValueError(f"give_back must be one of {', '.join(GIVE_BACK)}, got {give_back!r}")
    num_steps = whole_between("num_steps", num_steps, 1)
    with runtime.seeded(seed):
        encoder = Encoder(images.shape[-1], images.shape[1], generator.latent_dim).to(images.device)
    optimizer, schedule = both.falling_adam(encoder.parameters(), _RATE, _BETAS, num_steps)
    noise, real = runtime.generator(seed + 1), both.shuffled(images, seed + 2)
    weights = list(encoder.parameters())
    for _ in range(num_steps):
        if give_back == "codes":
            z = both.normal(both.BATCH_SIZE, generator.latent_dim, noise, images.device)
            loss = F.mse_loss(encoder(generator(z)), z)
        else:
            batch = next(real)
            loss = F.mse_loss(generator(encoder(batch)), batch)
        optimizer.zero_grad()
        loss.backward(inputs=weights)
        optimizer.step()
        schedule.step()
    return encoder.eval().requires_grad_(False)


def invert(generator: nn.Module, images: Tensor, start: Tensor, *, num_steps: int = 100, rate: float = 0.1) -> Tensor:
    """Return codes whose pictures lie near the images, found by descent in z from where you start.

    Adam goes down each image's squared error, summed over its pixels; the rate falls to a twentieth along a cosine.
    The images do not touch each other, because the generator is in eval mode.

    Args:
        generator: a finished one.
        images: shape (N, channels, S, S), on its device.
        start: first codes, shape (N, latent_dim), which are not changed.
        num_steps: updates of z.
        rate: of Adam at the start.
    Returns:
        Shape (N, latent_dim), without a gradient.
    Raises:
        ValueError: ``generator`` is in training mode, there is not one start for each image, or a number will not do.
    First met in: notebook 15.
    """
    if generator.training:
        raise ValueError("generator must be in eval mode, or images would change each other; call .eval() first")
    if len(start) != len(images):
        raise ValueError(f"start must hold one code for each image, {len(images)}, got {len(start)}")
    num_steps, rate = whole_between("num_steps", num_steps, 1), real_between("rate", rate, 0.0)
    z = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=rate)
    schedule = CosineAnnealingLR(optimizer, num_steps, both.LAST_SHARE * rate)
    for _ in range(num_steps):
        optimizer.zero_grad()
        (generator(z) - images).square().sum().backward(inputs=[z])
        optimizer.step()
        schedule.step()
    return z.detach()
