"""The checkers of notebook 13 accept what is right and say which mistake was made."""

import math

import numpy as np
import pytest
import torch

from gancourse.checks import nb13
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb13.best_answers, nb13.let_through, nb13.psnr, nb13.choose]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- three best answers


def mean(v, p):
    return (v * p).sum()


def median(v, p):
    return v[p.cumsum(0) >= 0.5][0]


def mode(v, p):
    return v[p.argmax()]


def test_the_three_answers_are_the_best_ones():
    """Each is found again by search: squares, absolute differences, and how often it is exactly right."""
    values, chances = torch.tensor([-1.0, 0.0, 4.0]), torch.tensor([0.42, 0.25, 0.33])
    tried = torch.linspace(-2, 5, 7_001)
    off = (tried[:, None] - values).double()
    squares, absolute, hits = ((f(off) * chances).sum(1) for f in (torch.square, torch.abs, lambda d: d.abs() < 1e-4))
    found = tried[squares.argmin()], tried[absolute.argmin()], tried[hits.argmax()]
    assert nb13._answers(values, chances) == pytest.approx([float(value) for value in found], abs=2e-3)


def test_the_three_answers_are_accepted(capsys):
    accepts(capsys, nb13.best_answers, lambda v, p: (mean(v, p), median(v, p), mode(v, p)), fragment="three answers")
    accepts(
        capsys, nb13.best_answers, lambda values, chances: [float(f(values, chances)) for f in (mean, median, mode)]
    )
    accepts(capsys, nb13.best_answers, lambda v, p: torch.stack([mean(v, p), median(v, p), mode(v, p)]))
    accepts(capsys, nb13.best_answers, lambda v, p: (float(v @ p), median(v, p), float(mode(v, p))))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda v, p: (v.mean(), median(v, p), mode(v, p)), "counts each value once"),
        (lambda v, p: ((v * p).mean(), median(v, p), mode(v, p)), "you divide it once more"),
        (lambda v, p: (mean(v, p), v.median(), mode(v, p)), "the middle of the *list*"),
        (lambda v, p: (mean(v, p), v[len(v) // 2], mode(v, p)), "the middle of the *list*"),
        (lambda v, p: (mean(v, p), v[max(int((p.cumsum(0) < 0.5).sum()) - 1, 0)], mode(v, p)), "one value too early"),
        (lambda v, p: (mean(v, p), (p.cumsum(0) < 0.5).sum(), mode(v, p)), "median is the *place*"),
        (lambda v, p: (mean(v, p), median(v, p), p.argmax()), "last number is the *place*"),
        (lambda v, p: (mean(v, p), median(v, p), p.max()), "its *chance*"),
        (lambda v, p: (mean(v, p), median(v, p), v.max()), "the largest value"),
        (lambda v, p: (median(v, p), mean(v, p), mode(v, p)), "the first two are exchanged"),
        (lambda v, p: (mean(v, p), np.interp(0.5, p.cumsum(0), v), mode(v, p)), "an answer that never occurs"),
        (lambda v, p: (mean(v, p), v[(p.cumsum(0) - 0.5).abs().argmin()], mode(v, p)), "comes *nearest* to a half"),
        (lambda v, p: (mean(v, p), v[p.sort().indices[len(p) // 2]], mode(v, p)), "whose *chance* is in the middle"),
        (lambda v, p: (mean(v, p), median(v, p), v[(v * p).argmax()]), "value *times* chance"),
        (lambda v, p: (mean(v, p), median(v, p), v.mode().values), "torch.mode counts"),
        (lambda v, p: (mean(v, p), median(v, p), v[p.argmin()]), "the *rarest* value"),
        (lambda v, p: (mean(v, p), mode(v, p), median(v, p)), "the last two are exchanged"),
        (lambda v, p: (mean(v, p) + 1, median(v, p), mode(v, p)), "the mean not: it is too large by 1"),
        (lambda v, p: (mean(v, p), median(v, p)), "three numbers"),
    ],
)
def test_the_three_answers_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb13.best_answers, function, fragment=fragment)


# ---------------------------------------------------------------- a mask


def test_the_mask_accepts_both_ways(capsys):
    accepts(capsys, nb13.let_through, lambda s, m, x: torch.where(m > 0, s, x), fragment="its gradient is 0")
    accepts(capsys, nb13.let_through, lambda seen, mask, made: mask * seen + (1 - mask) * made)
    accepts(capsys, nb13.let_through, lambda s, m, x: torch.where(m.bool(), s, x))
    accepts(capsys, nb13.let_through, lambda s, m, x: x + m * (s - x))
    accepts(capsys, nb13.let_through, lambda s, m, x: x.masked_scatter(m > 0, s[m > 0]))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda s, m, x: torch.where(m > 0, x, s), "the two are exchanged"),
        (lambda s, m, x: x, "painted over"),
        (lambda s, m, x: s, "nothing is restored"),
        (lambda s, m, x: s + (1 - m) * x, "not 0 but -1"),
        (lambda s, m, x: s + x, "added everywhere"),
        (lambda s, m, x: (s + x) / 2, "half and half"),
        (lambda s, m, x: m * s + x, "There, `made` has to go"),
        (lambda s, m, x: m * s, "which is grey"),
        (lambda s, m, x: torch.where(s > -1, s, x), "A known pixel may be black too"),
        (lambda s, m, x: torch.maximum(s, x), "the brighter of the two"),
        (lambda s, m, x: (1 - m) * x, "what was seen is missing"),
        (lambda s, m, x: m * x, "kept where the pixels are *known*"),
        (lambda s, m, x: torch.where(m, s, x), "no mask of True and False"),
        (lambda s, m, x: x.masked_fill(m, 0) + s, "no mask of True and False"),
        (lambda s, m, x: torch.where(m > 0, s, x.detach()), "the restorer could not learn"),
        (lambda s, m, x: np.where(m > 0, s, x.detach()), "the restorer could not learn"),
        (lambda s, m, x: torch.where(m > 0, s, x)[:, 0], "the shape should be (3, 1, 4, 4)"),
    ],
)
def test_the_mask_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb13.let_through, function, fragment=fragment)


# ---------------------------------------------------------------- decibels


def mse(f, y):
    return (f - y).square().mean()


def test_decibels_accept_other_spellings(capsys):
    accepts(capsys, nb13.psnr, lambda f, y: 10 * torch.log10(4 / mse(f, y)), fragment="3 dB more")
    accepts(capsys, nb13.psnr, lambda f, y: 20 * math.log10(2 / math.sqrt(mse(f, y))))
    accepts(capsys, nb13.psnr, lambda restored, truth: -10 * float((mse(restored, truth) / 4).log10()))


def test_the_remark_about_white_and_black_is_true():
    assert 10 * math.log10(4 / mse(torch.ones(1, 1, 3, 3), -torch.ones(1, 1, 3, 3))) == 0


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda f, y: 10 * torch.log10(1 / mse(f, y)), "6 dB too low"),
        (lambda f, y: 10 * torch.log10(2 / mse(f, y)), "has to be squared"),
        (lambda f, y: 10 * torch.log10(255**2 / mse(f, y)), "range of bytes"),
        (lambda f, y: 20 * torch.log10(4 / mse(f, y)), "20 belongs to"),
        (lambda f, y: 10 * torch.log10(mse(f, y) / 4), "the sign is turned round"),
        (lambda f, y: 10 * torch.log(4 / mse(f, y)), "natural logarithm"),
        (lambda f, y: torch.log10(4 / mse(f, y)), "*deci*bel"),
        (lambda f, y: 10 * torch.log10(4 / (f - y).abs().mean()), "not of absolute ones"),
        (lambda f, y: 20 * torch.log10(2 / (f - y).abs().mean()), "not of absolute ones"),
        (lambda f, y: 10 * torch.log10(4 / (f - y).square().sum()), "their *mean* is wanted"),
        (lambda f, y: 10 * torch.log10(4 / (f - y).square().sum((1, 2, 3)).mean()), "goes over the pixels too"),
        (lambda f, y: 20 * torch.log10(2 / mse(f, y)), "the root is missing"),
        (lambda f, y: 10 * torch.log10(2 / mse(f, y) ** 0.5), "the ratio of their roots"),
        (lambda f, y: 20 * torch.log10(y.max() / mse(f, y) ** 0.5), "not what these images reach"),
        (lambda f, y: 20 * torch.log10((y.max() - y.min()) / mse(f, y) ** 0.5), "not what these images reach"),
        (lambda f, y: 10 * torch.log10((y**2).mean() / mse(f, y)), "of signal to noise"),
        (lambda f, y: 10 * torch.log2(4 / mse(f, y)), "torch.log2 has base 2"),
        (lambda f, y: (10 * torch.log10(4 / (f - y).square())).mean(), "decibels of each *pixel*"),
        (lambda f, y: (10 * torch.log10(4 / (f - y).square().mean((1, 2, 3)))).mean(), "average the decibels"),
        (lambda f, y: 10 * torch.log10(4 / (f - y).square().mean((1, 2, 3))), "is a mean missing?"),
    ],
)
def test_decibels_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb13.psnr, function, fragment=fragment)


# ---------------------------------------------------------------- a weight for a budget


def allowed(table, budget):
    best = max(decibels for decibels, _ in table.values())
    return {weight: pair for weight, pair in table.items() if pair[0] >= best - budget}


def test_the_weight_is_accepted(capsys):
    accepts(capsys, nb13.choose, lambda t, b: min(allowed(t, b), key=lambda w: t[w][1]), fragment="comes second")
    accepts(capsys, nb13.choose, lambda table, budget: min((d, w) for w, (_, d) in allowed(table, budget).items())[1])


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda t, b: max(t, key=lambda w: t[w][0]), "the weight with the smallest error"),
        (lambda t, b: min(t, key=lambda w: t[w][1]), "the budget is not kept"),
        (lambda t, b: max(allowed(t, b)), "More adversarial is not always more real"),
        (lambda t, b: max(allowed(t, b), key=lambda w: t[w][1]), "smaller is better"),
        (lambda t, b: min(allowed(t, b)), "the smallest weight that the budget allows"),
        (lambda t, b: min(allowed(t, b), key=lambda w: t[w][0]), "as much of the budget as you can"),
        (lambda t, b: min((w for w in t if t[w][0] >= t[0.0][0] - b), key=lambda w: t[w][1]), "from the weight 0"),
        (
            lambda t, b: min((w for w in t if t[w][0] >= next(iter(t.values()))[0] - b), key=lambda w: t[w][1]),
            "from the first row",
        ),
        (lambda t, b: min((w for w in t if t[w][0] >= b), key=lambda w: t[w][1]), "dB *below the best*"),
        (lambda t, b: min(t, key=lambda w: t[w][1] - t[w][0]), "which of these has the smallest distance?"),
        (lambda t, b: [*t].index(min(allowed(t, b), key=lambda w: t[w][1])), "the *place* of the weight"),
        (lambda t, b: min(d for _, d in allowed(t, b).values()), "The *weight* that has it"),
        (lambda t, b: 1_000.0, "you return the same for every input"),
        (lambda t, b: (0.1, 30.0), "one number was expected"),
    ],
)
def test_the_weight_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb13.choose, function, fragment=fragment)
