"""What the modules of this folder share: a copy of a network, and its layers that hold matrices of weights."""

from __future__ import annotations

import copy
from typing import TypeAlias

from torch import nn

__all__ = ["KINDS", "Weighted", "copied", "out_axis", "weighted"]

KINDS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
Weighted: TypeAlias = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


def copied(network: nn.Module) -> nn.Module:
    """Return a copy in eval mode, without gradients."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"network must be a module, got {type(network).__name__}")
    return copy.deepcopy(network).eval().requires_grad_(False)


def weighted(network: nn.Module) -> dict[str, Weighted]:
    """Return the dense and convolutional layers by their names; refuse a network without any."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"network must be a module, got {type(network).__name__}")
    found = {name: layer for name, layer in network.named_modules() if isinstance(layer, KINDS)}
    if not found:
        raise ValueError(f"network has no dense or convolutional layer: {type(network).__name__}")
    return found


def out_axis(layer: Weighted) -> int:
    """Return the axis of the weights that counts the layer's outputs."""
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0
