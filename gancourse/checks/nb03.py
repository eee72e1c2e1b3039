"""Checkers of notebook 03: a field, an order of moves, a round, eigenvalues, critical damping, a look ahead."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, same
from gancourse.checks.framework import NotYet, call, exercise, number, several, tensor

__all__ = [
    "critical_gamma",
    "extragradient_step",
    "field_xy",
    "maximiser_first",
    "step_eigenvalues",
    "turn_and_stretch",
]

_POINTS = ((0.7, -0.4), (2.0, 3.0), (-1.5, 0.25))


# ---------------------------------------------------------------- exercise 1

_FIELD_MISTAKES: Mistakes = [
    (
        lambda x, y: (-y, -x),
        "both players go downhill on xy. That is right for x, which minimises; y *maximises* xy, so it goes uphill",
    ),
    (
        lambda x, y: (y, x),
        "both players go uphill on xy. That is right for y, which maximises; x *minimises* xy, so it goes downhill",
    ),
    (lambda x, y: (y, -x), "both signs are turned round: here x would maximise and y would minimise"),
    (lambda x, y: (-x, y), "the derivative of xy by x is not x: hold y fixed and ask how xy changes when x does"),
    (lambda x, y: (x, -y), "the two directions have changed places: the direction of x comes first, then the one of y"),
    (lambda x, y: (x, y), "this is the place, not a direction; ask each player which way xy falls, or rises"),
    (
        lambda x, y: (-x, -y),
        "this points to the middle, and neither player wants to go there: ask each which way xy falls, or rises",
    ),
    (lambda x, y: (-x * y, x * y), "this is the game's value with a sign each; a direction is made of its derivatives"),
    (lambda x, y: (x * y, -x * y), "these are the two losses; a direction is made of their derivatives"),
]


@exercise("Exercise 1")
def field_xy(function: Callable[[float, float], Sequence[float]]) -> str:
    """Check ``field_xy(x, y)``, the directions in which the players of min max xy want to go: (-y, x).

    First met in: notebook 03.
    """
    compare(
        function,
        _POINTS,
        lambda x, y: (-y, x),
        _FIELD_MISTAKES,
        name="field_xy",
        names=("x", "y"),
        read=lambda got: several(got, 2, "two numbers, the direction of x and that of y,"),
        parts=("the direction of x", "the direction of y"),
        hint="Who goes downhill on xy here, and who uphill?",
    )
    return "Always at a right angle to (x, y): the two together never head for the middle."


# ---------------------------------------------------------------- exercise 2


def _y_first(x: float, y: float, eta: float) -> tuple[float, float]:
    y = y + eta * x
    return x - eta * y, y


_STEP_MISTAKES: Mistakes = [
    (
        lambda x, y, eta: (x - eta * y, y + eta * x),
        "x still looks at the *old* y: this is the simultaneous step",
    ),
    (
        lambda x, y, eta: (x - eta * y, y + eta * (x - eta * y)),
        "this is the order of the text, x first. Here y moves first, and x answers to the new y",
    ),
    (lambda x, y, eta: (x - eta * (y - eta * x), y - eta * x), "y went downhill; it *maximises* xy"),
    (lambda x, y, eta: (x + eta * (y + eta * x), y + eta * x), "x went uphill; it *minimises* xy"),
    (lambda x, y, eta: (x + eta * (y - eta * x), y - eta * x), "both go the wrong way: x minimises, y maximises xy"),
    (lambda x, y, eta: _y_first(x, y, eta)[::-1], "the two numbers have changed places: return new x, then new y"),
    (lambda x, y, eta: _y_first(x, y, 1.0), "eta does not appear: each move is eta times the direction"),
    (lambda x, y, eta: (-eta * (y + eta * x), eta * x), "these are the two *moves*; the new places are wanted"),
    (lambda x, y, eta: (x - eta * (y + eta * x), y), "x moved as it should, but the new y was not returned"),
    (lambda x, y, eta: (x, y + eta * x), "y moved as it should, but x did not move"),
    (lambda x, y, eta: (x - eta * (y + x), y + eta * x), "x answers to y moved by a whole x, and not by eta times x"),
]


@exercise("Exercise 2")
def maximiser_first(
    step: Callable[[float, float, float], Sequence[float]], kept: Callable[[float, float, float], float]
) -> str:
    """Check ``step(x, y, eta)`` in which y moves first, and ``kept(x, y, eta)``, what it leaves unchanged.

    First met in: notebook 03.
    """
    compare(
        step,
        [(*point, eta) for point, eta in zip(_POINTS, (0.1, 0.5, 1.3), strict=True)],
        _y_first,
        _STEP_MISTAKES,
        name="step",
        names=("x", "y", "eta"),
        read=lambda got: several(got, 2, "two numbers, new x and new y,"),
        parts=("new x", "new y"),
        hint="Which player moves first, and which y does the other one look at?",
    )
    _check_kept(lambda *place: number(call(kept, *place, name="kept", names=("x", "y", "eta"))))
    return "An ellipse again, leaning the other way: the same loop, seen half a step later."


def _check_kept(kept: Callable[[float, float, float], float]) -> None:
    cases = [(*point, eta) for point, eta in zip(_POINTS, (0.3, 1.2, 1.6), strict=True)]
    before = [kept(*case) for case in cases]

    def is_like(formula: Callable[[float, float, float], float]) -> bool:
        return all(same(value, formula(*case)) for value, case in zip(before, cases, strict=True))

    for formula, sentence in (
        (
            lambda x, y, eta: x * x - eta * x * y + y * y,
            "this is what the order of the text keeps (x first). Look at one move at a time again, and begin with y's",
        ),
        (
            lambda x, y, eta: x * x + y * y,
            "x² + y² is not kept, as you see if you take one step. That would be a circle; the loop is an ellipse, so "
            "a term with x·y is missing",
        ),
        (
            lambda x, y, eta: x * x + x * y + y * y,
            "the term with x·y needs a factor that depends on eta: with tiny steps the loop is nearly a circle",
        ),
    ):
        if is_like(formula):
            raise NotYet(sentence)
    if same(before, [before[0]] * 3) or any(same(kept(2 * x + 0.3, y - 1.0, e), kept(x, y, e)) for x, y, e in cases):
        raise NotYet("kept is the same number everywhere, so it says nothing; it has to tell one loop from another")
    for (x, y, eta), at_first in zip(cases, before, strict=True):
        at = _y_first(*_y_first(x, y, eta), eta)
        if not same(kept(*at, eta), at_first):
            raise NotYet(
                f"kept changes: with eta = {eta:g}, two steps from ({x:g}, {y:g}) take it from {at_first:.4g} to "
                f"{kept(*at, eta):.4g}. Look for x² + y² + (something)·x·y"
            )


# ---------------------------------------------------------------- exercise 3


def _turn(factor: Callable[[complex], float], steps: Callable[[complex], float]) -> Callable:
    return lambda mu: (float(factor(mu)), float(steps(mu)))


def _steps(mu: complex) -> float:
    return 2 * math.pi / cmath.phase(mu)


_TURN_MISTAKES: Mistakes = [
    (_turn(_steps, abs), "the two numbers have changed places: the factor comes first, then the steps of a round"),
    (
        _turn(lambda mu: abs(mu) ** 2, _steps),
        "the round is right. The first number is a² + b², the factor on the *squared* distance",
    ),
    (_turn(lambda mu: mu.real, _steps), "the round is right. The first is the real part of mu; what is its size?"),
    (
        _turn(lambda mu: abs(mu.real) + abs(mu.imag), _steps),
        "the round is right. The two parts of mu are sides of a triangle: the size is its long side, not their sum",
    ),
    (
        _turn(lambda mu: abs(mu - 1), _steps),
        "the round is right. The first is the size of mu − 1, which is what a step *adds*; mu is what it multiplies by",
    ),
    (
        _turn(lambda mu: abs(mu) ** _steps(mu), _steps),
        "the round is right. The first is the factor of a whole round; that of one step is wanted",
    ),
    (_turn(abs, cmath.phase), "the factor is right. The second is the angle of one step; how many fill a full round?"),
    (
        _turn(abs, lambda mu: math.degrees(cmath.phase(mu))),
        "the factor is right. The second is the angle of one step, in degrees; how many fill a full round?",
    ),
    (
        _turn(abs, lambda mu: 360 / cmath.phase(mu)),
        "the factor is right. 360 is a full round in degrees, and cmath.phase gives radians",
    ),
    (
        _turn(abs, lambda mu: 2 * math.pi / math.degrees(cmath.phase(mu))),
        "the factor is right. 2π is a full round in radians, and your angle is in degrees",
    ),
    (
        _turn(abs, lambda mu: 1 / _steps(mu)),
        "the factor is right. The second is upside down: it is the part of a round that one step makes",
    ),
    (_turn(abs, lambda mu: _steps(mu) / 2), "the factor is right. The second is half a round: a full one is 2π, not π"),
    *[
        (
            _turn(abs, lambda mu, cut=cut: cut(_steps(mu))),
            "the factor is right. The number of steps was rounded; a round may end between two steps",
        )
        for cut in (round, math.floor, math.ceil)
    ],
    (_turn(abs, lambda mu: -_steps(mu)), "the factor is right. The number of steps should be positive"),
    (
        _turn(abs, lambda mu: 2 * math.pi / mu.imag),
        "the factor is right. The imaginary part is about the angle only where mu is near 1; take the angle itself",
    ),
    (
        _turn(abs, lambda mu: 2 * math.pi / math.atan(mu.imag / mu.real)),
        "the factor is right. atan(b / a) is the angle only where a is positive; cmath.phase knows all angles",
    ),
    (
        _turn(abs, lambda mu: 2 * math.pi / math.asin(mu.imag / abs(mu))),
        "the factor is right. asin is the angle only where the real part is positive; cmath.phase knows all angles",
    ),
    (
        _turn(abs, lambda mu: 2 * math.pi / cmath.phase(mu - 1)),
        "the factor is right. This is the angle of mu − 1; a step multiplies by mu",
    ),
]


@exercise("Exercise 3")
def turn_and_stretch(function: Callable[[complex], Sequence[float]]) -> str:
    """Check ``turn_and_stretch(mu)``: (|mu|, 2 pi / angle of mu), for a positive imaginary part.

    First met in: notebook 03.
    """
    compare(
        function,
        [(1 + 0.2j,), (0.5 + 0.6j,), (-0.3 + 0.4j,)],
        _turn(abs, _steps),
        _TURN_MISTAKES,
        name="turn_and_stretch",
        names=("mu",),
        read=lambda got: several(got, 2, "two numbers, the factor and the steps of a round,"),
        parts=("the factor", "the number of steps"),
        hint="Which of the two comes from the size of mu, and which from its angle?",
    )
    return "The size says where the path goes, the angle how fast it turns."


# ---------------------------------------------------------------- exercise 4


def _eigenvalues(*, quarter: float = 0.25, half: float = 0.5, sign: float = -1.0, root: Callable = cmath.sqrt) -> Any:
    """Return the formula 1 + eta (−gamma/2 ± sqrt(gamma²/4 − 1/4)), or one with another number in it."""

    def formula(gamma: float, eta: float) -> tuple[complex, ...]:
        of = root((half * gamma) ** 2 - quarter)
        return _sorted([1 + eta * (sign * half * gamma + of), 1 + eta * (sign * half * gamma - of)])

    return formula


def _of_field(change: Callable[[complex, float], complex]) -> Callable[[float, float], tuple[complex, ...]]:
    """Return a formula of each eigenvalue of the field."""
    return lambda gamma, eta: _sorted([change((mu - 1) / eta, eta) for mu in _eigenvalues()(gamma, eta)])


def _sorted(values: Sequence[complex]) -> tuple[complex, ...]:
    """Put two eigenvalues in an order, since any order is right."""
    return tuple(sorted(map(complex, values), key=lambda value: (round(value.imag, 6), value.real)))


_EIGENVALUE_MISTAKES: Mistakes = [
    (
        _of_field(lambda value, eta: value),
        "these are the eigenvalues λ of the *field*. What does one step, I + eta·J, do to an eigenvector?",
    ),
    (_of_field(lambda value, eta: eta * value), "the 1 is missing: a step *adds* eta·J·state to the state"),
    (_of_field(lambda value, eta: 1 + value), "the step size eta is missing"),
    (
        _eigenvalues(quarter=1.0),
        "the slope 1/2 is missing: at the equilibrium sigmoid(0) = 1/2, so the off-diagonal entries of J are ±1/2 (±1 "
        "belongs to the Wasserstein loss)",
    ),
    (_eigenvalues(half=1.0), "λ² + γλ + 1/4 = 0 has the solutions −γ/2 ± …: half of γ, not γ"),
    (
        lambda gamma, eta: _sorted([1 - eta * (gamma / 2 + s * cmath.sqrt(gamma**2 - 0.25)) for s in (1, -1)]),
        "γ under the root is not halved: it is γ²/4",
    ),
    (
        lambda gamma, eta: _sorted([1 - eta * (gamma + s * cmath.sqrt(gamma**2 / 4 - 0.25)) for s in (1, -1)]),
        "γ before the root is not halved",
    ),
    (
        lambda gamma, eta: _sorted([1 + eta * (-gamma + s * cmath.sqrt(gamma**2 - 1)) for s in (1, -1)]),
        "the halves are missing: λ² + γλ + 1/4 = 0 has the solutions (−γ ± …) / 2",
    ),
    (
        _eigenvalues(quarter=-0.25),
        "the 1/4 under the root has the wrong sign: the determinant of J is 0 − (1/2)(−1/2) = +1/4. With + under the "
        "root there would be no rotation at all",
    ),
    (
        _eigenvalues(sign=1.0),
        "the real part has the wrong sign: a step goes *along* the field, 1 + eta·λ, and the penalty pulls ψ back to 0",
    ),
    (
        _eigenvalues(root=lambda inside: abs(inside) ** 0.5),
        "the root is taken of the absolute value: below γ = 1 it is of a negative number. cmath.sqrt takes it",
    ),
    (
        _eigenvalues(root=lambda inside: max(inside, 0.0) ** 0.5),
        "below γ = 1 your two are real and equal, so nothing would turn: the root of a negative number is lost",
    ),
    (
        lambda gamma, eta: tuple(abs(value) for value in _eigenvalues()(gamma, eta)),
        "these are the sizes |μ| of the eigenvalues; the (complex) eigenvalues themselves are wanted",
    ),
    (
        lambda gamma, eta: _sorted([1 - eta * gamma / 2 + s * cmath.sqrt(gamma**2 / 4 - 0.25) for s in (1, -1)]),
        "eta multiplies only the part before the root; a step is 1 + eta·λ, with all of λ",
    ),
    (
        lambda gamma, eta: _sorted(
            [
                (trace + s * cmath.sqrt(trace**2 - 4 * (1 - eta * gamma))) / 2
                for trace in (2 - eta * gamma - eta**2 / 4,)
                for s in (1, -1)
            ]
        ),
        "these are the eigenvalues of an *alternating* step; here both players move at once",
    ),
    (lambda gamma, eta: (_eigenvalues()(gamma, eta)[0],) * 2, "this is one of the two eigenvalues twice"),
    (lambda gamma, eta: (_eigenvalues()(gamma, eta)[1],) * 2, "this is one of the two eigenvalues twice"),
]


@exercise("Exercise 4")
def step_eigenvalues(function: Callable[[float, float], Sequence[complex]]) -> str:
    """Check ``step_eigenvalues(gamma, eta)`` of one simultaneous step on the Dirac-GAN with R1.

    They are 1 + eta (-gamma/2 ± sqrt(gamma²/4 - 1/4)), in any order.

    First met in: notebook 03.
    """
    compare(
        function,
        [(0.4, 0.3), (0.0, 0.2), (1.7, 0.5)],
        _eigenvalues(),
        _EIGENVALUE_MISTAKES,
        name="step_eigenvalues",
        names=("gamma", "eta"),
        read=_complex_pair,
        hint="Which are the eigenvalues of the field, and what does I + eta·J make of them?",
    )
    return "Below γ = 1 the two are a complex pair: a spiral. Above, both are real: no turning."


def _complex_pair(got: Any) -> tuple[complex, ...]:
    def one(part: Any) -> complex:
        try:
            return complex(part.item() if isinstance(part, (Tensor, np.ndarray, np.generic)) else part)
        except (TypeError, ValueError, RuntimeError) as error:
            raise NotYet(
                f"two complex numbers were expected, but one of yours is of type {type(part).__name__}"
            ) from error

    got = list(got) if isinstance(got, (set, frozenset)) else got
    values = several(got, 2, "two eigenvalues", read=one)
    if any(cmath.isnan(value) for value in values):
        raise NotYet("NaN came out: below γ = 1 the root is of a negative number, and cmath.sqrt takes it")
    return _sorted(values)


# ---------------------------------------------------------------- exercise 5

_GAMMA_MISTAKES: Mistakes = [
    (
        lambda eta: 1.0,
        "γ = 1 is the answer for *simultaneous* steps (and for tiny ones). When the players take turns, the trace is 2 "
        "− ηγ − η²/4 and the determinant 1 − ηγ",
    ),
    (lambda eta: 1 + eta / 4, "there is a slip in a sign: taking turns damps by itself, so *less* than 1 is needed"),
    (
        lambda eta: -1 - eta / 4,
        "you took the other root of the equation, and a penalty is never negative",
    ),
    (lambda eta: 1 - eta**2 / 4, "one term was divided by η and another one was not"),
    (lambda eta: eta - eta**2 / 4, "this is ηγ, and γ is wanted"),
    (lambda eta: 2 - eta, "this belongs to min max xy, whose J has ±1 where the Dirac-GAN has ±1/2"),
    (lambda eta: 1 - eta / 2, "this is the eigenvalue at that point, not γ"),
    (lambda eta: 1 - eta, "η²/4 lost its quarter on the way"),
    (lambda eta: eta / 4, "at this γ the largest eigenvalue of *simultaneous* steps has size 1; where do two meet?"),
]


@exercise("Exercise 5")
def critical_gamma(function: Callable[[float], float]) -> str:
    """Check ``critical_gamma(eta)`` of alternating steps on the Dirac-GAN with R1: 1 - eta/4.

    First met in: notebook 03.
    """
    compare(
        function,
        [(0.4,), (1.0,), (1.6,)],
        lambda eta: 1 - eta / 4,
        _GAMMA_MISTAKES,
        name="critical_gamma",
        names=("eta",),
        hint="Two eigenvalues meet where trace² = 4·determinant",
    )
    return "D's answer does part of the braking, so less penalty is needed."


# ---------------------------------------------------------------- exercise 6

_AHEAD_MISTAKES: Mistakes = [
    (
        lambda v, s, eta: s + eta * v(s),
        "this is the plain simultaneous step; the field has to be asked again, at the point it leads to",
    ),
    (
        lambda v, s, eta: s + eta * v(s) + eta * v(s + eta * v(s)),
        "these are two plain steps, one after the other. Look ahead, then come *back* before you move",
    ),
    (
        lambda v, s, eta: s + eta / 2 * (v(s) + v(s + eta * v(s))),
        "this averages the two fields; use only the one found ahead",
    ),
    (lambda v, s, eta: s + eta * v(s + eta / 2 * v(s)), "you looked half a step ahead; go a whole step of size eta"),
    (lambda v, s, eta: s + eta * v(s - eta * v(s)), "you looked *back*, not ahead: v points where the players go"),
    (
        lambda v, s, eta: s - eta * v(s + eta * v(s)),
        "the last sign is turned round: v already points where the players want to go",
    ),
    (
        lambda v, s, eta: s - eta * v(s - eta * v(s)),
        "both signs are turned round: v points where the players want to go",
    ),
    (lambda v, s, eta: s + v(s + eta * v(s)), "the step size is missing in the second move"),
    (lambda v, s, eta: s + eta * v(s + v(s)), "the step size is missing in the look ahead"),
    (lambda v, s, eta: s + v(s + v(s)), "the step size is missing, in both moves"),
    (lambda v, s, eta: v(s + eta * v(s)), "this is the field ahead; the state has still to move by it"),
    (lambda v, s, eta: eta * v(s + eta * v(s)), "this is the move alone; the new *state* is wanted"),
    (
        lambda v, s, eta: s + eta * (2 * v(s + eta * v(s)) - v(s)),
        "the field is extrapolated, as in optimism; use only the one found ahead",
    ),
    (lambda v, s, eta: s + eta * (v(s) - v(s + eta * v(s))), "the two fields are subtracted; use only the one ahead"),
    (
        lambda v, s, eta: s + eta * v(s + eta * v(s + eta * v(s))),
        "you looked ahead twice; once is enough",
    ),
    (
        lambda v, s, eta: s + 2 * eta * v(s) - eta * v(s - eta * v(s)),
        "this is the optimistic step, made of the field here and of an *earlier* one; extragradient asks ahead",
    ),
    (
        lambda v, s, eta: s + eta * v(v(s)),
        "v is asked at v(state), which is a direction and no place: the point ahead is counted from `state`",
    ),
    (lambda v, s, eta: s, "the state did not move"),
]


@exercise("Exercise 6")
def extragradient_step(function: Callable[[Callable[[Tensor], Tensor], Tensor, float], Tensor]) -> str:
    """Check ``extragradient_step(v, state, eta)``: state + eta v(state + eta v(state)).

    First met in: notebook 03.
    """

    def turning(state: Tensor) -> Tensor:
        _state(state)
        return torch.stack([-state[1], state[0]])

    def bent(state: Tensor) -> Tensor:
        _state(state)
        return torch.stack([state[1] * torch.sigmoid(state.prod()), -state[0] * torch.sigmoid(state.prod())])

    compare(
        function,
        [(bent, torch.tensor([-0.8, 1.2]).double(), 0.7), (turning, torch.tensor([1.0, 0.5]).double(), 0.3)],
        lambda v, state, eta: state + eta * v(state + eta * v(state)),
        _AHEAD_MISTAKES,
        name="extragradient_step",
        names=("v", "state", "eta"),
        read=tensor,
        told=lambda v, state, eta: f"the {v.__name__} field, from ({state[0]:g}, {state[1]:g}) with eta = {eta:g}",
        hint="Where is the field asked, and from where do you move?",
    )
    return "One glance ahead, and the circle becomes a spiral inwards."


def _state(state: Any) -> None:
    if not isinstance(state, Tensor) or state.shape != (2,):
        got = f"a tensor of shape {tuple(state.shape)}" if isinstance(state, Tensor) else type(state).__name__
        raise NotYet(f"v takes a state, which is a tensor of two numbers, but was given {got}")
