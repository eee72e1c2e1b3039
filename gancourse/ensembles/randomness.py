"""How each member of an ensemble draws its random numbers: from streams of its own, whoever trains beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from gancourse.ensembles.recipe import Recipe

__all__ = ["Draws", "Target"]

_BLOCK = 32  # steps whose random numbers are drawn in one go, to draw rarely


class Target(Protocol):
    """What an ensemble can learn: any distribution of ``data.toy``."""

    dim: int
    name: str

    def sample(self, n: int, generator: torch.Generator) -> Tensor: ...


class Draws:
    """The random numbers of all members: each kind from a generator seeded by (seed, kind, player, update, block).

    Args:
        seeds: one for each member.
        target: where real points come from.
        recipe: sizes of latents and batches.
        device: where the numbers are wanted; they are drawn on the CPU, so they are the same everywhere.
    """

    def __init__(self, seeds: Sequence[int], target: Target, recipe: Recipe, device: torch.device) -> None:
        self._seeds, self._target, self._recipe, self._device = seeds, target, recipe, device
        self._blocks: dict[tuple, tuple[int, Tensor]] = {}

    def __call__(self, step: int, what: str, player: str, update: int, who: Tensor | None) -> Tensor:
        """Return a step's random numbers of one kind, shape (k, batch, size), for the members ``who`` (all if None).

        Args:
            step: how many steps were done before this one.
            what: "real", "latents", "mix", or the name of a noise.
            player, update: for whose update of this step.
            who: the members that make this update.
        """
        block, offset = divmod(step, _BLOCK)
        drawn_for, numbers = self._blocks.get((what, player, update), (None, None))
        if drawn_for != block:
            seeds = self._seeds if who is None else [self._seeds[k] for k in who.tolist()]
            shape = (_BLOCK, self._recipe.batch_size, -1)
            rows = [self._block(what, _mixed_seed(seed, what, player, update, block)) for seed in seeds]
            numbers = torch.stack(rows).to(self._device).reshape(len(rows), *shape)
            self._blocks[what, player, update] = (block, numbers)
        return numbers[:, offset]

    def forget(self) -> None:
        """Drop what was drawn ahead: afterwards other members may make an update."""
        self._blocks.clear()

    def _block(self, what: str, seed: int) -> Tensor:
        random, count = torch.Generator().manual_seed(seed), _BLOCK * self._recipe.batch_size
        if what == "real":
            return self._target.sample(count, random).to("cpu", torch.float32)  # your own target may return float64
        if what == "latents":
            return torch.randn(count, self._recipe.latent_dim, generator=random)
        if what == "mix":
            return torch.rand(count, 1, generator=random)
        return torch.randn(count, self._target.dim, generator=random)


def _mixed_seed(*words: object) -> int:
    """Return a seed for exactly these words, unrelated to those for any others."""
    digest = hashlib.blake2b(" ".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
