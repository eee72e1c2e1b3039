"""Many small CycleGANs at once, on points: which of the maps that close the cycle does each of them find?

Every member has two translators and two discriminators, perceptrons with two hidden layers. A member's path depends on
its seed alone, and one batched computation trains all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import penalties
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.palettes import Palettes
from gancourse.ensembles._members import Members
from gancourse.ensembles.player import SLOPE, for_all, forward

__all__ = ["TranslationEnsemble"]

_GAMMA = 0.3  # of R1, which enters as gamma / 2
_PAIRS = 5.0  # weight of the difference from the true answer, where pairs are given
_STEEP = 1.5  # the answers of a bounded member are tanh of so many times what its network says
_NEAR = 0.5


class TwoDomains(Protocol):
    """What a :class:`TranslationEnsemble` learns from: unpaired points of two domains of one dimension."""

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``n`` points of each domain, shape (n, d) each."""
        ...


class TranslationEnsemble(Members):
    """K independent CycleGANs between two domains of points, trained at once.

    The translators' loss is ``adversarial`` times both non-saturating losses, plus ``cycle`` times the mean absolute
    difference after there and back (from both sides), plus ``identity`` times that of a point and its translation into
    the domain where it is already, plus five times the mean absolute difference from the true answers if ``pairs`` are
    given. R1 brakes the discriminators; the rates fall along a cosine; translations come from an average of weights.

    Args:
        problem: from ``data.palettes.palettes``, or anything else that samples two domains.
        seeds: one for each member.
        cycle: weight of the cycle.
        cycle_from: the share of the run after which the cycle comes in, 0 to 1.
        both_ways: close the cycle from A and from B; False: from B alone.
        detached: cut each translation off before it is translated back, so that the cycle teaches the way back alone.
        identity: weight of the identity loss.
        pairs: some points of A and the right answers to them, shape (n, d) each; None for none.
        adversarial: weight of the adversarial losses; 0: pairs alone, or the cycle alone.
        num_steps: of a whole run.
        bounded: whether translations pass a tanh, for points in [-1, 1].
        hidden, rate, batch_size: units of each hidden layer, learning rate, points of each domain in a step.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        steps_done: steps of training so far.
        problem, seeds, num_steps: as given.
    First met in: notebook 14.
    """

    _AVERAGED, _NETWORKS = 100, 4

    @usual_modes()
    def __init__(
        self,
        problem: TwoDomains,
        *,
        seeds: Sequence[int],
        cycle: float = 5.0,
        cycle_from: float = 0.0,
        both_ways: bool = True,
        detached: bool = False,
        identity: float = 0.0,
        pairs: tuple[Tensor, Tensor] | None = None,
        adversarial: float = 1.0,
        num_steps: int = 600,
        bounded: bool = True,
        hidden: int = 32,
        rate: float = 3e-3,
        batch_size: int = 32,
    ) -> None:
        if not callable(getattr(problem, "sample", None)):
            raise TypeError(f"problem must have a sample method, got {type(problem).__name__}")
        self._settle(seeds, num_steps)
        self.problem, self.bounded = problem, bool(bounded)
        self.both_ways, self.detached = bool(both_ways), bool(detached)
        self.cycle, self.identity = real_between("cycle", cycle, 0.0), real_between("identity", identity, 0.0)
        self.cycle_from = real_between("cycle_from", cycle_from, 0.0, 1.0)
        self.adversarial = real_between("adversarial", adversarial, 0.0)
        if not self.adversarial and pairs is None and not (self.cycle and self.both_ways and not self.cycle_from):
            raise ValueError("without adversarial losses there must be pairs, or a cycle both ways from the first step")
        self._HIDDEN, self._BATCH = whole_between("hidden", hidden, 1), whole_between("batch_size", batch_size, 1)
        self._RATE = real_between("rate", rate, 0.0)
        self._size = self._drawn()[0].shape[-1]
        self._pairs = None if pairs is None else self._paired(*pairs)
        ways = [self._stacked(self._size, self._size, place) for place in (0, 1)]
        self._d_a, self._d_b = (self._stacked(self._size, 1, place) for place in (2, 3))
        self._layers = len(ways[0])
        self._enter([*ways[0], *ways[1]], [*self._d_a, *self._d_b])

    def __repr__(self) -> str:
        return f"<{len(self)} CycleGANs, {self.steps_done:,} of {self.num_steps:,} steps>"

    def _step(self) -> None:
        a, b = self._drawn()
        to_b, to_a = self._ways(self._generator)
        fake_b, fake_a = to_b(a), to_a(b)
        g_loss = torch.zeros_like(a[..., 0])
        if self.adversarial:
            d_loss = _against(self._d_a, a, fake_a.detach()) + _against(self._d_b, b, fake_b.detach())
            self._move(1, d_loss)
            fooled = F.softplus(-_logits(self._d_a, fake_a)) + F.softplus(-_logits(self._d_b, fake_b))
            g_loss = g_loss + self.adversarial * fooled
        if self.cycle and self.steps_done >= self.cycle_from * self.num_steps:
            sent_b, sent_a = (fake.detach() if self.detached else fake for fake in (fake_b, fake_a))
            g_loss = g_loss + self.cycle * _apart(to_b(sent_a), b)
            if self.both_ways:
                g_loss = g_loss + self.cycle * _apart(to_a(sent_b), a)
        if self.identity:
            g_loss = g_loss + self.identity * (_apart(to_b(b), b) + _apart(to_a(a), a))
        if self._pairs is not None:
            asked, right = self._pairs
            missed = _apart(to_b(asked), right) + _apart(to_a(right), asked)
            g_loss = g_loss + _PAIRS * missed.mean(dim=1, keepdim=True)
        self._move(0, g_loss)
        self._end_step()

    # ------------------------------------------------------------ looking

    @torch.no_grad()
    def to_b(self, points: Tensor) -> Tensor:
        """Return every member's translations of points of A, shape (K, N, d).

        Args:
            points: shape (N, d), or (K, N, d) for own points of each member; float32.
        Raises:
            TypeError, ValueError: the points are anything else.
        """
        return self._ways(self._averaged)[0](self._taken(points))

    @torch.no_grad()
    def to_a(self, points: Tensor) -> Tensor:
        """Return every member's translations of points of B, as :meth:`to_b`."""
        return self._ways(self._averaged)[1](self._taken(points))

    def maps(self) -> Tensor:
        """Return which cloud of B each cloud of A goes to, int64 of shape (K, 3); -1 where it arrives at none.

        For ``data.palettes``. A middle arrives at a cloud if its translation lies within 0.5 of that cloud's middle.

        Raises:
            TypeError: the problem has other points.
        """
        near, place = torch.cdist(self.to_b(self._clouds().a), self.problem.b).min(dim=2)
        return torch.where(near < _NEAR, place, -1)

    def closed(self) -> Tensor:
        """Return whether each member's way back undoes its way there: bool, shape (K,).

        For ``data.palettes``. All three middles of A must come back to within 0.5 of themselves.

        Raises:
            TypeError: the problem has other points.
        """
        a = self._clouds().a
        return ((self.to_a(self.to_b(a)) - a).norm(dim=2) < _NEAR).all(dim=1)

    # ------------------------------------------------------------ parts

    def _ways(self, layers: list[Tensor]) -> tuple[Callable[[Tensor], Tensor], ...]:
        """Return both translators as functions."""

        def way(own: list[Tensor]) -> Callable[[Tensor], Tensor]:
            def translated(points: Tensor) -> Tensor:
                said = forward(own, points, SLOPE["discriminator"])
                return torch.tanh(_STEEP * said) if self.bounded else said

            return translated

        return way(layers[: self._layers]), way(layers[self._layers :])

    def _draw(self, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        return self.problem.sample(count, random)

    def _taken(self, points: Tensor) -> Tensor:
        return for_all("points", points, size=self._size, count=len(self), device=torch.device("cpu"))

    def _clouds(self) -> Palettes:
        if not isinstance(self.problem, Palettes):
            raise TypeError(f"problem must come from data.palettes.palettes, got {type(self.problem).__name__}")
        return self.problem

    def _paired(self, asked: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        asked, right = self._taken(asked), self._taken(right)
        if asked.shape != right.shape:
            raise ValueError(f"pairs must be two tensors of one shape, got {tuple(asked.shape)}, {tuple(right.shape)}")
        return asked, right


def _logits(layers: Sequence[Tensor], points: Tensor) -> Tensor:
    """Return the logits, shape (K, N), of points (K, N, d)."""
    return forward(layers, points, SLOPE["discriminator"]).squeeze(-1)


def _against(layers: Sequence[Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Return the discriminators' loss with R1 for every point, shape (K, N)."""
    real = real.clone().requires_grad_()
    real_logits = _logits(layers, real)
    slopes = penalties.input_gradients(real_logits, real)
    braked = F.softplus(-real_logits) + _GAMMA / 2 * slopes.square().sum(dim=-1)
    return braked + F.softplus(_logits(layers, fake))


def _apart(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean(dim=-1)
