"""Checkers of notebook 03: a field, an order of moves, eigenvalues, critical damping, a look ahead."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.framework import NotYet, call, exercise, same_number, same_tensor

__all__ = ["critical_gamma", "extragradient_step", "field_xy", "maximiser_first", "step_eigenvalues"]

_POINTS = ((0.7, -0.4), (2.0, 3.0), (-1.5, 0.25))


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def field_xy(function: Callable[[float, float], Sequence[float]]) -> str:
    """Check ``field_xy(x, y)``, the directions in which the players of min max xy want to go: (-y, x).

    First met in: notebook 03.
    """
    for x, y in _POINTS:
        got = _pair(call(function, x, y), "field_xy", "direction of x, direction of y")
        _name_mistake(
            got,
            (-y, x),
            [
                (
                    (-y, -x),
                    "both players go downhill on xy. That is right for x, which minimises; y *maximises* xy, so it "
                    "goes uphill: along +∂(xy)/∂y",
                ),
                (
                    (y, x),
                    "both players go uphill on xy. That is right for y, which maximises; x *minimises* xy, so it goes "
                    "along −∂(xy)/∂x",
                ),
                ((y, -x), "both signs are turned round: here x would maximise and y would minimise"),
                (
                    (-x, y),
                    "the derivative of xy by x is y, not x: hold y fixed and ask how xy changes when x does",
                ),
                (
                    (x, -y),
                    "the two directions have changed places: the direction of x comes first, then the one of y",
                ),
            ],
            f"at x = {x:g}, y = {y:g} you return ({got[0]:g}, {got[1]:g}). Take the derivative of xy by x with a minus "
            f"sign (x goes downhill), and the derivative by y with a plus sign (y goes uphill)",
        )
    return "Always at a right angle to (x, y): nobody ever walks towards the middle."


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def maximiser_first(
    step: Callable[[float, float, float], Sequence[float]], kept: Callable[[float, float, float], float]
) -> str:
    """Check ``step(x, y, eta)`` in which y moves first, and ``kept(x, y, eta)``, what it leaves unchanged.

    First met in: notebook 03.
    """
    for (x, y), eta in zip(_POINTS, (0.1, 0.5, 1.3), strict=True):
        got = _pair(call(step, x, y, eta, name="step"), "step", "new x, new y")
        new_y = y + eta * x
        _name_mistake(
            got,
            (x - eta * new_y, new_y),
            [
                (
                    (x - eta * y, y + eta * x),
                    "x still looks at the *old* y: this is the simultaneous step. Compute the new y first, then use it "
                    "when x moves",
                ),
                (
                    (x - eta * y, y + eta * (x - eta * y)),
                    "this is the order of the text, x first. Here y moves first, and x answers to the new y",
                ),
                (
                    (x - eta * (y - eta * x), y - eta * x),
                    "y went downhill; it *maximises* xy, so it moves by + eta * x",
                ),
                ((x + eta * new_y, new_y), "x went uphill; it *minimises* xy, so it moves by − eta * y"),
                ((new_y, x - eta * new_y), "the two numbers have changed places: return new x, then new y"),
            ],
            f"from x = {x:g}, y = {y:g} with eta = {eta:g} you go to ({got[0]:.4g}, {got[1]:.4g}). First y moves by "
            f"+ eta * x, then x by − eta * (new y)",
        )
    for (x, y), eta in zip(_POINTS, (0.3, 1.2, 1.6), strict=True):
        _check_kept(kept, x, y, eta)
    return "An ellipse again, leaning the other way: the same orbit, seen half a step later."


def _check_kept(kept: Callable[[float, float, float], float], x: float, y: float, eta: float) -> None:
    before = call(kept, x, y, eta, name="kept")
    new_y = y + eta * x
    new_x = x - eta * new_y
    after = call(kept, new_x, new_y, eta, name="kept")
    same_number(before, 0.0)  # refuses what is no number
    before, after = float(before), float(after)
    if same_number(before, x * x - eta * x * y + y * y):
        raise NotYet(
            "x² − eta·x·y + y² is what the order of the text keeps (x first). When y moves first one sign changes: "
            "multiply out again, starting from new x + eta·(new y) = x"
        )
    if same_number(before, x * x + y * y):
        raise NotYet(
            f"x² + y² is not kept: one step from ({x:g}, {y:g}) takes it from {before:.4g} to {after:.4g}. "
            "That would be a circle; the orbit is an ellipse, so a term with x·y is missing"
        )
    if same_number(before, x * x + x * y + y * y):
        raise NotYet("the term x·y needs the factor eta: with tiny steps the orbit is nearly a circle")
    if not math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-9):
        raise NotYet(
            f"kept changes: with eta = {eta:g}, one step from ({x:g}, {y:g}) takes it from {before:.4g} to "
            f"{after:.4g}. Look for x² + y² + (something)·x·y"
        )
    if math.isclose(before, kept(2 * x + 0.3, y - 1.0, eta), rel_tol=1e-9):
        raise NotYet("kept is the same number everywhere, so it says nothing; it should be a formula in x, y and eta")


# ---------------------------------------------------------------- exercise 3


def _eigenvalues(
    gamma: float, eta: float, *, quarter: float = 0.25, half: float = 0.5, sign: float = -1.0
) -> list[complex]:
    root = cmath.sqrt((half * gamma) ** 2 - quarter)
    return [1 + eta * (sign * half * gamma + root), 1 + eta * (sign * half * gamma - root)]


@exercise("Exercise 3")
def step_eigenvalues(function: Callable[[float, float], Sequence[complex]]) -> str:
    """Check ``step_eigenvalues(gamma, eta)`` of one simultaneous step on the Dirac-GAN with R1.

    They are 1 + eta (-gamma/2 ± sqrt(gamma²/4 - 1/4)), in any order.

    First met in: notebook 03.
    """
    for gamma, eta in ((0.4, 0.3), (0.0, 0.2), (1.7, 0.5)):
        got = _complex_pair(call(function, gamma, eta, name="step_eigenvalues"))
        wanted = _eigenvalues(gamma, eta)
        if _same_set(got, wanted):
            continue
        field_own = [(value - 1) / eta for value in wanted]
        for mistake, sentence in (
            (
                field_own,
                "these are the eigenvalues λ of the *field*. One step multiplies the state by I + eta·J, whose "
                "eigenvalues are 1 + eta·λ",
            ),
            (
                [eta * value for value in field_own],
                "the 1 is missing: a step *adds* eta·J·state to the state",
            ),
            ([1 + value for value in field_own], "the step size is missing: the eigenvalues are 1 + eta·λ"),
            (
                _eigenvalues(gamma, eta, quarter=1.0),
                "the slope 1/2 is missing: at the equilibrium sigmoid(0) = 1/2, so the off-diagonal entries of J are "
                "±1/2, and their product gives the 1/4 under the root (1 belongs to the Wasserstein loss)",
            ),
            (_eigenvalues(gamma, eta, half=1.0), "λ² + γλ + 1/4 = 0 has the solutions −γ/2 ± …: half of γ, not γ"),
            (
                _eigenvalues(gamma, eta, quarter=-0.25),
                "the 1/4 under the root has the wrong sign: the determinant is 0 − (1/2)(−1/2) = +1/4, so the root is "
                "of γ²/4 − 1/4. With + there would be no rotation at all",
            ),
            (
                _eigenvalues(gamma, eta, sign=1.0),
                "the real part has the wrong sign: a step goes *along* the field, 1 + eta·λ, and the penalty pulls ψ "
                "back to 0, so the real part of λ is −γ/2",
            ),
            ([wanted[0]] * 2, "this is one of the two eigenvalues twice: one has +, the other − before the root"),
        ):
            if _same_set(got, mistake):
                raise NotYet(sentence)
        raise NotYet(
            f"for γ = {gamma:g} and eta = {eta:g} you return {_show(got)}, but the eigenvalues of I + eta·J are "
            f"{_show(wanted)}"
        )
    return "Below γ = 1 the two are a complex pair: a spiral. Above, both are real: no turning."


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def critical_gamma(function: Callable[[float], float]) -> str:
    """Check ``critical_gamma(eta)`` of alternating steps on the Dirac-GAN with R1: 1 - eta/4.

    First met in: notebook 03.
    """
    for eta in (0.4, 1.0, 1.6):
        got = call(function, eta, name="critical_gamma")
        if same_number(got, 1 - eta / 4):
            continue
        for value, sentence in (
            (
                1.0,
                "γ = 1 is the answer for *simultaneous* steps (and for tiny ones). When the players take turns, the "
                "trace is 2 − ηγ − η²/4 and the determinant 1 − ηγ",
            ),
            (1 + eta / 4, "check the sign: ηγ + η²/4 = η, so γ is *smaller* than 1"),
            (
                -1 - eta / 4,
                "you took the other root: ηγ + η²/4 is positive, so it equals +η; a penalty is never negative",
            ),
            (1 - eta**2 / 4, "divide *both* terms by η: η²/4 becomes η/4"),
            (eta - eta**2 / 4, "this is ηγ; divide by η to get γ"),
            (2 - eta, "this belongs to min max xy, whose J has ±1 where the Dirac-GAN has ±1/2"),
            (1 - eta / 2, "1 − η/2 is the eigenvalue at that point, not γ"),
        ):
            if same_number(got, value):
                raise NotYet(sentence)
        raise NotYet(
            f"for eta = {eta:g} you return {float(got):.4g}. The eigenvalues meet where trace² = 4·determinant: with "
            f"u = ηγ + η²/4 this becomes u² = η²"
        )
    return "Taking turns damps a little by itself, so less penalty is needed."


# ---------------------------------------------------------------- exercise 5


@exercise("Exercise 5")
def extragradient_step(function: Callable[[Callable[[Tensor], Tensor], Tensor, float], Tensor]) -> str:
    """Check ``extragradient_step(v, state, eta)``: state + eta v(state + eta v(state)).

    First met in: notebook 03.
    """

    def turning(state: Tensor) -> Tensor:
        return torch.stack([-state[1], state[0]])

    def bent(state: Tensor) -> Tensor:
        return torch.stack([state[1] * torch.sigmoid(state.prod()), -state[0] * torch.sigmoid(state.prod())])

    for v, start, eta in ((bent, (-0.8, 1.2), 0.7), (turning, (1.0, 0.5), 0.3)):
        state = torch.tensor(start, dtype=torch.float64)
        got = call(function, v, state.clone(), eta, name="extragradient_step")
        ahead = state + eta * v(state)
        if same_tensor(got, state + eta * v(ahead)):
            continue
        for mistake, sentence in (
            (ahead, "this is the plain simultaneous step; the field has to be asked again, at the point it leads to"),
            (
                ahead + eta * v(ahead),
                "these are two plain steps, one after the other. Look ahead, come *back*, and step from `state` with "
                "the field found ahead",
            ),
            (
                state + eta / 2 * (v(state) + v(ahead)),
                "this averages the two fields; use only the one found ahead",
            ),
            (
                state + eta * v(state + eta / 2 * v(state)),
                "you looked half a step ahead; go a whole step of size eta",
            ),
            (
                state + eta * v(state - eta * v(state)),
                "you looked *back*: the point ahead is state + eta * v(state)",
            ),
            (state - eta * v(ahead), "the last sign is turned round: v already points where the players want to go"),
            (state + v(ahead), "the step size is missing in the second move"),
            (state + eta * v(state + v(state)), "the step size is missing in the look ahead"),
        ):
            if torch.allclose(got.detach().to(mistake.dtype), mistake, rtol=1e-5, atol=1e-5):
                raise NotYet(sentence)
        raise NotYet(
            f"from {_numbers(state)} with eta = {eta:g} you go to {_numbers(got)} instead of "
            f"{_numbers(state + eta * v(ahead))}. Two lines: ahead = state + eta * v(state), then "
            "state + eta * v(ahead)"
        )
    return "One glance ahead, and the circle becomes a spiral inwards."


# ---------------------------------------------------------------- what they share


def _pair(got: Any, name: str, what: str) -> tuple[float, float]:
    if isinstance(got, Tensor):
        got = got.tolist()
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise NotYet(f"{name} should return two numbers ({what}), but returned {type(got).__name__}")
    for value in got:
        same_number(value, 0.0)  # refuses what is no number
    return float(got[0]), float(got[1])


def _name_mistake(
    got: tuple[float, float], wanted: tuple[float, float], mistakes: list[tuple[tuple[float, float], str]], other: str
) -> None:
    def same(pair: tuple[float, float]) -> bool:
        return all(same_number(g, w) for g, w in zip(got, pair, strict=True))

    if same(wanted):
        return
    for value, sentence in mistakes:
        if same(value):
            raise NotYet(sentence)
    raise NotYet(other)


def _complex_pair(got: Any) -> list[complex]:
    if isinstance(got, Tensor):
        got = got.tolist()
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise NotYet(f"step_eigenvalues should return two numbers, but returned {type(got).__name__}")
    try:
        values = [complex(value) for value in got]
    except (TypeError, ValueError) as error:
        raise NotYet(f"two complex numbers were expected, but got {got!r}") from error
    if any(cmath.isnan(value) for value in values):
        raise NotYet(
            "you return NaN: below γ = 1 the root is of a negative number. Use cmath.sqrt, which knows complex numbers"
        )
    return values


def _same_set(got: list[complex], wanted: list[complex]) -> bool:
    def near(a: complex, b: complex) -> bool:
        return abs(a - b) <= 1e-6 * max(1.0, abs(b))

    return any(near(got[0], wanted[i]) and near(got[1], wanted[1 - i]) for i in (0, 1))


def _show(values: list[complex]) -> str:
    return " and ".join(f"{value.real:.3f}{value.imag:+.3f}i" for value in values)


def _numbers(state: Tensor) -> str:
    return "(" + ", ".join(f"{value:.3f}" for value in state.tolist()) + ")"
