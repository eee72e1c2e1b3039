"""What a panel asks of the object that trains and draws."""

from __future__ import annotations

import math
from typing import Any, Protocol

__all__ = ["Diverged", "Stepper", "check_finite"]


class Diverged(ArithmeticError):
    """The numbers of a stepper are no longer finite; the message says which, and when."""


def check_finite(step: int, **numbers: Any) -> None:
    """Raise :class:`Diverged` unless every number is finite.

    Args:
        step: the step that was just done, for the message.
        numbers: floats or tensors of one element, by the name that the message will use.
    Raises:
        Diverged: a number is infinite or not a number.
    First met in: notebook 00.
    """
    for name, number in numbers.items():
        value = float(number.detach() if hasattr(number, "detach") else number)
        if not math.isfinite(value):
            raise Diverged(f"at step {step}, {name} became {'not a number' if math.isnan(value) else 'infinite'}")


class Stepper(Protocol):
    """What a live panel needs; a static one needs ``draw`` and ``status`` only."""

    steps_done: int

    def step(self) -> None:
        """Do one small piece of work."""

    def reset(self) -> None:
        """Start afresh, from ``self.seed`` if there is one, with the settings as they are."""

    def draw(self) -> Any:
        """Draw the state of things on one figure, the same every time, and return it."""

    def status(self) -> str:
        """Say in words what the picture shows."""
