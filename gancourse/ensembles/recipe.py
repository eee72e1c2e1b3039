"""What a recipe for one small GAN is, what each of its settings may be, and every combination of some."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import nn

from gancourse._numbers import real, whole
from gancourse.losses import LOSSES

__all__ = ["PER_MEMBER", "Recipe", "check_smoothing", "checked_setting", "checked_whole", "crossed", "is_number"]

_SMOOTHABLE = ("minimax", "non_saturating")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one GAN is built and trained. Every setting has a default; change one with ``dataclasses.replace``.

    The first group is common to all members of an ensemble; the second may differ between members.

    Attributes:
        latent_dim: size of z, drawn from N(0, I).
        hidden, depth: width and number of hidden layers, of both networks.
        d_hidden, d_depth: the discriminator's, where they differ.
        features: what the discriminator is shown instead of the points, from ``models.features``; None: the points.
        spectral_norm: divide each of the discriminator's matrices by its largest singular value.
        batch_size: points in a batch.
        optimiser: "adam" or "sgd".
        beta2: Adam's memory of squared gradients.
        decay_steps: both learning rates fall along a cosine to 5 % of their value at this step; None: constant.
        noise_steps: instance noise falls in a straight line to 0 at this step; None: constant.
        unrolled_steps: the generator looks this many discriminator updates ahead, and through them.

        loss: a name in ``losses.LOSSES``.
        lr_g, lr_d: learning rates, at least 0 (0: this player stands still).
        d_steps, g_steps: updates of each player in one step, whole numbers (``d_steps_per_g_step`` with g_steps 1).
        beta1: Adam's momentum, or SGD's, which may be negative.
        r1, r2: gamma of the penalties at real and fake points; they enter as gamma / 2.
        gradient_penalty: lambda of WGAN-GP's penalty.
        one_sided_penalty: lambda of its one-sided form, which asks nothing where the slope is below 1.
        clip: the discriminator's weights are clipped to [-clip, clip]; 0: not.
        label_smoothing: a; "real" means 1 - a instead of 1 for the discriminator (cross-entropy losses only).
        instance_noise: standard deviation of noise added to all that the discriminator sees.
        average: decay of the running average of the generator's weights, which :meth:`Ensemble.sample` uses; 0: none.
        init_scale_g, init_scale_d: factor on the initial weights.
    First met in: notebook 04.
    """

    latent_dim: int = 2
    hidden: int = 64
    depth: int = 2
    d_hidden: int | None = None
    d_depth: int | None = None
    features: nn.Module | None = None
    spectral_norm: bool = False
    batch_size: int = 64
    optimiser: str = "adam"
    beta2: float = 0.999
    decay_steps: int | None = None
    noise_steps: int | None = None
    unrolled_steps: int = 0

    loss: str = "non_saturating"
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    d_steps: int = 1
    g_steps: int = 1
    beta1: float = 0.5
    r1: float = 0.0
    r2: float = 0.0
    gradient_penalty: float = 0.0
    one_sided_penalty: float = 0.0
    clip: float = 0.0
    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    average: float = 0.0
    init_scale_g: float = 1.0
    init_scale_d: float = 1.0

    def __post_init__(self) -> None:
        at_least = {"latent_dim": 1, "hidden": 1, "batch_size": 1, "depth": 0, "unrolled_steps": 0}
        for name in ("d_hidden", "d_depth", "decay_steps", "noise_steps"):
            if getattr(self, name) is not None:
                at_least[name] = 0 if name == "d_depth" else 1
        for name, low in at_least.items():
            object.__setattr__(self, name, checked_whole(name, getattr(self, name), low))
        if self.features is not None and not (isinstance(self.features, nn.Module) and hasattr(self.features, "width")):
            raise TypeError(f"features must come from models.features, or be None, got {type(self.features).__name__}")
        if self.optimiser not in ("adam", "sgd"):
            raise ValueError(f"optimiser must be 'adam' or 'sgd', got {self.optimiser!r}")
        if not is_number(self.beta2) or not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 must be from 0 to below 1, got {self.beta2!r}")
        object.__setattr__(self, "beta2", real(self.beta2))
        for name in PER_MEMBER:
            object.__setattr__(self, name, checked_setting(name, getattr(self, name), self.optimiser))
        check_smoothing(self.label_smoothing, self.loss)


class _Range(NamedTuple):
    """What a per-member number may be."""

    whole: bool
    test: Callable[[float], bool]
    words: str


_FROM_ZERO = _Range(False, lambda v: v >= 0, "a finite number of at least 0")
_ABOVE_ZERO = _Range(False, lambda v: v > 0, "a finite number above 0")
_COUNT = _Range(True, lambda v: v >= 0, "a whole number of at least 0")
_DECAY = _Range(False, lambda v: 0 <= v < 1, "from 0 to below 1")
PER_MEMBER: dict[str, _Range | None] = {
    "loss": None,
    "lr_g": _FROM_ZERO,
    "lr_d": _FROM_ZERO,
    "d_steps": _COUNT,
    "g_steps": _COUNT,
    "beta1": _Range(False, lambda v: -1 < v < 1, "between -1 and 1"),
    "r1": _FROM_ZERO,
    "r2": _FROM_ZERO,
    "gradient_penalty": _FROM_ZERO,
    "one_sided_penalty": _FROM_ZERO,
    "clip": _FROM_ZERO,
    "label_smoothing": _Range(False, lambda v: 0 <= v < 0.5, "from 0 to below 0.5"),
    "instance_noise": _FROM_ZERO,
    "average": _DECAY,
    "init_scale_g": _ABOVE_ZERO,
    "init_scale_d": _ABOVE_ZERO,
}
"""The settings that may differ between members, and the numbers they may be; None: a name in ``losses.LOSSES``."""


def is_number(value: object) -> bool:
    """Tell whether a value is a finite real number."""
    return (number := real(value)) is not None and math.isfinite(number)


def checked_whole(name: str, value: object, low: int) -> int:
    """Return a whole number of at least ``low`` as Python's own, or refuse it by name."""
    if (number := whole(value)) is None or number < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return number


def checked_setting(name: str, value: Any, optimiser: str) -> Any:
    """Return a per-member setting as a name or as Python's own number."""
    allowed = PER_MEMBER[name]
    if allowed is None:
        if value not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {value!r}")
        return value
    if not is_number(value) or (allowed.whole and value != int(value)) or not allowed.test(value):
        raise ValueError(f"{name} must be {allowed.words}, got {value!r}")
    if name == "beta1" and optimiser == "adam" and value < 0:
        raise ValueError(f"beta1 must be at least 0 for Adam, got {value!r}; negative momentum needs optimiser='sgd'")
    return real(value)


def check_smoothing(smoothing: float, loss: str) -> None:
    """Refuse label smoothing for a loss without labels."""
    if smoothing and loss not in _SMOOTHABLE:
        raise ValueError(f"label_smoothing needs a loss with labels, {' or '.join(_SMOOTHABLE)}, got {loss!r}")


def crossed(**axes: Sequence[Any]) -> dict[str, list[Any]]:
    """Return every combination of the values, as one list per setting: the members of a phase diagram.

    ``crossed(lr_g=[1, 2], lr_d=[3, 4])`` is ``{"lr_g": [1, 1, 2, 2], "lr_d": [3, 4, 3, 4]}``: the first axis
    varies slowest, so ``counts.reshape(len(lr_g), len(lr_d))`` puts it along the rows.

    Args:
        axes: values per setting, each at least one.
    Raises:
        ValueError: no axis, or an empty one.
    First met in: notebook 04.
    """
    lists = {name: list(values) for name, values in axes.items()}
    if not lists or not all(lists.values()):
        raise ValueError(f"axes must hold at least one setting with at least one value, got {lists}")
    return dict(zip(lists, map(list, zip(*itertools.product(*lists.values()), strict=True)), strict=True))
