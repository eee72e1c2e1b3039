"""A flow: noise becomes an image along a path, by a velocity that a network has learnt from straight lines.

Time runs from 0 (noise) to 1 (image). A noise and an image that have nothing to do with each other are joined by a
straight line, and at each of its points the network is asked for the image::

    x_t      = (1 - t) noise + t image
    guess    = E[image | x_t]                     what squared error makes of it, where many lines cross
    velocity = E[image - noise | x_t] = (guess - x_t) / (1 - t)

:func:`sample` follows that velocity from noise to an image. Every function but :func:`train` and :func:`draw` takes
points of any shape (N, ...): numbers, points in the plane, images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from gancourse import runtime, schedules
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.models import averaging
from gancourse.models.flow import Denoiser

__all__ = [
    "METHODS",
    "RATE",
    "TIMES",
    "WEIGHTS",
    "Guess",
    "Line",
    "between",
    "calls",
    "draw",
    "draw_times",
    "exact_guess",
    "exact_velocity",
    "loss",
    "sample",
    "train",
    "velocity",
]

Guess = Callable[[Tensor, Tensor], Tensor]
"""From points (N, ...) and times (N,) to the guessed ends of their lines (N, ...)."""

Model = TypeVar("Model", bound=nn.Module)

METHODS = ("euler", "heun")
TIMES = ("middle", "uniform")
WEIGHTS = ("velocity", "guess")
RATE = 3e-3
"""Adam's rate where none is given. The table `flow` tried others for a run of some hundred steps, and chose 0.03."""

BATCH_SIZE = 64
_DECAY, _WARM_UP = 0.99, 100  # of the average; steps in which the rate rises
_SPREAD, _SHIFT = 1.2, -0.4  # of the logit of a "middle" time: more of them early, where the image is decided
_NEAREST = 0.1  # the least 1 - t that the velocity's weight divides by


class Line(NamedTuple):
    """Points of straight lines from noise to images, and how they move there, both of the shape of the images."""

    points: Tensor
    velocity: Tensor


def between(noise: Tensor, images: Tensor, t: Tensor) -> Line:
    """Return the points (1 - t) noise + t image of the straight lines, and their velocity image - noise.

    The velocity is the derivative of the points by t. It is the same all along a line.

    Args:
        noise: where the lines begin, at t = 0, shape (N, ...).
        images: where they end, at t = 1, of the same shape.
        t: times from 0 to 1, shape (N,).
    Raises:
        ValueError: the shapes do not fit.
    Source: Liu et al. (2023), equation 1; Lipman et al. (2023), section 4.1, with the smallest width 0.
    First met in: notebook 22.
    """
    if noise.shape != images.shape:
        raise ValueError(f"noise must have the shape of images, {tuple(images.shape)}, got {tuple(noise.shape)}")
    t = _as_column(t, images)
    return Line((1 - t) * noise + t * images, images - noise)


def velocity(guess: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Return how fast, and where to, the points ``x`` move: (guess - x) / (1 - t).

    On one line image - noise = (image - x_t) / (1 - t); the expectation of both sides, given x_t, is this formula.

    Args:
        guess: the expected image for each point, shape (N, ...).
        x: the points, of the same shape.
        t: their times, from 0 to less than 1, shape (N,).
    Raises:
        ValueError: the shapes do not fit, or a time is 1, where the line has ended.
    First met in: notebook 22.
    """
    if guess.shape != x.shape:
        raise ValueError(f"guess must have the shape of x, {tuple(x.shape)}, got {tuple(guess.shape)}")
    t = _as_column(t, x)
    if bool((t >= 1).any()):
        raise ValueError("t must be below 1: at t = 1 the line has ended, and (guess - x) / (1 - t) divides by 0")
    return (guess - x) / (1 - t)


def exact_guess(
    x: Tensor, t: Tensor | float, centres: Tensor, *, std: float | Tensor = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Return E[image | x_t = x] exactly, where the images are finitely many points, or a mixture of round Gaussians.

    Given its component k with mean m and standard deviation s, x_t is Gaussian with mean t m and variance
    v = t^2 s^2 + (1 - t)^2. So component k has the posterior weight w_k N(x; t m_k, v_k), divided by their sum, and
    within it the expected image is m_k + (t s_k^2 / v_k) (x - t m_k). With s = 0 that is m_k itself. For the two points
    -1 and +1 it is tanh(t x / (1 - t)^2).

    Args:
        x: points, shape (N, ...).
        t: times, from 0 to 1 (below 1 where a ``std`` is 0), shape (N,), or one number for all.
        centres: the K points, or the K means, shape (K, ...).
        std: standard deviation of all components, or one for each, shape (K,); 0 for points.
        weights: of the components, positive, shape (K,); all equal if not given.
    Returns:
        Of the shape and dtype of ``x``; worked out in float64.
    Raises:
        ValueError: shapes do not fit, a number is out of range, or x_t has no spread.
    First met in: notebook 22.
    """
    if x.ndim < 2 or x.shape[1:] != centres.shape[1:] or len(centres) == 0:
        raise ValueError(f"centres must be points like those of x, {tuple(x.shape)}, got {tuple(centres.shape)}")
    if not isinstance(t, Tensor):
        t = torch.full((len(x),), real_between("t", t, 0.0, 1.0), dtype=torch.float64, device=x.device)
    point, m = x.flatten(1).double(), centres.flatten(1).double()
    at = _as_column(t, point).double()
    s = torch.as_tensor(std, dtype=torch.float64, device=x.device).expand(len(m))
    w = torch.ones(len(m), dtype=torch.float64, device=x.device) if weights is None else weights.double()
    if w.shape != s.shape or bool((w <= 0).any()) or bool((s < 0).any()):
        raise ValueError("weights must be positive and std at least 0, one for each of the centres")
    variance = at.square() * s.square() + (1 - at).square()  # (N, K)
    if bool((variance <= 0).any()):
        raise ValueError("t must be below 1 where std is 0: there x is one of the centres, or cannot be")
    # |x - t m|^2 without a tensor (N, K, D), which would be large for images
    squared = point.square().sum(1, keepdim=True) - 2 * at * (point @ m.T) + at.square() * m.square().sum(1)
    log_density = -squared / (2 * variance) - 0.5 * point.shape[1] * variance.log()
    share = (log_density + w.log()).softmax(dim=1)
    moved = share * at * s.square() / variance
    guess = share @ m + moved.sum(1, keepdim=True) * point - at * (moved @ m)
    return guess.view(x.shape).to(x.dtype)


def exact_velocity(
    x: Tensor, t: Tensor | float, centres: Tensor, *, std: float | Tensor = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Return E[image - noise | x_t = x] exactly: the velocity of :func:`exact_guess`, with the same arguments.

    Raises:
        ValueError: as :func:`exact_guess` and :func:`velocity`.
    First met in: notebook 22.
    """
    guess = exact_guess(x, t, centres, std=std, weights=weights)
    return velocity(guess, x, t if isinstance(t, Tensor) else torch.full((len(x),), float(t), dtype=x.dtype))


def draw_times(n: int, generator: torch.Generator, how: str = "middle") -> Tensor:
    """Return ``n`` times at which to train, shape (n,), in (0, 1).

    Args:
        n: how many.
        generator: draws them.
        how: "uniform", or "middle": the sigmoid of a Gaussian with mean -0.4 and standard deviation 1.2, so that few
            are near the ends, where the answer is the mean image or x itself.
    Raises:
        ValueError: ``how`` is neither.
    Source: Esser et al. (2024), section 3.1, for logit-normal times.
    First met in: notebook 22.
    """
    if how not in TIMES:
        raise ValueError(f"times must be one of {', '.join(TIMES)}, got {how!r}")
    if how == "uniform":
        return torch.rand(n, generator=generator, device=generator.device)
    return torch.sigmoid(_SPREAD * torch.randn(n, generator=generator, device=generator.device) + _SHIFT)


def loss(
    model: Guess, images: Tensor, generator: torch.Generator, *, times: str = "middle", weight: str = "velocity"
) -> Tensor:
    """Return flow matching's loss on a batch: squared error of the velocity at points of random lines.

    (velocity - (image - noise))^2 is ((guess - image) / (1 - t))^2; near the image 1 - t is replaced by 0.1, so that
    single batches do not shake the run. Each image gets a noise and a time of its own.

    Args:
        model: the network.
        images: a batch, shape (N, ...).
        generator: draws times and noise; on the device of the images.
        times: as for :func:`draw_times`.
        weight: "velocity", or "guess" for the error of the guess itself, without the division.
    Returns:
        Scalar tensor, the mean over all numbers of the batch, at least 0, to be minimised.
    Raises:
        ValueError: ``times`` or ``weight`` is not known.
    Source: Lipman et al. (2023), equation 9.
    First met in: notebook 22.
    """
    if weight not in WEIGHTS:
        raise ValueError(f"weight must be one of {', '.join(WEIGHTS)}, got {weight!r}")
    t = draw_times(len(images), generator, times)
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    error = model(between(noise, images, t).points, t) - images
    if weight == "velocity":
        error = error / (1 - _as_column(t, images)).clamp(min=_NEAREST)
    return error.square().mean()


def train(
    images: Tensor | batches.Samples,
    *,
    num_steps: int,
    seed: int,
    model: Model | None = None,
    rate: float = RATE,
    times: str = "middle",
    weight: str = "velocity",
    width: int = 16,
    batch_size: int = BATCH_SIZE,
) -> Model:
    """Train a network to guess images, where they are; return its average in eval mode, without gradients.

    Adam; the rate rises over the first 100 steps and falls along a cosine.

    Args:
        images: shape (N, C, S, S), in [-1, 1]; or, with a ``model`` of your own, points or a toy distribution.
        num_steps: how many steps.
        seed: of the first weights, of the batches and of all that is drawn.
        model: the network to train, such as a fresh :class:`gancourse.models.flow.PointDenoiser`; a fresh
            :class:`gancourse.models.flow.Denoiser` for the images if not given.
        rate: the full rate.
        times, weight: as for :func:`loss`.
        width: feature maps of the Denoiser.
        batch_size: images in a step.
    Raises:
        TypeError, ValueError: an argument will not do.
    First met in: notebook 22.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    rate = real_between("rate", rate, 0.0)
    if model is None:
        with runtime.seeded(seed):
            model = Denoiser(images.shape[-1], images.shape[1], width)
    device = images.device if isinstance(images, Tensor) else "cpu"
    model.to(device)
    random = runtime.generator(seed + 1, device)
    real = batches.stream(images, batch_size, runtime.generator(seed + 2))
    average = averaging.average(model, _DECAY)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for done in range(num_steps):
        share = min(1.0, (done + 1) / _WARM_UP) * schedules.share("cosine", done, num_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate * share
        optimizer.zero_grad()
        loss(model, next(real), random, times=times, weight=weight).backward()
        optimizer.step()
        average.update_parameters(model)
    return average.module


@torch.no_grad()
def sample(guess: Guess, noise: Tensor, *, steps: int = 16, method: str = "euler", path: bool = False) -> Tensor:
    """Follow the velocity from noise, at t = 0, to the images, at t = 1, in equal steps of h = 1 / steps.

    "euler" takes x + h v(x, t). "heun" goes there on trial, asks for the velocity again, and takes the mean of both.
    The last step is Euler's in either case and ends in the guess itself, because x + (1 - t) (guess - x) / (1 - t) is
    the guess. So one step alone gives what the network guesses from pure noise: about the mean image.

    Args:
        guess: a :class:`gancourse.models.flow.Denoiser`, or any function of points and times.
        noise: where to begin, shape (N, ...).
        steps: at least 1.
        method: one of ``METHODS``.
        path: return all points of the way instead, shape (steps + 1, N, ...).
    Returns:
        Shape (N, ...).
    Raises:
        ValueError: ``steps`` or ``method`` will not do.
    Source: Karras et al. (2022), algorithm 1, for Heun's method here.
    First met in: notebook 22.
    """
    calls(steps, method)  # refuses what will not do
    x, way = noise, [noise]
    for done in range(steps):
        now, then = (torch.full((len(x),), (done + more) / steps, dtype=x.dtype, device=x.device) for more in (0, 1))
        ends = guess(x, now)
        if done + 1 == steps:
            x = ends
        else:
            here = velocity(ends, x, now)
            there = x + here / steps
            x = there if method == "euler" else x + (here + velocity(guess(there, then), there, then)) / (2 * steps)
        way.append(x)
    return torch.stack(way) if path else x


def calls(steps: int, method: str = "euler") -> int:
    """Return how often :func:`sample` asks the network: ``steps`` times, or 2 steps - 1 with Heun's method.

    Raises:
        ValueError: ``steps`` is below 1, or ``method`` is not known.
    First met in: notebook 22.
    """
    steps = whole_between("steps", steps, 1)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    return steps if method == "euler" else 2 * steps - 1


def draw(
    model: Denoiser, n: int, *, steps: int = 16, method: str = "euler", seed: int, batch_size: int = 250
) -> Tensor:
    """Return ``n`` images that a flow makes of fresh noise, shape (n, C, S, S), in [-1, 1].

    Args:
        model: the trained network.
        n: how many, at least 1.
        steps, method: as for :func:`sample`.
        seed: of the noise; the same seed gives the same noise for every number of steps.
        batch_size: how many are made at once.
    Raises:
        ValueError: a number will not do.
    First met in: notebook 22.
    """
    n, device = whole_between("n", n, 1), next(model.parameters()).device
    shape = (n, model.channels, model.image_size, model.image_size)
    noise = torch.randn(shape, generator=runtime.generator(seed)).to(device)
    return torch.cat([sample(model, part, steps=steps, method=method) for part in noise.split(batch_size)])


def _as_column(t: Tensor, points: Tensor) -> Tensor:
    """Give times, shape (N,), as many axes as the points have."""
    if not isinstance(t, Tensor) or t.shape != points.shape[:1]:
        got = tuple(t.shape) if isinstance(t, Tensor) else type(t).__name__
        raise ValueError(f"t must be one time for each point, shape ({len(points)},), got {got}")
    return t.reshape(-1, *[1] * (points.ndim - 1))
