"""Small parts that came with Progressive GAN: pixel norm, minibatch deviation, and equalised learning rates."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gancourse._numbers import real

__all__ = ["MinibatchDeviation", "PixelNorm", "equalise", "equalised_factor"]

_LEAST = 1e-8  # so that no length is 0


class PixelNorm(nn.Module):
    """Give the channels at each place of each sample the mean square 1: x / sqrt(mean of x^2 over the channels).

    It has no weights and takes no statistics of the batch. Shapes (N, C) and (N, C, H, W) stay as they are.

    Source: Karras et al. (2018), section 4.2.
    First met in: notebook 16.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2:
            raise ValueError(f"x must have shape (N, C, ...), got {tuple(x.shape)}")
        return x * (x.square().mean(dim=1, keepdim=True) + _LEAST).rsqrt()


class MinibatchDeviation(nn.Module):
    """Append to maps (N, C, H, W) one more map, the same everywhere: how much the samples of this batch differ.

    Its one number is the standard deviation over the batch (divisor N), averaged over channels and places. A
    discriminator with it sees a batch of equal images at once, and must be fed real and fake apart.

    Source: Karras et al. (2018), section 3. ``models.features.MinibatchStd`` is the same for points.
    First met in: notebook 16.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if maps.ndim != 4:
            raise ValueError(f"maps must have shape (N, C, H, W), got {tuple(maps.shape)}")
        deviation = (maps.var(dim=0, unbiased=False) + _LEAST).sqrt().mean()  # the root of 0 has no slope
        return torch.cat([maps, deviation.expand(len(maps), 1, *maps.shape[2:])], dim=1)


class _Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        return self.factor * weight


def equalise(network: nn.Module, rate: float = 1.0) -> nn.Module:
    """Draw the weights of all dense and convolutional layers from N(0, 1), and scale them anew at every call; in place.

    The scale of a layer is He's, see :func:`equalised_factor`. So a layer starts as one with He's first weights does.
    What differs is its training: Adam moves every stored weight by about the learning rate, and that is the same share
    of it in every layer. The rate itself has to be much larger than for ordinary weights, because they are smaller.
    Biases become 0.

    Args:
        network: any module; its Linear, Conv2d and ConvTranspose2d layers are changed, once each.
        rate: factor on the layers' learning rate: weights are drawn from N(0, 1 / rate^2) and scaled by ``rate`` more.
    Returns:
        The same module.
    Raises:
        ValueError: ``rate`` is no finite number above 0, or a layer is equalised already.
    Source: Karras et al. (2018), section 4.1.
    First met in: notebook 16.
    """
    number = real(rate)
    if number is None or not 0 < number < math.inf:
        raise ValueError(f"rate must be a finite number above 0, got {rate!r}")
    for name, layer in list(network.named_modules()):
        if not isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            continue
        if parametrize.is_parametrized(layer, "weight"):
            raise ValueError(f"layer {name!r} is equalised already")
        nn.init.normal_(layer.weight, std=1 / number)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        parametrize.register_parametrization(layer, "weight", _Times(number * equalised_factor(layer)))
    return network


def equalised_factor(layer: nn.Module) -> float:
    """Return He's standard deviation for the weights of a layer, sqrt(2 / inputs to one output).

    For a transposed convolution of kernel k and stride s, (k / s)^2 places of every channel meet in one output.

    Args:
        layer: a Linear, Conv2d or ConvTranspose2d.
    Raises:
        TypeError: it is anything else.
    Source: He et al. (2015), with ReLU in mind.
    First met in: notebook 16.
    """
    if isinstance(layer, nn.ConvTranspose2d):
        inputs = layer.in_channels * math.prod(k / s for k, s in zip(layer.kernel_size, layer.stride, strict=True))
    elif isinstance(layer, nn.Linear | nn.Conv2d):
        inputs = layer.weight[0].numel()
    else:
        raise TypeError(f"layer must be a Linear, Conv2d or ConvTranspose2d, got {type(layer).__name__}")
    return math.sqrt(2 / inputs)
