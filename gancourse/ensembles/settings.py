"""The settings of all members of an ensemble, one value each, and what follows from them for a step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.ensembles.recipe import Recipe, check_smoothing, checked_setting
from gancourse.losses import LOSSES, Loss

__all__ = ["Coefficients", "Settings", "Turn"]

_DECAY_FLOOR = 0.05
_COUNTS = ("d_steps", "g_steps")


class Turn(NamedTuple):
    """Who makes one update: all members (``who`` None) or some; and their losses, family by family."""

    who: Tensor | None
    families: list[tuple[Loss, Tensor | None]]  # with the rows, among those who move, that play it; None: all
    order: Tensor | None  # puts the families' rows back in order


class Coefficients(NamedTuple):
    """What one update of the optimiser multiplies with; float32 columns, found in float64, but for beta2."""

    rate: Tensor
    beta1: Tensor
    beta2: float
    correction: Tensor  # the root of Adam's second correction


class Settings:
    """One value of every per-member setting for each member.

    Args:
        recipe: for what all members have in common.
        count: how many members there are.
        device: where the numbers are needed.
    """

    def __init__(self, recipe: Recipe, count: int, device: torch.device) -> None:
        self._recipe, self._count, self._device = recipe, count, device
        self.values: dict[str, Any] = {}
        self.on: set[str] = set()
        """Names of the settings that are not 0 for all."""
        self._numbers: dict[str, Tensor] = {}
        self.turns: dict[str, list[Turn]] = {}
        """Player -> its updates of one step."""

    def change(self, changes: Mapping[str, Any]) -> bool:
        """Take over new values, one for all members or one each; all of them, or none if one is refused.

        Returns:
            Whether other members move in some update than before.
        Raises:
            TypeError, ValueError: a value is out of range, or there are too many or too few.
        """
        values = dict(self.values)
        for name, value in changes.items():
            given = value.tolist() if hasattr(value, "tolist") else value  # an array or a tensor
            several = isinstance(given, Sequence) and not isinstance(given, str)
            given = list(given) if several else [given]
            if several and len(given) != self._count:
                raise ValueError(f"{name} must be one value or one per member, {self._count}, got {len(given)}")
            given = [checked_setting(name, entry, self._recipe.optimiser) for entry in given]
            given = given if several else given * self._count
            values[name] = given if name == "loss" else torch.tensor(given, dtype=torch.float64)
        for smoothing, loss in zip(values["label_smoothing"].tolist(), values["loss"], strict=True):
            check_smoothing(smoothing, loss)
        moved = any(self.values.get(name) is None or not values[name].equal(self.values[name]) for name in _COUNTS)
        self.values = values
        numbers = {name: value for name, value in values.items() if name != "loss"}
        self.on = {name for name, value in numbers.items() if bool(value.any())}
        self._numbers = {name: value.to(self._device, torch.float32) for name, value in numbers.items()}
        self.turns = {
            "discriminator": self._made_turns(values["d_steps"].tolist()),
            "generator": self._made_turns(values["g_steps"].tolist()),
        }
        return moved

    def _made_turns(self, counts: list[float]) -> list[Turn]:
        turns = []
        for update in range(int(max(counts))):
            moving = [k for k, count in enumerate(counts) if count > update]
            names = [self.values["loss"][k] for k in moving]
            rows = {name: [row for row, own in enumerate(names) if own == name] for name in dict.fromkeys(names)}
            who = None if len(moving) == self._count else torch.tensor(moving, device=self._device)
            if len(rows) == 1:
                turns.append(Turn(who, [(LOSSES[names[0]], None)], None))
            else:
                parts = {name: torch.tensor(mine, device=self._device) for name, mine in rows.items()}
                order = torch.argsort(torch.cat(list(parts.values())))
                turns.append(Turn(who, [(LOSSES[name], mine) for name, mine in parts.items()], order))
        return turns

    def value(self, name: str, k: int) -> Any:
        """Return the setting of one member, as a name or a Python number."""
        value = self.values[name][k]
        return value.item() if isinstance(value, Tensor) else value

    def numbers(self, name: str) -> Tensor:
        """Return a setting of all members as float32 on the device, shape (K,)."""
        return self._numbers[name]

    def number(self, name: str, who: Tensor | None) -> Tensor | None:
        """Return a setting as float32 on the device, one for each member of ``who``, or None where it is 0 for all."""
        if name not in self.on:
            return None
        return self._numbers[name] if who is None else self._numbers[name][who]

    def coefficients(self, lr: str, updates: Tensor, who: Tensor | None, step: int) -> Coefficients:
        """Return what the optimiser needs for the next update.

        Args:
            lr: "lr_g" or "lr_d".
            updates: which update of its player this is for each member of ``who``, counted from 1; shape (k, 1).
            who: the members that move; None: all.
            step: steps done, on which the falling of the rates depends.
        """
        pick = slice(None) if who is None else who.cpu()
        rate, beta1 = self.values[lr][pick].unsqueeze(1), self.values["beta1"][pick].unsqueeze(1)
        rate = rate * _cosine(step, self._recipe.decay_steps)
        beta2, correction = self._recipe.beta2, torch.ones_like(rate)
        if self._recipe.optimiser == "adam":
            rate = rate / (1 - beta1**updates)
            correction = (1 - beta2**updates).sqrt()
        rate, beta1, correction = (part.to(self._device, torch.float32) for part in (rate, beta1, correction))
        return Coefficients(rate, beta1, beta2, correction)


def _cosine(step: int, decay_steps: int | None) -> float:
    if decay_steps is None:
        return 1.0
    return _DECAY_FLOOR + (1 - _DECAY_FLOOR) * 0.5 * (1 + math.cos(math.pi * min(step / decay_steps, 1.0)))
