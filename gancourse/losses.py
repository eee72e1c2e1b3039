"""Every loss of the course: one function per family and player, and the table ``LOSSES``.

Conventions, the same everywhere: a loss takes *logits* (scores before any sigmoid), larger
always means "more real", and both players **minimise** their loss. ``softplus`` is used
throughout, because log(1 + exp(x)) neither overflows nor rounds to log(0).

Each family has per-sample *terms* (unchecked, any shape, for code that trains many GANs at
once) and the public losses, which check their input and take the mean of the terms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "LOSSES",
    "Loss",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating_discriminator_loss",
    "non_saturating_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]


# ---------------------------------------------------------------- terms, per sample, unchecked


def _cross_entropy_d_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(-real_logits) + F.softplus(fake_logits)


def _minimax_g_terms(fake_logits: Tensor) -> Tensor:
    return -F.softplus(fake_logits)


def _non_saturating_g_terms(fake_logits: Tensor) -> Tensor:
    return F.softplus(-fake_logits)


def _least_squares_d_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return 0.5 * ((real_logits - 1).square() + fake_logits.square())


def _least_squares_g_terms(fake_logits: Tensor) -> Tensor:
    return 0.5 * (fake_logits - 1).square()


def _hinge_d_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.relu(1 - real_logits) + F.relu(1 + fake_logits)


def _wasserstein_d_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return fake_logits - real_logits


def _score_g_terms(fake_logits: Tensor) -> Tensor:
    return -fake_logits


def _relativistic_d_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(fake_logits - real_logits)


def _relativistic_g_terms(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(real_logits - fake_logits)


# ---------------------------------------------------------------- checks


def _check_logits(**logits: Tensor) -> None:
    """Refuse, by name, what would broadcast, average nothing, or carry a NaN along."""
    first_name, first = next(iter(logits.items()))
    for name, value in logits.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor of logits, shape (N,), got {type(value).__name__}")
        if not value.is_floating_point():
            raise TypeError(f"{name} must hold floating-point logits, got dtype {value.dtype}")
        if value.ndim != 1:
            hint = "; use .squeeze(1)" if value.ndim == 2 and value.shape[1] == 1 else ""
            raise ValueError(f"{name} must have shape (N,), one logit per sample, got {tuple(value.shape)}{hint}")
        if value.numel() == 0:
            raise ValueError(f"{name} is empty: a loss needs at least one logit")
        if value.shape != first.shape:
            raise ValueError(
                f"{name} must have the shape of {first_name}, {tuple(first.shape)}, got {tuple(value.shape)}"
            )
        if value.device != first.device:
            raise ValueError(f"{name} is on {value.device}, but {first_name} is on {first.device}")
        if _can_look_inside(value) and not bool(torch.isfinite(value).all()):
            bad = int((~torch.isfinite(value)).sum())
            raise ValueError(f"{name} must be finite, got {bad} NaN or infinite value(s) of {value.numel()}")


def _can_look_inside(value: Tensor) -> bool:
    """True where reading values is free of side effects: plain CPU tensors outside capture."""
    if value.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(value)


# ---------------------------------------------------------------- minimax (the original game)


def minimax_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the discriminator's loss in the original game.

    The discriminator maximises V = E log D(x) + E log(1 - D(G(z))); this is -V, the binary
    cross-entropy of "real or fake?", summed over the two halves:
    mean softplus(-real) + mean softplus(fake). It is 2 log 2 when D answers 1/2 everywhere.

    Args:
        real_logits: discriminator outputs on real data, shape (N,), larger = more real.
        fake_logits: discriminator outputs on generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError: an argument is no floating-point tensor.
        ValueError: an argument has another shape, is empty, or is not finite.
    Source: Goodfellow et al. (2014), equation 1.
    First met in: notebook 01.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _cross_entropy_d_terms(real_logits, fake_logits).mean()


def minimax_generator_loss(*, fake_logits: Tensor) -> Tensor:
    """Return the generator's loss in the original game: the saturating one.

    The generator minimises E log(1 - D(G(z))) = -mean softplus(fake). As a function of the logit
    it is flat where D rejects the fakes (D near 0), that is, when the generator is bad.
    It is -log 2 when D answers 1/2.

    Args:
        fake_logits: discriminator outputs on generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at most 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Goodfellow et al. (2014), equation 1.
    First met in: notebook 01.
    """
    _check_logits(fake_logits=fake_logits)
    return _minimax_g_terms(fake_logits).mean()


# ---------------------------------------------------------------- non-saturating


def non_saturating_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the discriminator's loss beside the non-saturating generator.

    The same cross-entropy as :func:`minimax_discriminator_loss`; only the generator differs.

    Args:
        real_logits: discriminator outputs on real data, shape (N,), larger = more real.
        fake_logits: discriminator outputs on generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Goodfellow et al. (2014), section 3.
    First met in: notebook 01.
    """
    return minimax_discriminator_loss(real_logits=real_logits, fake_logits=fake_logits)


def non_saturating_generator_loss(*, fake_logits: Tensor) -> Tensor:
    """Return the generator's loss that keeps a slope when D rejects its samples.

    -E log D(G(z)) = mean softplus(-fake). Same fixed point as the minimax loss, another gradient:
    steep where D is near 0, flat where D is near 1. It is log 2 when D answers 1/2.

    Args:
        fake_logits: discriminator outputs on generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Goodfellow et al. (2014), section 3.
    First met in: notebook 01.
    """
    _check_logits(fake_logits=fake_logits)
    return _non_saturating_g_terms(fake_logits).mean()


# ---------------------------------------------------------------- least squares


def least_squares_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the least-squares discriminator loss with targets 1 (real) and 0 (fake).

    1/2 mean (real - 1)^2 + 1/2 mean fake^2. The scores are used as they are, without a sigmoid.

    Args:
        real_logits: scores of real data, shape (N,), larger = more real.
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Mao et al. (2017), equation 9, with targets a = 0, b = c = 1.
    First met in: notebook 02.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _least_squares_d_terms(real_logits, fake_logits).mean()


def least_squares_generator_loss(*, fake_logits: Tensor) -> Tensor:
    """Return the least-squares generator loss with target 1: 1/2 mean (fake - 1)^2.

    Args:
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Mao et al. (2017), equation 9, with targets a = 0, b = c = 1.
    First met in: notebook 02.
    """
    _check_logits(fake_logits=fake_logits)
    return _least_squares_g_terms(fake_logits).mean()


# ---------------------------------------------------------------- hinge


def hinge_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the hinge discriminator loss: mean max(0, 1 - real) + mean max(0, 1 + fake).

    Scores beyond the margin (real above 1, fake below -1) give no gradient.

    Args:
        real_logits: scores of real data, shape (N,), larger = more real.
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Lim and Ye (2017); Miyato et al. (2018), equation 16.
    First met in: notebook 02.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _hinge_d_terms(real_logits, fake_logits).mean()


def hinge_generator_loss(*, fake_logits: Tensor) -> Tensor:
    """Return the generator loss beside the hinge discriminator: -mean fake.

    Args:
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor of either sign, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Lim and Ye (2017); Miyato et al. (2018), equation 17.
    First met in: notebook 02.
    """
    _check_logits(fake_logits=fake_logits)
    return _score_g_terms(fake_logits).mean()


# ---------------------------------------------------------------- Wasserstein


def wasserstein_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the critic's loss: mean fake - mean real.

    Minus this loss is the critic's estimate of the Wasserstein distance, which is worth what the
    critic's Lipschitz bound is worth: this function does not enforce one.

    Args:
        real_logits: critic scores of real data, shape (N,), larger = more real.
        fake_logits: critic scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor of either sign, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Arjovsky et al. (2017), equation 3 and algorithm 1, with the sign of a loss.
    First met in: notebook 02.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _wasserstein_d_terms(real_logits, fake_logits).mean()


def wasserstein_generator_loss(*, fake_logits: Tensor) -> Tensor:
    """Return the generator loss beside a critic: -mean fake.

    Args:
        fake_logits: critic scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor of either sign, to be minimised.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Arjovsky et al. (2017), algorithm 1.
    First met in: notebook 02.
    """
    _check_logits(fake_logits=fake_logits)
    return _score_g_terms(fake_logits).mean()


# ---------------------------------------------------------------- relativistic, paired


def relativistic_discriminator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the relativistic paired discriminator loss: mean softplus(fake_i - real_i).

    Each real sample is compared with one fake: only their difference counts.

    Args:
        real_logits: scores of real data, shape (N,), larger = more real.
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised; log 2 when the scores are equal.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Jolicoeur-Martineau (2018), equation 5.
    First met in: notebook 02.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _relativistic_d_terms(real_logits, fake_logits).mean()


def relativistic_generator_loss(*, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the relativistic paired generator loss: mean softplus(real_i - fake_i).

    The only generator loss here that needs the real logits.

    Args:
        real_logits: scores of real data, shape (N,), larger = more real.
        fake_logits: scores of generated data, shape (N,), larger = more real.
    Returns:
        Scalar tensor, at least 0, to be minimised; log 2 when the scores are equal.
    Raises:
        TypeError, ValueError: as :func:`minimax_discriminator_loss`.
    Source: Jolicoeur-Martineau (2018), equation 6.
    First met in: notebook 02.
    """
    _check_logits(real_logits=real_logits, fake_logits=fake_logits)
    return _relativistic_g_terms(real_logits, fake_logits).mean()


# ---------------------------------------------------------------- the table


class Loss(NamedTuple):
    """One family: two public losses, their per-sample terms, and what the generator's needs.

    ``generator`` takes ``fake_logits``, and ``real_logits`` too where ``paired`` is true; the
    ``terms`` take the same tensors by position, in the order (real, fake), and check nothing.
    """

    discriminator: Callable[..., Tensor]
    generator: Callable[..., Tensor]
    discriminator_terms: Callable[..., Tensor]
    generator_terms: Callable[..., Tensor]
    paired: bool = False


LOSSES: dict[str, Loss] = {
    "minimax": Loss(minimax_discriminator_loss, minimax_generator_loss, _cross_entropy_d_terms, _minimax_g_terms),
    "non_saturating": Loss(
        non_saturating_discriminator_loss,
        non_saturating_generator_loss,
        _cross_entropy_d_terms,
        _non_saturating_g_terms,
    ),
    "least_squares": Loss(
        least_squares_discriminator_loss,
        least_squares_generator_loss,
        _least_squares_d_terms,
        _least_squares_g_terms,
    ),
    "hinge": Loss(hinge_discriminator_loss, hinge_generator_loss, _hinge_d_terms, _score_g_terms),
    "wasserstein": Loss(
        wasserstein_discriminator_loss, wasserstein_generator_loss, _wasserstein_d_terms, _score_g_terms
    ),
    "relativistic": Loss(
        relativistic_discriminator_loss,
        relativistic_generator_loss,
        _relativistic_d_terms,
        _relativistic_g_terms,
        paired=True,
    ),
}
