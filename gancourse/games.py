"""Games of two players with one number each: small enough to see all of a GAN's motion at once.

The *state* of a game is a tensor whose last axis holds two numbers: first the generator's
(x or theta), then the discriminator's (y or psi). Axes before that are games played side by side.
Every game here has its equilibrium at (0, 0), and all arithmetic is in float64.

A :class:`Game` says what each player minimises. A :class:`Step` says how they move; make one with
:func:`simultaneous`, :func:`alternating`, :func:`extragradient` or :func:`optimistic`, then
:func:`run` it. :func:`jacobian` and :func:`update_matrix` say what happens near the equilibrium.
Weights, step sizes and momenta may be tensors that broadcast against the axes of games.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import real, whole
from gancourse._torch_modes import usual_modes
from gancourse.losses import LOSSES

__all__ = [
    "Game",
    "Step",
    "alternating",
    "bilinear",
    "consensus",
    "dirac_gan",
    "extragradient",
    "field",
    "jacobian",
    "optimistic",
    "run",
    "running_average",
    "simultaneous",
    "spectral_radius",
    "update_matrix",
]

DIRAC_LOSSES = ("minimax", "non_saturating", "wasserstein")
"""The families of ``losses.LOSSES`` that a Dirac-GAN is played with here."""

_NOISE_POINTS = 64


class Game(NamedTuple):
    """What each player minimises, as a function of both numbers.

    Args:
        name: what the game is called in pictures.
        losses: takes (theta, psi), two tensors of one shape, and returns (generator's loss,
            discriminator's loss), tensors of that shape: one loss a game, no mean.
        clip: if given, the discriminator's number is put back into [-clip, clip] after each of its moves.
    First met in: notebook 03.
    """

    name: str
    losses: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    clip: float | Tensor | None = None


class Step(NamedTuple):
    """One step of training as a function of the whole state.

    Args:
        name: what the method is called in pictures.
        update: full state -> full state; the full state is the two numbers and, for methods that
            remember something (a velocity, the last gradient), two more.
        begin: the two numbers -> the full state to start from.
    First met in: notebook 03.
    """

    name: str
    update: Callable[[Tensor], Tensor]
    begin: Callable[[Tensor], Tensor]


# ---------------------------------------------------------------- games


def bilinear() -> Game:
    """Return min over x, max over y of x y: the smallest game that goes round.

    The generator's number x minimises x y, the discriminator's y minimises -x y.

    First met in: notebook 03.
    """
    return Game("min max xy", lambda x, y: (x * y, -x * y))


def dirac_gan(
    loss: str = "minimax",
    *,
    r1: float | Tensor = 0.0,
    gradient_penalty: float | Tensor = 0.0,
    instance_noise: float | Tensor = 0.0,
    clip: float | Tensor | None = None,
) -> Game:
    """Return the GAN whose data is the single point 0 and whose generator makes the single point theta.

    The discriminator's logit is psi x: its slope psi is all it has to learn. So the real point has
    logit 0 and the fake one psi theta, and larger still means more real. The slope of the logit is
    psi at every x, so R1 and R2 are the same penalty, and the points of a gradient penalty do not matter.

    Args:
        loss: "minimax", "non_saturating" or "wasserstein", a family of ``losses.LOSSES``.
        r1: gamma >= 0; adds (gamma / 2) psi^2 to the discriminator's loss.
        gradient_penalty: lambda >= 0; adds lambda (\\|psi\\| - 1)^2 to the discriminator's loss (WGAN-GP).
        instance_noise: std >= 0 of the Gaussian noise added to real and fake points alike, or the width of data
            that is no point and of fakes as wide. Losses are exact expectations (Gauss-Hermite quadrature),
            nothing is drawn. No effect on a Wasserstein loss.
        clip: if given, positive: psi is put back into [-clip, clip] after each move (the first WGAN).
    Raises:
        TypeError: a weight is no number.
        ValueError: the loss is unknown, or a weight is negative or not finite.
    Source: Mescheder, Geiger & Nowozin (2018), section 2, with our sign: their discriminator scores fakes high.
    First met in: notebook 03.
    """
    if loss not in DIRAC_LOSSES:
        raise ValueError(f"loss must be one of {', '.join(DIRAC_LOSSES)}, got {loss!r}")
    r1 = _number("r1", r1)
    gradient_penalty = _number("gradient_penalty", gradient_penalty)
    std = _number("instance_noise", instance_noise)
    if clip is not None:
        clip = _number("clip", clip, positive=True)
    d_terms, g_terms = LOSSES[loss].discriminator_terms, LOSSES[loss].generator_terms
    noisy = bool((std > 0).any()) if isinstance(std, Tensor) else std > 0
    has_r1, has_gradient_penalty = (isinstance(weight, Tensor) or weight > 0 for weight in (r1, gradient_penalty))
    points, weights = _gauss_hermite()

    def losses(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        if noisy:
            noise = (std.unsqueeze(-1) if isinstance(std, Tensor) else std) * points
            real_logits, fake_logits = psi.unsqueeze(-1) * noise, psi.unsqueeze(-1) * (theta.unsqueeze(-1) + noise)
            d_loss = (d_terms(real_logits, fake_logits) * weights).sum(-1)
            g_loss = (g_terms(fake_logits) * weights).sum(-1)
        else:
            fake_logits = psi * theta
            d_loss, g_loss = d_terms(psi * 0.0, fake_logits), g_terms(fake_logits)
        if has_r1:
            d_loss = d_loss + r1 / 2 * psi.square()
        if has_gradient_penalty:
            d_loss = d_loss + gradient_penalty * (psi.abs() - 1).square()
        return g_loss, d_loss

    return Game(f"Dirac-GAN, {loss.replace('_', '-')}", losses, clip)


def consensus(game: Game, weight: float | Tensor) -> Game:
    """Return the game in which both players also want the field to be short.

    Each loss gains (weight / 2) \\|v\\|^2, v the :func:`field` of the game as it was. That does not move the
    equilibrium, where v = 0. Near it, where v = J s, the field gains -weight J'J s, which never points away from the
    equilibrium, and straight towards it where J'J is a multiple of the identity, as for min max xy.

    Args:
        game: the game to calm.
        weight: at least 0.
    Raises:
        TypeError, ValueError: the weight is no finite number, or negative.
    Source: Mescheder, Nowozin & Geiger (2017), "The Numerics of GANs", algorithm 2.
    First met in: notebook 03.
    """
    weight = _number("weight", weight)

    def losses(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        g_loss, d_loss = game.losses(theta, psi)
        v = [
            torch.autograd.grad(loss.sum(), number, create_graph=True, materialize_grads=True)[0]
            for loss, number in ((g_loss, theta), (d_loss, psi))
        ]
        disagreement = weight / 2 * (v[0].square() + v[1].square())
        return g_loss + disagreement, d_loss + disagreement

    return Game(f"{game.name}, consensus", losses, game.clip)


@usual_modes()
def field(game: Game, state: Tensor | Sequence[float]) -> Tensor:
    """Return where each player wants to go: minus the gradient of its own loss in its own number.

    Args:
        game: the game.
        state: shape (..., 2), (generator's number, discriminator's number).
    Returns:
        Shape (..., 2), float64; differentiable if ``state`` is.
    Raises:
        TypeError, ValueError: the state is no finite tensor of such a shape.
    First met in: notebook 03.
    """
    return _field(game, _state("state", state))


@usual_modes()
def jacobian(game: Game, at: Tensor | Sequence[float] = (0.0, 0.0)) -> Tensor:
    """Return the derivative of the :func:`field`: how it changes when one number changes.

    Rows: the generator's and the discriminator's direction; columns: the number that is changed.

    Args:
        game: the game.
        at: shape (..., 2), by default the equilibrium.
    Returns:
        Shape (..., 2, 2), float64.
    First met in: notebook 03.
    """
    return _derivative(lambda state: _field(game, state), _state("at", at))


# ---------------------------------------------------------------- steps


def simultaneous(
    game: Game, *, step_size: float | Tensor | tuple[float, float], momentum: float | Tensor = 0.0
) -> Step:
    """Return the step in which both players move at once, each looking at the other's old number.

    Args:
        game: the game.
        step_size: eta > 0 for both, or a pair (generator's, discriminator's).
        momentum: beta in (-1, 1): velocity <- beta velocity + v, number <- number + eta velocity.
    Raises:
        TypeError, ValueError: a step size or the momentum is no number in its range.
    First met in: notebook 03.
    """
    eta, beta = _step_sizes(step_size), _momentum(momentum)

    def update(full: Tensor) -> Tensor:
        state, velocity = full[..., :2], full[..., 2:]
        v = _field(game, state)
        velocity = v if beta is None else _times(beta, velocity) + v
        state = _clipped(game, state + _per_player(eta, velocity))
        return state if beta is None else torch.cat([state, velocity], -1)

    return Step("simultaneous", update, _with_velocity(beta))


def alternating(
    game: Game,
    *,
    step_size: float | Tensor | tuple[float, float],
    momentum: float | Tensor = 0.0,
    first: str = "generator",
    d_steps_per_g_step: int = 1,
) -> Step:
    """Return the step in which one player moves and the other answers, knowing the new number.

    The training loops of this course let the discriminator move first: ``first="discriminator"``. The
    order shifts what you see by half a step; it changes no eigenvalue.

    Args:
        game: the game.
        step_size: eta > 0 for both, or a pair (generator's, discriminator's).
        momentum: beta in (-1, 1), as in :func:`simultaneous`.
        first: who moves first, "generator" or "discriminator".
        d_steps_per_g_step: how often the discriminator moves in one step.
    Raises:
        TypeError, ValueError: an argument is out of its range.
    First met in: notebook 03.
    """
    eta, beta = _step_sizes(step_size), _momentum(momentum)
    if first not in ("generator", "discriminator"):
        raise ValueError(f"first must be 'generator' or 'discriminator', got {first!r}")
    d_steps_per_g_step = _whole("d_steps_per_g_step", d_steps_per_g_step, at_least=1)
    moves = [0] + [1] * d_steps_per_g_step if first == "generator" else [1] * d_steps_per_g_step + [0]

    def update(full: Tensor) -> Tensor:
        state, velocity = full[..., :2], full[..., 2:]
        numbers, velocities = list(state.unbind(-1)), list(velocity.unbind(-1)) if beta is not None else []
        for player in moves:
            (change,) = _directions(game, torch.stack(numbers, -1), (player,))
            if beta is not None:
                change = velocities[player] = beta * velocities[player] + change
            numbers[player] = numbers[player] + eta[player] * change
            if player == 1 and game.clip is not None:
                numbers[1] = numbers[1].clamp(-game.clip, game.clip)
        return torch.stack(torch.broadcast_tensors(*numbers, *velocities), -1)

    return Step("alternating", update, _with_velocity(beta))


def extragradient(game: Game, *, step_size: float | Tensor | tuple[float, float]) -> Step:
    """Return the step that looks ahead: try a simultaneous step, then move by the field found *there*.

    s_ahead = s + eta v(s); new s = s + eta v(s_ahead). Two gradients a step.

    Args:
        game: the game.
        step_size: eta > 0 for both, or a pair (generator's, discriminator's).
    Source: Korpelevich (1976); for GANs: Gidel et al. (2019), "A Variational Inequality Perspective".
    First met in: notebook 03.
    """
    eta = _step_sizes(step_size)

    def update(state: Tensor) -> Tensor:
        ahead = _clipped(game, state + _per_player(eta, _field(game, state)))
        return _clipped(game, state + _per_player(eta, _field(game, ahead)))

    return Step("extragradient", update, lambda state: state)


def optimistic(game: Game, *, step_size: float | Tensor | tuple[float, float]) -> Step:
    """Return the step that guesses the next field from the last two: s + 2 eta v(s) - eta v(previous s).

    Nearly extragradient, with one gradient a step instead of two.

    Args:
        game: the game.
        step_size: eta > 0 for both, or a pair (generator's, discriminator's).
    Source: Daskalakis et al. (2018), "Training GANs with Optimism".
    First met in: notebook 03.
    """
    eta = _step_sizes(step_size)

    def update(full: Tensor) -> Tensor:
        state, previous = full[..., :2], full[..., 2:]
        v = _field(game, state)
        return torch.cat([_clipped(game, state + _per_player(eta, 2 * v - previous)), v], -1)

    return Step("optimistic", update, lambda state: torch.cat([state, _field(game, state)], -1))


@usual_modes()
def run(step: Step, start: Tensor | Sequence[float], *, num_steps: int) -> Tensor:
    """Repeat a step and return every state on the way.

    Args:
        step: made by one of the functions above.
        start: shape (..., 2).
        num_steps: how many steps, at least 1.
    Returns:
        Shape (num_steps + 1, ..., 2), float64; the first entry is ``start``.
    Raises:
        TypeError, ValueError: an argument is out of its range.
        ArithmeticError: a number became infinite; the message says after how many steps.
    First met in: notebook 03.
    """
    num_steps = _whole("num_steps", num_steps, at_least=1)
    full = step.begin(_state("start", start).detach())
    path = [full[..., :2]]
    for count in range(1, num_steps + 1):
        new = step.update(full).detach()
        if new.shape != full.shape:
            raise ValueError(
                f"start must have one state for each game, shape {tuple(new.shape[:-1])} + (2,), got "
                f"{tuple(path[0].shape)}; use start.expand(...)"
            )
        full = new
        if not bool(torch.isfinite(full).all()):
            raise ArithmeticError(
                f"after {count} steps of '{step.name}' a number is no longer finite: this game has run away; "
                f"take fewer steps or a smaller step_size"
            )
        path.append(full[..., :2])
    return torch.stack(path)


@usual_modes()
def update_matrix(step: Step, at: Tensor | Sequence[float] = (0.0, 0.0)) -> Tensor:
    """Return the derivative of one whole step: near an equilibrium, a step multiplies the state by it.

    Eigenvalues inside the unit circle: the state spirals (or runs) in; outside: out; on it: round.

    Args:
        step: made by one of the functions above.
        at: shape (..., 2), by default the equilibrium.
    Returns:
        Shape (..., k, k), float64; k = 2, or 4 for a method with a memory (momentum, optimism).
    First met in: notebook 03.
    """
    return _derivative(step.update, step.begin(_state("at", at)).detach())


def spectral_radius(matrix: Tensor) -> Tensor:
    """Return the largest size of an eigenvalue: in the long run, the factor per step.

    Args:
        matrix: shape (..., k, k).
    Returns:
        Shape (...), float64.
    First met in: notebook 03.
    """
    if not isinstance(matrix, Tensor) or matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        got = tuple(matrix.shape) if isinstance(matrix, Tensor) else type(matrix).__name__
        raise ValueError(f"matrix must be a square matrix, shape (..., k, k), got {got}")
    return torch.linalg.eigvals(matrix.double()).abs().amax(-1)


def running_average(path: Tensor) -> Tensor:
    """Return, for each time, the mean of all states up to it.

    Args:
        path: shape (T, ..., 2), from :func:`run`.
    Returns:
        The same shape.
    First met in: notebook 03.
    """
    path = _state("path", path)
    if path.ndim < 2:
        raise ValueError(f"path must have shape (T, ..., 2), one state a time, got {tuple(path.shape)}")
    counts = torch.arange(1, len(path) + 1, dtype=torch.float64).reshape(-1, *[1] * (path.ndim - 1))
    return path.cumsum(0) / counts


# ---------------------------------------------------------------- inside


def _field(game: Game, state: Tensor) -> Tensor:
    return torch.stack(_directions(game, state, (0, 1)), -1)


def _directions(game: Game, state: Tensor, players: tuple[int, ...]) -> list[Tensor]:
    """Return the parts of the field that belong to these players, with a graph if the state has one."""
    keep_graph = state.requires_grad and torch.is_grad_enabled()
    with torch.enable_grad():
        numbers = list((state if keep_graph else state.detach()).unbind(-1))
        if not keep_graph:
            numbers = [number.requires_grad_() for number in numbers]
        losses = game.losses(*numbers)
        for loss in losses:
            if not isinstance(loss, Tensor) or loss.shape != numbers[0].shape:
                got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
                raise ValueError(
                    f"state must have one pair of numbers for each game: a loss of {game.name!r} has {got} where the "
                    f"state has games of shape {tuple(state.shape[:-1])}"
                )
        gradients = [
            torch.autograd.grad(
                losses[player].sum(),
                numbers[player],
                retain_graph=True,
                create_graph=keep_graph,
                materialize_grads=True,
            )[0]
            for player in players
        ]
    return [-gradient for gradient in gradients]


def _derivative(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    with torch.enable_grad():
        at = at.detach().clone().requires_grad_()
        value = function(at)
        if value.shape != at.shape:
            raise ValueError(f"at must have one state for each game, shape {tuple(value.shape)}, got {tuple(at.shape)}")
        rows = [
            torch.autograd.grad(value[..., row].sum(), at, retain_graph=True, materialize_grads=True)[0]
            for row in range(value.shape[-1])
        ]
    return torch.stack(rows, -2).detach()


def _clipped(game: Game, state: Tensor) -> Tensor:
    if game.clip is None:
        return state
    return torch.stack([state[..., 0], state[..., 1].clamp(-game.clip, game.clip)], -1)


def _times(factor: float | Tensor, state: Tensor) -> Tensor:
    return (factor.unsqueeze(-1) if isinstance(factor, Tensor) else factor) * state


def _per_player(eta: tuple, state: Tensor) -> Tensor:
    return torch.stack([eta[0] * state[..., 0], eta[1] * state[..., 1]], -1)


def _with_velocity(beta: float | Tensor | None) -> Callable[[Tensor], Tensor]:
    if beta is None:
        return lambda state: state
    return lambda state: torch.cat([state, torch.zeros_like(state)], -1)


def _gauss_hermite() -> tuple[Tensor, Tensor]:
    """Return points and weights with sum(weights * f(points)) = E f(noise), noise standard normal."""
    points, weights = np.polynomial.hermite_e.hermegauss(_NOISE_POINTS)
    return torch.from_numpy(points), torch.from_numpy(weights / math.sqrt(2 * math.pi))


# ---------------------------------------------------------------- checks


def _state(name: str, value: Tensor | Sequence[float]) -> Tensor:
    if not isinstance(value, Tensor):
        try:
            value = torch.tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"{name} must be a tensor or a pair of numbers, got {value!r}") from error
    if value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{name} must hold real numbers, got dtype {value.dtype}")
    if value.ndim == 0 or value.shape[-1] != 2:
        raise ValueError(
            f"{name} must have shape (..., 2), the generator's number and the discriminator's, got {tuple(value.shape)}"
        )
    if value.numel() == 0:
        raise ValueError(f"{name} is empty, shape {tuple(value.shape)}")
    if not bool(torch.isfinite(value).all()):
        raise ValueError(f"{name} must be finite, got {value.tolist()}")
    return value.to("cpu", torch.float64)


def _number(name: str, value: float | Tensor, *, positive: bool = False) -> float | Tensor:
    wanted = "positive" if positive else "at least 0"
    if isinstance(value, Tensor) and not value.is_complex() and value.dtype != torch.bool and value.numel():
        value = value.detach().to("cpu", torch.float64)
        lowest, finite = float(value.min()), bool(torch.isfinite(value).all())
    elif (number := real(value)) is not None:
        value, lowest, finite = number, float(number), math.isfinite(number)
    else:
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not finite or lowest < 0 or (positive and lowest == 0):
        got = value.tolist() if isinstance(value, Tensor) else value
        raise ValueError(f"{name} must be finite and {wanted}, got {got}")
    return value


def _step_sizes(value: float | Tensor | tuple[float, float]) -> tuple:
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"step_size must be one number or a pair (generator's, discriminator's), got {value!r}")
        return tuple(_number("step_size", one, positive=True) for one in value)
    return (_number("step_size", value, positive=True),) * 2


def _momentum(value: float | Tensor) -> float | Tensor | None:
    """Return the momentum, or None where there is none, so that no velocity need be kept."""
    if isinstance(value, Tensor):
        value, largest = (
            value.detach().to("cpu", torch.float64),
            float(value.abs().max()) if value.numel() else math.nan,
        )
    elif (number := real(value)) is not None:
        value, largest = number, abs(number)
    else:
        raise TypeError(f"momentum must be a number, got {value!r}")
    if not largest < 1:
        raise ValueError(f"momentum must lie strictly between -1 and 1, got {value}")
    return None if isinstance(value, (int, float)) and value == 0 else value


def _whole(name: str, value: int, *, at_least: int) -> int:
    if (number := whole(value)) is None or number < at_least:
        raise ValueError(f"{name} must be a whole number, at least {at_least}, got {value!r}")
    return number
