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
        (
            {"shape": lambda s: 2 * (s - 1).square().mean()},
            "it is 2 times what it should be, every time. For D(x) = 3x − 4y",
        ),
        ({"norm": lambda g: g.abs()}, "every entry of the gradient"),
        ({"norm": lambda g: g}, "no norm at all"),
        ({"norm": lambda g: g.norm(dim=0)}, "runs over the *batch*"),
        ({"norm": lambda g: g.norm()}, "over the whole batch"),
        ({"norm": lambda g: g.norm(dim=1)}, "every *pixel's* slope"),
        ({"norm": lambda g: g.norm(dim=-1)}, "the columns, only"),
        ({"norm": lambda g: g.flatten(2).norm(dim=2) if g.ndim > 2 else g.norm(dim=1)}, "one norm for each channel"),
        ({"of": torch.mean}, "*mean* score carries 1/N"),
        ({"at": lambda e, real, fake: real}, "real points only"),
        ({"at": lambda e, real, fake: fake}, "fake points only"),
        ({"at": lambda e, real, fake: (real + fake) / 2}, "half way only"),
        ({"at": lambda e, real, fake: e * fake + (1 - e) * real}, "exchanged"),
        ({"at": lambda e, real, fake: e.square() * real + (1 - e) * fake}, "For the critic |x|²/2, whose slope is |x|"),
        ({"graph": False}, "cut off from the graph"),
        (
            {"shape": lambda s: (s - 1).square().mean().detach().requires_grad_()},
            "no gradient comes back to the critic",
        ),
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

    rejects(capsys, nb09.gradient_penalty, half, fragment="its gradient by the critic's weights is")


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda w, x: w / x, "the 2 is missing"),
        (lambda w, x: 2 * w / x, "the wrong place"),
        (lambda w, x: 2 * x / w, "one over the answer"),
        (lambda w, x: x / (2 * w), "turned round"),
        (lambda w, x: w / (2 * (1 + x)), "what the slope has *above* 1"),
        (lambda w, x: w / (200 * x), "not a percentage"),
        (lambda w, x: 50 * w / x, "not a percentage"),
        (
            lambda w, x: 10.0,
            "the same for every input. For distance = 3 and excess = 0.1 you return 10, but it should be 15",
        ),
    ],
)
def test_weight_for(capsys, mutant, fragment):
    rejects(capsys, nb09.weight_for, mutant, fragment=fragment)


def test_meanings(capsys):
    assert "not attempted" in verdict(capsys, nb09.meanings, ...)
    assert "not attempted" in verdict(capsys, nb09.meanings, {line: ... for line in ANSWERS})
    rejects(capsys, nb09.meanings, {**ANSWERS, 1: ...}, fragment="line 1 has no letter")
    rejects(capsys, nb09.meanings, {1: "d"}, fragment="line 2 has no letter")
    rejects(capsys, nb09.meanings, "dafcbe", fragment="a dict with a letter from a to f for each line")
    rejects(capsys, nb09.meanings, {**ANSWERS, 2: "g"}, fragment="should be one of 'a', 'b'")
    rejects(capsys, nb09.meanings, {**ANSWERS, 2: 3}, fragment="should be one of 'a', 'b'")
    words = {
        1: "G stands still",
        2: "Did the unit change",
        3: "5.1 / 1.1",
        4: "above 0",
        5: "dd a constant",
        6: "ork out",
    }
    for line, fragment in words.items():
        wrong = "a" if ANSWERS[line] != "a" else "b"
        rejects(capsys, nb09.meanings, {**ANSWERS, line: wrong}, fragment=fragment)


# ---------------------------------------------------------------- other people's ways


def by_functions(critic, real, fake, e):
    x = torch.lerp(fake, real, e.reshape(-1, *[1] * (real.ndim - 1)))
    slopes = torch.func.vmap(torch.func.grad(lambda point: critic(point[None]).squeeze()))(x)
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()


def test_other_right_answers_are_accepted(capsys):
    accepts(capsys, nb09.gradient_penalty, by_functions)
    accepts(capsys, nb09.weight_for, lambda excess, distance: distance / excess / 2)
    for spelt in (
        {str(line): letter.upper() for line, letter in ANSWERS.items()},
        {float(line): letter for line, letter in reversed(ANSWERS.items())},
    ):
        accepts(capsys, nb09.meanings, spelt)


def with_e(shape):
    def answer(critic, real, fake, e):
        e = shape(e, real)
        x = (e * real + (1 - e) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()

    return answer


@pytest.mark.parametrize(
    "answer, fragment",
    [
        (with_e(lambda e, real: e.reshape(-1, 1)), "on images e runs along the rows of pixels"),
        (with_(shape=lambda s: (s.mean() - 1).square()), "the mean is taken before the square"),
        (with_(norm=lambda g: g.flatten(1).abs().sum(1)), "the entries are added up"),
        (lambda c, real, fake, e: penalty(c, real.mul_(1.5), fake, e), "changes real"),
        (lambda c, real, fake, e: 16.0, "you return the same for every input"),
    ],
)
def test_other_penalties_are_named(capsys, answer, fragment):
    rejects(capsys, nb09.gradient_penalty, answer, fragment=fragment)


def test_a_wrong_letter_is_not_told_the_right_one(capsys):
    for line, letter in ANSWERS.items():
        for wrong in set("abcdef") - {letter}:
            words = verdict(capsys, nb09.meanings, {**ANSWERS, line: wrong})
            assert f"line {line} says something else." in words and ("?" in words or "compare" in words)
            assert "samples came nearer" not in words and "settled" not in words and "flatter" not in words
    rejects(capsys, nb09.meanings, {letter: line for line, letter in ANSWERS.items()}, fragment="turned round")


def test_e_is_used_as_it_is_given(capsys):
    own = lambda critic, real, fake, e: penalty(critic, real, fake, torch.rand(len(e)))  # noqa: E731
    rejects(capsys, nb09.gradient_penalty, own, fragment="use the e that is given")


def test_e_with_the_axes_of_images_is_named_for_points(capsys):
    def for_images(critic, real, fake, e):
        e = e.view(-1, 1, 1, 1)
        x = (e * real + (1 - e) * fake).detach().requires_grad_()
        (g,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (g.flatten(1).norm(dim=1) - 1).square().mean()

    rejects(capsys, nb09.gradient_penalty, for_images, fragment="the four axes of a batch of images")
