"""Exact transport distances: how far must mass travel to turn one distribution into another?"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["wasserstein_1d", "wasserstein_by_assignment"]

_MOST_ASSIGNED = 4000


def wasserstein_1d(a: Tensor, b: Tensor) -> float:
    """Return the exact Wasserstein-1 distance between two samples on the line.

    The least average distance that points of ``a`` must move to become ``b``. On the line the best plan keeps
    the order, so sorting solves it: for equal sizes it is mean \\|sort(a) - sort(b)\\|; in general it is the area
    between the two cumulative distribution functions, which is what is computed here (in float64).
    It has the unit of the data and is 0 only for equal samples. Two samples of one distribution are *not*
    at distance 0: expect about std / sqrt(N).

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

    for label, points in (("a", a), ("b", b)):
        if not isinstance(points, Tensor):
            raise TypeError(f"{label} must be a tensor of points, shape (N, dim), got {type(points).__name__}")
        if not points.is_floating_point():
            raise TypeError(f"{label} must hold floating-point numbers, got dtype {points.dtype}")
        if points.ndim != 2 or points.numel() == 0:
            raise ValueError(f"{label} must have shape (N, dim), at least one point, got {tuple(points.shape)}")
        if len(points) > _MOST_ASSIGNED:
            raise ValueError(f"{label} must hold at most {_MOST_ASSIGNED:,} points, got {len(points):,}: take a part")
        if not bool(torch.isfinite(points).all()):
            raise ValueError(
                f"{label} must be finite, got {int((~torch.isfinite(points)).sum())} NaN or infinite value(s)"
            )
    if a.shape != b.shape:
        raise ValueError(f"b must have the shape of a, {tuple(a.shape)}, got {tuple(b.shape)}")
    a, b = (points.detach().to(device="cpu", dtype=torch.float64) for points in (a, b))
    # direct differences: the faster |a|^2 - 2ab + |b|^2 loses all digits for points that nearly meet
    distances = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    return float(distances[linear_sum_assignment(distances)].mean())


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
