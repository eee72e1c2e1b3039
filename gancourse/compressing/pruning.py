"""Single weights set to zero.

    thin = pruning.pruned(generator, 0.5)                    # the smaller half of each layer
    averaging.recompute_batch_norm(thin, z.split(500))       # its activations have other means now

A zero is stored and multiplied like any other number. So the file and the time stay what they were; only a program
that zips the file, or one that was written for zeros, gains.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from gancourse import runtime
from gancourse._numbers import real_between
from gancourse.compressing._layers import copied, weighted

__all__ = ["SCOPES", "WAYS", "hold_zeros", "pruned"]

WAYS = ("smallest", "random")
"""Which weights go."""

SCOPES = ("layer", "network")
"""Among which weights they are chosen: those of each layer by itself, or those of all layers together."""


def pruned(
    network: nn.Module, share: float, *, way: str = "smallest", scope: str = "layer", seed: int = 0
) -> nn.Module:
    """Return a copy in which a share of the weights is exactly 0.

    Weights of the dense and convolutional layers only: biases and batch norm stay. Batch norm's running statistics
    stay too, and no longer fit: measure them again with
    :func:`gancourse.models.averaging.recompute_batch_norm`.

    Args:
        network: any module with such layers.
        share: of the weights, from 0 to less than 1; of every layer, or of all layers together. The number of weights
            is rounded to a whole one.
        way: "smallest" in absolute value, or "random".
        scope: "layer" or "network".
        seed: of the random choice.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Han et al. (2015), for the smallest weights; PyTorch's ``torch.nn.utils.prune``, which does it.
    First met in: notebook 21.
    """
    share = real_between("share", share, 0.0, 1.0)
    if share == 1:
        raise ValueError("share must be less than 1: a network without weights draws nothing")
    for name, value, allowed in (("way", way, WAYS), ("scope", scope, SCOPES)):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    made, scratch = copied(network), copied(network)
    layers = list(weighted(scratch).values())
    method = {"smallest": prune.L1Unstructured, "random": prune.RandomUnstructured}[way]
    for layer in layers:  # PyTorch's pruning flattens by view, which refuses weights with channels last in memory
        layer.weight = nn.Parameter(layer.weight.contiguous())
    with runtime.seeded(seed):
        if scope == "network":
            prune.global_unstructured([(layer, "weight") for layer in layers], method, amount=share)
        else:
            for layer in layers:
                method.apply(layer, "weight", amount=share)
    for target, layer in zip(weighted(made).values(), layers, strict=True):
        target.weight.copy_(layer.weight.detach())
    return made


def hold_zeros(network: nn.Module) -> list[torch.utils.hooks.RemovableHandle]:
    """Let no gradient through to weights that are 0 now, so that training leaves them 0; in place.

    An Adam that is made afterwards, without weight decay, then never moves them.

    Args:
        network: a pruned one, whose weights take gradients.
    Returns:
        What undoes it: call ``remove()`` of each.
    Raises:
        TypeError, ValueError: it has no dense or convolutional layer, or its weights take no gradient.
    First met in: notebook 21.
    """
    handles = []
    for name, layer in weighted(network).items():
        if not layer.weight.requires_grad:
            raise ValueError(f"network's weights must take gradients, but those of {name!r} do not")
        kept = layer.weight.detach() != 0
        if not bool(kept.all()):
            handles.append(layer.weight.register_hook(_masking(kept)))
    return handles


def _masking(kept: Tensor):
    return lambda gradient: gradient * kept
