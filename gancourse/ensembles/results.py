"""What comes out of an ensemble: losses over steps, single members, and which of them ran away."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from gancourse.ensembles.recipe import is_number

__all__ = ["Divergence", "Member", "Trace"]


class Trace(NamedTuple):
    """Both losses at every step of one call, shape (steps, K), on the CPU; of the last update where there were several.

    The players' losses alone, without the weighted penalties, so that 2 log 2 and log 2 are where they should be.
    """

    d_loss: Tensor
    g_loss: Tensor


class Member(NamedTuple):
    """One GAN of an ensemble, as modules of its own: training them leaves the ensemble as it is."""

    generator: nn.Module
    discriminator: nn.Module


class Divergence(NamedTuple):
    """A member that is no longer finite: which, since which step (counted from 1), and with what settings."""

    member: int
    step: int
    settings: dict[str, Any]

    def __str__(self) -> str:
        words = [
            f"{name}={value:g}" if is_number(value) else f"{name}={value}" for name, value in self.settings.items()
        ]
        return f"member {self.member} diverged at step {self.step:,} ({', '.join(words)})"
