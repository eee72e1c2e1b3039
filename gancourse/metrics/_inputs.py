"""What the numbers for sets of samples accept, refused by name where it is anything else."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_samples", "distances", "features", "flat", "pair"]


def check_samples(name: str, samples: object) -> None:
    """Refuse what is no finite floating-point tensor with one row for each sample."""
    if not isinstance(samples, Tensor):
        raise TypeError(f"{name} must be a tensor, one row for each sample, got {type(samples).__name__}")
    if not samples.is_floating_point():
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {samples.dtype}")
    if samples.ndim < 2 or samples.numel() == 0:
        raise ValueError(f"{name} must have shape (N, ...), at least one sample, got {tuple(samples.shape)}")
    if not bool(torch.isfinite(samples).all()):
        raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(samples)).sum())} NaN or infinite value(s)")


def features(name: str, features: object) -> Tensor:
    """Refuse what is no set of features; return the rest in float64 on the CPU."""
    check_samples(name, features)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"{name} must be features of shape (N, D), N at least 2, got {tuple(features.shape)}")
    return features.detach().to(device="cpu", dtype=torch.float64)


def pair(real: object, fake: object) -> tuple[Tensor, Tensor]:
    """Return two sets of features with as many numbers for each sample, in float64 on the CPU."""
    real, fake = features("real", real), features("fake", fake)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real and fake must have as many features, got {real.shape[1]} and {fake.shape[1]}")
    return real, fake


def flat(name: str, samples: object) -> Tensor:
    """Return at least two samples, images or features, as rows in float64 on the CPU."""
    check_samples(name, samples)
    if len(samples) < 2:
        raise ValueError(f"{name} must hold at least two samples, got {len(samples)}")
    return samples.detach().to(device="cpu", dtype=torch.float64).flatten(1)


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the distances of all rows of ``a`` from all rows of ``b``, without losing the digits of near ones."""
    # direct differences: the faster |a|^2 - 2ab + |b|^2 loses all digits for points that nearly meet
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
