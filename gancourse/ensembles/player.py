"""One player of all members: its weights, a row each, its optimiser, and what holds its matrices down."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.ensembles.settings import Coefficients

__all__ = ["SLOPE", "Player", "SpectralNorm", "for_all", "forward", "joined"]

_EPSILON = 1e-8  # Adam's

SLOPE = {"generator": 0.0, "discriminator": 0.2}
"""Leak of each player's hidden units; 0: ReLU."""


def forward(layers: Sequence[Tensor], h: Tensor, slope: float) -> Tensor:
    """Push (K, N, inputs) through K perceptrons at once; ``slope`` is the leak of the hidden units, 0 for ReLU."""
    last = len(layers) - 2
    for i in range(0, len(layers), 2):
        h = torch.baddbmm(layers[i + 1].unsqueeze(1), h, layers[i].transpose(1, 2))
        if i < last:
            h = F.leaky_relu_(h, slope) if slope else F.relu_(h)  # in place: large blocks of memory are slow to get
    return h


def joined(gradients: Sequence[Tensor]) -> Tensor:
    """Return gradients of layers, shape (k, ...), as rows like those of :attr:`Player.weights`."""
    return torch.cat([gradient.reshape(len(gradient), -1) for gradient in gradients], dim=1)


def for_all(name: str, rows: Tensor, *, size: int, count: int, device: torch.device) -> Tensor:
    """Return points that are the same for all members, or own ones of each, as shape (count, N, size) on the device.

    Raises:
        TypeError, ValueError: ``rows`` is no float32 tensor of shape (N, size) or (count, N, size).
    """
    if not isinstance(rows, Tensor) or rows.dtype != torch.float32:
        got = rows.dtype if isinstance(rows, Tensor) else type(rows).__name__
        raise TypeError(f"{name} must be a float32 tensor of shape (N, {size}), got {got}")
    fits = rows.ndim == 2 or (rows.ndim == 3 and len(rows) == count)
    if not fits or rows.shape[-1] != size or rows.shape[-2] == 0:
        raise ValueError(f"{name} must have shape (N, {size}), or ({count}, N, {size}), got {tuple(rows.shape)}")
    return rows.to(device).expand(count, *rows.shape[-2:])


class Player:
    """The weights of one network of all members, a row each, and its optimiser's state.

    Args:
        template: one member's network, for the shapes of its layers.
        weights: shape (K, parameters).
        optimiser: "adam" or "sgd".
    """

    STATE = ("weights", "first", "second", "updates")
    """What training changes."""

    def __init__(self, template: nn.Module, weights: Tensor, optimiser: str) -> None:
        self.shapes = [parameter.shape for parameter in template.parameters()]
        self.sizes = [shape.numel() for shape in self.shapes]
        self.optimiser = optimiser
        self.weights = weights  # (K, parameters)
        self.first = torch.zeros_like(weights)  # running mean of the gradient
        self.second = torch.zeros_like(weights)  # and of its square
        self.updates = torch.zeros(len(weights), 1, dtype=torch.float64)

    def leaves(self, who: Tensor | None) -> list[Tensor]:
        """Return the weights of the members ``who`` (all if None), layer by layer, ready to be differentiated by."""
        return [leaf.requires_grad_() for leaf in self.unpack(self.rows(who).detach())]

    def rows(self, who: Tensor | None) -> Tensor:
        """Return the weights of the members ``who`` (all if None), shape (k, parameters)."""
        return self.weights if who is None else self.weights[who]

    def unpack(self, rows: Tensor) -> list[Tensor]:
        """Return rows of weights layer by layer."""
        parts = rows.split(self.sizes, dim=1)
        return [part.view(len(rows), *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def count_update(self, who: Tensor | None) -> Tensor:
        """Note that the members ``who`` make one more update; return their counts, shape (k, 1)."""
        moved = slice(None) if who is None else who.cpu()
        self.updates[moved] += 1
        return self.updates[moved]

    @torch.no_grad()
    def move(self, gradients: Sequence[Tensor], by: Coefficients, who: Tensor | None, clip: Tensor | None) -> None:
        """Let the optimiser make one update of the members ``who``: the arithmetic of torch.optim's Adam or SGD.

        Args:
            gradients: of their layers.
            by: rates and the like, from ``Settings.coefficients``.
            who: the members that move; None: all.
            clip: largest weight of each, 0 for no limit; None: no limits.
        """
        gradient = joined(gradients)
        parts = [self.weights, self.first, self.second]
        weights, first, second = parts if who is None else [part[who] for part in parts]
        if self.optimiser == "sgd":
            first.mul_(by.beta1).add_(gradient)
            weights.sub_(first * by.rate)
        else:
            first.lerp_(gradient, 1 - by.beta1)
            second.mul_(by.beta2).addcmul_(gradient, gradient, value=1 - by.beta2)
            weights.sub_((first * by.rate).div_(second.sqrt().div_(by.correction).add_(_EPSILON)))
        if clip is not None:
            bound = torch.where(clip > 0, clip, math.inf).unsqueeze(1)
            weights.copy_(weights.clamp(-bound, bound))
        if who is not None:
            for part, changed in zip(parts, (weights, first, second), strict=True):
                part[who] = changed

    def moved(
        self, rows: Tensor, memory: tuple[Tensor, Tensor], gradients: Sequence[Tensor], by: Coefficients
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return what :meth:`move` would make of rows and of the optimiser's memory, with a graph; change nothing."""
        first, second = memory
        gradient = joined(gradients)
        if self.optimiser == "sgd":
            first = by.beta1 * first + gradient
            return rows - by.rate * first, (first, second)
        first = by.beta1 * first + (1 - by.beta1) * gradient
        second = by.beta2 * second + (1 - by.beta2) * gradient.square()
        return rows - by.rate * first / (second.clamp(min=1e-30).sqrt() / by.correction + _EPSILON), (first, second)


class SpectralNorm:
    """Divides each matrix of each member by its largest singular value, found by power iteration.

    Args:
        layers: of the player, (K, ...) each; its matrices are those with three axes.
    """

    def __init__(self, layers: Sequence[Tensor]) -> None:
        self.vectors = {i: torch.ones_like(layer[:, :, 0]) for i, layer in enumerate(layers) if layer.ndim == 3}
        for _ in range(15):
            self.iterate(layers, None)

    @torch.no_grad()
    def iterate(self, layers: Sequence[Tensor], who: Tensor | None) -> None:
        """Move each matrix's estimate of its first left singular vector one step on."""
        for i, vectors in self.vectors.items():
            u = vectors if who is None else vectors[who]
            v = F.normalize(torch.bmm(u.unsqueeze(1), layers[i]), dim=2)
            u = F.normalize(torch.bmm(layers[i], v.transpose(1, 2)).squeeze(2), dim=1)
            if who is None:
                self.vectors[i] = u
            else:
                vectors[who] = u

    def __call__(self, layers: Sequence[Tensor], who: Tensor | None) -> list[Tensor]:
        """Return the layers with every matrix divided by its largest singular value."""
        layers = list(layers)
        for i, vectors in self.vectors.items():
            u = (vectors if who is None else vectors[who]).unsqueeze(1)
            v = F.normalize(torch.bmm(u, layers[i].detach()), dim=2)
            layers[i] = layers[i] / torch.bmm(torch.bmm(u, layers[i]), v.transpose(1, 2))
        return layers
