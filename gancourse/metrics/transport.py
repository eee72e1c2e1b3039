"""Exact transport distances: how far must mass travel to turn one distribution into another?

    wasserstein_1d              two samples on the line, by sorting
    wasserstein_by_assignment   two samples of equal size, any dimension
    transport                   piles with weights, by a linear programme; also gives the plan and the prices
    wasserstein_by_programme    two samples of any sizes, any dimension, by that programme
    sliced_wasserstein          the average over directions of the distance on a line: a cheap lower bound
    gaussian_w1, gaussian_w2    closed forms between Gaussians

All are computed in float64. Two samples of one distribution are not at distance 0: know the floor.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real, whole

__all__ = [
    "Transport",
    "gaussian_w1",
    "gaussian_w2",
    "sliced_wasserstein",
    "transport",
    "wasserstein_1d",
    "wasserstein_by_assignment",
    "wasserstein_by_programme",
]

_MOST_ASSIGNED = 4000
_MOST_ROUTES = 250_000


def wasserstein_1d(a: Tensor, b: Tensor) -> float:
    """Return the exact Wasserstein-1 distance between two samples on the line.

    The least average distance that points of ``a`` must move to become ``b``. On the line the best plan keeps
    the order, so sorting solves it: for equal sizes it is mean \\|sort(a) - sort(b)\\|; in general it is the area
    between the two cumulative distribution functions, which is what is computed here (in float64).
    It has the unit of the data and is 0 only for equal samples. Two samples of one distribution are *not*
    at distance 0: for N points of a Gaussian each expect about 1.8 std / sqrt(N).

    Args:
        a: points, shape (N,) or (N, 1), floating point, finite.
        b: points, shape (M,) or (M, 1), floating point, finite; M may differ from N.
    Returns:
        A number, at least 0.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: an argument has another shape, is empty, or is not finite.
    Source: Vallender (1974), the distance as an area between distribution functions.
    First met in: notebook 01.
    """
    a, b = _sorted_line("a", a), _sorted_line("b", b)
    values = torch.cat([a, b]).sort().values
    share_a, share_b = (torch.searchsorted(s, values[:-1], right=True).double() / len(s) for s in (a, b))
    return float(((share_a - share_b).abs() * values.diff()).sum())


def wasserstein_by_assignment(a: Tensor, b: Tensor) -> float:
    """Return the exact Wasserstein-1 distance between two samples of equal size, in any dimension.

    The least average distance that points of ``a`` must move to become ``b``. With equal sizes some best plan sends
    every point to one other, so it is an assignment problem, solved exactly (not by Sinkhorn's blur). Time grows
    like N^3: 1,000 points take a moment, and more than 4,000 are refused. Two samples of one distribution
    are not at distance 0: compare with the distance between two samples of the data.

    Args:
        a: points, shape (N, dim), floating point, finite.
        b: points, shape (N, dim).
    Returns:
        A number, at least 0, in the unit of the data.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: an argument has another shape, is empty, too large, or is not finite; or the shapes differ.
    Source: Peyre and Cuturi (2019), Computational Optimal Transport, section 2.2.
    First met in: notebook 04.
    """
    from scipy.optimize import linear_sum_assignment

    a, b = _cloud("a", a, most=_MOST_ASSIGNED), _cloud("b", b, most=_MOST_ASSIGNED)
    if a.shape != b.shape:
        raise ValueError(
            f"b must have the shape of a, {tuple(a.shape)}, got {tuple(b.shape)}: an assignment needs equal numbers of "
            "points; draw as many of each, or use wasserstein_by_programme"
        )
    distances = _distances(a, b).numpy()
    return float(distances[linear_sum_assignment(distances)].mean())


# ---------------------------------------------------------------- linear programmes


class Transport(NamedTuple):
    """The answer of :func:`transport`.

    Attributes:
        cost: the least total of flow times cost.
        plan: how much goes from pile i to place j, shape (N, M); its rows sum to the supply, its columns to the demand.
        potential: what a unit is worth at place j, shape (M,): the critic's scores there, with the mean taken off.
            No route pays: worth at the end minus worth at the start is at most the cost of the way. So where costs
            are distances, the potential's slope between places is at most 1.
        origin: the same where the piles stand, shape (N,).
    """

    cost: float
    plan: Tensor
    potential: Tensor
    origin: Tensor


def transport(supply: Tensor, demand: Tensor, costs: Tensor) -> Transport:
    """Return the cheapest way to turn piles into other piles, and the prices that prove it cheapest.

    The linear programme of optimal transport: minimise the sum of plan[i, j] costs[i, j] over plans with
    entries of at least 0 whose rows sum to ``supply`` and whose columns sum to ``demand``. Its dual is a
    critic: sum demand[j] potential[j] - sum supply[i] origin[i] equals the cost, and no potentials do better.

    Args:
        supply: mass of each pile, shape (N,), floating point, at least 0, with a sum above 0.
        demand: mass wanted at each place, shape (M,), of the same sum (to a millionth).
        costs: cost of a unit from pile i to place j, shape (N, M), finite; N x M at most 250,000.
    Returns:
        Cost, plan and potentials; float64, on the CPU.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: a shape, a negative or non-finite number, sums that differ, or too many routes.
    Source: Kantorovich (1942); Peyre and Cuturi (2019), sections 2.3 and 2.5.
    First met in: notebook 08.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    supply, demand = _masses("supply", supply), _masses("demand", demand)
    costs = _floats("costs", costs, "shape (N, M)")
    n, m = len(supply), len(demand)
    if costs.shape != (n, m):
        raise ValueError(f"costs must have shape ({n}, {m}), piles by places, got {tuple(costs.shape)}")
    if n * m > _MOST_ROUTES:
        raise ValueError(f"costs has {n * m:,} routes, more than {_MOST_ROUTES:,}: take a part of the samples")
    if not bool(torch.isfinite(costs).all()):
        raise ValueError(f"costs must be finite, got {int((~torch.isfinite(costs)).sum())} NaN or infinite value(s)")
    total, wanted = float(supply.sum()), float(demand.sum())
    if not math.isclose(total, wanted, rel_tol=1e-6):
        raise ValueError(
            f"demand must have the sum of supply, {total:.6g}, got {wanted:.6g}: mass is neither made nor lost"
        )
    # The solver's tolerances are absolute: it is shown masses that sum to 1 and costs from 0 to 1, whatever the units.
    least = float(costs.min())
    unit = float(costs.max()) - least or 1.0
    scaled = (costs - least) / unit
    shares = torch.cat([supply / total, demand / wanted])  # so that rounding cannot make the programme infeasible
    route = np.arange(n * m)
    ones = np.ones(2 * n * m)
    rows, columns = np.concatenate([route // m, n + route % m]), np.concatenate([route, route])
    answer = linprog(
        scaled.flatten().numpy(),
        A_eq=coo_array((ones, (rows, columns)), shape=(n + m, n * m)).tocsr(),
        b_eq=shares.numpy(),
        bounds=(0, None),
        method="highs",
    )
    if answer.status != 0:
        raise ArithmeticError(f"the solver found no plan: {answer.message}")
    prices = least + unit * torch.from_numpy(answer.eqlin.marginals)
    # where nothing is wanted any low price would do: take the highest that no route can beat, a critic of slope 1
    potential = (costs - prices[:n, None]).amin(0)
    origin = (potential - costs).amax(1)
    middle = potential.mean()
    plan = torch.from_numpy(answer.x).reshape(n, m)
    cost = total * (least + unit * float((plan * scaled).sum()))
    return Transport(cost, total * plan, potential - middle, origin - middle)


def wasserstein_by_programme(a: Tensor, b: Tensor) -> float:
    """Return the exact Wasserstein-1 distance between two samples of any sizes, in any dimension.

    Each point of ``a`` carries 1 / N, each of ``b`` 1 / M, and the cost of a way is its length: see :func:`transport`.
    The slowest of the three ways and the most general: sizes may differ, 250,000 routes at most (500 points a side).

    Args:
        a: points, shape (N, dim), floating point, finite.
        b: points, shape (M, dim).
    Returns:
        A number, at least 0, in the unit of the data.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: an argument has another shape, is empty or not finite, or there are too many routes.
    Source: Peyre and Cuturi (2019), section 2.3.
    First met in: notebook 08.
    """
    a, b = _cloud("a", a), _cloud("b", b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"b must have the dim of a, {a.shape[1]}, got {b.shape[1]}")
    shares = (torch.full((len(points),), 1 / len(points), dtype=torch.float64) for points in (a, b))
    if len(a) * len(b) > _MOST_ROUTES:
        raise ValueError(
            f"a and b make {len(a) * len(b):,} routes, more than {_MOST_ROUTES:,}: take a part of them, "
            "or wasserstein_by_assignment for equal sizes"
        )
    return max(0.0, transport(*shares, _distances(a, b)).cost)


# ---------------------------------------------------------------- slices and closed forms


def sliced_wasserstein(
    a: Tensor, b: Tensor, *, directions: int = 200, generator: torch.Generator | None = None
) -> float:
    """Return the sliced Wasserstein-1 distance: the average over directions of the distance of the shadows on a line.

    Every shadow is solved by sorting, so it is quick where the exact distance is not. Never more than
    Wasserstein-1, because a shadow shortens every way; for a pure shift in the plane it is 2 / pi of it.

    Args:
        a: points, shape (N, dim), floating point, finite.
        b: points, shape (M, dim); M may differ from N.
        directions: how many random directions, at least 1.
        generator: random generator for them, on the CPU; PyTorch's own if not given.
    Returns:
        A number, at least 0, in the unit of the data.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: an argument has another shape, is empty or not finite; ``directions`` is no positive whole number.
    Source: Rabin et al. (2011); here with the distance W1, not W2.
    First met in: notebook 08.
    """
    a, b = _cloud("a", a), _cloud("b", b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"b must have the dim of a, {a.shape[1]}, got {b.shape[1]}")
    if (whole(directions) or 0) < 1:
        raise ValueError(f"directions must be a positive whole number, got {directions!r}")
    directions = whole(directions)
    ways = torch.randn(a.shape[1], directions, generator=generator, dtype=torch.float64)
    ways = ways / ways.norm(dim=0)
    shadows_a, shadows_b = a @ ways, b @ ways
    if len(a) == len(b):
        return float((shadows_a.sort(dim=0).values - shadows_b.sort(dim=0).values).abs().mean())
    pairs = zip(shadows_a.T, shadows_b.T, strict=True)
    return sum(wasserstein_1d(shadow_a, shadow_b) for shadow_a, shadow_b in pairs) / directions


def gaussian_w1(mean_p: float, std_p: float, mean_q: float, std_q: float) -> float:
    """Return the Wasserstein-1 distance between two Gaussians on the line, in closed form.

    The best plan keeps the order: mean_p + std_p Z goes to mean_q + std_q Z with the same Z ~ N(0, 1), so the distance
    is E |m + s Z| with m and s the differences of means and of standard deviations (a folded normal's mean):
    s sqrt(2 / pi) exp(-m^2 / 2 s^2) + m erf(m / (s sqrt 2)). At least \\|m\\|; equal to it for equal widths.

    Args:
        mean_p, mean_q: means, finite.
        std_p, std_q: standard deviations, at least 0 (0: a point).
    Raises:
        TypeError, ValueError: an argument is no such number.
    First met in: notebook 08.
    """
    numbers = {"mean_p": mean_p, "std_p": std_p, "mean_q": mean_q, "std_q": std_q}
    for label, value in numbers.items():
        if (number := real(value)) is None:
            raise TypeError(f"{label} must be a number, got {type(value).__name__}")
        if not math.isfinite(number) or (label.startswith("std") and number < 0):
            raise ValueError(f"{label} must be finite{', at least 0' * label.startswith('std')}, got {value}")
        numbers[label] = float(number)
    m, s = numbers["mean_q"] - numbers["mean_p"], abs(numbers["std_q"] - numbers["std_p"])
    if s == 0:
        return abs(m)
    ratio = m / s
    if abs(ratio) > 40:  # exp(-800) is 0, and the square of a huge ratio is no number
        return abs(m)
    return s * math.sqrt(2 / math.pi) * math.exp(-0.5 * ratio**2) + m * math.erf(ratio / math.sqrt(2))


def gaussian_w2(mean_p: Tensor, cov_p: Tensor, mean_q: Tensor, cov_q: Tensor) -> float:
    """Return the Wasserstein-2 distance between two Gaussians in any dimension, in closed form.

    Its square is \\|mean_p - mean_q\\|^2 + trace(P + Q - 2 (P^(1/2) Q P^(1/2))^(1/2)), P and Q the covariances. The
    way's length is squared before averaging, and the root taken after: so it is at least Wasserstein-1.
    Without the root this is the Fréchet distance that image GANs are judged by.

    Args:
        mean_p, mean_q: shape (dim,), floating point, finite.
        cov_p, cov_q: shape (dim, dim), symmetric, no eigenvalue below 0 (by more than rounding).
    Returns:
        A number, at least 0, in the unit of the data.
    Raises:
        TypeError, ValueError: an argument is no such tensor.
    Source: Dowson and Landau (1982).
    First met in: notebook 08.
    """
    means = [_floats(label, mean, "shape (dim,)") for label, mean in (("mean_p", mean_p), ("mean_q", mean_q))]
    for label, mean in zip(("mean_p", "mean_q"), means, strict=True):
        if mean.ndim != 1 or mean.numel() == 0 or not bool(torch.isfinite(mean).all()):
            raise ValueError(f"{label} must be finite, shape (dim,), got {mean.tolist() if mean.ndim else float(mean)}")
    dim = len(means[0])
    if len(means[1]) != dim:
        raise ValueError(f"mean_q must have the shape of mean_p, ({dim},), got ({len(means[1])},)")
    root_p, cov_p = _covariance("cov_p", cov_p, dim)
    _, cov_q = _covariance("cov_q", cov_q, dim)
    inner = torch.linalg.eigvalsh(root_p @ cov_q @ root_p).clamp(min=0)
    squared = (means[0] - means[1]).square().sum() + cov_p.trace() + cov_q.trace() - 2 * inner.sqrt().sum()
    return math.sqrt(max(0.0, float(squared)))


# ---------------------------------------------------------------- helpers


def _floats(label: str, value: object, wanted: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{label} must be a tensor, {wanted}, got {type(value).__name__}")
    if not value.is_floating_point():
        raise TypeError(f"{label} must hold floating-point numbers, got dtype {value.dtype}")
    return value.detach().to(device="cpu", dtype=torch.float64)


def _masses(label: str, value: object) -> Tensor:
    masses = _floats(label, value, "shape (N,)")
    if masses.ndim != 1 or masses.numel() == 0:
        raise ValueError(f"{label} must have shape (N,), one mass per pile, got {tuple(masses.shape)}")
    if not bool(torch.isfinite(masses).all()) or bool((masses < 0).any()) or float(masses.sum()) <= 0:
        raise ValueError(f"{label} must be finite, nowhere below 0, with a sum above 0")
    return masses


def _covariance(label: str, value: object, dim: int) -> tuple[Tensor, Tensor]:
    """Return the symmetric root of a covariance, and the covariance."""
    cov = _floats(label, value, "shape (dim, dim)")
    if cov.shape != (dim, dim):
        raise ValueError(f"{label} must have shape ({dim}, {dim}), got {tuple(cov.shape)}")
    largest = float(cov.abs().max())
    if not bool(torch.isfinite(cov).all()) or float((cov - cov.T).abs().max()) > 1e-5 * largest:
        raise ValueError(f"{label} must be finite and symmetric")
    values, vectors = torch.linalg.eigh((cov + cov.T) / 2)
    if float(values[0]) < -1e-6 * float(values.abs().max()):
        raise ValueError(f"{label} must have no negative eigenvalue, got {float(values[0]):.3g}: not a covariance")
    return vectors * values.clamp(min=0).sqrt() @ vectors.T, cov


def _cloud(label: str, points: object, *, most: int | None = None) -> Tensor:
    if not isinstance(points, Tensor):
        raise TypeError(f"{label} must be a tensor of points, shape (N, dim), got {type(points).__name__}")
    if not points.is_floating_point():
        raise TypeError(f"{label} must hold floating-point numbers, got dtype {points.dtype}")
    if points.ndim != 2 or points.numel() == 0:
        raise ValueError(f"{label} must have shape (N, dim), at least one point, got {tuple(points.shape)}")
    if most is not None and len(points) > most:
        raise ValueError(f"{label} must hold at most {most:,} points, got {len(points):,}: take a part")
    if not bool(torch.isfinite(points).all()):
        raise ValueError(f"{label} must be finite, got {int((~torch.isfinite(points)).sum())} NaN or infinite value(s)")
    return points.detach().to(device="cpu", dtype=torch.float64)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    # direct differences: the faster |a|^2 - 2ab + |b|^2 loses all digits for points that nearly meet
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _sorted_line(label: str, points: object) -> Tensor:
    if not isinstance(points, Tensor):
        raise TypeError(f"{label} must be a tensor of points, shape (N,) or (N, 1), got {type(points).__name__}")
    if not points.is_floating_point():
        raise TypeError(f"{label} must hold floating-point numbers, got dtype {points.dtype}")
    if points.ndim not in (1, 2) or (points.ndim == 2 and points.shape[1] != 1):
        raise ValueError(f"{label} must have shape (N,) or (N, 1), points on the line, got {tuple(points.shape)}")
    if points.numel() == 0:
        raise ValueError(f"{label} is empty: a distance needs at least one point")
    line = points.detach().to(device="cpu", dtype=torch.float64).reshape(-1)
    if not bool(torch.isfinite(line).all()):
        raise ValueError(f"{label} must be finite, got {int((~torch.isfinite(line)).sum())} NaN or infinite value(s)")
    return line.sort().values
