"""Codes beside the true ones: how far off, when a rotation does not count, and when no smooth change of names counts.

z ~ N(0, I) looks the same from every side. An encoder may therefore turn its codes without anybody noticing who sees
x alone, so a code far from the true one need not be a worse one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.metrics import _inputs

__all__ = ["Explained", "best_rotation", "explained"]

_NEIGHBOURS = 8


class Explained(NamedTuple):
    """Shares of the true codes' variance, at most 1, that other codes tell on points not fitted to.

    Attributes:
        affine: by the best affine map.
        smooth: by the mean of the eight nearest, as any smooth map would.
    """

    affine: float
    smooth: float


def best_rotation(codes: Tensor, truth: Tensor) -> Tensor:
    """Return the rotation, a mirror image allowed, that brings codes nearest to the true ones: ``codes @ rotation``.

    Args:
        codes, truth: the same shape (N, D).
    Returns:
        Shape (D, D), orthogonal, in the dtype of ``codes``.
    Raises:
        TypeError, ValueError: the two are anything else.
    Source: Schönemann (1966), orthogonal Procrustes.
    First met in: notebook 15.
    """
    exact, true = _inputs.pair(codes, truth)
    if len(exact) != len(true):
        raise ValueError(f"truth must hold a row for each of codes, {len(exact)}, got {len(true)}")
    left, _, right = torch.linalg.svd(exact.T @ true)
    return (left @ right).to(codes)


def explained(codes: Tensor, truth: Tensor) -> Explained:
    """Return how much of the true codes is known to somebody who has these codes.

    The first half of the rows is learnt from, the second half is asked about.

    Args:
        codes: shape (N, C), at least 40 rows.
        truth: shape (N, D).
    Raises:
        TypeError, ValueError: the two are anything else.
    First met in: notebook 15.
    """
    codes, truth = _inputs.features("codes", codes), _inputs.features("truth", truth)
    if len(codes) != len(truth) or len(codes) < 5 * _NEIGHBOURS:
        raise ValueError(
            f"codes and truth must have one number of rows, at least {5 * _NEIGHBOURS}, "
            f"got {len(codes)} and {len(truth)}"
        )
    half = len(codes) // 2
    with_one = torch.cat([codes, torch.ones(len(codes), 1, dtype=codes.dtype)], dim=1)
    affine = with_one[half:] @ torch.linalg.lstsq(with_one[:half], truth[:half]).solution
    near = _inputs.distances(codes[half:], codes[:half]).topk(_NEIGHBOURS, largest=False).indices
    asked = truth[half:]
    total = (asked - asked.mean(dim=0)).square().sum()
    return Explained(
        *(float(1 - (asked - told).square().sum() / total) for told in (affine, truth[:half][near].mean(1)))
    )
