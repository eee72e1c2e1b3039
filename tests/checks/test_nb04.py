"""The checkers of notebook 04 accept what is right and say which mistake was made."""

import math

import numpy as np
import pytest
import torch

from gancourse.checks import nb04
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict

# ---------------------------------------------------------------- exercise 1


def count(points, centres, std, *, reach=3.0, share=0.2, per="all", what="modes"):
    """The right answer, and with other arguments the likely mistakes."""
    nearest, which = torch.cdist(points, centres).min(1)
    good = nearest <= reach * std
    owned = torch.bincount(which[good], minlength=len(centres))
    total = {"all": len(points), "good": int(good.sum())}[per]
    enough = owned >= share * total / len(centres)
    return {"modes": int(enough.sum()), "samples": int(owned[enough].sum()), "good": int(good.sum()),
            "share": good.double().mean()}[what]  # fmt: skip


def in_a_loop(points, centres, std):
    covered, apart = 0, torch.stack([(points - centre).norm(dim=1) for centre in centres])
    for place in range(len(centres)):
        near = ((apart[place] <= 3 * std) & (apart.argmin(0) == place)).sum()
        covered += near >= 0.2 * len(points) / len(centres)
    return covered


def in_reach(points, centres, std):
    return (torch.cdist(points, centres) <= 3 * std).sum(0).ge(0.2 * len(points) / len(centres)).sum()


@pytest.mark.parametrize("answer", [count, in_a_loop])
def test_covered_is_accepted(capsys, answer):
    accepts(capsys, nb04.covered, answer)


@pytest.mark.parametrize(
    "mistake, fragment",
    [
        (lambda p, c, s: count(p, c, s, reach=math.inf), "samples count however far off they are"),
        (in_reach, "counts for every centre within its reach"),
        (lambda p, c, s: count(p, c, s, share=0.2 * len(c) / 8), "8 modes are written into it"),
        (lambda p, c, s: count(p, c, s, share=1e-9), "one good sample is enough for you"),
        (lambda p, c, s: count(p, c, s, reach=2.0), "you stop at 2 standard deviations"),
        (lambda p, c, s: count(p, c, s, reach=4.0), "as far as 4 standard deviations"),
        (lambda p, c, s: count(p, c, s, reach=3 / s), "std does not appear"),
        (lambda p, c, s: count(p, c, s, share=0.2 * len(c)), "you ask for 20 % of all samples"),
        (lambda p, c, s: count(p, c, s, per="good"), "a part of the *good* samples"),
        (lambda p, c, s: count(p, c, s, what="samples"), "number of *samples* in covered modes"),
        (lambda p, c, s: count(p, c, s, what="good"), "number of good *samples*"),
        (lambda p, c, s: count(p, c, s, what="share"), "share of good samples"),
        (lambda p, c, s: len(c) - count(p, c, s) + 5, "you return 7, but it should be 2"),
        (lambda p, c, s: torch.ones(4), "one number was expected"),
        (lambda p, c, s: None, "returned None"),
        (lambda p, c, s: 1 / 0, "ZeroDivisionError"),
        (
            lambda p, c, s: 0,
            "you return the same for every input. For 200 samples in 2 dimensions with std 0.4, of which",
        ),
    ],
)
def test_mistakes_in_counting_are_named(capsys, mistake, fragment):
    rejects(capsys, nb04.covered, mistake, fragment=fragment)


# ---------------------------------------------------------------- exercise 2


def kl(q, p):
    return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum()


def careful(q, p):
    seen = q > 0
    return (q[seen] * (q[seen] / p[seen]).log()).sum().item()


@pytest.mark.parametrize("answer", [kl, careful])
def test_reverse_kl_is_accepted(capsys, answer):
    accepts(capsys, nb04.reverse_kl, answer)


@pytest.mark.parametrize(
    "mistake, fragment",
    [
        (lambda q, p: kl(p, q), "this is the forward KL"),
        (lambda q, p: -kl(p, q), "minus the forward KL"),
        (lambda q, p: -kl(q, p), "the sign is turned round"),
        (lambda q, p: kl(q, p) / len(q), "this is a mean over modes"),
        (lambda q, p: kl(q, p) / math.log(2), "this is in bits"),
        (lambda q, p: torch.xlogy(q, q).sum(), "p does not appear"),
        (lambda q, p: (q / p).log().sum(), "the weight before the logarithm is missing"),
        (lambda q, p: (q * (q / p).log()).sum(), "NaN when a mode got no sample"),
        (lambda q, p: kl(q, p) if (q > 0).all() else math.inf, "an infinite number came out"),
        (lambda q, p: (q * ((q + 0.3) / (p + 0.3)).log()).sum(), "you return"),
        (lambda q, p: careful(q, p) if (q > 0).all() else 2.0, "you return 2, but it should be 1.386"),
        (lambda q, p: q * (q / p).log(), "is the sum over modes missing?"),
    ],
)
def test_mistakes_in_the_divergence_are_named(capsys, mistake, fragment):
    rejects(capsys, nb04.reverse_kl, mistake, fragment=fragment)


# ---------------------------------------------------------------- exercise 3

COUNTS = {"control": [8, 8, 8, 7], "slow D": [1, 0, 2, 1], "other loss": [8, 8, 7, 8], "half": [8, 8, 3, 3]}
RIGHT = {"slow D": True, "other loss": False, "half": False}


def test_a_prediction_that_comes_true_is_accepted(capsys):
    accepts(capsys, nb04.causes, RIGHT, COUNTS)


@pytest.mark.parametrize(
    "prediction, surprise",
    [
        (RIGHT | {"slow D": False}, "surprised on 1 of 3: with slow D, 0 of 4 seeds cover all 8 modes."),
        (RIGHT | {"other loss": True}, "surprised on 1 of 3: with other loss, 3 of 4 seeds cover all 8 modes."),
        (dict.fromkeys(RIGHT, True), "surprised on 2 of 3: with other loss, 3 of 4 seeds cover all 8 modes; with half"),
    ],
)
def test_a_prediction_that_does_not_come_true_is_a_surprise_and_no_mistake(capsys, prediction, surprise):
    said = verdict(capsys, nb04.causes, prediction, COUNTS)
    assert surprise in said and "not yet" not in said
    with pytest.raises(ExerciseFailed, match="surprised on"):
        nb04.causes(prediction, COUNTS, strict=True)


@pytest.mark.parametrize(
    "prediction, fragment",
    [
        (RIGHT | {"half": ...}, "there is no prediction for 'half' yet"),
        ({"slow D": True, "other loss": False}, "there is no prediction for 'half' yet"),
        (RIGHT | {"half": "yes"}, "one of True and False, but is 'yes'"),
        ([True, False], "a dict with True or False for each change was expected, but got list"),
    ],
)
def test_what_is_no_prediction_is_told_so(capsys, prediction, fragment):
    rejects(capsys, nb04.causes, prediction, COUNTS, fragment=fragment)


# ---------------------------------------------------------------- all


@pytest.mark.parametrize(
    "checker, answers",
    [
        (nb04.covered, (lambda points, centres, std: ...,)),
        (nb04.reverse_kl, (lambda q, p: ...,)),
        (nb04.causes, (dict.fromkeys(RIGHT, ...), COUNTS)),
    ],
)
def test_stubs_are_not_attempted(capsys, checker, answers):
    assert "not attempted" in verdict(capsys, checker, *answers)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(*answers, strict=True)


@pytest.mark.parametrize("checker", [nb04.covered, nb04.reverse_kl])
def test_nonsense_never_raises(capsys, checker):
    for nonsense in (None, 3, "words", lambda: 1, lambda *_: "words", lambda *_: torch.tensor([]), lambda *_: math.nan):
        assert "not yet, because" in verdict(capsys, checker, nonsense)


# ---------------------------------------------------------------- other people's ways


def in_place(points, centres, std):
    points -= centres[0]
    return count(points, centres - centres[0], std)


def test_an_answer_spoils_nothing_for_the_next_one(capsys):
    for _ in range(2):
        rejects(capsys, nb04.covered, in_place, fragment="changes points, which it was given")
        accepts(capsys, nb04.covered, count)


def norm(p):
    return lambda points, centres, std: count_by(torch.cdist(points, centres, p=p), points, centres, std)


def count_by(distances, points, centres, std, enough=torch.ge):
    nearest, which = distances.min(1)
    owned = torch.bincount(which[nearest <= 3 * std], minlength=len(centres))
    return int(enough(owned, torch.tensor(0.2 * len(points) / len(centres))).sum())


@pytest.mark.parametrize(
    "answer, fragment",
    [
        (norm(1.0), "the sum of the sides"),
        (norm(math.inf), "the largest side"),
        (lambda p, c, s: count_by(torch.cdist(p, c).square(), p, c, s), "the *squared* distance"),
        (lambda p, c, s: count_by(torch.cdist(p, c), p, c, s, torch.gt), "at least means >="),
        (lambda p, c, s: count_by(torch.cdist(p[:, :2], c[:, :2]), p, c, s), "you return 4, but it should be 3"),
        (lambda p, c, s: count(p, c, s, share=0.1), "you ask for 10% of a fair share"),
        (lambda p, c, s: 2, "you return the same for every input"),
    ],
)
def test_no_case_is_so_special_that_a_wrong_distance_passes(capsys, answer, fragment):
    rejects(capsys, nb04.covered, answer, fragment=fragment)


@pytest.mark.parametrize("as_bool", [int, float, str, np.bool_, torch.tensor])
def test_truth_may_be_written_in_many_ways(capsys, as_bool):
    accepts(capsys, nb04.causes, {change: as_bool(breaks) for change, breaks in RIGHT.items()}, COUNTS)


def wrong_axis(points, centres, std):
    nearest, which = torch.cdist(points, centres).min(0)
    owned = torch.bincount(which[nearest <= 3 * std], minlength=len(centres))
    return (owned >= 0.2 * len(points) / len(centres)).sum()


def test_the_minimum_over_the_wrong_axis_is_named(capsys):
    rejects(capsys, nb04.covered, wrong_axis, fragment="the minimum runs over the samples")


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda q, p: (p * (p / q).log()).nan_to_num(0, 0, 0).sum(), "only covered up"),
        (lambda q, p: torch.nn.functional.kl_div((q + 1e-12).log(), p, reduction="sum"), "only covered up"),
        (lambda q, p: math.log(len(q)) + torch.xlogy(q, q).sum(), "the target need not be uniform"),
        (lambda q, p: torch.xlogy(q, q).sum() - torch.xlogy(p, q).sum(), "the arguments of xlogy are exchanged"),
    ],
)
def test_other_ways_to_miss_the_reverse_kl(capsys, mutant, fragment):
    rejects(capsys, nb04.reverse_kl, mutant, fragment=fragment)
