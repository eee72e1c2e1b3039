"""The checkers of notebook 03 accept what is right and say which mistake was made."""

import cmath
import math

import numpy as np
import pytest
import torch

from gancourse.checks import nb03
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict


def y_first(x, y, eta):
    y = y + eta * x
    return x - eta * y, y


def kept(x, y, eta):
    return x * x + eta * x * y + y * y


def root(inside):
    return cmath.sqrt(inside)


RIGHT = {
    nb03.field_xy: (lambda x, y: (-y, x),),
    nb03.maximiser_first: (y_first, kept),
    nb03.turn_and_stretch: (lambda mu: (abs(mu), 2 * math.pi / cmath.phase(mu)),),
    nb03.step_eigenvalues: (lambda g, eta: [1 + eta * (-g / 2 + s * root(g * g / 4 - 0.25)) for s in (1, -1)],),
    nb03.critical_gamma: (lambda eta: 1 - eta / 4,),
    nb03.extragradient_step: (lambda v, s, eta: s + eta * v(s + eta * v(s)),),
}


@pytest.mark.parametrize("checker", RIGHT)
def test_right_answers_are_accepted(capsys, checker):
    accepts(capsys, checker, *RIGHT[checker])


def test_other_right_answers_are_accepted(capsys):
    accepts(capsys, nb03.field_xy, lambda x, y: torch.tensor([-y, x], dtype=torch.float64))
    accepts(capsys, nb03.maximiser_first, y_first, lambda x, y, eta: 5 - 2 * kept(x, y, eta))
    accepts(
        capsys,
        nb03.step_eigenvalues,
        lambda g, eta: torch.linalg.eigvals(torch.tensor([[1, eta / 2], [-eta / 2, 1 - eta * g]], dtype=torch.float64)),
    )
    accepts(capsys, nb03.critical_gamma, lambda eta: torch.tensor(1 - eta / 4, dtype=torch.float64))


@pytest.mark.parametrize("checker", RIGHT)
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    count = len(RIGHT[checker])
    stub = [lambda *_: ...] * count
    assert "not attempted" in verdict(capsys, checker, *stub)
    assert "not attempted" in verdict(capsys, checker, *[...] * count)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(*stub, strict=True)
    for nonsense in (
        None,
        3,
        "three",
        lambda: 1,
        lambda *_: None,
        lambda *_: "x",
        lambda *_: (1, "x"),
        lambda *_: 1 / 0,
    ):
        assert "not yet" in verdict(capsys, checker, *[nonsense] * count)
    for shape in ((), (1,), (3,), (2, 2)):
        assert "not yet" in verdict(capsys, checker, *[lambda *_, shape=shape: torch.zeros(shape)] * count)
    for value in (math.nan, math.inf):
        assert "not yet" in verdict(capsys, checker, *[lambda *_, value=value: (value, value)] * count)


def test_half_an_exercise_is_not_attempted(capsys):
    assert "not attempted" in verdict(capsys, nb03.maximiser_first, y_first, lambda *_: ...)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda x, y: (-y, -x), "y *maximises* xy"),
        (lambda x, y: (y, x), "x *minimises* xy"),
        (lambda x, y: (y, -x), "both signs are turned round"),
        (lambda x, y: (-x, y), "the derivative of xy by x is not x"),
        (lambda x, y: (x, -y), "changed places"),
        (lambda x, y: (-x, -y), "neither player wants to go there"),
        (
            lambda x, y: (-2 * y, 2 * x),
            "2 times what it should be, every time. For x = 0.7 and y = -0.4 you return (0.8, 1.4)",
        ),
        (lambda x, y: (-y, x * x), "the direction of x is right, the direction of y not"),
        (lambda x, y: x * y, "were expected, but got float"),
    ],
)
def test_fields(capsys, mutant, fragment):
    rejects(capsys, nb03.field_xy, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda x, y, eta: (x - eta * y, y + eta * x), "this is the simultaneous step"),
        (lambda x, y, eta: (x - eta * y, y + eta * (x - eta * y)), "x first. Here y moves first"),
        (lambda x, y, eta: (x - eta * (y - eta * x), y - eta * x), "y went downhill"),
        (lambda x, y, eta: (x + eta * (y + eta * x), y + eta * x), "x went uphill"),
        (lambda x, y, eta: y_first(x, y, eta)[::-1], "changed places"),
        (lambda x, y, eta: (x - (y + x), y + x), "eta does not appear"),
    ],
)
def test_orders(capsys, mutant, fragment):
    rejects(capsys, nb03.maximiser_first, mutant, kept, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda x, y, eta: x * x - eta * x * y + y * y, "keeps (x first)"),
        (lambda x, y, eta: x * x + y * y, "That would be a circle"),
        (lambda x, y, eta: x * x + x * y + y * y, "needs a factor that depends on eta"),
        (lambda x, y, eta: x * x + 2 * eta * x * y + y * y, "kept changes"),
        (lambda x, y, eta: x * y, "kept changes"),
        (lambda x, y, eta: 7.0, "the same number everywhere"),
        (lambda x, y, eta: eta, "the same number everywhere"),
    ],
)
def test_what_is_kept(capsys, mutant, fragment):
    rejects(capsys, nb03.maximiser_first, y_first, mutant, fragment=fragment)


def steps(mu):
    return 2 * math.pi / cmath.phase(mu)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda mu: (steps(mu), abs(mu)), "changed places"),
        (lambda mu: (abs(mu) ** 2, steps(mu)), "the factor on the *squared* distance"),
        (lambda mu: (mu.real, steps(mu)), "the real part of mu"),
        (lambda mu: (abs(mu - 1), steps(mu)), "what a step *adds*"),
        (lambda mu: (abs(mu) ** steps(mu), steps(mu)), "the factor of a whole round"),
        (lambda mu: (abs(mu), cmath.phase(mu)), "the angle of one step; how many"),
        (lambda mu: (abs(mu), math.degrees(cmath.phase(mu))), "in degrees; how many"),
        (lambda mu: (abs(mu), 360 / cmath.phase(mu)), "cmath.phase gives radians"),
        (lambda mu: (abs(mu), 2 * math.pi / math.degrees(cmath.phase(mu))), "your angle is in degrees"),
        (lambda mu: (abs(mu), 1 / steps(mu)), "upside down"),
        (lambda mu: (abs(mu), steps(mu) / 2), "a full one is 2π, not π"),
        (lambda mu: (abs(mu), round(steps(mu))), "was rounded"),
        (lambda mu: (abs(mu), int(steps(mu))), "was rounded"),
        (lambda mu: (mu.imag + abs(mu.real), steps(mu)), "not their sum"),
        (lambda mu: (abs(mu), -steps(mu)), "should be positive"),
        (lambda mu: (abs(mu), 2 * math.pi / mu.imag), "take the angle itself"),
        (lambda mu: (abs(mu), 2 * math.pi / math.atan(mu.imag / mu.real)), "atan(b / a)"),
        (lambda mu: (abs(mu), 2 * math.pi / math.asin(mu.imag / abs(mu))), "asin is the angle only"),
        (lambda mu: (abs(mu), 2 * math.pi / cmath.phase(mu - 1)), "the angle of mu − 1"),
        (lambda mu: abs(mu), "were expected, but got float"),
        (lambda mu: (abs(mu), 7.0 * steps(mu)), "the factor is right, the number of steps not"),
    ],
)
def test_turns(capsys, mutant, fragment):
    rejects(capsys, nb03.turn_and_stretch, mutant, fragment=fragment)


def test_turns_may_be_tensors_or_degrees(capsys):
    accepts(
        capsys,
        nb03.turn_and_stretch,
        lambda mu: torch.tensor([abs(mu), 2 * math.pi / cmath.phase(mu)], dtype=torch.float64),
    )
    accepts(capsys, nb03.turn_and_stretch, lambda mu: [np.abs(mu), 360 / math.degrees(math.atan2(mu.imag, mu.real))])


def field_values(g, quarter=0.25, half=0.5):
    return [-half * g + sign * root((half * g) ** 2 - quarter) for sign in (1, -1)]


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda g, eta: field_values(g), "eigenvalues λ of the *field*"),
        (lambda g, eta: [eta * v for v in field_values(g)], "the 1 is missing"),
        (lambda g, eta: [1 + v for v in field_values(g)], "the step size eta is missing"),
        (lambda g, eta: [1 - eta * v for v in field_values(g)], "the real part has the wrong sign"),
        (lambda g, eta: [1 + eta * v for v in field_values(g, quarter=1)], "the slope 1/2 is missing"),
        (lambda g, eta: [1 + eta * v for v in field_values(g, half=1)], "half of γ, not γ"),
        (lambda g, eta: [1 + eta * v for v in field_values(g, quarter=-0.25)], "has the wrong sign"),
        (lambda g, eta: [1 + eta * (v + g) for v in field_values(g)], "the real part has the wrong sign"),
        (lambda g, eta: [1 + eta * field_values(g)[0]] * 2, "one of the two eigenvalues twice"),
        (lambda g, eta: (math.nan, math.nan), "cmath.sqrt takes it"),
        (lambda g, eta: (1.0, 1.0), "you return the same for every input"),
        (lambda g, eta: math.sqrt(g * g / 4 - 0.25), "math.sqrt takes no negative number"),
        (lambda g, eta: 1.0, "two eigenvalues were expected, but got float"),
    ],
)
def test_eigenvalues(capsys, mutant, fragment):
    rejects(capsys, nb03.step_eigenvalues, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda eta: 1.0, "*simultaneous* steps"),
        (lambda eta: 1 + eta / 4, "a slip in a sign"),
        (lambda eta: -1 - eta / 4, "the other root"),
        (lambda eta: 1 - eta**2 / 4, "one term was divided by η and another one was not"),
        (lambda eta: eta - eta**2 / 4, "this is ηγ"),
        (lambda eta: 2 - eta, "belongs to min max xy"),
        (lambda eta: 1 - eta / 2, "is the eigenvalue at that point"),
        (lambda eta: 0.5, "you return the same for every input"),
        (lambda eta: 1 - eta**3, "trace² = 4·determinant"),
    ],
)
def test_critical_damping(capsys, mutant, fragment):
    rejects(capsys, nb03.critical_gamma, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda v, s, eta: s + eta * v(s), "plain simultaneous step"),
        (lambda v, s, eta: s + eta * v(s) + eta * v(s + eta * v(s)), "two plain steps"),
        (lambda v, s, eta: s + eta / 2 * (v(s) + v(s + eta * v(s))), "averages the two fields"),
        (lambda v, s, eta: s + eta * v(s + eta / 2 * v(s)), "half a step ahead"),
        (lambda v, s, eta: s + eta * v(s - eta * v(s)), "you looked *back*"),
        (lambda v, s, eta: s - eta * v(s + eta * v(s)), "the last sign is turned round"),
        (lambda v, s, eta: s + v(s + eta * v(s)), "missing in the second move"),
        (lambda v, s, eta: s + eta * v(s + v(s)), "missing in the look ahead"),
        (lambda v, s, eta: s, "did not move"),
        (lambda v, s, eta: s + v(s) ** 2, "do not tell which step went wrong"),
        (lambda v, s, eta: (s + eta * v(s)).tolist(), "a tensor was expected"),
        (lambda v, s, eta: v(s).sum(), "the shape should be (2,)"),
    ],
)
def test_looking_ahead(capsys, mutant, fragment):
    rejects(capsys, nb03.extragradient_step, mutant, fragment=fragment)


def test_pairs_and_matrices_may_come_from_numpy(capsys):
    accepts(capsys, nb03.field_xy, lambda x, y: np.array([-y, x]))
    accepts(capsys, nb03.maximiser_first, lambda x, y, eta: np.array([[1 - eta**2, -eta], [eta, 1]]) @ [x, y], kept)
    step = lambda g, eta: np.array([[1, eta / 2], [-eta / 2, 1 - eta * g]])  # noqa: E731
    accepts(capsys, nb03.step_eigenvalues, lambda g, eta: np.linalg.eigvals(step(g, eta)))
    accepts(capsys, nb03.step_eigenvalues, lambda g, eta: set(np.linalg.eigvals(step(g, eta)).tolist()))
    accepts(capsys, nb03.extragradient_step, lambda v, s, eta: (s + eta * v(s + eta * v(s))).numpy())
    accepts(capsys, nb03.maximiser_first, y_first, lambda x, y, eta: torch.tensor(kept(x, y, eta)))  # single precision


@pytest.mark.parametrize(
    "checker, answers",
    [
        (nb03.field_xy, (lambda x, y: (-3 * y, x),)),
        (nb03.maximiser_first, (lambda x, y, eta: (x - eta * y, y), kept)),
        (nb03.extragradient_step, (lambda v, s, eta: s + eta * v(s) ** 2,)),
        (nb03.critical_gamma, (lambda eta: 1 - eta**3,)),
    ],
)
def test_what_cannot_be_named_is_not_given_away(capsys, checker, answers):
    words = verdict(capsys, checker, *answers)
    assert not any(code in words for code in ("eta * x", "eta * (", "v(state)", "−y, x", "eta / 4", "η/4")), words


@pytest.mark.parametrize(
    "checker, mutant, fragment",
    [
        (
            nb03.step_eigenvalues,
            lambda g, e: (1 - e * g / 2 + root(g**2 / 4 - 0.25), 1 - e * g / 2 - root(g**2 / 4 - 0.25)),
            "only the part before the root",
        ),
        (
            nb03.step_eigenvalues,
            lambda g, e: tuple(np.linalg.eigvals(np.array([[1, e / 2], [-e / 2, 1 - e * g - e**2 / 4]]) + 0j)),
            "an *alternating* step",
        ),
        (
            nb03.extragradient_step,
            lambda v, s, e: s + 2 * e * v(s) - e * v(s - e * v(s)),
            "the optimistic step",
        ),
        (nb03.extragradient_step, lambda v, s, e: s + e * v(v(s)), "a direction and no place"),
    ],
)
def test_formulas_of_other_pages_are_named(capsys, checker, mutant, fragment):
    rejects(capsys, checker, mutant, fragment=fragment)
