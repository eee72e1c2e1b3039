"""The checkers of notebook 10 accept what is right and say which mistake was made."""

import math

import pytest
import torch

from gancourse.checks import nb10
from gancourse.metrics import image_sets
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb10.expected_floor, nb10.answers_needed, nb10.kernel_distance]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="was expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- who sees what


MEASURED = {"A": False, "B": True, "C": False}


def test_predictions_that_come_true_and_others(capsys):
    accepts(capsys, nb10.witnesses, {"A": False, "B": True, "C": False}, MEASURED, fragment="All 3 came true")
    accepts(capsys, nb10.witnesses, {"a": "False", "B": 1, "C": 0}, MEASURED)
    said = verdict(capsys, nb10.witnesses, {"A": True, "B": True, "C": True}, MEASURED)
    assert "surprised on 2 of 3: A does not mark it down; C does not mark it down" in said
    assert "B does mark it down" in verdict(capsys, nb10.witnesses, dict.fromkeys("ABC", False), MEASURED)
    assert "not attempted" in verdict(capsys, nb10.witnesses, dict.fromkeys("ABC", ...), MEASURED)
    rejects(capsys, nb10.witnesses, {"A": False, "B": True, "C": ...}, MEASURED, fragment="no prediction for 'C' yet")
    rejects(capsys, nb10.witnesses, {"A": "yes"}, MEASURED, fragment="should be one of True and False")
    rejects(capsys, nb10.witnesses, [True, False], MEASURED, fragment="a dict with True or False")


# ---------------------------------------------------------------- the sign of a bias


def test_the_floor_on_a_line_is_what_samples_give():
    random = torch.Generator().manual_seed(1)
    for n, s in ((20, 1.0), (200, 2.5)):
        samples = s * torch.randn(2, 20_000, n, generator=random, dtype=torch.float64)
        (m1, m2), (s1, s2) = samples.mean(dim=2), samples.std(dim=2)
        measured = float(((m1 - m2).square() + (s1 - s2).square()).mean())
        assert nb10._floor_exact(n, s) == pytest.approx(measured, rel=0.03)
        assert nb10._floor(n, s) == pytest.approx(measured, rel=0.05)


def test_the_floor_accepts_closed_forms(capsys):
    accepts(capsys, nb10.expected_floor, lambda n, s: 3 * s**2 / n, fragment="falsely HIGH")
    accepts(capsys, nb10.expected_floor, lambda n, s: 2 * s**2 / n + 2 * s**2 / (2 * n))
    accepts(capsys, nb10.expected_floor, lambda n, s: torch.tensor(3 * s**2 / n))
    accepts(capsys, nb10.expected_floor, nb10._floor_exact)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda n, s: 0, "0 is the distance of the two Gaussians"),
        (lambda n, s: 2 * s**2 / n, "the part of the deviations is missing"),
        (lambda n, s: s**2 / n, "each of the two has an error"),
        (lambda n, s: 1.5 * s**2 / n, "only *one* of the two is a sample"),
        (lambda n, s: 4 * s**2 / n, "the variance of a mean"),
        (lambda n, s: 3 * s / n, "squared* units"),
        (lambda n, s: 3 / n, "s is missing"),
        (lambda n, s: 3 * s**2 / n**0.5, "has their *squares*"),
        (lambda n, s: 3 * s / math.sqrt(n), "has their *squares*"),
        (lambda n, s: -3 * s**2 / n, "the sign is plus"),
        (lambda n, s: 30 * s**2 / n, "it is 10 times what it should be"),
    ],
)
def test_the_floor_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb10.expected_floor, function, fragment=fragment)


# ---------------------------------------------------------------- how many answers


@pytest.mark.parametrize("h", [0.1, 0.05, 0.02])
def test_so_many_answers_give_that_interval(h):
    from gancourse.labs.guess import interval

    n = 2 * round(nb10._answers(h) / 2)
    low, high = interval(n // 2, n)
    assert (high - low) / 2 == pytest.approx(h, rel=0.03)


def test_answers_accepts_roundings(capsys):
    accepts(capsys, nb10.answers_needed, lambda h: (1.96 / (2 * h)) ** 2, fragment="400 for ± 5 %")
    accepts(capsys, nb10.answers_needed, lambda h: math.ceil(0.25 * 1.96**2 / h**2))
    accepts(capsys, nb10.answers_needed, lambda h: 1 / h**2)
    accepts(capsys, nb10.answers_needed, lambda h: 0.9604 / h**2)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda h: (1.959964 / h) ** 2, "and you took 1"),
        (lambda h: 1.959964 / (2 * h), "n is the *square*"),
        (lambda h: 0.25 / h**2, "95 % take 1.96"),
        (lambda h: (1.959964 / (4 * h)) ** 2, "h is *half* the width"),
        (lambda h: 1.959964**2 / (4 * h), "squared as well"),
        (lambda h: (1.644854 / (2 * h)) ** 2, "1.645 is for 90 %"),
        (lambda h: 400, "the same for every input"),
    ],
)
def test_answers_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb10.answers_needed, function, fragment=fragment)


# ---------------------------------------------------------------- a paragraph, and two columns


RIGHT = {"a": True, "b": False, "c": True, "d": True, "e": False, "f": True, "g": False, "h": True, "i": True}


def test_a_paragraph_is_repaired(capsys):
    accepts(capsys, nb10.repaired, RIGHT, fragment="Six sentences")
    assert "not attempted" in verdict(capsys, nb10.repaired, dict.fromkeys(RIGHT, ...))
    for letter in RIGHT:
        rejects(
            capsys,
            nb10.repaired,
            RIGHT | {letter: not RIGHT[letter]},
            fragment=f"1 of the 9 are wrong. Look again: {letter} ",
        )
    rejects(capsys, nb10.repaired, RIGHT | {"c": ...}, fragment="no answer for 'c' yet")
    rejects(capsys, nb10.repaired, "acdfhi", fragment="a dict with True or False")


def test_the_column_of_precision(capsys):
    accepts(capsys, nb10.precision_column, "B")
    accepts(capsys, nb10.precision_column, " b ")
    rejects(capsys, nb10.precision_column, "A", fragment="Which column says so?")
    for nonsense in (1, "precision", None, ["A", "B"]):
        rejects(capsys, nb10.precision_column, nonsense, fragment="'A' or 'B'")
    assert "not attempted" in verdict(capsys, nb10.precision_column, ...)


# ---------------------------------------------------------------- a diagonal


def off(k):
    return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))


def right_kernel(rr, ff, rf):
    return off(rr) + off(ff) - 2 * rf.mean()


def test_the_known_formula_is_that_of_the_package():
    random = torch.Generator().manual_seed(2)
    real, fake = (torch.randn(n, 5, generator=random, dtype=torch.float64) for n in (20, 31))
    tables = [(a @ b.T / 5 + 1) ** 3 for a, b in ((real, real), (fake, fake), (real, fake))]
    assert float(nb10._kernel_distance(*tables)) == pytest.approx(image_sets.kernel_distance(real, fake), rel=1e-9)


def test_kernel_accepts_other_ways(capsys):
    accepts(capsys, nb10.kernel_distance, right_kernel, fragment="right on average")
    accepts(capsys, nb10.kernel_distance, lambda rr, ff, rf: right_kernel(rr, ff, rf).item())
    accepts(
        capsys,
        nb10.kernel_distance,
        lambda rr, ff, rf: (
            rr[~torch.eye(len(rr), dtype=bool)].mean() + ff[~torch.eye(len(ff), dtype=bool)].mean() - 2 * rf.mean()
        ),
    )


def zeroed(k):
    return (k.sum() - k.diagonal().sum()) / len(k) ** 2


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda rr, ff, rf: rr.mean() + ff.mean() - 2 * rf.mean(), "the diagonals are still in"),
        (lambda rr, ff, rf: zeroed(rr) + zeroed(ff) - 2 * rf.mean(), "still divided by n²"),
        (lambda rr, ff, rf: off(rr) + off(ff) - rf.mean(), "counts twice"),
        (lambda rr, ff, rf: -right_kernel(rr, ff, rf), "the sign is turned round"),
        (lambda rr, ff, rf: off(rr) + ff.mean() - 2 * rf.mean(), "that of the fakes is still in"),
        (lambda rr, ff, rf: rr.mean() + off(ff) - 2 * rf.mean(), "that of the real ones is still in"),
        (lambda rr, ff, rf: right_kernel(rr, ff, rf).clamp_min(0), "cut off"),
        (lambda rr, ff, rf: right_kernel(rr, ff, rf).clamp_min(0).sqrt(), "this is the root"),
        (lambda rr, ff, rf: rr - 1, "one number was expected"),
    ],
)
def test_kernel_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb10.kernel_distance, function, fragment=fragment)


def without(k):
    return (k.sum() - k.trace()) / (len(k) * (len(k) - 1))


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (
            lambda rr, ff, rf: (
                without(rr) + without(ff) - 2 * (rf.sum() - rf.diagonal().sum()) / (rf.numel() - len(rf.diagonal()))
            ),
            "the diagonal of the mixed table",
        ),
        (lambda rr, ff, rf: without(rr) + without(ff) + 2 * rf.mean(), "the mixed mean is added"),
        (
            lambda rr, ff, rf: sum(k.sum() / (len(k) * (len(k) - 1)) for k in (rr, ff)) - 2 * rf.mean(),
            "as if the diagonals were gone",
        ),
        (
            lambda rr, ff, rf: sum((k.sum() - len(k)) / (len(k) * (len(k) - 1)) for k in (rr, ff)) - 2 * rf.mean(),
            "need not be 1",
        ),
        (
            lambda rr, ff, rf: sum(k.triu(1).sum() / (len(k) * (len(k) - 1)) for k in (rr, ff)) - 2 * rf.mean(),
            "in the triangle once",
        ),
        (
            lambda rr, ff, rf: sum((k.sum() - k.trace()) / (len(rr) * (len(rr) - 1)) for k in (rr, ff)) - 2 * rf.mean(),
            "one number of images",
        ),
        (lambda rr, ff, rf: sum(k.sum() - k.trace() for k in (rr, ff)) - 2 * rf.sum(), "these are sums over pairs"),
        (lambda rr, ff, rf: (without(rr) + without(ff) - 2 * rf.mean()).abs().sqrt(), "this is the root"),
    ],
)
def test_other_tables_are_named(capsys, mutant, fragment):
    rejects(capsys, nb10.kernel_distance, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda n, s: math.sqrt(3 / n) * s, "this is the root"),
        (lambda n, s: (2 * s**2 / n) ** 2 + (s**2 / n) ** 2, "squared once more"),
        (lambda n, s: 3 * n * s**2, "you multiply by n"),
        (lambda n, s: 3 * s**2 / (n - 1), "n − 1 divides"),
        (lambda n, s: 2.5 * s**2 / n, "only one of the two samples"),
    ],
)
def test_other_floors_are_named(capsys, mutant, fragment):
    rejects(capsys, nb10.expected_floor, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda h: 1.96 / 4 / h, "nothing was squared"),
        (lambda h: 1.96 / 4 / h**2, "1.96 has to be squared"),
        (lambda h: 1.96**2 / 2 / h**2, "½ stands where ¼ should"),
        (lambda h: 4 * h**2 / 1.96**2, "turned round"),
        (lambda h: 1.96**2 / 4 / (h / 100) ** 2, "not a percentage"),
    ],
)
def test_other_counts_are_named(capsys, mutant, fragment):
    rejects(capsys, nb10.answers_needed, mutant, fragment=fragment)
