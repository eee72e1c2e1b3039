"""Whole channels taken out of a generator, so that its layers get smaller: fewer numbers, and less to multiply.

What is left is an ordinary :class:`gancourse.models.dense_conv.Generator` with a smaller width. It differs from a fresh
one of that size in its weights alone. So the control is a fresh one that is trained for as many seconds as the whole
one and what is left of it together, as Liu et al. (2019) asked for classifiers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse.models.dense_conv import Generator

__all__ = ["SIZES", "WAYS", "narrowed"]

SIZES = {
    "whole": {"width": 16, "hidden": 256},
    "half": {"width": 8, "hidden": 128},
    "quarter": {"width": 4, "hidden": 64},
    "tiny": {"width": 1, "hidden": 8},
}
"""Named by their width. Half as wide is about a quarter of the weights: a layer has inputs times outputs of them."""

WAYS = ("outgoing", "incoming", "random")
"""What a channel is kept for: the weights that read it times batch norm's factor, those that make it, or chance."""


@torch.no_grad()
def narrowed(generator: Generator, *, width: int, hidden: int, way: str = "outgoing", seed: int = 0) -> Generator:
    """Return a smaller generator made of the channels that weigh most.

    Each layer's channels are ranked in the whole generator. "incoming" takes the size (root of the sum of squares) of
    the weights that make a channel. Batch norm, which follows, divides by the spread that these weights give, so their
    size says little about the channel's own. "outgoing" takes the size of the weights that read the channel, times the
    absolute value of batch norm's factor, which is the spread before the ReLU whose output they read; a map's factor is
    the root mean square over its places.

    Batch norm's running statistics are taken along. They are exact for the first layer alone; measure them again.

    Args:
        generator: a trained one.
        width: feature maps to keep before the last layer, and twice as many before those.
        hidden: units of the first dense layer to keep.
        way: one of :data:`WAYS`.
        seed: of the random choice.
    Returns:
        A generator of that size, in eval mode, without gradients.
    Raises:
        TypeError: ``generator`` is none of ``dense_conv``.
        ValueError: an argument will not do.
    Source: after Li et al. (2017), who add absolute values, for "incoming"; Liu et al. (2017) for batch norm's factor.
    First met in: notebook 21.
    """
    if not isinstance(generator, Generator):
        raise TypeError(f"generator must be a dense_conv.Generator, got {type(generator).__name__}")
    width = whole_between("width", width, 1, generator.width)
    hidden = whole_between("hidden", hidden, 1, generator.hidden)
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, got {way!r}")
    side, random = generator.image_size // 4, runtime.generator(seed)
    first, first_norm, _, second, second_norm, _ = generator.dense
    third, third_norm, _, last, _ = generator.convolutions
    # the second layer makes every map at each of side x side places, the place counted first
    making = second.weight.unflatten(0, (side * side, 2 * generator.width))
    factors = second_norm.weight.unflatten(0, (side * side, 2 * generator.width))

    def best(count: int, incoming: Tensor, outgoing: Tensor) -> Tensor:
        """Return the places of the channels to keep, in their old order; a channel for each row."""
        if way == "random":
            return torch.randperm(len(incoming), generator=random)[:count].sort().values
        size = (incoming if way == "incoming" else outgoing).flatten(1).square().sum(1)
        return size.topk(count).indices.sort().values

    kept_units = best(hidden, first.weight, (second.weight * first_norm.weight).T)
    spread = factors.square().mean(0).sqrt()
    kept_maps = best(2 * width, making.transpose(0, 1), third.weight * spread[:, None, None, None])
    kept_last = best(width, third.weight.transpose(0, 1), last.weight * third_norm.weight[:, None, None, None])
    rows = (torch.arange(side * side)[:, None] * 2 * generator.width + kept_maps.cpu()).flatten().to(kept_maps.device)

    with runtime.seeded(seed):  # its first weights are all replaced
        small = Generator(generator.image_size, generator.channels, generator.latent_dim, width, hidden)
    small = small.to(first.weight.device).eval().requires_grad_(False)
    small.dense[0].weight.copy_(first.weight[kept_units])
    small.dense[3].weight.copy_(second.weight[rows][:, kept_units])
    small.convolutions[0].weight.copy_(third.weight[kept_maps][:, kept_last])
    small.convolutions[3].weight.copy_(last.weight[kept_last])
    small.convolutions[3].bias.copy_(last.bias)
    norms = (small.dense[1], first_norm, kept_units), (small.dense[4], second_norm, rows)
    for target, source, kept in (*norms, (small.convolutions[1], third_norm, kept_last)):
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(target, name).copy_(getattr(source, name)[kept])
    return small
