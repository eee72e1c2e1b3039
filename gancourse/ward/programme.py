"""One healthy GAN, from its networks to its step, in plain lines: the programme that every patient is a copy of.

A patient's programme differs from this one in the planted lines of ``illnesses.py`` and in nothing else. So the lines
of :func:`gan` are data as well as code: an illness names the line it replaces.
"""

from __future__ import annotations

import torch
from torch import nn  # noqa: F401 - a planted line may use it
from torch.nn.functional import softplus

from gancourse import penalties, runtime
from gancourse.data import batches as streams
from gancourse.ward.worlds import GAN, World

__all__ = ["gan"]


def gan(world: World, seed: int) -> GAN:
    """Build a GAN for a world. The step trains D, then G, and returns both losses."""
    with runtime.seeded(seed):
        generator, discriminator = world.pair()
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=world.lr_g, betas=world.betas)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=world.lr_d, betas=world.betas)
    batches = streams.stream(world.real, world.batch_size, runtime.generator(seed + 1))
    random = runtime.generator(seed + 2)

    def step(real):
        z = torch.randn(len(real), generator.latent_dim, generator=random)
        fake = generator(z)
        real = real.requires_grad_()
        real_logits = discriminator(real)
        fake_logits = discriminator(fake.detach())
        d_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        brake = world.brake * penalties.r1_penalty(real_logits, real)
        d_optimizer.zero_grad()
        (d_loss + brake).backward()
        d_optimizer.step()

        z = torch.randn(len(real), generator.latent_dim, generator=random)
        fake = generator(z)
        fake_logits = discriminator(fake)
        g_loss = softplus(-fake_logits).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        return {"d_loss": d_loss, "g_loss": g_loss}

    return GAN(generator, discriminator, g_optimizer, d_optimizer, batches, step)
