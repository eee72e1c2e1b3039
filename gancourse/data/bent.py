"""A bent plane: points whose code is known, so that an encoder can be held against the truth.

z ~ N(0, I) in the plane is placed at x = (z1, z2 / 2 + 0.4 (z1^2 - 1)), and noise may be added. Without noise each x
has exactly one code, by a formula. With noise it has a distribution of them, which a grid gives as exactly as you like
(``metrics.likelihood``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between

__all__ = ["BentPlane", "bent_plane"]

_BEND, _SQUEEZE = 0.4, 0.5


@dataclass(frozen=True)
class BentPlane:
    """The bent plane; made by :func:`bent_plane`.

    Attributes:
        noise: standard deviation of what is added to both coordinates of x.
    """

    noise: float

    def place(self, z: Tensor) -> Tensor:
        """Return where the codes are placed, without noise: shape (..., 2) for z (..., 2)."""
        first, second = z.unbind(dim=-1)
        return torch.stack([first, _SQUEEZE * second + _BEND * (first.square() - 1)], dim=-1)

    def code(self, x: Tensor) -> Tensor:
        """Return the code that is placed at each x: the inverse of :meth:`place`, shape (..., 2)."""
        first, second = x.unbind(dim=-1)
        return torch.stack([first, (second - _BEND * (first.square() - 1)) / _SQUEEZE], dim=-1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return ``n`` points with their noise, float32, shape (n, 2)."""
        n = whole_between("n", n, 1)
        return self.place(torch.randn(n, 2, generator=generator)) + self.noise * torch.randn(n, 2, generator=generator)


def bent_plane(noise: float = 0.1) -> BentPlane:
    """Return the bent plane.

    Args:
        noise: standard deviation of what is added to both coordinates, from 0 to 1.
    Raises:
        ValueError: it is anything else.
    First met in: notebook 15.
    """
    return BentPlane(real_between("noise", noise, 0.0, 1.0))
