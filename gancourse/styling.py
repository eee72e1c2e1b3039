"""The recommended recipe for a generator with or without a style, from the first weights to the finished generator.

    plain = styling.train(digits.images, latent_dim=32, num_steps=475, seed=0)
    styled = styling.train(digits.images, style="modulated", latent_dim=64, num_steps=650, seed=0, mixing=0.5)
    images = styling.pictures(styled.paint, styled.map(z))

Pair, optimisers, falling rates, lazy R1 and average are those of :mod:`gancourse.recommended`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse import recommended, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import averaging, dense_conv
from gancourse.models.styled import PLACES, StyledGenerator, mixed

__all__ = ["finish", "pictures", "train"]

_COUNTED, _PIECE = 5_000, 250  # latent vectors for batch norm's statistics, and images made at once


def train(
    images: Tensor,
    *,
    style: str | None = None,
    latent_dim: int = 32,
    num_steps: int,
    seed: int,
    mixing: float = 0.0,
    noise: bool = True,
    betas: tuple[float, float] = recommended.BETAS,
) -> nn.Module:
    """Train a generator where the images are, and return its average in eval mode, without gradients.

    Args:
        images: shape (N, C, S, S), in [-1, 1].
        style: None for the plain :class:`gancourse.models.dense_conv.Generator`, or how w comes in, one of
            ``models.styled.STYLES``.
        latent_dim: size of z.
        num_steps: how many steps; the rates fall over all of them.
        seed: of the first weights, of the batches and of all that is drawn.
        mixing: in which share of the steps each image gets the styles of two z: of one up to a place that is drawn, of
            the other from there on.
        noise: whether a styled generator has noise inputs.
        betas: of both Adams. Notebook 16 takes (0, 0.99) for ellipses: with the recipe's shorter memory their sizes
            spread too far.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Karras et al. (2019), section 3.1, for mixing.
    First met in: notebook 16.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    mixing = real_between("mixing", mixing, 0.0, 1.0)
    side, channels = images.shape[-1], images.shape[1]
    with runtime.seeded(seed):
        if style is None:
            generator = dense_conv.Generator(side, channels, latent_dim)
        else:
            generator = StyledGenerator(side, channels, latent_dim, style=style, noise=noise)
        pair = generator, dense_conv.Discriminator(side, channels)
    parts = recommended.assemble(*pair, width=generator.width, num_steps=num_steps, betas=betas, device=images.device)
    through = generator if style is None else _with_styles(generator, mixing, runtime.generator(seed + 3))
    drawn = recommended.latents(parts, runtime.generator(seed + 1))
    step = recommended.make_step(parts, drawn, generator=through)
    real = batches.stream(images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(num_steps):
        step(next(real))
    return finish(parts, drawn)


def finish(parts: recommended.Parts, latents: Callable[[int], Tensor]) -> nn.Module:
    """Return the averaged generator in eval mode, with batch norm's statistics measured again on 5,000 z.

    Args:
        parts: after training.
        latents: draws z.
    First met in: notebook 16.
    """
    averaging.recompute_batch_norm(parts.average, latents(_COUNTED).split(_PIECE))
    return parts.average.module


@torch.no_grad()
def pictures(paint: Callable[[Tensor], Tensor], codes: Tensor) -> Tensor:
    """Return the images of codes, made in pieces without gradients.

    Args:
        paint: from codes to images: a generator, or ``paint`` of a styled one.
        codes: shape (N, C); for ``paint`` of a styled generator also (3, N, C).
    First met in: notebook 16.
    """
    return torch.cat([paint(piece) for piece in codes.split(_PIECE, dim=codes.ndim - 2)])


def _with_styles(generator: StyledGenerator, mixing: float, random: torch.Generator) -> Callable[[Tensor], Tensor]:
    """Return the forward pass of training: styles of two z now and then, and noise inputs."""

    def through(z: Tensor) -> Tensor:
        w = generator.map(z)
        if mixing and float(torch.rand(1, generator=random)) < mixing:
            cut = int(torch.randint(1, len(PLACES), (1,), generator=random))
            w = mixed(w, w.flip(0), cut)
        return generator.paint(w, random)

    return through
