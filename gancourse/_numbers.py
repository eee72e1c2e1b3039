"""What counts as a whole number and as a real number, wherever one comes into the package.

A number from numpy or torch, or the one element of an array or a tensor, is as good as Python's own, and becomes
Python's own. A bool is no number: ``True`` steps are a slip.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

__all__ = ["real", "real_between", "whole", "whole_between"]


def whole(value: Any) -> int | None:
    """Return a whole number as Python's own ``int``, or None if it is none; 2.0 is none.

    Args:
        value: anything; of arrays and tensors the one element counts.
    """
    value = _one_element(value)
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def real(value: Any) -> float | int | None:
    """Return a real number as Python's own ``int`` or ``float``, or None if it is none; infinite and NaN are floats.

    Args:
        value: anything; of arrays and tensors the one element counts.
    """
    value = _one_element(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return int(value) if isinstance(value, Integral) else float(value)


def whole_between(name: str, value: Any, low: int, high: int | None = None, *, why: str = "") -> int:
    """Return a whole number from ``low`` to ``high`` as Python's own.

    Args:
        name: what to call it in the message.
        value: anything.
        low: the least that will do.
        high: the most that will do; None for no limit.
        why: where the limit comes from, for the message.
    Raises:
        ValueError: it is anything else.
    """
    number = whole(value)
    if number is None or number < low or (high is not None and number > high):
        limit = f"from {low} on" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {limit}{f' ({why})' if why else ''}, got {value!r}")
    return number


def real_between(name: str, value: Any, low: float, high: float = math.inf) -> float:
    """Return a finite number from ``low`` to ``high`` as Python's own ``float``.

    Args:
        name: what to call it in the message.
        value: anything.
        low: the least that will do.
        high: the most that will do; infinite for no limit.
    Raises:
        ValueError: it is anything else.
    """
    number = real(value)
    if number is None or not low <= number <= high or math.isinf(number):
        limit = f"at least {low}" if math.isinf(high) else f"from {low} to {high}"
        raise ValueError(f"{name} must be a finite number, {limit}, got {value!r}")
    return float(number)


def _one_element(value: Any) -> Any:
    """Return the Python number in a tensor, array or numpy number of one element; anything else as it is."""
    size = getattr(value, "size", None)
    count = value.numel() if hasattr(value, "numel") else size if isinstance(size, int) else 0
    return value.item() if count == 1 and hasattr(value, "item") else value
