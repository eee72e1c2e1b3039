"""Classes that overlap on a line: what a conditional generator should draw, and what AC-GAN's loss asks for instead.

Class k is a Gaussian N(means[k], 1), and all classes are equally likely. Densities, the chance of each class at a
point and all quantiles are formulas or integrals, so a generator's samples of each class meet an exact answer.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse._numbers import real, real_between, whole_between

__all__ = ["Classes", "on_a_line"]

_REACH, _POINTS = 9.0, 200_000  # how far the grid for integrals reaches beyond the outermost means, and its points
_WEIGHTS = 0.02, 30.0
_ROUNDS, _EVEN = 1_000, 5e-4  # how long the labels are made equally frequent, and how nearly


@dataclass(frozen=True, eq=False)
class Classes:
    """C equally likely classes on the line, class k distributed as N(means[k], 1). Made by :func:`on_a_line`.

    Attributes:
        means: float64, shape (C,), rising.
    """

    means: Tensor

    def __repr__(self) -> str:
        return f"<{len(self)} classes on a line, means {', '.join(f'{mean:g}' for mean in self.means.tolist())}>"

    def __len__(self) -> int:
        return len(self.means)

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``n`` points and their classes: float32 of shape (n, 1), int64 of shape (n,).

        Raises:
            ValueError: ``n`` is no whole number of at least 1.
        """
        n = whole_between("n", n, 1)
        labels = torch.randint(len(self), (n,), generator=generator, device=generator.device)
        noise = torch.randn(n, 1, generator=generator, device=generator.device)
        return self.means.float().to(generator.device)[labels, None] + noise, labels

    def densities(self, x: Tensor) -> Tensor:
        """Return the density of every class at the points ``x``, shape (N,): shape (C, N), float64."""
        distances = _line(x) - self.means[:, None]
        return torch.exp(-0.5 * distances.square()) / math.sqrt(2 * math.pi)

    def mixture(self, x: Tensor) -> Tensor:
        """Return the density of all classes together at the points ``x``, shape (N,), float64."""
        return self.densities(x).mean(dim=0)

    def posterior(self, x: Tensor) -> Tensor:
        """Return the chance of every class at the points ``x``: shape (C, N), columns that sum to 1, float64.

        Bayes' rule; for equal widths it is the softmax over k of x means[k] - means[k]^2 / 2, also far out.
        """
        return (_line(x) * self.means[:, None] - 0.5 * self.means[:, None].square()).softmax(dim=0)

    def quantiles(self, n: int) -> Tensor:
        """Return the exact quantiles of every class at (i + 1/2) / n, shape (C, n), float64.

        Raises:
            ValueError: ``n`` is no whole number of at least 1.
        """
        return self.means[:, None] + math.sqrt(2) * torch.erfinv(2 * _levels(n) - 1)

    def mixture_quantiles(self, n: int) -> Tensor:
        """Return the quantiles of all classes together at (i + 1/2) / n, shape (n,), float64."""
        grid = self._grid()
        shares = 0.5 * (1 + torch.erf((grid - self.means[:, None]) / math.sqrt(2)))
        return _inverted(grid, shares.mean(dim=0), _levels(n))

    def cut(self, n: int) -> Tensor:
        """Return the quantiles of the mixture's slices of equal mass, one for each class: shape (C, n), float64.

        Of all ways to share the mixture out among the labels, this one makes the classes most certain. It is what
        AC-GAN's classifier term asks for while the mixture as a whole is kept right, so the limit of a small weight.
        For means -1 and 1 each slice is a half line, and its Wasserstein-1 distance from its class is
        sqrt(2 / pi) exp(-1/2) + erf(1 / sqrt 2) - 1 = 0.1666.
        """
        return self.mixture_quantiles(len(self) * whole_between("n", n, 1)).view(len(self), n)

    def distances(self, samples: Tensor) -> Tensor:
        """Return the Wasserstein-1 distance of the samples of every class from that class.

        By sorting, against the exact quantiles. For n samples of the truth expect about 1.1 / sqrt(n), not 0.

        Args:
            samples: shape (..., C, n), finite: n for each class.
        Returns:
            Shape (..., C), float64, at least 0.
        Raises:
            TypeError, ValueError: ``samples`` is anything else.
        """
        samples = self._checked(samples)
        return (samples.sort(dim=-1).values - self.quantiles(samples.shape[-1])).abs().mean(dim=-1)

    def distance_of_all(self, samples: Tensor) -> Tensor:
        """Return the Wasserstein-1 distance of all samples together from the mixture, shape (...), float64."""
        together = self._checked(samples).flatten(-2).sort(dim=-1).values
        return (together - self.mixture_quantiles(together.shape[-1])).abs().mean(dim=-1)

    def auxiliary(self, weight: float, n: int) -> Tensor:
        """Return where AC-GAN comes to rest on these classes: the quantiles of what it draws, shape (C, n), float64.

        Its generator minimises -log D(x) - weight log C(y|x). Let D be the best one for what it draws, and C the best
        classifier of real data, p(y|x). It rests where no sample gains by moving: the sum has one height for each
        label on all that is drawn under it, and is nowhere lower. With r = q / p, the density drawn over the true one,
        D is 1 / (1 + r), so

            r(x) = max(0, max over y of exp(height of y) p(y|x)^weight - 1),

        each point being drawn under the label that reaches the maximum; the heights make all labels equally frequent.
        A small weight leads to :meth:`cut`. A larger one goes beyond it, because certain points pay twice. For means
        -1 and 1 and the weight 1 the distance of each class from its truth is 0.409.

        Args:
            weight: of the classifier's term, from 0.02 to 30. (At 0 nothing ties a label to a place.)
            n: quantiles for each class, at least 1.
        Raises:
            ValueError: an argument is anything else.
        Source: derived here; that AC-GAN leaves out the overlap: Shu et al. (2017), Gong et al. (2019).
        First met in: notebook 12.
        """
        weight, levels, grid = real_between("weight", weight, *_WEIGHTS), _levels(n), self._grid()
        truth, certain = self.mixture(grid), weight * self.posterior(grid).log()
        heights = torch.full((len(self), 1), math.log(2.0), dtype=torch.float64)
        for turn in range(_ROUNDS):
            best, label = (heights + certain).max(dim=0)
            drawn = truth * torch.expm1(best).clamp_min(0)
            masses = torch.zeros(len(self), dtype=torch.float64).index_add_(0, label, drawn * (grid[1] - grid[0]))
            off = (len(self) * masses).clamp_min(1e-6).log()[:, None]
            if float(off.abs().max()) < _EVEN:
                break
            heights = heights - min(0.5, weight) / (1 + turn / 100) * off
        kinds = torch.arange(len(self))[:, None] == label
        return torch.stack([_inverted(grid, (drawn * own).cumsum(0) / (drawn * own).sum(), levels) for own in kinds])

    def _grid(self) -> Tensor:
        low, high = float(self.means[0]) - _REACH, float(self.means[-1]) + _REACH
        return torch.linspace(low, high, _POINTS, dtype=torch.float64)

    def _checked(self, samples: Tensor) -> Tensor:
        if not isinstance(samples, Tensor) or not samples.is_floating_point():
            got = samples.dtype if isinstance(samples, Tensor) else type(samples).__name__
            raise TypeError(f"samples must be a floating-point tensor of shape (..., {len(self)}, n), got {got}")
        if samples.ndim < 2 or samples.shape[-2] != len(self) or samples.shape[-1] == 0:
            raise ValueError(f"samples must have shape (..., {len(self)}, n), got {tuple(samples.shape)}")
        if not bool(torch.isfinite(samples).all()):
            raise ValueError(f"samples must be finite, got {int((~torch.isfinite(samples)).sum())} that are not")
        return samples.detach().to("cpu", torch.float64)


def on_a_line(means: tuple[float, ...] | list[float] = (-1.0, 1.0)) -> Classes:
    """Return equally likely classes on the line, one for each of the ``means``, each Gaussian of standard deviation 1.

    Args:
        means: at least two finite numbers, rising.
    Raises:
        TypeError, ValueError: ``means`` is anything else.
    First met in: notebook 12.
    """
    if not isinstance(means, (tuple, list)):
        raise TypeError(f"means must be a list of numbers, got {type(means).__name__}")
    numbers = [real(mean) for mean in means]
    if len(numbers) < 2 or any(number is None or not math.isfinite(number) for number in numbers):
        raise ValueError(f"means must be at least two finite numbers, got {means!r}")
    if any(after <= before for before, after in itertools.pairwise(numbers)):
        raise ValueError(f"means must rise, got {means!r}")
    return Classes(torch.tensor(numbers, dtype=torch.float64))


def _line(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise TypeError(f"x must be a floating-point tensor of shape (N,), got {getattr(x, 'dtype', type(x).__name__)}")
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"x must have shape (N,), got {tuple(x.shape)}")
    return x.detach().to("cpu", torch.float64)


def _levels(n: int) -> Tensor:
    return (torch.arange(whole_between("n", n, 1), dtype=torch.float64) + 0.5) / n


def _inverted(grid: Tensor, shares: Tensor, levels: Tensor) -> Tensor:
    """Return where a distribution function, known on a grid, reaches the levels; linear between its points."""
    after = torch.searchsorted(shares, levels).clamp(1, len(grid) - 1)
    low, high = shares[after - 1], shares[after]
    part = torch.where(high > low, (levels - low) / (high - low).clamp_min(1e-300), 0.0)
    return grid[after - 1] + part * (grid[after] - grid[after - 1])
