"""Growing, by the recommended recipe: small images first, larger ones later, each new block faded in.

    grown = growing.train(digits.images, num_steps=540, seed=0)
    whole = growing.train(digits.images, num_steps=475, seed=0, starts=(0.0, 0.0, 0.0))    # full size from the start

Pair, optimisers, falling rates, lazy R1 and average are those of :mod:`gancourse.recommended`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import recommended, runtime, styling
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models.grown import STAGES, Discriminator, Generator

__all__ = ["FULL_SIZE", "STARTS", "at", "multiplications", "shown", "train"]

STARTS = (0.0, 0.2, 0.45)
"""At which share of a run each size begins."""

FULL_SIZE = (0.0, 0.0, 0.0)
"""Starts of the control: the whole size from the first step."""

_FADED = 0.5  # share of a size's time in which its block fades in


def at(share: float, starts: Sequence[float] = STARTS, *, fade: bool = True) -> tuple[int, float]:
    """Return the stage and the fade after a share of the run: a new block fades in over half of its size's time.

    Args:
        share: of the run that is done, from 0 to 1.
        starts: when each of the three sizes begins; the first 0, never falling.
        fade: False lets a new block jump in with its whole weight.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    share = real_between("share", share, 0.0, 1.0)
    starts = [real_between("starts", start, 0.0, 1.0) for start in starts]
    if len(starts) != STAGES or starts[0] != 0 or starts != sorted(starts):
        raise ValueError(f"starts must be {STAGES} shares that begin with 0 and never fall, got {tuple(starts)}")
    stage = sum(share >= start for start in starts) - 1
    end = [*starts, 1.0][stage + 1]
    if not fade or stage == 0 or starts[stage] == 0:
        return stage, 1.0
    return stage, min(1.0, (share - starts[stage]) / (_FADED * (end - starts[stage]))) if end > share else 1.0


def shown(images: Tensor, stage: int, fade: float = 1.0) -> Tensor:
    """Return real images as D sees them at a stage: averaged down to its size, and faded like the generator's.

    Args:
        images: of the whole size, shape (N, C, S, S).
        stage: 0, 1 or 2.
        fade: share of the full detail of this size; the rest is that of the size before, enlarged.
    Raises:
        ValueError: a number is out of range.
    First met in: notebook 16.
    """
    stage = whole_between("stage", stage, 0, STAGES - 1)
    fade = real_between("fade", fade, 0.0, 1.0)
    images = F.avg_pool2d(images, 2 ** (STAGES - 1 - stage))
    if stage == 0 or fade == 1:
        return images
    return fade * images + (1 - fade) * F.interpolate(F.avg_pool2d(images, 2), scale_factor=2)


def train(
    images: Tensor,
    *,
    num_steps: int,
    seed: int,
    starts: Sequence[float] = STARTS,
    fade: bool = True,
    latent_dim: int = 32,
    body: str = "pair",
) -> Generator:
    """Train a generator that grows, where the images are; return its average at full size, finished.

    Args:
        images: of the whole size, shape (N, C, S, S), in [-1, 1].
        num_steps: how many steps; the rates fall over all of them.
        seed: of the first weights, of the batches and of z.
        starts, fade: the plan, as for :func:`at`.
        latent_dim, body: of the networks, see :mod:`gancourse.models.grown`.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 16.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    side, channels = images.shape[-1], images.shape[1]
    with runtime.seeded(seed):
        generator = Generator(side, channels, latent_dim, body=body)
        discriminator = Discriminator(side, channels, body=body)
    parts = recommended.assemble(
        generator, discriminator, width=generator.width, num_steps=num_steps, device=images.device
    )
    drawn = recommended.latents(parts, runtime.generator(seed + 1))
    step = recommended.make_step(parts, drawn)
    real = batches.stream(images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    for done in range(num_steps):
        stage, share = at(done / num_steps, starts, fade=fade)
        for network in (generator, discriminator):
            network.stage, network.fade = stage, share
        step(shown(next(real), stage, share))
    return styling.finish(parts, drawn)


@torch.no_grad()
def multiplications(network: nn.Module, given: Tensor) -> int:
    """Return how many multiplications the dense and convolutional layers need for one sample of ``given``, forwards.

    A training step needs a fixed multiple of it, about three for each network, and the rest of the time goes into what
    is not counted here: norms, activations, and getting numbers from memory.

    Args:
        network: any module of Linear, Conv2d and ConvTranspose2d layers.
        given: its input, at least two samples.
    First met in: notebook 16.
    """
    found = 0

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal found
        # every weight meets each place once: of the output, or of the input where the layer spreads it
        places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        found += layer.weight.numel() * (places[0, 0].numel() if places.ndim == 4 else 1)

    layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        network(given)
    finally:
        for hook in hooks:
            hook.remove()
    return found
