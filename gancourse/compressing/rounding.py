"""Weights rounded to a few bits.

With b bits a weight becomes one of 2^b - 1 multiples of a step Δ, from -(2^(b-1) - 1) Δ to (2^(b-1) - 1) Δ. The largest
weight that shares the step decides it. A weight that is rounded to the nearest multiple is off by at most Δ/2; if the
error is spread evenly over that range, its mean square is Δ²/12.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.compressing._layers import copied, out_axis, weighted

__all__ = ["SHARING", "Rounding", "errors", "packed_bytes", "rounded", "step"]

SHARING = ("channel", "layer")
"""What shares one step: the weights of one output channel, or all weights of a layer."""

_SMALLEST, _LARGEST = 2, 16  # bits
_FLOAT_BYTES = 4


class Rounding(NamedTuple):
    """What rounding does to the weights of one layer.

    Attributes:
        name: of the layer, as in ``named_modules``.
        measured: mean squared difference between the weights and the rounded ones.
        predicted: mean of Δ²/12 over the weights.
    """

    name: str
    measured: float
    predicted: float


def step(weight: Tensor, bits: int, *, per: str = "channel", axis: int = 0) -> Tensor:
    """Return the step Δ, in a shape that multiplies the weights.

    Args:
        weight: at least one axis.
        bits: from 2, which leaves -Δ, 0 and Δ, to 16.
        per: one of :data:`SHARING`.
        axis: of ``weight`` that counts output channels: 0 for dense layers and convolutions, 1 for transposed ones.
    Returns:
        1 along every axis, but as many as there are channels along ``axis`` if each has its own. A channel of zeros
        has the step 0.
    Raises:
        ValueError: an argument will not do.
    First met in: notebook 21.
    """
    bits = whole_between("bits", bits, _SMALLEST, _LARGEST)
    if per not in SHARING:
        raise ValueError(f"per must be one of {', '.join(SHARING)}, got {per!r}")
    axis = whole_between("axis", axis, 0, weight.ndim - 1)
    together = [other for other in range(weight.ndim) if per == "layer" or other != axis]
    largest = weight.abs().amax(together, keepdim=True) if together else weight.abs()
    return largest / (2 ** (bits - 1) - 1)


def rounded(network: nn.Module, bits: int, *, per: str = "channel") -> nn.Module:
    """Return a copy whose weights are rounded; they stay floats, so that nothing else changes.

    Biases and batch norm stay as they are. What a program does that stores and multiplies whole numbers is in
    :func:`gancourse.exporting.to_int8`.

    Args:
        network: any module with dense or convolutional layers.
        bits, per: as for :func:`step`.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 21.
    """
    network = copied(network)
    for layer in weighted(network).values():
        layer.weight.copy_(_nearest(layer.weight, step(layer.weight, bits, per=per, axis=out_axis(layer))))
    return network


def errors(network: nn.Module, bits: int, *, per: str = "channel") -> list[Rounding]:
    """Return the squared errors that rounding makes, beside those that a spread-out error would have.

    Args:
        network, bits, per: as for :func:`rounded`.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 21.
    """
    found = []
    for name, layer in weighted(network).items():
        weight = layer.weight.detach().double()
        delta = step(weight, bits, per=per, axis=out_axis(layer))
        measured = (weight - _nearest(weight, delta)).square().mean()
        predicted = (delta.square() / 12).expand_as(weight).mean()
        found.append(Rounding(name, float(measured), float(predicted)))
    return found


def packed_bytes(network: nn.Module, bits: int, *, per: str = "channel") -> int:
    """Return the bytes of a file that stores nothing but numbers: weights with b bits, everything else as floats.

    Everything else is one step for each channel or layer, biases, and what batch norm keeps.

    Args:
        network, bits, per: as for :func:`rounded`.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 21.
    """
    bits, layers = whole_between("bits", bits, _SMALLEST, _LARGEST), weighted(network).values()
    few = sum(layer.weight.numel() for layer in layers)
    steps = sum(step(layer.weight, bits, per=per, axis=out_axis(layer)).numel() for layer in layers)
    floats = sum(value.numel() for value in network.state_dict().values() if value.is_floating_point()) - few
    return (few * bits + 7) // 8 + _FLOAT_BYTES * (steps + floats)


def _nearest(weight: Tensor, delta: Tensor) -> Tensor:
    return torch.where(delta > 0, (weight / delta.clamp(min=torch.finfo(weight.dtype).tiny)).round() * delta, weight)
