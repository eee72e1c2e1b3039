"""What the networks refuse, in words: the wrong type, shape, dtype, device, labels, or too few samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import whole

__all__ = [
    "check_count",
    "check_images",
    "check_latents",
    "check_size",
    "check_waves",
    "class_weights",
    "needs_two_samples",
]


def check_size(name: str, value: int, allowed: tuple[int, ...] | None = None) -> int:
    """Return ``value`` if it is a positive whole number (one of ``allowed``, when given)."""
    number = whole(value)
    if allowed is not None and number not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
    if number is None or number < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return number


def check_latents(module: nn.Module, z: Tensor, latent_dim: int, name: str = "z") -> None:
    """Refuse a ``z`` that is not a batch of latent vectors for ``module``."""
    hint = (
        f"; use {name}.flatten(1)"
        if isinstance(z, Tensor) and z.ndim == 4 and z.shape[1:] == (latent_dim, 1, 1)
        else ""
    )
    _check(module, name, z, (latent_dim,), f"(N, {latent_dim})", hint)


def check_images(module: nn.Module, images: Tensor, channels: int, image_size: int) -> None:
    """Refuse ``images`` that are not a batch of the kind ``module`` was built for."""
    sides = (channels, image_size, image_size)
    _check(module, "images", images, sides, f"(N, {channels}, {image_size}, {image_size})", "")


def check_waves(module: nn.Module, waves: Tensor, length: int) -> None:
    """Refuse ``waves`` that are not a batch of sounds of the length that ``module`` was built for."""
    one = isinstance(waves, Tensor) and waves.ndim == 3 and tuple(waves.shape[1:]) == (1, length)
    _check(module, "waves", waves, (length,), f"(N, {length})", "; use waves.squeeze(1)" if one else "")


def needs_two_samples(module: nn.Module, z: Tensor, name: str = "z") -> None:
    """Refuse a batch of one where batch norm would have to take statistics of a single value."""
    if module.training and len(z) < 2:
        raise ValueError(
            f"{name} holds 1 sample, but batch norm in training mode needs at least 2 to take statistics of; "
            "draw more, or call .eval() first"
        )


def check_count(name: str, value: Tensor, count: int, other: str) -> None:
    """Refuse a ``value`` that has not as many rows as ``other``."""
    if len(value) != count:
        raise ValueError(f"{name} must be one for each of {other}, {count}, got {len(value)}")


def class_weights(module: nn.Module, labels: Tensor, classes: int) -> Tensor:
    """Return labels as weights of the classes, shape (N, classes), in the dtype of ``module``: one-hot for int64.

    Raises:
        TypeError, ValueError: ``labels`` are neither classes, shape (N,), nor such weights.
    """
    shapes = f"int64 of shape (N,), or weights of shape (N, {classes})"
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels must be {shapes}, got {type(labels).__name__}")
    weight = next(module.parameters())
    if labels.device != weight.device:
        raise ValueError(f"labels are on {labels.device}, but the network is on {weight.device}; use .to(device)")
    if labels.dtype == torch.int64:
        if labels.ndim != 1 or len(labels) == 0:
            raise ValueError(f"labels must be {shapes}, got int64 of shape {tuple(labels.shape)}")
        low, high = (int(number) for number in labels.aminmax())
        if low < 0 or high >= classes:
            raise ValueError(f"labels must be from 0 to {classes - 1}, got {low} to {high}")
        return F.one_hot(labels, classes).to(weight.dtype)
    if not labels.is_floating_point():
        raise TypeError(f"labels must be {shapes}, got dtype {labels.dtype}")
    if labels.ndim != 2 or labels.shape[1] != classes or len(labels) == 0:
        raise ValueError(f"labels must be {shapes}, got weights of shape {tuple(labels.shape)}")
    sums = labels.sum(dim=1)
    if not bool(((sums - 1).abs() < 1e-3).all()):
        raise ValueError(
            f"labels as weights must sum to 1 in every row, got sums from {sums.min():.3g} to {sums.max():.3g}"
        )
    return labels.to(weight.dtype)


def _check(module: nn.Module, name: str, value: Tensor, rest: tuple[int, ...], shape: str, hint: str) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor of shape {shape}, got {type(value).__name__}")
    if value.ndim != len(rest) + 1 or tuple(value.shape[1:]) != rest:
        raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}{hint}")
    if value.shape[0] == 0:  # `len` would have to be Python's own number, and torch.export then fixes the batch size
        raise ValueError(f"{name} is empty: at least one sample is needed")
    weight = next(module.parameters())
    if value.device != weight.device:
        raise ValueError(f"{name} is on {value.device}, but the network is on {weight.device}; use .to(device)")
    if value.dtype != weight.dtype and not torch.is_autocast_enabled(value.device.type):
        raise TypeError(f"{name} must have the network's dtype {weight.dtype}, got {value.dtype}")
