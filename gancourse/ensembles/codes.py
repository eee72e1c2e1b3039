"""Many VAEs, or many BiGANs, on points of the plane, trained at once: encoders beside a truth that is known.

Every member has an encoder and a decoder, perceptrons with two hidden layers, and a BiGAN has a discriminator of pairs
besides. A member's path depends on its seed alone, and one batched computation trains all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import codes, penalties
from gancourse._numbers import real_between
from gancourse._torch_modes import usual_modes
from gancourse.data.bent import BentPlane
from gancourse.ensembles._members import Members
from gancourse.ensembles.player import SLOPE, for_all, forward

__all__ = ["BiGANEnsemble", "VAEEnsemble"]

_DIM = 2
_GAMMA = 0.2  # of R1, which enters as gamma / 2


class _Coders(Members):
    """What both have: a decoder and an encoder of the plane, with averages that look at points."""

    def _settle_world(self, world: BentPlane) -> None:
        if not isinstance(world, BentPlane):
            raise TypeError(f"world must come from data.bent.bent_plane, got {type(world).__name__}")
        self.world = world

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Return every member's points for codes, shape (K, N, 2), for z of shape (N, 2) or (K, N, 2), float32."""
        return forward(self._averaged[: self._split], self._rows("z", z), SLOPE["generator"])

    def _encoded(self, x: Tensor) -> Tensor:
        return forward(self._averaged[self._split :], self._rows("x", x), SLOPE["generator"])

    def _rows(self, name: str, points: Tensor) -> Tensor:
        return for_all(name, points, size=_DIM, count=len(self), device=torch.device("cpu"))

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Return points of the world and draws from N(0, I), (count, 2) both."""
        return self.world.sample(count, random), torch.randn(count, _DIM, generator=random)


class VAEEnsemble(_Coders):
    """K VAEs of the bent plane, whose decoders know the noise.

    The loss is minus the evidence lower bound in nats, up to a constant: squared error / (2 noise^2), plus beta times
    the divergence of the encoder's Gaussian from N(0, I).

    Args:
        world: from ``data.bent.bent_plane``, with noise.
        seeds: one for each member.
        beta: weight of the code's cost; 1 makes the bound a bound.
        num_steps: of a whole run; the rate falls along a cosine.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        steps_done: steps of training so far.
        world, seeds, beta, num_steps: as given.
    First met in: notebook 15.
    """

    _BATCH, _AVERAGED, _NETWORKS = 128, 100, 2

    @usual_modes()
    def __init__(self, world: BentPlane, *, seeds: Sequence[int], beta: float = 1.0, num_steps: int = 1_500) -> None:
        self._settle_world(world)
        if world.noise == 0:
            raise ValueError("world must have noise, or no bound on log p is finite; got noise 0")
        self._settle(seeds, num_steps)
        self.beta = real_between("beta", beta, 0.0)
        decoder, encoder = self._stacked(_DIM, _DIM, 0), self._stacked(_DIM, 2 * _DIM, 1)
        self._split = len(decoder)
        self._enter([*decoder, *encoder])

    def __repr__(self) -> str:
        return f"<{len(self)} VAEs of the bent plane, {self.steps_done:,} of {self.num_steps:,} steps>"

    @torch.no_grad()
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return every member's Gaussian for each point: mean and log variance, shape (K, N, 2) both.

        Args:
            x: points, shape (N, 2) or (K, N, 2), float32.
        """
        mean, log_variance = self._encoded(x).chunk(2, dim=-1)
        return mean, log_variance

    def _step(self) -> None:
        x, noise = self._drawn()
        decoder, encoder = self._generator[: self._split], self._generator[self._split :]
        mean, log_variance = forward(encoder, x, SLOPE["generator"]).chunk(2, dim=-1)
        again = forward(decoder, mean + (log_variance / 2).exp() * noise, SLOPE["generator"])
        pixels = (again - x).square().sum(dim=-1) / (2 * self.world.noise**2)
        self._move(0, pixels + self.beta * codes.kl_to_normal(mean, log_variance))
        self._end_step()


class BiGANEnsemble(_Coders):
    """K BiGANs of the bent plane: nothing compares a point with its return.

    Both players have the non-saturating loss. The encoder's pairs (x, E(x)) are the real ones, the generator's pairs
    (G(z), z) the fakes. R1 brakes the discriminator on the real pairs.

    Args:
        world: from ``data.bent.bent_plane``.
        seeds: one for each member.
        cycle: weight of the squared distance of E(G(z)) to z, which BiGAN itself does not have.
        num_steps: of a whole run; all rates fall along a cosine.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        steps_done: steps of training so far.
        world, seeds, cycle, num_steps: as given.
    First met in: notebook 15.
    """

    _BATCH, _AVERAGED, _NETWORKS = 256, 100, 3

    @usual_modes()
    def __init__(self, world: BentPlane, *, seeds: Sequence[int], cycle: float = 0.0, num_steps: int = 2_500) -> None:
        self._settle_world(world)
        self._settle(seeds, num_steps)
        self.cycle = real_between("cycle", cycle, 0.0)
        decoder, encoder = self._stacked(_DIM, _DIM, 0), self._stacked(_DIM, _DIM, 1)
        self._split, self._discriminator = len(decoder), self._stacked(2 * _DIM, 1, 2)
        self._enter([*decoder, *encoder], self._discriminator)

    def __repr__(self) -> str:
        return f"<{len(self)} BiGANs of the bent plane, {self.steps_done:,} of {self.num_steps:,} steps>"

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Return every member's code for each point, shape (K, N, 2).

        Args:
            x: points, shape (N, 2) or (K, N, 2), float32.
        """
        return self._encoded(x)

    def _step(self) -> None:
        x, z = self._drawn()
        decoder, encoder = self._generator[: self._split], self._generator[self._split :]
        real = torch.cat([x, forward(encoder, x, SLOPE["generator"])], dim=-1)
        fake = torch.cat([forward(decoder, z, SLOPE["generator"]), z], dim=-1)
        points = real.detach().requires_grad_()
        real_logits = self._logits(points)
        slopes = penalties.input_gradients(real_logits, points)
        d_loss = F.softplus(-real_logits) + F.softplus(self._logits(fake.detach()))
        self._move(1, d_loss + _GAMMA / 2 * slopes.square().sum(dim=-1))
        loss = F.softplus(-self._logits(fake)) + F.softplus(self._logits(real))
        if self.cycle:
            back = forward(encoder, fake[..., :_DIM], SLOPE["generator"])
            loss = loss + self.cycle * (back - z).square().sum(dim=-1)
        self._move(0, loss)
        self._end_step()

    def _logits(self, pairs: Tensor) -> Tensor:
        """Return the logits, shape (K, N), of pairs (K, N, 4)."""
        return forward(self._discriminator, pairs, SLOPE["discriminator"]).squeeze(-1)
