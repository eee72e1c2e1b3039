"""What the networks refuse, in words: the wrong type, shape, dtype, device, or too few samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse._numbers import whole

__all__ = ["check_images", "check_latents", "check_size", "needs_two_samples"]


def check_size(name: str, value: int, allowed: tuple[int, ...] | None = None) -> int:
    """Return ``value`` if it is a positive whole number (one of ``allowed``, when given)."""
    number = whole(value)
    if allowed is not None and number not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")
    if number is None or number < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return number


def check_latents(module: nn.Module, z: Tensor, latent_dim: int) -> None:
    """Refuse a ``z`` that is not a batch of latent vectors for ``module``."""
    hint = "; use z.flatten(1)" if isinstance(z, Tensor) and z.ndim == 4 and z.shape[1:] == (latent_dim, 1, 1) else ""
    _check(module, "z", z, (latent_dim,), f"(N, {latent_dim})", hint)


def check_images(module: nn.Module, images: Tensor, channels: int, image_size: int) -> None:
    """Refuse ``images`` that are not a batch of the kind ``module`` was built for."""
    sides = (channels, image_size, image_size)
    _check(module, "images", images, sides, f"(N, {channels}, {image_size}, {image_size})", "")


def needs_two_samples(module: nn.Module, z: Tensor) -> None:
    """Refuse a batch of one where batch norm would have to take statistics of a single value."""
    if module.training and len(z) < 2:
        raise ValueError(
            "z holds 1 sample, but batch norm in training mode needs at least 2 to take statistics of; "
            "draw more, or call .eval() first"
        )


def _check(module: nn.Module, name: str, value: Tensor, rest: tuple[int, ...], shape: str, hint: str) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor of shape {shape}, got {type(value).__name__}")
    if value.ndim != len(rest) + 1 or tuple(value.shape[1:]) != rest:
        raise ValueError(f"{name} must have shape {shape}, got {tuple(value.shape)}{hint}")
    if len(value) == 0:
        raise ValueError(f"{name} is empty: at least one sample is needed")
    weight = next(module.parameters())
    if value.device != weight.device:
        raise ValueError(f"{name} is on {value.device}, but the network is on {weight.device}; use .to(device)")
    if value.dtype != weight.dtype and not torch.is_autocast_enabled(value.device.type):
        raise TypeError(f"{name} must have the network's dtype {weight.dtype}, got {value.dtype}")
