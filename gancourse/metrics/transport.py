"""Exact transport distances: how far must mass travel to turn one distribution into another?"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["wasserstein_1d"]


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
