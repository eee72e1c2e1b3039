"""What ensembles of small perceptrons share: first weights, random numbers, updates, and the average."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse._torch_modes import usual_modes
from gancourse.models import mlp

__all__ = ["Members"]

_BETAS, _LAST_SHARE = (0.5, 0.99), 0.05
_BLOCK = 32  # steps whose random numbers are drawn in one go


class Members:
    """K members that are trained at once, each on a path that depends on its seed alone.

    A subclass calls :meth:`_settle` and :meth:`_enter` when it is made, and says what it draws (:meth:`_draw`) and what
    a step is (:meth:`_step`, which ends with :meth:`_end_step`).

    Attributes:
        steps_done: steps of training so far.
        seeds, num_steps: as given.
    """

    _BATCH: int  # samples of a member in one step
    _AVERAGED: int  # about so many of the last steps count in the average of the generator's weights
    _NETWORKS: int  # networks of a member whose seeds follow each other
    _HIDDEN: int = 64  # units of each hidden layer
    _RATE: float = 2e-3

    def _settle(self, seeds: Sequence[int], num_steps: int) -> None:
        """Take the seeds and the length of a run.

        Raises:
            TypeError, ValueError: there is no seed, or a number is anything else.
        """
        self.seeds = tuple(map(runtime.checked_seed, seeds))
        if not self.seeds:
            raise ValueError("seeds must hold at least one seed")
        self.num_steps = whole_between("num_steps", num_steps, 1)
        self.steps_done, self._block = 0, (-1, ())

    def _enter(self, *players: list[Tensor]) -> None:
        """Give each player an optimiser and a falling rate; the first is the generator, whose average is kept."""
        self._generator = players[0]
        self._averaged = [layer.detach().clone() for layer in self._generator]
        self._optimizers = [torch.optim.Adam(layers, self._RATE, _BETAS) for layers in players]
        self._schedules = [
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.num_steps, _LAST_SHARE * self._RATE)
            for optimizer in self._optimizers
        ]

    def __len__(self) -> int:
        return len(self.seeds)

    @usual_modes()
    def train(self, num_steps: int | None = None) -> None:
        """Train every member ``num_steps`` steps further, or to the end of the run.

        An interrupt waits for the end of the running step.

        Raises:
            ValueError: the run has not so many steps left.
        """
        left = self.num_steps - self.steps_done
        num_steps = left if num_steps is None else whole_between("num_steps", num_steps, 1, left, why="what is left")
        last = self.steps_done + num_steps
        with runtime.interrupt_deferred() as interrupted:
            while self.steps_done < last and not interrupted():
                self._step()

    def _step(self) -> None:
        raise NotImplementedError

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Return one member's random numbers for ``count`` samples, shape (count, ...) each."""
        raise NotImplementedError

    def _move(self, player: int, losses: Tensor) -> None:
        """Let a player make one update; members do not touch each other, so their mean losses may be summed."""
        optimizer = self._optimizers[player]
        layers = optimizer.param_groups[0]["params"]
        for layer, gradient in zip(layers, torch.autograd.grad(losses.mean(dim=1).sum(), layers), strict=True):
            layer.grad = gradient
        optimizer.step()
        self._schedules[player].step()

    @torch.no_grad()
    def _end_step(self) -> None:
        """Let the average follow, and count the step."""
        for kept, layer in zip(self._averaged, self._generator, strict=True):
            kept.lerp_(layer, 1 / min(self.steps_done + 1, self._AVERAGED))
        self.steps_done += 1

    def _stacked(self, inputs: int, outputs: int, place: int) -> list[Tensor]:
        """Return the first weights of all members' networks, layer by layer, each member's from its own seed."""
        networks = []
        for seed in self.seeds:
            with runtime.seeded((self._NETWORKS * seed + place) % 2**63):
                networks.append(mlp.Generator(latent_dim=inputs, data_dim=outputs, hidden=self._HIDDEN))
        layers = zip(*(network.parameters() for network in networks), strict=True)
        return [torch.stack([part.detach() for part in parts]).requires_grad_() for parts in layers]

    def _drawn(self) -> list[Tensor]:
        """Return what this step draws, shape (K, B, ...) each."""
        block, place = divmod(self.steps_done, _BLOCK)
        if self._block[0] != block:
            randoms = [runtime.generator((seed + 1_000_003 * (block + 1)) % 2**63) for seed in self.seeds]
            drawn = [self._draw(_BLOCK * self._BATCH, random) for random in randoms]
            parts = (torch.stack(part) for part in zip(*drawn, strict=True))
            self._block = (block, [part.unflatten(1, (_BLOCK, self._BATCH)) for part in parts])
        return [part[:, place] for part in self._block[1]]
