"""Learning rate schedules: which share of its full rate a player has at a step.

Each is a function of the steps done and of all steps, so that a run's length is part of its schedule::

    for group in optimizer.param_groups:
        group["lr"] = rate * schedules.share("cosine", step, num_steps)
"""

from __future__ import annotations

import math

from gancourse._numbers import whole

__all__ = ["EPOCHS", "FLOOR", "NAMES", "WARM_UP", "share"]

FLOOR = 0.05
"""What a cosine falls to."""

WARM_UP = 0.1
"""The part of a run in which a warm-up rises."""

EPOCHS = 10
"""Into how many epochs "halving" divides a run."""

NAMES = ("constant", "cosine", "warm-up", "halving")


def share(name: str, step: int, num_steps: int) -> float:
    """Return the share of the full rate for the next step.

    * "constant": 1.
    * "cosine": from 1 along half a wave to ``FLOOR`` at the end.
    * "warm-up": in a straight line up to 1 over the first ``WARM_UP`` of the run, then 1.
    * "halving": half of what it was at the beginning of each of ``EPOCHS`` equal epochs but the first, a habit of some
      tutorials: at the end 1/512 is left.

    Args:
        name: one of ``NAMES``.
        step: steps done, from 0 to ``num_steps`` - 1.
        num_steps: of the whole run, at least 1.
    Returns:
        Above 0, at most 1.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 11.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
    if whole(num_steps) is None or num_steps < 1:
        raise ValueError(f"num_steps must be a whole number of at least 1, got {num_steps!r}")
    if whole(step) is None or not 0 <= step < num_steps:
        raise ValueError(f"step must be a whole number from 0 to {num_steps - 1}, got {step!r}")
    if name == "cosine":
        return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * step / num_steps)) / 2
    if name == "warm-up":
        return min(1.0, (step + 1) / (WARM_UP * num_steps))
    return 0.5 ** (EPOCHS * step // num_steps) if name == "halving" else 1.0
