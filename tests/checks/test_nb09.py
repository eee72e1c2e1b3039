"""The checkers of notebook 09 accept what is right and say which mistake was made."""

import math

import pytest
import torch

from gancourse import penalties
from gancourse.checks import nb09
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict


def penalty(critic, real, fake, e, *, at=None, norm=None, of=torch.sum, graph=True, shape=None):
    """Exercise 1's answer, with one part exchanged."""
    e = e.reshape(-1, *[1] * (real.ndim - 1))
    x = (at or (lambda e, real, fake: e * real + (1 - e) * fake))(e, real, fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(of(critic(x)), x, create_graph=graph)
    slope = (norm or (lambda g: g.flatten(1).norm(dim=1)))(gradient)
    return (shape or (lambda slope: (slope - 1).square().mean()))(slope)


def with_(**parts):
    return lambda critic, real, fake, e: penalty(critic, real, fake, e, **parts)


def weight(distance, excess):
    return distance / (2 * excess)


ANSWERS = {1: "d", 2: "a", 3: "f", 4: "c", 5: "b", 6: "e"}


def test_right_answers_are_accepted(capsys):
    accepts(capsys, nb09.gradient_penalty, with_())
    accepts(capsys, nb09.gradient_penalty, with_(norm=lambda g: (g.flatten(1).square().sum(1) + 1e-12).sqrt()))
    accepts(capsys, nb09.weight_for, weight)
    accepts(capsys, nb09.weight_for, lambda w, x: torch.tensor(w / x / 2, dtype=torch.float64))
    accepts(capsys, nb09.meanings, ANSWERS)
    accepts(capsys, nb09.meanings, {line: f" {letter.upper()} " for line, letter in ANSWERS.items()})


def test_the_checker_agrees_with_the_package(capsys):
    """The package draws e itself; here it is made to draw the given one."""

    def from_package(critic, real, fake, e):
        mixed = lambda x: critic(x)  # noqa: E731
        torch_rand, torch.rand = torch.rand, lambda *size, **_: e.reshape(size)
        try:
            return penalties.gradient_penalty(mixed, real, fake)
        finally:
            torch.rand = torch_rand

    accepts(capsys, nb09.gradient_penalty, from_package)


@pytest.mark.parametrize("checker", [nb09.gradient_penalty, nb09.weight_for])
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    stub = lambda *_: ...  # noqa: E731
    assert "not attempted" in verdict(capsys, checker, stub)
    assert "not attempted" in verdict(capsys, checker, ...)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(stub, strict=True)
    nonsense = (None, 3, "three", lambda: 1, lambda *_: None, lambda *_: "x", lambda *_: 1 / 0, lambda *_: math.nan)
    for answer in (*nonsense, lambda *_: torch.zeros(3), lambda *_: torch.tensor(math.nan)):
        assert "not yet" in verdict(capsys, checker, answer)


@pytest.mark.parametrize(
    "parts, fragment",
    [
        ({"shape": lambda s: (s.square() - 1).square().mean()}, "root is missing"),
        ({"shape": lambda s: s.square().mean()}, "asks for slope 0"),
        ({"shape": lambda s: (s - 1).abs().mean()}, "not squared"),
        ({"shape": lambda s: (s - 1).square().sum()}, "sum over the batch"),
        ({"shape": lambda s: (s - 1).square()}, "is a mean missing?"),
        ({"shape": lambda s: (s - 1).clamp(min=0).square().mean()}, "one-sided"),
        ({"shape": lambda s: 2 * (s - 1).square().mean()}, "it is (5 − 1)² = 16"),
        ({"norm": lambda g: g.abs()}, "each *coordinate*"),
        ({"norm": lambda g: g}, "no norm at all"),
        ({"norm": lambda g: g.norm(dim=0)}, "runs over the *batch*"),
        ({"norm": lambda g: g.norm()}, "over the whole batch"),
        ({"norm": lambda g: g.norm(dim=1)}, "every *pixel's* slope"),
        ({"norm": lambda g: g.norm(dim=-1)}, "over the columns only"),
        ({"norm": lambda g: g.flatten(2).norm(dim=2) if g.ndim > 2 else g.norm(dim=1)}, "one norm for each channel"),
        ({"of": torch.mean}, "*mean* score carries 1/N"),
        ({"at": lambda e, real, fake: real}, "real points only"),
        ({"at": lambda e, real, fake: fake}, "fake points only"),
        ({"at": lambda e, real, fake: (real + fake) / 2}, "half way only"),
        ({"at": lambda e, real, fake: e * fake + (1 - e) * real}, "exchanged"),
        ({"at": lambda e, real, fake: e.square() * real + (1 - e) * fake}, "with the e that"),
        ({"graph": False}, "no way back"),
        ({"shape": lambda s: (s - 1).square().mean().detach().requires_grad_()}, "your code raised"),
        ({"norm": lambda g: g.flatten(1).square().sum(1).sqrt()}, "slope is NaN"),
        ({"norm": lambda g: g.flatten(1).norm(dim=1).clamp(min=0.4)}, "a flat critic has slope 0"),
    ],
)
def test_gradient_penalty(capsys, parts, fragment):
    rejects(capsys, nb09.gradient_penalty, with_(**parts), fragment=fragment)


def test_gradient_penalty_at_both_ends(capsys):
    def both(critic, real, fake, e):
        ends = [penalty(critic, real, fake, e, at=lambda e, r, f, end=end: (r, f)[end]) for end in (0, 1)]
        return (ends[0] + ends[1]) / 2

    rejects(capsys, nb09.gradient_penalty, both, fragment="not between them")


def test_gradient_penalty_that_forgets_a_part_of_its_own_slope(capsys):
    def half(critic, real, fake, e):
        value = penalty(critic, real, fake, e)
        return value / 2 + value.detach() / 2

    rejects(capsys, nb09.gradient_penalty, half, fragment="slope in w")


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda w, x: w / x, "the 2 is missing"),
        (lambda w, x: 2 * w / x, "the wrong place"),
        (lambda w, x: 2 * x / w, "one over the answer"),
        (lambda w, x: x / (2 * w), "turned round"),
        (lambda w, x: w / (2 * (1 + x)), "the ones cancel"),
        (lambda w, x: w / (200 * x), "not a percentage"),
        (lambda w, x: 50 * w / x, "not a percentage"),
        (lambda w, x: 10.0, "λ is 15"),
    ],
)
def test_weight_for(capsys, mutant, fragment):
    rejects(capsys, nb09.weight_for, mutant, fragment=fragment)


def test_meanings(capsys):
    assert "not attempted" in verdict(capsys, nb09.meanings, ...)
    assert "not attempted" in verdict(capsys, nb09.meanings, {line: ... for line in ANSWERS})
    rejects(capsys, nb09.meanings, {**ANSWERS, 1: ...}, fragment="line 1 has no letter")
    rejects(capsys, nb09.meanings, {1: "d"}, fragment="line 2 has no letter")
    rejects(capsys, nb09.meanings, "dafcbe", fragment="a dict is expected")
    rejects(capsys, nb09.meanings, {**ANSWERS, 2: "g"}, fragment="letters a to f")
    rejects(capsys, nb09.meanings, {**ANSWERS, 2: 3}, fragment="letters a to f")
    words = {1: "G stands still", 2: "the unit stayed", 3: "5.1 / 1.1", 4: "above 0", 5: "a constant", 6: "has 8 more"}
    for line, fragment in words.items():
        wrong = "a" if ANSWERS[line] != "a" else "b"
        rejects(capsys, nb09.meanings, {**ANSWERS, line: wrong}, fragment=fragment)
