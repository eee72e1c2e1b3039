"""Batch norm multiplied into the layer before it.

In eval mode batch norm is a factor and a shift for each channel, and so is part of what a dense layer or a convolution
computes anyway: W z becomes (f W) z + s. The images stay the same, with fewer operations to call. Programs that export
a network do this by themselves, so it is the control for what else they gain.
"""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from gancourse.compressing._layers import KINDS, copied

__all__ = ["folded"]


def folded(network: nn.Module) -> nn.Module:
    """Return a copy whose batch norms are folded into the layers just before them.

    Args:
        network: a module with its layers in ``nn.Sequential``. A batch norm that follows no dense or convolutional
            layer stays.
    Returns:
        The copy, in eval mode; it is for use alone, because training it would be training without batch norm.
    Raises:
        TypeError: ``network`` is no module.
        ValueError: a batch norm keeps no running statistics.
    First met in: notebook 21.
    """
    network = copied(network)
    for parent in network.modules():
        if isinstance(parent, nn.Sequential):
            _fold(parent)
    return network.requires_grad_(False)


def _fold(layers: nn.Sequential) -> None:
    """Fold where a batch norm follows a layer of weights, and take it out."""
    for name, layer, after in list(zip(layers._modules, layers, list(layers)[1:], strict=False)):
        if not isinstance(layer, KINDS) or not isinstance(after, nn.modules.batchnorm._BatchNorm):
            continue
        if after.running_mean is None or after.running_var is None:
            raise ValueError(f"the batch norm after layer {name!r} keeps no running statistics, so it cannot be folded")
        if isinstance(layer, nn.Linear):
            fused = fuse_linear_bn_eval(layer, after)
        else:
            fused = fuse_conv_bn_eval(layer, after, transpose=isinstance(layer, nn.ConvTranspose2d))
        layers._modules[name] = fused
        (gone,) = [key for key, value in layers._modules.items() if value is after]
        del layers._modules[gone]
