"""How far images change on the way from one code to another: the path length, and two ways to walk.

A small path length is said to mean a smooth, untangled latent space. A generator whose images are all alike has the
smallest of all, so it says nothing without a number for variety beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse._numbers import real_between
from gancourse.metrics import _inputs

__all__ = ["lerp", "path_length", "slerp"]

_PIECE = 250  # codes at once; changes nothing but memory
_NEARLY_PARALLEL = 1e-4  # rad: there the straight line and the arc are the same


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Return the point ``t`` of the straight way from ``a`` to ``b``: a + t (b - a).

    Args:
        a, b: shape (N, C).
        t: one number, or one for each row, shape (N, 1).
    First met in: notebook 16.
    """
    return a + t * (b - a)


def slerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """Return the point ``t`` of the arc from ``a`` to ``b``, row by row.

    ``(sin((1 - t) angle) a + sin(t angle) b) / sin(angle)``, with the angle between both. For a and b of one length
    every point of the way has that length. Where both point nearly the same way it is the straight line.

    Args:
        a, b: shape (N, C), no row of zeros and none opposite to its partner: between those there is no shortest arc.
        t: one number, or one for each row, shape (N, 1).
    Raises:
        ValueError: a row is zero, or the two of a row are opposite.
    Source: Shoemake (1985); for GANs White (2016).
    First met in: notebook 16.
    """
    lengths = a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True)
    if not bool((lengths > 0).all()):
        raise ValueError("a and b must have no row of zeros: it points nowhere")
    angle = ((a * b).sum(dim=1, keepdim=True) / lengths).clamp(-1, 1).acos()
    if bool((angle > torch.pi - _NEARLY_PARALLEL).any()):
        raise ValueError("a and b must not be opposite in any row: there is no shortest arc between them")
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    near = angle < _NEARLY_PARALLEL
    sine = torch.where(near, 1.0, angle.sin())
    arc = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / sine
    return torch.where(near, lerp(a, b, t), arc)


@torch.no_grad()
def path_length(
    paint: Callable[[Tensor], Tensor],
    features: Callable[[Tensor], Tensor],
    a: Tensor,
    b: Tensor,
    *,
    between: Callable[[Tensor, Tensor, Tensor], Tensor],
    generator: torch.Generator,
    step: float = 0.05,
) -> float:
    """Return the mean squared change of an image's features for a small step on the way from a to b, over the step^2.

    The step starts at a random point of each way, from 0 to 1 - step.

    Args:
        paint: from codes (N, C) to images.
        features: from images to features (N, D), such as ``Judge.features``.
        a, b: codes, shape (N, C), each row a way.
        between: :func:`slerp` for z, whose codes lie near a sphere, or :func:`lerp` for w.
        generator: draws where on each way the step begins.
        step: its length, as a share of the way, above 0 and up to 1.
    Returns:
        At least 0; small for images that change slowly, and 0 for images that do not change.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Karras et al. (2019), section 4.1, with a larger step and on features of the course's judge.
    First met in: notebook 16.
    """
    for name, codes in (("a", a), ("b", b)):
        _inputs.check_samples(name, codes)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"a and b must have one shape (N, C), got {tuple(a.shape)} and {tuple(b.shape)}")
    step = real_between("step", step, 0.0, 1.0)
    if step == 0:
        raise ValueError("step must be above 0, got 0")
    t = torch.rand(len(a), 1, generator=generator, device=generator.device).to(a.device, a.dtype) * (1 - step)
    squares = []
    for one, two, at in zip(a.split(_PIECE), b.split(_PIECE), t.split(_PIECE), strict=True):
        before, after = (features(paint(between(one, two, where))) for where in (at, at + step))
        squares.append(((after - before).double() / step).square().sum(dim=1))
    return float(torch.cat(squares).mean())
