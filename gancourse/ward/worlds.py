"""Where patients live: what is real, the two networks, and rates at which a GAN without an illness is healthy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse.data import digits, toy
from gancourse.metrics import instruments
from gancourse.models import dense_conv, mlp

__all__ = ["GAN", "WORLDS", "World", "world"]


class GAN(NamedTuple):
    """What a programme builds: both players, their optimisers, the real batches, and one step of training."""

    generator: nn.Module
    discriminator: nn.Module
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    batches: Iterator[Tensor]
    step: Callable[[Tensor], Mapping[str, Tensor]]


class World(NamedTuple):
    """A data set with a pair of networks and healthy settings.

    Attributes:
        name: "digits" or "ring".
        real: what batches are drawn from, a tensor or a toy distribution.
        held_out: real samples that no GAN is trained on.
        pair: makes a generator and a discriminator.
        batch_size, lr_g, lr_d, betas: of the training.
        brake: weight of the R1 penalty, gamma / 2.
        radius: two samples nearer than this count as one (``metrics.instruments.distinct``).
        steps: how long a patient is followed.
    """

    name: str
    real: Any
    held_out: Tensor
    pair: Callable[[], tuple[nn.Module, nn.Module]]
    batch_size: int
    lr_g: float
    lr_d: float
    betas: tuple[float, float]
    brake: float
    radius: float
    steps: int


def _digits(name: str) -> World:
    """The digits of notebook 00 with its networks, rates and brake."""
    data = digits.load(name)
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    held_out = data.test_images[order[:256]]
    return World(
        "digits", data.images, held_out, lambda: (dense_conv.Generator(), dense_conv.Discriminator()),
        batch_size=32, lr_g=3e-3, lr_d=3e-3, betas=(0.0, 0.9), brake=0.15,
        radius=instruments.usual_radius(held_out), steps=240,
    )  # fmt: skip


def _ring(_: str) -> World:
    """The ring of eight with the small networks of notebook 02; the radius makes one of a whole blob."""
    target = toy.ring(modes=8, radius=1.0, std=0.05)

    def pair() -> tuple[nn.Module, nn.Module]:
        return mlp.Generator(latent_dim=2, data_dim=2, hidden=64), mlp.Discriminator(data_dim=2, hidden=64)

    return World(
        "ring", target, target.sample(256, runtime.generator(0)), pair,
        batch_size=64, lr_g=1e-3, lr_d=3e-3, betas=(0.5, 0.999), brake=0.02, radius=0.35, steps=900,
    )  # fmt: skip


WORLDS: dict[str, Callable[[str], World]] = {"ring": _ring, "digits": _digits}


@functools.cache
def world(name: str, digits_from: str = "auto") -> World:
    """Return a world by its name.

    Args:
        name: "digits" or "ring".
        digits_from: which digits, as in ``data.digits.load``.
    Raises:
        ValueError: there is no such world.
    First met in: notebook 11.
    """
    if name not in WORLDS:
        raise ValueError(f"world must be one of {', '.join(WORLDS)}, got {name!r}")
    return WORLDS[name](digits_from)
