"""Toy distributions whose density is known exactly: the truth beside every claim about toys.

Every maker returns an object with the same few members, whatever its shape:

    dim             number of coordinates of a point
    name            what to write in a title
    log_prob(x)     exact log density, x of shape (..., dim) -> (...); natural logarithm
    sample(n, g)    n float32 points, shape (n, dim), drawn from your own ``torch.Generator``
    modes           centres to count as modes, float64, shape (K, dim); None where there are none
    mode_std        the standard deviation around each mode, if they share one; else None
    support         one (low, high) per axis that holds (all but 1e-8 of) the mass: for plots and quadrature

A point always has its axis: one number per point is shape (N, 1). Gaussians, rings, grids,
moons and spirals are all one class, :class:`Mixture`, because each is a mixture of Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import real, whole

__all__ = [
    "Empirical",
    "Mixture",
    "Uniform",
    "empirical",
    "gaussian",
    "grid",
    "mixture",
    "ring",
    "spiral",
    "two_moons",
    "uniform",
]

Number = int | float
_REACH = 6.0  # support of a Gaussian, in standard deviations: 2e-9 of the mass lies outside, per axis
_FINEST, _WIDEST = 0.005, 1.0  # noise of the curves: finer would need thousands of Gaussians


# ---------------------------------------------------------------- the three kinds


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of round Gaussians: component k has mean ``means[k]``, one ``stds[k]`` for all axes, ``weights[k]``.

    Make one with :func:`gaussian`, :func:`mixture`, :func:`ring`, :func:`grid`, :func:`two_moons` or :func:`spiral`.
    """

    name: str
    means: Tensor  # (K, dim), float64
    stds: Tensor  # (K,), float64
    weights: Tensor  # (K,), float64, sum 1
    modes: Tensor | None = None

    def __repr__(self) -> str:
        return f"<{self.name}, dim {self.dim}>"

    @property
    def dim(self) -> int:
        return self.means.shape[1]

    @property
    def mode_std(self) -> float | None:
        if self.modes is None or bool((self.stds != self.stds[0]).any()):
            return None
        return float(self.stds[0])

    @property
    def support(self) -> tuple[tuple[float, float], ...]:
        reach = _REACH * self.stds[:, None]
        low, high = (self.means - reach).amin(0), (self.means + reach).amax(0)
        return tuple(zip(low.tolist(), high.tolist(), strict=True))

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log density at ``x``.

        log sum_k w_k N(x; mean_k, std_k^2 I), by log-sum-exp: finite far out in the tails.

        Args:
            x: points, shape (..., dim), float32 or float64.
        Returns:
            Log densities, shape (...), in the dtype and on the device of ``x``.
        Raises:
            TypeError, ValueError: ``x`` is no such tensor, is empty, or is not finite.
        First met in: notebook 01.
        """
        _check_points("x", x, dim=self.dim)
        means, stds, weights = (t.to(device=x.device, dtype=x.dtype) for t in (self.means, self.stds, self.weights))
        squared = sum((x[..., axis, None] - means[:, axis]).square() for axis in range(self.dim))  # (..., K)
        log_height = weights.log() - self.dim * (stds.log() + 0.5 * math.log(2 * math.pi))
        return torch.logsumexp(log_height - 0.5 * squared / stds.square(), dim=-1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` points, shape (n, dim), float32, on the generator's device.

        Args:
            n: how many, at least 1.
            generator: your own random generator, e.g. ``runtime.generator(0)``.
        Raises:
            TypeError, ValueError: ``n`` or ``generator`` is not such a thing.
        First met in: notebook 01.
        """
        n = _checked_draw(n, generator)
        device = generator.device
        which = torch.multinomial(self.weights.to(device), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.dim, generator=generator, device=device, dtype=torch.float32)
        means, stds = self.means.float().to(device), self.stds.float().to(device)
        return means[which] + stds[which, None] * noise


@dataclass(frozen=True, eq=False)
class Uniform:
    """Constant density on a box, and none outside. Make one with :func:`uniform`."""

    name: str
    low: Tensor  # (dim,), float64
    high: Tensor  # (dim,), float64
    modes: None = None
    mode_std: None = None

    def __repr__(self) -> str:
        return f"<{self.name}, dim {self.dim}>"

    @property
    def dim(self) -> int:
        return self.low.numel()

    @property
    def support(self) -> tuple[tuple[float, float], ...]:
        return tuple(zip(self.low.tolist(), self.high.tolist(), strict=True))

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log density at ``x``: -log volume inside the box (edges included), -inf outside.

        Args:
            x: points, shape (..., dim), float32 or float64.
        Returns:
            Log densities, shape (...), in the dtype and on the device of ``x``.
        Raises:
            TypeError, ValueError: ``x`` is no such tensor, is empty, or is not finite.
        First met in: notebook 01.
        """
        _check_points("x", x, dim=self.dim)
        low, high = (t.to(device=x.device, dtype=x.dtype) for t in (self.low, self.high))
        inside = ((x >= low) & (x <= high)).all(-1)
        level = -float((self.high - self.low).log().sum())
        return torch.where(inside, torch.full_like(x[..., 0], level), torch.full_like(x[..., 0], -math.inf))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` points, shape (n, dim), float32, on the generator's device (see :meth:`Mixture.sample`)."""
        n = _checked_draw(n, generator)
        low, high = self.low.float().to(generator.device), self.high.float().to(generator.device)
        unit = torch.rand(n, self.dim, generator=generator, device=generator.device, dtype=torch.float32)
        return torch.minimum(low + (high - low) * unit, high)  # rounding may overshoot the edge by one ulp


@dataclass(frozen=True, eq=False)
class Empirical:
    """A finite set of points, drawn with replacement: samples but no density. Make one with :func:`empirical`."""

    name: str
    points: Tensor  # (N, dim), float32
    modes: None = None
    mode_std: None = None

    def __repr__(self) -> str:
        return f"<{self.name}, dim {self.dim}>"

    @property
    def dim(self) -> int:
        return self.points.shape[1]

    @property
    def support(self) -> tuple[tuple[float, float], ...]:
        low, high = self.points.amin(0), self.points.amax(0)
        return tuple(zip(low.tolist(), high.tolist(), strict=True))

    def log_prob(self, x: Tensor) -> Tensor:
        """Refuse: points have no density."""
        raise ValueError(
            f"{self.name} has no density, so log_prob does not exist; use a toy with a formula, such as toy.mixture"
        )

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` of the points with replacement, shape (n, dim), float32 (see :meth:`Mixture.sample`)."""
        n = _checked_draw(n, generator)
        which = torch.randint(len(self.points), (n,), generator=generator, device=generator.device)
        return self.points.to(generator.device)[which]


# ---------------------------------------------------------------- makers


def gaussian(mean: Number | Sequence[Number] = 0.0, std: Number = 1.0) -> Mixture:
    """Return one Gaussian: on the line for a number ``mean``, round in the plane (or beyond) for a sequence.

    Args:
        mean: its centre; a number, or one number per axis.
        std: its standard deviation, the same along every axis, above 0.
    Returns:
        A distribution with one mode.
    Raises:
        TypeError, ValueError: an argument is no finite number, or ``std`` is not positive.
    First met in: notebook 01.
    """
    mean = _numbers("mean", mean)
    spread = _positive("std", std)
    return Mixture(
        f"Gaussian (mean {_short(mean)}, std {spread:g})",
        means=mean.reshape(1, -1),
        stds=torch.tensor([spread], dtype=torch.float64),
        weights=torch.ones(1, dtype=torch.float64),
        modes=mean.reshape(1, -1),
    )


def mixture(
    means: Sequence[Number] | Sequence[Sequence[Number]] | Tensor,
    stds: Number | Sequence[Number] | Tensor,
    weights: Sequence[Number] | Tensor | None = None,
) -> Mixture:
    """Return a mixture of Gaussians, one for each of the ``means``.

    Args:
        means: K numbers (points on the line) or K points of equal length, shape (K, dim).
        stds: one standard deviation for all, or K of them; above 0.
        weights: K positive numbers, divided by their sum; equal if not given.
    Returns:
        A distribution with K modes.
    Raises:
        TypeError, ValueError: an argument is not finite, not positive where it must be, or of another length.
    First met in: notebook 01.
    """
    centres = _numbers("means", means)
    if centres.ndim == 0:
        raise ValueError("means must hold one entry per component, got a single number; write [mean]")
    centres = centres[:, None] if centres.ndim == 1 else centres
    if centres.ndim != 2:
        raise ValueError(f"means must have shape (K,) or (K, dim), got {tuple(centres.shape)}")
    count = len(centres)
    spreads = _numbers("stds", stds)
    spreads = spreads.expand(count) if spreads.ndim == 0 else spreads
    shares = torch.ones(count, dtype=torch.float64) if weights is None else _numbers("weights", weights)
    for label, value in (("stds", spreads), ("weights", shares)):
        if value.shape != (count,):
            raise ValueError(f"{label} must have one entry for each of the {count} means, got {tuple(value.shape)}")
        if bool((value <= 0).any()):
            raise ValueError(f"{label} must be above 0, got {float(value.min()):g}")
    return Mixture(f"mixture of {count} Gaussians", centres, spreads.clone(), shares / shares.sum(), modes=centres)


def uniform(low: Number | Sequence[Number] = 0.0, high: Number | Sequence[Number] = 1.0) -> Uniform:
    """Return the uniform distribution between ``low`` and ``high``, or on a box if they are sequences.

    Args:
        low, high: the edges, low below high; a number each, or one number per axis.
    Raises:
        TypeError, ValueError: an edge is no finite number, or low is not below high.
    First met in: notebook 01.
    """
    lows, highs = _numbers("low", low), _numbers("high", high)
    if lows.shape != highs.shape or lows.ndim > 1:
        raise ValueError(
            f"low and high must have one number per axis each, got {tuple(lows.shape)} and {tuple(highs.shape)}"
        )
    if bool((lows >= highs).any()):
        raise ValueError(f"low must be below high on every axis, got {_short(lows)} and {_short(highs)}")
    return Uniform(f"uniform from {_short(lows)} to {_short(highs)}", lows.reshape(-1), highs.reshape(-1))


def ring(modes: int = 8, radius: Number = 1.0, std: Number = 0.05) -> Mixture:
    """Return ``modes`` equal Gaussians evenly round a circle in the plane, the first at (radius, 0).

    Args:
        modes: how many, at least 1.
        radius: distance of each centre from the origin, above 0.
        std: standard deviation of each Gaussian, above 0.
    Raises:
        TypeError, ValueError: an argument is not such a number.
    First met in: notebook 00.
    """
    modes = _count("modes", modes)
    radius, std = _positive("radius", radius), _positive("std", std)
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    centres = radius * torch.stack([angle.cos(), angle.sin()], dim=1)
    return _equal_parts(f"ring of {modes} Gaussians", centres, std, modes=centres)


def grid(side: int = 5, spacing: Number = 2.0, std: Number = 0.05) -> Mixture:
    """Return ``side`` times ``side`` equal Gaussians on a square grid centred on the origin.

    The defaults are the 25 Gaussians of the literature.

    Args:
        side: Gaussians per row, at least 1.
        spacing: distance between neighbours, above 0.
        std: standard deviation of each Gaussian, above 0.
    Raises:
        TypeError, ValueError: an argument is not such a number.
    First met in: notebook 00.
    """
    side = _count("side", side)
    spacing, std = _positive("spacing", spacing), _positive("std", std)
    line = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * spacing
    centres = torch.cartesian_prod(line, line).reshape(-1, 2)
    return _equal_parts(f"grid of {side} x {side} Gaussians", centres, std, modes=centres)


def two_moons(noise: Number = 0.1) -> Mixture:
    """Return two interleaved half circles in the plane, blurred by Gaussian noise, with an exact density.

    The half circles of scikit-learn's ``make_moons``, moved so that their mean is the origin. The curve is
    replaced by a fine chain of points, half a ``noise`` apart, so the density is a formula and not an estimate.

    Args:
        noise: standard deviation of the blur, from 0.005 to 1.
    Returns:
        A distribution without modes.
    Raises:
        TypeError, ValueError: ``noise`` is not such a number.
    First met in: notebook 00.
    """
    noise = _curve_noise(noise)
    count = math.ceil(math.pi / (0.5 * noise)) + 1
    angle = torch.linspace(0, math.pi, count, dtype=torch.float64)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    chain = torch.cat([upper, lower])
    return _equal_parts("two moons", chain - chain.mean(0), noise)


def spiral(noise: Number = 0.05, turns: Number = 1.5) -> Mixture:
    """Return one arm of a spiral in the plane, radius 0.1 to 1, blurred by Gaussian noise, with an exact density.

    Points are spread evenly along the curve; as in :func:`two_moons`, it is a chain at most half a ``noise`` apart.

    Args:
        noise: standard deviation of the blur, from 0.005 to 1.
        turns: full turns from the inner to the outer end, from 0.25 to 5.
    Returns:
        A distribution without modes.
    Raises:
        TypeError, ValueError: an argument is not such a number.
    First met in: notebook 00.
    """
    noise, turns = _curve_noise(noise), _positive("turns", turns)
    if not 0.25 <= turns <= 5:
        raise ValueError(f"turns must lie between 0.25 and 5, got {turns:g}")
    fine = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    curve = _spiral_curve(fine, turns)
    length = torch.cat([torch.zeros(1, dtype=torch.float64), curve.diff(dim=0).norm(dim=1).cumsum(0)])
    wanted = torch.linspace(0, float(length[-1]), math.ceil(float(length[-1]) / (0.5 * noise)) + 1, dtype=torch.float64)
    right = torch.searchsorted(length, wanted).clamp(1, len(fine) - 1)
    part = (wanted - length[right - 1]) / (length[right] - length[right - 1])
    chain = _spiral_curve(fine[right - 1] + part * (fine[right] - fine[right - 1]), turns)
    return _equal_parts("spiral", chain, noise)


def empirical(points: Tensor) -> Empirical:
    """Return the distribution that draws from the rows of ``points`` with replacement.

    Args:
        points: floating-point tensor, shape (N, dim), at least one point, finite.
    Returns:
        A distribution with samples only: its ``log_prob`` refuses.
    Raises:
        TypeError, ValueError: ``points`` is no such tensor.
    First met in: notebook 02.
    """
    _check_points("points", points, dim=None)
    if points.ndim != 2:
        raise ValueError(f"points must have shape (N, dim), got {tuple(points.shape)}")
    return Empirical(f"{len(points)} points", points.detach().float().clone())


# ---------------------------------------------------------------- helpers


def _equal_parts(name: str, centres: Tensor, std: float, modes: Tensor | None = None) -> Mixture:
    count = len(centres)
    same = torch.full((count,), float(std), dtype=torch.float64)
    return Mixture(name, centres, same, torch.full((count,), 1 / count, dtype=torch.float64), modes)


def _spiral_curve(t: Tensor, turns: float) -> Tensor:
    radius, angle = 0.1 + 0.9 * t, 2 * math.pi * turns * t
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)


def _numbers(label: str, value: object) -> Tensor:
    """Turn numbers into a float64 tensor, refusing by name what is not numbers, empty or not finite."""
    if isinstance(value, np.ndarray) and value.dtype != bool:
        value = value.tolist()
    if not isinstance(value, (list, tuple, range, Tensor)) and (number := real(value)) is not None:
        value = number
    elif isinstance(value, (list, tuple)):
        value = [entry if (number := real(entry)) is None else number for entry in value]
    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple, range, Tensor)):
        raise TypeError(f"{label} must be a number or a sequence of numbers, got {type(value).__name__}")
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach().clone()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"{label} must be a number or a sequence of numbers of equal length: {error}") from error
    if numbers.numel() == 0:
        raise ValueError(f"{label} is empty")
    if not bool(torch.isfinite(numbers).all()):
        raise ValueError(f"{label} must be finite, got {_short(numbers)}")
    return numbers


def _positive(label: str, value: object) -> float:
    number = _numbers(label, value)
    if number.numel() != 1:
        raise ValueError(f"{label} must be one number, got shape {tuple(number.shape)}")
    if float(number) <= 0:
        raise ValueError(f"{label} must be above 0, got {float(number):g}")
    return float(number)


def _curve_noise(noise: object) -> float:
    value = _positive("noise", noise)
    if not _FINEST <= value <= _WIDEST:
        raise ValueError(f"noise must lie between {_FINEST} and {_WIDEST:g}, got {value:g}")
    return value


def _count(label: str, value: object) -> int:
    if (number := whole(value)) is None:
        raise TypeError(f"{label} must be a whole number, got {type(value).__name__}")
    if number < 1:
        raise ValueError(f"{label} must be at least 1, got {number}")
    return number


def _checked_draw(n: object, generator: object) -> int:
    """Return how many to draw, with a generator to draw from."""
    number = _count("n", n)
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, such as runtime.generator(0), got {type(generator).__name__}"
        )
    return number


def _check_points(label: str, x: object, *, dim: int | None) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{label} must be a tensor of points, got {type(x).__name__}")
    if x.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{label} must be float32 or float64, got {x.dtype}")
    if dim is not None and (x.ndim == 0 or x.shape[-1] != dim):
        hint = "; a point on the line has its own axis, write x[:, None]" if dim == 1 and x.ndim <= 1 else ""
        raise ValueError(f"{label} must have shape (..., {dim}), got {tuple(x.shape)}{hint}")
    if x.numel() == 0:
        raise ValueError(f"{label} is empty, shape {tuple(x.shape)}")
    plain = x.device.type == "cpu" and not torch.compiler.is_compiling()
    if plain and not torch._C._functorch.is_functorch_wrapped_tensor(x) and not bool(torch.isfinite(x).all()):
        raise ValueError(f"{label} must be finite, got {int((~torch.isfinite(x)).sum())} NaN or infinite value(s)")


def _short(numbers: Tensor) -> str:
    flat = [f"{v:g}" for v in numbers.reshape(-1)[:4].tolist()]
    if numbers.ndim == 0:
        return flat[0]
    return "(" + ", ".join(flat) + (", ...)" if numbers.numel() > 4 else ")")
