"""Instruments for a GAN in training: what each player does, what the discriminator says, what the samples are like.

A loss says how the game stands between the two players, and little about the samples. Each of these functions answers
one question that a loss leaves open. They change nothing: no weight, no gradient, no mode, no random state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import real_between
from gancourse.metrics import _inputs

__all__ = [
    "Range",
    "accuracy",
    "checkerboard",
    "company",
    "distinct",
    "gradient_norm",
    "gradient_norms",
    "logits",
    "movement",
    "movement_by_layer",
    "power_spectrum",
    "same_z_distance",
    "snapshot",
    "usual_radius",
    "value_range",
]

# ---------------------------------------------------------------- does this player move?


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters, by name, for :func:`movement` later.

    Raises:
        TypeError, ValueError: ``network`` is no module, or has no parameters.
    First met in: notebook 11.
    """
    _check_network("network", network)
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def movement(before: Mapping[str, Tensor], network: nn.Module) -> float:
    """Return how far a player has moved, relative to where it was: |w - w0| / |w0| over all its parameters.

    Exactly 0 means that no update reached it. Healthy players move by some per cent in a few dozen steps of Adam.

    Args:
        before: from :func:`snapshot` of the same network.
        network: as it is now.
    Returns:
        A number of at least 0; infinite if all weights were 0 and no longer are.
    Raises:
        TypeError, ValueError: ``before`` belongs to another network.
    First met in: notebook 11.
    """
    pairs = _pairs(before, network)
    return _ratio(sum(float((new - old).square().sum()) for old, new in pairs.values()),
                  sum(float(old.square().sum()) for old, _ in pairs.values()))  # fmt: skip


def movement_by_layer(before: Mapping[str, Tensor], network: nn.Module) -> dict[str, float]:
    """Return :func:`movement` of each parameter alone, by name.

    First met in: notebook 11.
    """
    pairs = _pairs(before, network)
    return {n: _ratio(float((new - old).square().sum()), float(old.square().sum())) for n, (old, new) in pairs.items()}


def _pairs(before: Mapping[str, Tensor], network: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    now = snapshot(network)
    if not isinstance(before, Mapping):
        raise TypeError(f"before must be a snapshot of the network, got {type(before).__name__}")
    shapes, others = ({name: tuple(w.shape) for name, w in weights.items()} for weights in (now, before))
    if shapes != others:
        odd = sorted(set(shapes.items()) ^ set(others.items()))[0]
        raise ValueError(f"before must be a snapshot of this network, but they differ in {odd[0]!r} {odd[1]}")
    return {name: (before[name].double(), now[name].double()) for name in now}


def _ratio(squared_step: float, squared_size: float) -> float:
    if squared_size == 0:
        return 0.0 if squared_step == 0 else math.inf
    return math.sqrt(squared_step / squared_size)


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """Return the norm of the gradient that each layer's weight holds now, by name, from the input to the output.

    Matrices and kernels only (parameters with two axes or more). Call it between ``backward()`` and the next
    ``zero_grad()``. A layer that no gradient reached has 0.

    Args:
        network: after ``backward()``.
    First met in: notebook 11.
    """
    _check_network("network", network)
    return {name: _norm([w.grad]) for name, w in network.named_parameters() if w.ndim > 1}


def gradient_norm(network: nn.Module) -> float:
    """Return the norm of the whole gradient a network holds now, over all parameters; 0 where there is none.

    First met in: notebook 11.
    """
    _check_network("network", network)
    return _norm([parameter.grad for parameter in network.parameters()])


def _norm(gradients: list[Tensor | None]) -> float:
    return math.sqrt(sum(float(g.detach().double().square().sum()) for g in gradients if g is not None))


# ---------------------------------------------------------------- what does the discriminator say?


@torch.no_grad()
def logits(discriminator: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    """Return the discriminator's logits of samples that share one batch, shape (N,), without gradients.

    Draw them for real and for fake samples as two histograms. Apart: D tells them. One over the other: it does not.

    Raises:
        ValueError: the discriminator does not give one number a sample.
    First met in: notebook 11.
    """
    _inputs.check_samples("samples", samples)
    found = discriminator(samples)
    if found.shape != (len(samples),):
        raise ValueError(f"discriminator must give one logit a sample, ({len(samples)},), got {tuple(found.shape)}")
    return found.detach()


def accuracy(logits: Tensor, *, real: bool) -> float:
    """Return the share of logits on the right side of 0: above for real samples, below for fake ones.

    A logit of exactly 0 counts half. On *held-out* real images it shows whether D knows digits, or its training batch.

    Args:
        logits: shape (N,), larger = more real.
        real: whether the samples were real.
    Raises:
        TypeError, ValueError: ``logits`` is no such tensor, or is empty.
    First met in: notebook 11.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        raise TypeError(f"logits must be a floating-point tensor, got {type(logits).__name__}")
    if logits.ndim != 1 or len(logits) == 0 or bool(logits.isnan().any()):
        raise ValueError(f"logits must have shape (N,), at least one, none NaN, got {tuple(logits.shape)}")
    right = logits if real else -logits
    return float((right > 0).double().mean() + 0.5 * (right == 0).double().mean())


@torch.no_grad()
def company(network: nn.Module, samples: Tensor, others: Tensor) -> float:
    """Return how much a network's answers about ``samples`` change when ``others`` share their batch.

    The root mean square of the change, divided by the standard deviation of the answers given alone. Exactly 0 up to
    rounding where each sample is treated by itself. Batch norm in training mode makes it larger, in eval mode not.

    Args:
        network: a discriminator with samples, or a generator with latent vectors. Its mode counts, and is kept, as
            are its running statistics.
        samples: shape (N, ...), N at least 2.
        others: shape (M, ...).
    Raises:
        TypeError, ValueError: an argument is anything else, or the answers do not differ between samples.
    First met in: notebook 11.
    """
    _check_network("network", network, any_size=True)
    for name, batch in (("samples", samples), ("others", others)):
        _inputs.check_samples(name, batch)
    if len(samples) < 2 or samples.shape[1:] != others.shape[1:]:
        raise ValueError(
            f"samples must be at least 2, shaped as others, got {tuple(samples.shape)} and {tuple(others.shape)}"
        )
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    alone, together = network(samples), network(torch.cat([samples, others]))[: len(samples)]
    for name, buffer in network.named_buffers():
        buffer.copy_(kept[name])
    spread = float((alone - alone.mean(0)).square().mean().sqrt())
    if not spread > 0:
        raise ValueError("the network gives the same answer for all samples, so a change has no scale")
    return float((together - alone).square().mean().sqrt()) / spread


# ---------------------------------------------------------------- what are the samples like?


class Range(NamedTuple):
    """The smallest and the largest value of samples, and the share of values below 0."""

    low: float
    high: float
    below_zero: float


def value_range(samples: Tensor) -> Range:
    """Return the range of the values of samples. Hold it beside that of the real batch *as D gets it*.

    First met in: notebook 11.
    """
    _inputs.check_samples("samples", samples)
    return Range(float(samples.min()), float(samples.max()), float((samples < 0).double().mean()))


def power_spectrum(images: Tensor) -> Tensor:
    """Return the mean energy of images at each frequency, in float64.

    Entry [i, j] belongs to i periods down and j across the image (mod H and W): [0, 0] is the mean brightness, and
    [H/2, W/2] alternates with every pixel in both directions. The sum is the mean square of the pixels (Parseval).

    Args:
        images: shape (N, C, H, W), floating point, finite.
    Returns:
        Shape (H, W), at least 0.
    Raises:
        TypeError, ValueError: ``images`` is anything else.
    First met in: notebook 11.
    """
    _inputs.check_samples("images", images)
    if images.ndim != 4:
        raise ValueError(f"images must have shape (N, C, H, W), got {tuple(images.shape)}")
    return torch.fft.fft2(images.detach().double(), norm="forward").abs().square().mean((0, 1))


def checkerboard(images: Tensor) -> float:
    """Return the share of the images' energy at a period of two pixels: across, down, and both at once.

    A layer with stride 2 writes its pattern there. The mean brightness is left out. 1 for a
    chessboard of single pixels, 3 / (HW - 1) for white noise; compare with real images.

    Args:
        images: shape (N, C, H, W) with even H and W, floating point, finite.
    Raises:
        TypeError, ValueError: ``images`` is anything else, or every image is of one grey.
    Source: what causes them: Odena, Dumoulin and Olah (2016), Deconvolution and checkerboard artifacts.
    First met in: notebook 11.
    """
    energy = power_spectrum(images)
    height, width = energy.shape
    if height % 2 or width % 2:
        raise ValueError(f"images must have even sides, got {height} by {width}")
    everything = float(energy.sum() - energy[0, 0])
    if not everything > 1e-15 * float(energy.sum()):
        raise ValueError("every image is of one grey, so there is no energy to share out")
    down, across = height // 2, width // 2
    return float(energy[0, across] + energy[down, 0] + energy[down, across]) / everything


def same_z_distance(before: Tensor, after: Tensor) -> float:
    """Return how far samples of the same latent vectors have moved: root mean square of the change of a value.

    A run that has settled moves little; one that oscillates moves as far again and again.

    Args:
        before, after: samples of the same z at two times, equal shapes (N, ...).
    Raises:
        TypeError, ValueError: the shapes differ, or something is no batch of samples.
    First met in: notebook 11.
    """
    for name, samples in (("before", before), ("after", after)):
        _inputs.check_samples(name, samples)
    if before.shape != after.shape:
        raise ValueError(f"before and after must have equal shapes, got {tuple(before.shape)} and {tuple(after.shape)}")
    return float((after.double() - before.double()).square().mean().sqrt())


def distinct(samples: Tensor, radius: float) -> int:
    """Return how many samples are left when each that lies within ``radius`` of one already kept is dropped.

    They are taken in order. A collapsed generator leaves a handful. The radius decides what "the same" means:
    :func:`usual_radius` takes it from real samples.

    Args:
        samples: shape (N, ...), floating point, finite.
        radius: Euclidean, at least 0; 0 drops exact copies only.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 11.
    """
    _inputs.check_samples("samples", samples)
    close = _distances(samples) <= real_between("radius", radius, 0)
    kept: list[int] = []
    for i in range(len(samples)):
        if not bool(close[i, kept].any()):
            kept.append(i)
    return len(kept)


def usual_radius(real: Tensor) -> float:
    """Return the median distance from a real sample to its nearest neighbour among the others.

    So half of them count as copies of their neighbours by this measure: the number of :func:`distinct` among as many
    real samples is the number to compare with.

    First met in: notebook 11.
    """
    _inputs.check_samples("real", real)
    if len(real) < 2:
        raise ValueError(f"real must hold at least 2 samples, got {len(real)}")
    distances = _distances(real).fill_diagonal_(math.inf)
    return float(distances.min(dim=1).values.median())


def _distances(samples: Tensor) -> Tensor:
    flat = samples.detach().double().flatten(1)
    return _inputs.distances(flat, flat)


# ---------------------------------------------------------------- what is refused


def _check_network(name: str, network: object, *, any_size: bool = False) -> None:
    if not isinstance(network, nn.Module):
        raise TypeError(f"{name} must be a module, got {type(network).__name__}")
    if not any_size and not any(True for _ in network.parameters()):
        raise ValueError(f"{name} has no parameters: {type(network).__name__}")
