"""The checkers of notebook 19 accept what is right and say which mistake was made."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from gancourse.checks import nb19
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb19.auc, nb19.advantage, nb19.clear_share, nb19.right_alarms]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "much", fragment="expected")
    rejects(capsys, checker, lambda *_: 0.5, fragment="the same for every input")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- AUC


def pairs(p, n):
    return ((p[:, None] > n).double() + 0.5 * (p[:, None] == n).double()).mean()


def labels(p, n):
    return torch.arange(len(p) + len(n)) < len(p)


def test_the_right_auc_is_scikit_learns():
    p, n = torch.tensor([0.3, 0.9, 0.3, -1.0]), torch.tensor([0.3, 0.1, -1.0])
    assert float(pairs(p, n)) == pytest.approx(roc_auc_score(labels(p, n), torch.cat([p, n])))
    assert nb19._pairs(p, n) == pytest.approx(float(pairs(p, n)))


def test_auc_accepts_other_spellings(capsys):
    accepts(capsys, nb19.auc, pairs, fragment="a tie is half a win")
    accepts(capsys, nb19.auc, lambda positive, negative: (0.5 + 0.5 * (positive[:, None] - negative).sign()).mean())
    accepts(capsys, nb19.auc, lambda p, n: roc_auc_score(labels(p, n).numpy(), torch.cat([p, n]).numpy()))
    accepts(capsys, nb19.auc, lambda p, n: sum((a > b) + 0.5 * (a == b) for a in p for b in n) / (len(p) * len(n)))
    accepts(capsys, nb19.auc, lambda p, n: np.mean(np.heaviside(p.numpy()[:, None] - n.numpy(), 0.5)))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda p, n: (p[:, None] > n).double().mean(), "a tie counts nothing"),
        (lambda p, n: (p[:, None] >= n).double().mean(), "a tie counts as a full win"),
        (lambda p, n: pairs(n, p), "turned round"),
        (lambda p, n: (n[:, None] > p).double().mean(), "and ties are not counted"),
        (lambda p, n: (p[:, None] - n).sign().mean(), "wins minus losses"),
        (lambda p, n: pairs(p, n) * len(p) * len(n), "the pairs are counted; their *share*"),
        (lambda p, n: (p[:, None] > n).sum(), "(and a tie counts half)"),
        (lambda p, n: pairs(p, n) * len(p), "divided by the number of negatives only"),
        (lambda p, n: pairs(p, n) * len(n), "divided by the number of positives only"),
        (lambda p, n: pairs(p, n) * len(p) * len(n) / (len(p) + len(n)), "the number of *scores*"),
        (lambda p, n: (p.mean() > n.mean()).float(), "only the two means are compared"),
        (lambda p, n: p.mean() - n.mean(), "the difference of the two means"),
        (lambda p, n: (p > n.mean()).float().mean(), "negatives' *mean*"),
        (lambda p, n: (p > n.median()).float().mean(), "negatives' *median*"),
        (lambda p, n: (p > n.max()).float().mean(), "the *largest* negative"),
        (lambda p, n: ((p > 0).sum() + (n <= 0).sum()) / (len(p) + len(n)), "the accuracy with the threshold 0"),
        (lambda p, n: ((p > 0.5).sum() + (n <= 0.5).sum()) / (len(p) + len(n)), "the accuracy with the threshold ½"),
        (lambda p, n: ((p > 0).double().mean() + (n <= 0).double().mean()) / 2, "the balanced accuracy"),
        (lambda p, n: (p[:, None] > n).double(), "is a mean missing?"),
        (lambda p, n: (p > n).double().mean(), "two shapes do not fit"),
    ],
)
def test_auc_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb19.auc, function, fragment=fragment)


# ---------------------------------------------------------------- the advantage


def gap(m, o, t):
    return (m > t).double().mean() - (o > t).double().mean()


def best(m, o):
    return max(0.0, *(float(gap(m, o, t)) for t in torch.cat([m, o])))


def test_the_right_advantage_is_the_largest_gap_of_the_roc_curve():
    random = torch.Generator().manual_seed(3)
    for m, o in ((20, 30), (7, 4)):
        members, others = torch.randn(m, generator=random) + 0.5, torch.randn(o, generator=random)
        false, caught, _ = roc_curve(labels(members, others), torch.cat([members, others]))
        assert best(members, others) == pytest.approx(float((caught - false).max()))
        assert nb19._advantage(members, others) == pytest.approx(best(members, others))


def test_the_advantage_accepts_other_spellings(capsys):
    accepts(capsys, nb19.advantage, best, fragment="has 0")
    accepts(capsys, nb19.advantage, lambda members, others: max(0, *(gap(members, others, t) for t in others)))
    accepts(
        capsys,
        nb19.advantage,
        lambda m, o: max(0.0, float(max((m >= t).double().mean() - (o >= t).double().mean() for t in m))),
    )
    accepts(
        capsys,
        nb19.advantage,
        lambda m, o: np.subtract(*roc_curve(labels(m, o).numpy(), torch.cat([m, o]).numpy())[1::-1]).max(),
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda m, o: max(abs(float(gap(m, o, t))) for t in torch.cat([m, o])), "in *either* direction"),
        (lambda m, o: best(o, m), "members and others are swapped"),
        (lambda m, o: (1 + best(m, o)) / 2, "how often the best guesser is right"),
        (lambda m, o: 1 + best(m, o), "are added"),
        (lambda m, o: gap(m, o, 0), "with the threshold 0"),
        (lambda m, o: gap(m, o, o.median()), "the others' median"),
        (lambda m, o: gap(m, o, torch.cat([m, o]).median()), "the median of all"),
        (lambda m, o: gap(m, o, o.mean()), "the others' mean"),
        (lambda m, o: max(gap(m, o, t) for t in m), "> leaves the member at the threshold out"),
        (
            lambda m, o: max((m >= t).double().mean() - (o >= t).double().mean() for t in o),
            ">= counts the other at the threshold",
        ),
        (lambda m, o: max((m >= t).sum() - (o >= t).sum() for t in torch.cat([m, o])), "are *counted*"),
        (pairs, "the AUC of exercise 1"),
        (lambda m, o: 2 * pairs(m, o) - 1, "twice the AUC less 1"),
        (lambda m, o: (m > o.max()).double().mean(), "the largest of the others"),
        (lambda m, o: max((m >= t).double().mean() for t in m), "without the others"),
        (lambda m, o: m.mean() - o.mean(), "the difference of the mean scores"),
        (lambda m, o: torch.stack([gap(m, o, t) for t in torch.cat([m, o])]), "is the largest of them missing?"),
    ],
)
def test_the_advantage_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb19.advantage, function, fragment=fragment)


# ---------------------------------------------------------------- the clear share


def clear(p, k, o):
    kind, other = p[:, k] > 0.9, p[:, o] > 0.9
    return kind.sum() / (kind.sum() + other.sum())


def test_the_clear_share_accepts_other_spellings(capsys):
    accepts(capsys, nb19.clear_share, clear, fragment="Only samples that show one of the two clearly")

    def by_names(probabilities, kind, other):
        top = probabilities.max(dim=1)
        sure = top.indices[top.values > 0.9]
        return (sure[(sure == kind) | (sure == other)] == kind).float().mean()

    accepts(capsys, nb19.clear_share, by_names)
    accepts(capsys, nb19.clear_share, lambda p, k, o: float(clear(p, k, o)))
    accepts(capsys, nb19.clear_share, lambda p, k, o: np.mean(p.numpy()[(p[:, [k, o]] > 0.9).any(1), k] > 0.9))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda p, k, o: (p[:, k] > p[:, o]).double().mean(), "rubble goes to whichever"),
        (lambda p, k, o: (p[:, k] > p[:, o])[p.amax(1) > 0.9].double().mean(), "clearly *another* digit"),
        (lambda p, k, o: (p.argmax(1) == k).sum() / ((p.argmax(1) == k) | (p.argmax(1) == o)).sum(), "however small"),
        (lambda p, k, o: (p.argmax(1) == k).double().mean(), "neither must be clear"),
        (lambda p, k, o: (p[:, k] > 0.9).double().mean(), "divided by *all* samples"),
        (lambda p, k, o: (p.argmax(1) == k)[p.amax(1) > 0.9].double().mean(), "*all ten* digits"),
        (
            lambda p, k, o: (p[:, k] > 0.9).sum() / ((p.argmax(1) == k) | (p.argmax(1) == o)).sum(),
            "use the same samples for both",
        ),
        (lambda p, k, o: (p[:, k] > 0.9).sum() / (p[:, o] > 0.9).sum(), "one kind is divided by the other"),
        (lambda p, k, o: clear(p, o, k), "are swapped"),
        (lambda p, k, o: (p[:, k] > 0.9).sum(), "a share is wanted"),
        (lambda p, k, o: p[:, k].double().mean(), "the mean probability"),
        (lambda p, k, o: (p[:, k].double() / (p[:, k] + p[:, o]).double()).mean(), "probabilities are averaged"),
        (lambda p, k, o: p[:, k].sum() / (p[:, k] + p[:, o]).sum(), "probabilities are added"),
        (lambda p, k, o: (p[:, k] > 0.5).sum() / ((p[:, k] > 0.5) | (p[:, o] > 0.5)).sum(), "the threshold is ½"),
        (
            lambda p, k, o: (p.argmax(1) == k)[(p[:, k] + p[:, o]) > 0.9].double().mean(),
            "the *sum* of the two",
        ),
    ],
)
def test_the_clear_share_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb19.clear_share, function, fragment=fragment)


# ---------------------------------------------------------------- alarms that are right


def right(c, f, b):
    return b * c / (b * c + (1 - b) * f)


def test_alarms_accept_other_spellings(capsys):
    accepts(capsys, nb19.right_alarms, right, fragment="Right alarms over all alarms")
    accepts(
        capsys,
        nb19.right_alarms,
        lambda caught, false_alarms, base_rate: 1 / (1 + (1 / base_rate - 1) * false_alarms / caught),
    )
    accepts(capsys, nb19.right_alarms, lambda c, f, b: torch.tensor(right(c, f, b)))

    def by_counting(caught, false_alarms, base_rate):
        fakes = 1_000 * base_rate
        alarms = [fakes * caught, (1_000 - fakes) * false_alarms]
        return alarms[0] / sum(alarms)

    accepts(capsys, nb19.right_alarms, by_counting)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda c, f, b: c, "the share of fakes that are caught"),
        (lambda c, f, b: 1 - f, "raise no alarm"),
        (lambda c, f, b: c / (c + f), "as many images are fake as real"),
        (lambda c, f, b: b * c / (b * c + f), "from the *real* images only"),
        (lambda c, f, b: b * c, "are fakes and raise an alarm"),
        (lambda c, f, b: b * c + (1 - b) * f, "Which part of it are fakes?"),
        (lambda c, f, b: 1 - right(c, f, b), "alarms that are *false*"),
        (lambda c, f, b: b * c / ((1 - b) * f), "these are the odds"),
        (lambda c, f, b: b * c + (1 - b) * (1 - f), "alarm or not"),
        (lambda c, f, b: right(c, 1 - f, b), "you take 1 minus it"),
        (lambda c, f, b: right(f, c, b), "are swapped"),
        (lambda c, f, b: right(c, f, 1 - b), "the share of *fakes*"),
        (lambda c, f, b: right(1 - c, 1 - f, b), "fakes among the images that raise *no* alarm"),
        (lambda c, f, b: 1 - right(1 - c, 1 - f, b), "real images among those that raise *no*"),
        (lambda c, f, b: b * c / (c + f), "above the line only"),
        (lambda c, f, b: 100 * right(c, f, b), "in per cent"),
    ],
)
def test_alarms_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb19.right_alarms, function, fragment=fragment)
