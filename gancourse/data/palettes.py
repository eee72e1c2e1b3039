"""Red, green and blue points, and cyan, magenta and yellow ones: a translation with six equally good answers.

Both domains are three small clouds at corners of the cube [-1, 1]^3. The intended map is the opposite colour: red to
cyan, green to magenta, blue to yellow. But any other way to send the three clouds onto the three others fills both
domains just as well, and can be undone just as well. There are 3! = 6 such ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse._numbers import real, real_between, whole_between

__all__ = ["MAPS", "NAMES_A", "NAMES_B", "Palettes", "palettes"]

NAMES_A = ("red", "green", "blue")
NAMES_B = ("cyan", "magenta", "yellow")

MAPS = tuple(itertools.permutations(range(3)))
"""The six one-to-one maps: which of ``NAMES_B`` red, green and blue go to. The first is the intended one."""


@dataclass(frozen=True)
class Palettes:
    """Three clouds of each domain; made by :func:`palettes`.

    Attributes:
        shares: how many of a domain's points lie in each cloud; the same for each colour and its opposite.
        spread: standard deviation of a cloud in every direction.
    """

    shares: tuple[float, float, float]
    spread: float

    @property
    def a(self) -> Tensor:
        """The middles of the clouds of A, shape (3, 3)."""
        return 2 * torch.eye(3) - 1

    @property
    def b(self) -> Tensor:
        """The middles of the clouds of B, shape (3, 3): row i is the right answer to row i of :attr:`a`."""
        return -self.a

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``n`` points of each domain, shape (n, 3) each, which have nothing to do with each other.

        Raises:
            ValueError: ``n`` is no whole number of at least 1.
        """
        n = whole_between("n", n, 1)
        odds = torch.tensor(self.shares)
        clouds = [torch.multinomial(odds, n, replacement=True, generator=generator) for _ in range(2)]
        noise = self.spread * torch.randn(2, n, 3, generator=generator)
        return self.a[clouds[0]] + noise[0], self.b[clouds[1]] + noise[1]


def palettes(shares: Sequence[float] = (1, 1, 1), spread: float = 0.05) -> Palettes:
    """Return red, green and blue points, and their opposites.

    Args:
        shares: of the three colours, in any unit, above 0.
        spread: standard deviation of each cloud.
    Raises:
        ValueError: these are not three such shares, or the spread is below 0.
    First met in: notebook 14.
    """
    numbers = [real(share) for share in shares]
    if len(numbers) != 3 or any(number is None or not 0 < number < float("inf") for number in numbers):
        raise ValueError(f"shares must be three numbers above 0, got {shares!r}")
    whole = sum(numbers)
    return Palettes(tuple(number / whole for number in numbers), real_between("spread", spread, 0.0))
