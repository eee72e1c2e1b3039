"""The checkers of notebook 06 accept what is right and say which mistake was made."""

import math

import numpy as np
import pytest
import torch

from gancourse.checks import nb06
from gancourse.metrics import image_sets
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb06.frechet_1d, nb06.slerp]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    def unfinished(*_):
        raise NotImplementedError

    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    assert "not attempted" in verdict(capsys, checker, unfinished)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="was expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- pictures and lines


def test_diagnosis(capsys):
    right = {"P": 3, "Q": 1, "R": 4, "S": 2}
    accepts(capsys, nb06.diagnosis, right)
    accepts(capsys, nb06.diagnosis, {picture: str(cause) for picture, cause in right.items()})
    assert "not attempted" in verdict(capsys, nb06.diagnosis, ...)
    assert "not attempted" in verdict(capsys, nb06.diagnosis, dict.fromkeys("PQRS", ...))
    rejects(capsys, nb06.diagnosis, {"P": 3, "Q": 1, "R": 4, "S": ...}, fragment="no answer for 'S' yet")
    rejects(capsys, nb06.diagnosis, {"P": 3, "Q": 1, "R": 2, "S": 4}, fragment="2 of the 4 are wrong. Look again: pic")
    rejects(capsys, nb06.diagnosis, {"P": 1, "Q": 3, "R": 4, "S": 2}, fragment="picture P is grey")
    rejects(capsys, nb06.diagnosis, {"P": 3, "Q": 3, "R": 4, "S": 2}, fragment="is used exactly once")
    rejects(capsys, nb06.diagnosis, {"P": 3}, fragment="no answer for 'Q' yet")
    rejects(capsys, nb06.diagnosis, [3, 1, 4, 2], fragment="a dict with a number from 1 to 4 for each picture")


def test_the_wrong_line(capsys):
    accepts(capsys, nb06.wrong_line, 2)
    for line in (1, 3, 4, 5, 6, 7, 8):
        rejects(capsys, nb06.wrong_line, line, fragment=f"line {line} ")
    for nonsense in (0, 9, True, "two", None, 2.5):
        rejects(capsys, nb06.wrong_line, nonsense, fragment="numbered from 1 to 8")


# ---------------------------------------------------------------- the Fréchet distance on a line


def right_frechet(real, fake):
    return (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2


def test_frechet_accepts_other_ways(capsys):
    accepts(capsys, nb06.frechet_1d, right_frechet)
    accepts(capsys, nb06.frechet_1d, lambda a, b: right_frechet(a, b).item())
    accepts(capsys, nb06.frechet_1d, lambda a, b: right_frechet(b.float(), a.float()))
    accepts(capsys, nb06.frechet_1d, lambda a, b: image_sets.frechet_distance(a[:, None], b[:, None]))
    accepts(  # NumPy divides by N, and a covariance of one feature is its variance
        capsys,
        nb06.frechet_1d,
        lambda a, b: (np.mean(a.numpy()) - b.numpy().mean()) ** 2 + (a.numpy().std() - b.numpy().std()) ** 2,
    )
    accepts(
        capsys,
        nb06.frechet_1d,
        lambda a, b: (a.mean() - b.mean()) ** 2 + a.var() + b.var() - 2 * (a.var() * b.var()).sqrt(),
    )


def mean_of(a, b):
    return (a.mean() - b.mean()) ** 2


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (mean_of, "the deviations do not count"),
        (lambda a, b: (a.std() - b.std()) ** 2, "the means do not count"),
        (lambda a, b: mean_of(a, b) + (a.var() - b.var()) ** 2, "you took variances"),
        (lambda a, b: mean_of(a, b) + (a.var() - b.var()).abs(), "s1² − s2² is not (s1 − s2)²"),
        (lambda a, b: mean_of(a, b) + a.var() - b.var(), "s1² − s2² is not (s1 − s2)²"),
        (lambda a, b: mean_of(a, b) + a.var() + b.var(), "the part −2·s1·s2 is missing"),
        (lambda a, b: mean_of(a, b) + a.var() + b.var() - a.std() * b.std(), "comes twice"),
        (lambda a, b: mean_of(a, b) + (a.std() + b.std()) ** 2, "the smallest x with the largest y"),
        (lambda a, b: mean_of(a, b) - (a.std() - b.std()) ** 2, "the second square is subtracted"),
        (lambda a, b: (a.mean() + b.mean()) ** 2 + (a.std() - b.std()) ** 2, "the means are added"),
        (lambda a, b: (a.mean() - b.mean() + a.std() - b.std()) ** 2, "E u = 0"),
        (lambda a, b: right_frechet(a, b).sqrt(), "this is the root"),
        (lambda a, b: (a.mean() - b.mean()).abs() + (a.std() - b.std()).abs(), "squared before they are added"),
        (lambda a, b: mean_of(a, b) + (a.std() - b.std()).abs(), "the deviations is not squared"),
        (lambda a, b: (a.mean() - b.mean()).abs() + (a.std() - b.std()) ** 2, "the means is not squared"),
        (lambda a, b: mean_of(a, b) + (a.std(correction=0) + b.std(correction=0)) ** 2, "the smallest x with"),
        (
            lambda a, b: (b.std() / a.std()).log() + (a.var() + (a.mean() - b.mean()) ** 2) / (2 * b.var()) - 0.5,
            "this is the KL divergence of the two Gaussians; it",
        ),
        (lambda a, b: (a.sort().values - b.sort().values).square().mean(), "takes each sample for a Gaussian"),
        (lambda a, b: (a.sort().values - b.sort().values).abs().mean(), "this is W1"),
        (lambda a, b: (a - b).square().mean(), "as they happen to be listed"),
        (lambda a, b: mean_of(a, b) + (a.median() - b.median()) ** 2, "medians"),
        (lambda a, b: right_frechet(a, b) / 2, "it is 0.5 times what it should be, every time"),
        (lambda a, b: right_frechet(a, a), "you return the same for every input"),
        (lambda a, b: right_frechet(a[:3], b[:3]), "which step went wrong"),
        (lambda a, b: right_frechet(a.sub_(1), b), "changes real"),
        (lambda a, b: a - b, "one number was expected, but got a tensor of shape (7,)"),
    ],
)
def test_frechet_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.frechet_1d, function, fragment=fragment)


def test_the_known_formula_is_that_of_the_package():
    random = torch.Generator().manual_seed(4)
    a, b = torch.randn(50, generator=random, dtype=torch.float64), 3 + 2 * torch.randn(40, generator=random).double()
    assert float(nb06._frechet(a, b)) == pytest.approx(image_sets.frechet_distance(a[:, None], b[:, None]), rel=1e-9)


# ---------------------------------------------------------------- slerp


def angle_of(a, b):
    return torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))


def right_slerp(a, b, t):
    angle = angle_of(a, b)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def lerp(a, b, t):
    return (1 - t) * a + t * b


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lerp, "this is the straight line"),
        (lambda a, b, t: right_slerp(b, a, t), "you walk from b to a"),
        (lambda a, b, t: right_slerp(a / a.norm(), b / b.norm(), t), "cut to length 1"),
        (
            lambda a, b, t: lerp(a, b, t) / lerp(a, b, t).norm() * ((1 - t) * a.norm() + t * b.norm()),
            "pushed out to the sphere",
        ),
        (lambda a, b, t: right_slerp(a, b, t) * torch.sin(angle_of(a, b)), "divided by sin(angle)"),
        (lambda a, b, t: torch.sin((1 - t) * angle_of(a, b)) / torch.sin(angle_of(a, b)) * a, "part of b is missing"),
        (lambda a, b, t: math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b, "not exactly 90°"),
        (lambda a, b, t: a * torch.acos(a @ b + 100), "NaN came out"),
        (lambda a, b, t: a, "which step went wrong"),
        (lambda a, b, t: right_slerp(a, b, t)[None], "the shape should be (64,)"),
        (lambda a, b, t: right_slerp(a, b, min(max(t, 0.01), 0.99)), "should stand exactly at one end"),
    ],
)
def test_slerp_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb06.slerp, function, fragment=fragment)


def test_slerp_accepts_the_reference(capsys):
    accepts(capsys, nb06.slerp, right_slerp)


# ---------------------------------------------------------------- other people's ways


def test_numbers_and_letters_may_be_written_in_many_ways(capsys):
    for line in (2.0, "2", torch.tensor(2)):
        accepts(capsys, nb06.wrong_line, line)
    accepts(capsys, nb06.diagnosis, {"s": 2.0, "r": 4, "q": "1", "p": torch.tensor(3)})
    rejects(capsys, nb06.diagnosis, {3: "P", 1: "Q", 4: "R", 2: "S"}, fragment="the dict is turned round")
    rejects(capsys, nb06.diagnosis, {"P": [3], "Q": 1, "R": 4, "S": 2}, fragment="but is [3]")


def test_arrays_count_as_vectors(capsys):
    accepts(capsys, nb06.slerp, lambda a, b, t: right_slerp(a, b, t).numpy())
    accepts(capsys, nb06.slerp, lambda a, b, t: right_slerp(a.float(), b.float(), t))


def test_what_was_given_is_not_to_be_changed(capsys):
    rejects(capsys, nb06.slerp, lambda a, b, t: a.mul_(1 - t) + t * b, fragment="changes a")


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda a, b, t: math.sqrt(1 - t) * a + math.sqrt(t) * b, "the weights are roots of the shares"),
        (lambda a, b, t: with_angle(a, b, t, torch.asin(a @ b / (a.norm() * b.norm()))), "asin turns a *sine*"),
        (lambda a, b, t: with_angle(a, b, t, torch.acos(a @ b / a.norm() ** 2)), "one of the lengths twice"),
        (lambda a, b, t: with_angle(a, b, t, torch.acos(a * b / (a.norm() * b.norm()))), "entry by entry"),
    ],
)
def test_other_walks_are_named(capsys, mutant, fragment):
    rejects(capsys, nb06.slerp, mutant, fragment=fragment)


def with_angle(a, b, t, angle):
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
