"""What counts as a whole number and as a real number, wherever one comes into the package.

A number from numpy or torch, or the one element of an array or a tensor, is as good as Python's own, and becomes
Python's own. A bool is no number: ``True`` steps are a slip.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

__all__ = ["real", "whole"]


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


def _one_element(value: Any) -> Any:
    """Return the Python number in a tensor, array or numpy number of one element; anything else as it is."""
    size = getattr(value, "size", None)
    count = value.numel() if hasattr(value, "numel") else size if isinstance(size, int) else 0
    return value.item() if count == 1 and hasattr(value, "item") else value
