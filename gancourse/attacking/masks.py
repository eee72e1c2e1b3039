"""Wrappers that hide a network's gradient: what an attack that follows slopes cannot see may still be there.

Each is called as a network is. Whether one defends, or only hides, is for other attacks to say: the margin for
:class:`Saturated`, the straight-through pass for :class:`Rounded`, an average for :class:`Noisy`, and a search without
gradients for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.attacking import pixels

__all__ = ["Noisy", "Rounded", "Saturated"]


@dataclass(frozen=True)
class Saturated:
    """A network whose logits are multiplied: the same answers, and a cross-entropy without a slope.

    Attributes:
        network: images to logits.
        factor: what the logits are multiplied by, above 0.
    Source: the effect was found in defensive distillation by Carlini and Wagner (2017),
        https://arxiv.org/abs/1608.04644.
    First met in: notebook 20.
    """

    network: pixels.Network
    factor: float = 1_000.0

    def __post_init__(self) -> None:
        if not real_between("factor", self.factor, 0.0):
            raise ValueError("factor must be above 0, or all answers are the same")

    def __call__(self, images: Tensor) -> Tensor:
        return self.factor * self.network(images)


@dataclass(frozen=True)
class Rounded:
    """A network that sees each pixel rounded to the nearest of a few levels from black to white.

    Attributes:
        network: images to logits.
        levels: how many, at least 2, evenly from -1 to 1; with two, white is what lies above 0.
        straight: whether the gradient passes as if nothing had been rounded; False lets none through.
    Source: after the feature squeezing of Xu, Evans and Qi (2018), https://arxiv.org/abs/1704.01155.
    First met in: notebook 20.
    """

    network: pixels.Network
    levels: int = 2
    straight: bool = False

    def __post_init__(self) -> None:
        whole_between("levels", self.levels, 2)

    def __call__(self, images: Tensor) -> Tensor:
        steps = (self.levels - 1) / pixels.BLACK_TO_WHITE
        rounded = ((images + 1) * steps).round() / steps - 1
        return self.network(images + (rounded - images).detach() if self.straight else rounded)


@dataclass(frozen=True)
class Noisy:
    """A network that adds fresh noise to each image before it looks.

    Attributes:
        network: images to logits.
        size: the noise is even between so much up and so much down, a share of black to white.
        noise: draws it.
    First met in: notebook 20.
    """

    network: pixels.Network
    size: float
    noise: torch.Generator

    def __post_init__(self) -> None:
        real_between("size", self.size, 0.0, 1.0)

    def __call__(self, images: Tensor) -> Tensor:
        drawn = torch.rand(images.shape, generator=self.noise, device=self.noise.device).to(images)
        return self.network((images + pixels.BLACK_TO_WHITE * self.size * (2 * drawn - 1)).clamp(-1, 1))
