"""Penalties on a discriminator's gradient, and weight clipping.

Every penalty is the *bare expectation*: its weight (gamma / 2 or lambda) is written where it is added to the loss,
``d_loss + gamma / 2 * r1_penalty(real_logits, real)``, so that two papers can be compared by reading one line.
They differ in *where* the gradient is taken and in what its norm should be:

    r1_penalty                       E |grad D(x)|^2          at real points
    r2_penalty                       E |grad D(x)|^2          at fake points
    zero_centred_gradient_penalty    E |grad D(x)|^2          between real and fake
    gradient_penalty (WGAN-GP)       E (|grad D(x)| - 1)^2    between real and fake
    one_sided_gradient_penalty       the same, where |grad D(x)| > 1

The first two look where the loss has looked already, so they take what D said there and run nothing again. The others
look at points of their own, and take D.

The norm is taken per sample, over all axes but the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse._numbers import real

__all__ = [
    "gradient_penalty",
    "input_gradients",
    "one_sided_gradient_penalty",
    "r1_penalty",
    "r2_penalty",
    "weight_clipping",
    "zero_centred_gradient_penalty",
]

Score = Callable[[Tensor], Tensor]

_HALF = (torch.float16, torch.bfloat16)
"""Squared and summed in float32: the square of a float16 number overflows from 256 on."""


def input_gradients(logits: Tensor, points: Tensor) -> Tensor:
    """Return the gradient of every logit at its own point, shape as ``points``, ready to be differentiated again.

    The sum of the logits is differentiated once: no logit depends on another sample's point, so each point's share
    is the gradient of its own logit. (Batch norm breaks that; see the table of mistakes in notebook 06.)
    Checks nothing; the penalties below do, and the code that trains many GANs at once calls this.

    Args:
        logits: computed from ``points`` with gradients on, any shape.
        points: what to differentiate by; requires gradients.
    First met in: notebook 03.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    return gradient


def r1_penalty(real_logits: Tensor, real: Tensor) -> Tensor:
    """Return R1: the mean squared gradient norm of the discriminator at real points.

    E |grad D(x)|^2 over x real. It stops D from being steep on the data, which makes the game converge locally
    where the unpenalised one circles. Usual weight: gamma / 2. For D(x) = w.x it is |w|^2.

    The logits are those of the loss, so D runs once. They must know the points that they came from::

        real.requires_grad_()  # before D sees them
        real_logits = D(real)

    Args:
        real_logits: what the discriminator says of ``real``, shape (N,), with its graph.
        real: real data, shape (N, ...), floating point, requiring gradients.
    Returns:
        Scalar tensor, at least 0, to be weighted and added to d_loss.
    Raises:
        TypeError, ValueError: ``real`` is no such tensor, is empty or is not finite; the logits do not have shape (N,),
            or were not computed from ``real`` with gradients on.
    Source: Mescheder et al. (2018), equation 9, without the factor gamma / 2.
    First met in: notebook 03.
    """
    return _squared_norms(_slopes("real", real_logits, real)).mean()


def r2_penalty(fake_logits: Tensor, fake: Tensor) -> Tensor:
    """Return R2: the mean squared gradient norm of the discriminator at generated points.

    As :func:`r1_penalty`, over x fake. The penalty is D's alone, so the points are cut off from the generator::

        fake = G(z).detach().requires_grad_()
        fake_logits = D(fake)

    Args:
        fake_logits: what the discriminator says of ``fake``, shape (N,), with its graph.
        fake: generated data, shape (N, ...), floating point, detached, requiring gradients.
    Returns:
        Scalar tensor, at least 0, to be weighted and added to d_loss.
    Raises:
        TypeError, ValueError: as :func:`r1_penalty`, for ``fake``; ``fake`` still hangs on the generator.
    Source: Mescheder et al. (2018), equation 10, without the factor gamma / 2.
    First met in: notebook 05.
    """
    return _squared_norms(_slopes("fake", fake_logits, fake)).mean()


def gradient_penalty(critic: Score, real: Tensor, fake: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Return WGAN-GP's penalty: how far the critic's slope is from 1 between real and fake.

    E (|grad D(x)| - 1)^2 over x = e real + (1 - e) fake, one e ~ U(0, 1) per pair. It is two-sided: a critic that is
    too flat pays as well. For D(x) = w.x it is (|w| - 1)^2. Finite, with finite gradients, at a flat critic (value 1).

    Args:
        critic: gives scores, shape (N,), for points; a module or any function.
        real: real data, shape (N, ...), floating point.
        fake: generated data, of the shape of ``real``.
        generator: random generator for e; PyTorch's own if not given.
    Returns:
        Scalar tensor, at least 0, to be weighted (the paper: lambda = 10) and added to d_loss.
    Raises:
        TypeError, ValueError: as :func:`r1_penalty`, or ``fake`` differs from ``real`` in shape, dtype or device.
    Source: Gulrajani et al. (2017), equation 3, without lambda.
    First met in: notebook 03.
    """
    norms = _norms(critic, _between(real, fake, generator))
    return (norms - 1).square().mean()  # norm() has slope 0, not NaN, at 0


def one_sided_gradient_penalty(
    critic: Score, real: Tensor, fake: Tensor, *, generator: torch.Generator | None = None
) -> Tensor:
    """Return WGAN-GP's penalty where the critic is steeper than 1, and nothing where it is flatter.

    E max(0, |grad D(x)| - 1)^2 over x = e real + (1 - e) fake, one e ~ U(0, 1) per pair. This is what "1-Lipschitz"
    says, no more: a flat critic pays nothing. For D(x) = w.x it is max(0, |w| - 1)^2.

    Args:
        critic: gives scores, shape (N,), for points; a module or any function.
        real: real data, shape (N, ...), floating point.
        fake: generated data, of the shape of ``real``.
        generator: random generator for e; PyTorch's own if not given.
    Returns:
        Scalar tensor, at least 0, to be weighted and added to d_loss.
    Raises:
        TypeError, ValueError: as :func:`gradient_penalty`.
    Source: Gulrajani et al. (2017), section 4; Petzka et al. (2018), WGAN-LP.
    First met in: notebook 09.
    """
    norms = _norms(critic, _between(real, fake, generator))
    return (norms - 1).clamp(min=0).square().mean()


def zero_centred_gradient_penalty(
    discriminator: Score, real: Tensor, fake: Tensor, *, generator: torch.Generator | None = None
) -> Tensor:
    """Return the mean squared gradient norm between real and fake: R1's norm at WGAN-GP's points.

    E |grad D(x)|^2 over x = e real + (1 - e) fake, one e ~ U(0, 1) per pair. For D(x) = w.x it is |w|^2.

    Args:
        discriminator: gives logits, shape (N,), for points; a module or any function.
        real: real data, shape (N, ...), floating point.
        fake: generated data, of the shape of ``real``.
        generator: random generator for e; PyTorch's own if not given.
    Returns:
        Scalar tensor, at least 0, to be weighted and added to d_loss.
    Raises:
        TypeError, ValueError: as :func:`gradient_penalty`.
    Source: Thanh-Tung et al. (2019), 0-GP.
    First met in: notebook 05.
    """
    return _squared_norms(_gradients(discriminator, _between(real, fake, generator))).mean()


@torch.no_grad()
def weight_clipping(critic: nn.Module, limit: float) -> None:
    """Force every parameter of the critic into [-limit, limit], in place.

    The original WGAN's way to bound the critic's slope, called after each of its updates. Crude: it bounds each
    number, not the function, and pushes the weights to the two ends.

    Args:
        critic: the network.
        limit: above 0; the paper used 0.01.
    Raises:
        TypeError: ``critic`` is no module.
        ValueError: ``limit`` is not a positive finite number.
    Source: Arjovsky et al. (2017), algorithm 1.
    First met in: notebook 08.
    """
    if not isinstance(critic, nn.Module):
        raise TypeError(f"critic must be a module, got {type(critic).__name__}")
    if (bound := real(limit)) is None or not 0 < bound < math.inf:
        raise ValueError(f"limit must be a positive finite number, got {limit!r}")
    for parameter in critic.parameters():
        parameter.clamp_(-bound, bound)


# ---------------------------------------------------------------- helpers


def _norms(critic: Score, points: Tensor) -> Tensor:
    return _flat(_gradients(critic, points)).norm(dim=1)


def _squared_norms(gradients: Tensor) -> Tensor:
    return _flat(gradients).square().sum(dim=1)


def _flat(gradients: Tensor) -> Tensor:
    flat = gradients.flatten(1)
    return flat.float() if flat.dtype in _HALF else flat


def _slopes(name: str, logits: Tensor, points: Tensor) -> Tensor:
    """Return the gradient of each logit at its own point, shape (N, ...), or say what is missing for it."""
    _checked(name, points)
    if not isinstance(logits, Tensor) or logits.shape != points.shape[:1]:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"{name}_logits must be one logit per sample, shape ({len(points)},), got {got}")
    if points.grad_fn is not None:
        raise ValueError(f"{name} hangs on another network: take {name} = {name}.detach().requires_grad_()")
    if not points.requires_grad:
        raise ValueError(f"{name} does not require gradients: call {name}.requires_grad_() before D sees it")
    try:
        return input_gradients(logits, points)
    except RuntimeError as error:
        if _no_path(error):
            cause = f"{name}_logits were not computed from {name}: call D({name}), with gradients on and no detach in D"
            raise ValueError(cause) from error
        raise


def _no_path(error: RuntimeError) -> bool:
    """Tell torch's two ways to say that there is no path from logits to points."""
    return "does not require grad" in str(error) or "not have been used" in str(error)


def _gradients(critic: Score, points: Tensor) -> Tensor:
    """Run the critic on a fresh copy of the points and return its gradients there, shape (N, ...)."""
    if not callable(critic):
        raise TypeError(f"the critic must be a module or a function, got {type(critic).__name__}")
    if torch.is_inference_mode_enabled():  # where nothing can be differentiated
        with torch.inference_mode(False):
            return _gradients(critic, points.clone())
    with torch.enable_grad():
        points = (points.clone() if points.is_inference() else points.detach()).requires_grad_()
        logits = critic(points)
        if not isinstance(logits, Tensor) or logits.shape != points.shape[:1]:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"the critic must give one score per sample, shape ({len(points)},), got {got}")
        try:
            return input_gradients(logits, points)
        except RuntimeError as error:
            if _no_path(error):
                cause = "the scores do not depend on the points: was something detached inside the critic?"
                raise ValueError(cause) from error
            raise


def _between(real: Tensor, fake: Tensor, generator: torch.Generator | None) -> Tensor:
    real, fake = _checked("real", real).detach(), _checked("fake", fake).detach()
    if fake.shape != real.shape:
        raise ValueError(f"fake must have the shape of real, {tuple(real.shape)}, got {tuple(fake.shape)}")
    if fake.dtype != real.dtype or fake.device != real.device:
        raise ValueError(f"fake must be like real, {real.dtype} on {real.device}, got {fake.dtype} on {fake.device}")
    device = real.device if generator is None else generator.device
    mix = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator, dtype=real.dtype, device=device)
    mix = mix.to(real.device)
    return mix * real + (1 - mix) * fake


def _checked(name: str, points: Tensor) -> Tensor:
    if not isinstance(points, Tensor):
        raise TypeError(f"{name} must be a tensor of shape (N, ...), got {type(points).__name__}")
    if not points.is_floating_point():
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {points.dtype}")
    if points.ndim < 2:
        raise ValueError(f"{name} must have shape (N, ...), a batch of points or images, got {tuple(points.shape)}")
    if points.numel() == 0:
        raise ValueError(f"{name} is empty: a penalty needs at least one sample")
    if points.device.type == "cpu" and not torch.compiler.is_compiling() and not bool(torch.isfinite(points).all()):
        bad = int((~torch.isfinite(points)).sum())
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite value(s) of {points.numel()}")
    return points
