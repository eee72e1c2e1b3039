"""Checkers of notebook 19: AUC by counting pairs, a guesser's advantage, a clear share, and alarms that are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, exercise, number

__all__ = ["advantage", "auc", "clear_share", "right_alarms"]


# ---------------------------------------------------------------- exercise 1


def _pairs(p: Tensor, n: Tensor) -> float:
    difference = p.double()[:, None] - n.double()
    return float(((difference > 0).double() + 0.5 * (difference == 0).double()).mean())


def _accuracy(p: Tensor, n: Tensor, cut: float) -> float:
    return float((p > cut).sum() + (n <= cut).sum()) / (len(p) + len(n))


_AUC_MISTAKES: Mistakes = [
    (
        lambda p, n: float((p[:, None] > n).double().mean()),
        "a tie counts nothing here. It should count half: a coin would have to decide it",
    ),
    (
        lambda p, n: float((p[:, None] >= n).double().mean()),
        "a tie counts as a full win here. It should count half: a coin would have to decide it",
    ),
    (
        lambda p, n: _pairs(n, p),
        "it is the share of pairs in which the *negative* has the larger score: turned round",
    ),
    (
        lambda p, n: float((n[:, None] > p).double().mean()),
        "it is the share of pairs in which the *negative* has the larger score, and ties are not counted",
    ),
    (
        lambda p, n: 2 * _pairs(p, n) - 1,
        "wins minus losses were taken, so that chance is 0. Wins alone, and half of the ties, are wanted: chance is ½",
    ),
    (
        lambda p, n: _pairs(p, n) * len(p) * len(n),
        "the pairs are counted; their *share* among all pairs is wanted",
    ),
    (
        lambda p, n: float((p[:, None] > n).sum()),
        "the pairs are counted; their *share* among all pairs is wanted (and a tie counts half)",
    ),
    (
        lambda p, n: _pairs(p, n) * len(p),
        "the sum is divided by the number of negatives only: how many pairs are there?",
    ),
    (
        lambda p, n: _pairs(p, n) * len(n),
        "the sum is divided by the number of positives only: how many pairs are there?",
    ),
    (
        lambda p, n: _pairs(p, n) * len(p) * len(n) / (len(p) + len(n)),
        "the sum is divided by the number of *scores*; there are more pairs than that",
    ),
    (
        lambda p, n: float((p.mean() > n.mean()).double()),
        "only the two means are compared. Compare every positive with every negative",
    ),
    (
        lambda p, n: float(p.double().mean() - n.double().mean()),
        "this is the difference of the two means, which depends on the unit of the scores. Count pairs",
    ),
    (
        lambda p, n: float((p > n.double().mean()).double().mean()),
        "the positives are compared with the negatives' *mean*. Compare each with every single negative",
    ),
    (
        lambda p, n: float((p > n.median()).double().mean()),
        "the positives are compared with the negatives' *median*. Compare each with every single negative",
    ),
    (
        lambda p, n: float((p > n.max()).double().mean()),
        "the positives are compared with the *largest* negative only. Compare each with every negative",
    ),
    (
        lambda p, n: _accuracy(p, n, 0.0),
        "this is the accuracy with the threshold 0. The AUC needs no threshold",
    ),
    (
        lambda p, n: _accuracy(p, n, 0.5),
        "this is the accuracy with the threshold ½. The AUC needs no threshold",
    ),
    (
        lambda p, n: (float((p > 0).double().mean()) + float((n <= 0).double().mean())) / 2,
        "this is the balanced accuracy with the threshold 0. The AUC needs no threshold",
    ),
]


@exercise("Exercise 1")
def auc(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``auc(positive, negative)``: the share of pairs in which the positive has the larger score, ties half.

    First met in: notebook 19.
    """
    random = torch.Generator().manual_seed(19)
    cases = []
    for p, n, shift in ((4, 3, 0.5), (7, 5, -0.5), (3, 6, 1.0), (5, 2, 0.0)):  # few values, so that there are ties
        positive = (2 * torch.randn(p, generator=random) + shift).round() / 2
        negative = (2 * torch.randn(n, generator=random)).round() / 2
        negative[0] = positive[-1]
        cases.append((positive, negative))
    compare(
        function,
        cases,
        _pairs,
        _AUC_MISTAKES,
        name="auc",
        names=("positive", "negative"),
        read=_one_of_pairs,
        hint="Is every positive compared with every negative?",
    )
    return "Every pair was counted, and a tie is half a win."


def _one_of_pairs(got: Any) -> float:
    if isinstance(got, Tensor) and got.ndim == 2 and min(got.shape) > 1:
        raise NotYet(
            "there is a number for each pair; the share of the pairs that are won is wanted: is a mean missing?"
        )
    return number(got, reduce="a mean")


# ---------------------------------------------------------------- exercise 2


def _above(scores: Tensor, cut: Tensor) -> Tensor:
    """Return the share of scores from each cut on."""
    return (scores.double()[:, None] >= cut.double()).double().mean(0)


def _gaps(m: Tensor, o: Tensor) -> Tensor:
    cuts = torch.cat([m, o])
    return _above(m, cuts) - _above(o, cuts)


def _advantage(m: Tensor, o: Tensor) -> float:
    return max(float(_gaps(m, o).max()), 0.0)


_ADVANTAGE_MISTAKES: Mistakes = [
    (
        lambda m, o: float(_gaps(m, o).abs().max()),
        "the largest difference in *either* direction is taken. The rule of the game is fixed: above the threshold "
        'means "in the training set"',
    ),
    (lambda m, o: _advantage(o, m), "members and others are swapped: a member's score is the larger one"),
    (lambda m, o: float(_gaps(m, o).min()), "the smallest difference is taken; the best guesser is wanted"),
    (
        lambda m, o: (1 + _advantage(m, o)) / 2,
        "this is how often the best guesser is right, if a coin decides who is shown. The advantage is the difference "
        "of the two shares",
    ),
    (lambda m, o: 1 + _advantage(m, o), "the two shares of right guesses are added: then chance is 1, not 0"),
    (
        lambda m, o: float((m > 0).double().mean() - (o > 0).double().mean()),
        "that is the difference with the threshold 0. Try every threshold, and keep the best",
    ),
    (
        lambda m, o: float((m > o.median()).double().mean() - (o > o.median()).double().mean()),
        "that is the difference with one threshold, the others' median. Try every threshold, and keep the best",
    ),
    (
        lambda m, o: float(
            (m > torch.cat([m, o]).median()).double().mean() - (o > torch.cat([m, o]).median()).double().mean()
        ),
        "that is the difference with one threshold, the median of all. Try every threshold, and keep the best",
    ),
    (
        lambda m, o: float((m > o.double().mean()).double().mean() - (o > o.double().mean()).double().mean()),
        "that is the difference with one threshold, the others' mean. Try every threshold, and keep the best",
    ),
    (
        lambda m, o: float(((m[:, None] > m).double().mean(0) - (o[:, None] > m).double().mean(0)).max()),
        "the thresholds are the members' scores, and > leaves the member at the threshold out. Put the others' scores "
        "among the thresholds, or take >=",
    ),
    (
        lambda m, o: float(((m[:, None] >= o).double().mean(0) - (o[:, None] >= o).double().mean(0)).max()),
        "the thresholds are the others' scores, and >= counts the other at the threshold. Put the members' scores "
        "among the thresholds, or take >",
    ),
    (
        lambda m, o: float(((m[:, None] >= torch.cat([m, o])).sum(0) - (o[:, None] >= torch.cat([m, o])).sum(0)).max()),
        "members and others are *counted*; the share of each group is wanted, since one may be larger",
    ),
    (
        lambda m, o: float(_gaps(m, o).mean()),
        "the mean over the thresholds is taken; the best guesser chooses one threshold",
    ),
    (_pairs, "this is the AUC of exercise 1. The guesser has to say yes or no, by one threshold"),
    (
        lambda m, o: 2 * _pairs(m, o) - 1,
        "this is twice the AUC less 1. The guesser has to say yes or no, by one threshold",
    ),
    (
        lambda m, o: float((m > o.max()).double().mean()),
        "the threshold is the largest of the others: no false alarm, but the best guesser may allow some",
    ),
    (
        lambda m, o: float(_above(m, torch.cat([m, o])).max()),
        "the largest share of members is taken, without the others: a guesser who always says yes gets 1 here",
    ),
    (
        lambda m, o: float(m.double().mean() - o.double().mean()),
        "this is the difference of the mean scores, which depends on their unit. Compare shares above a threshold",
    ),
]


@exercise("Exercise 2")
def advantage(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``advantage(members, others)``: the largest share of members less share of others above a threshold.

    First met in: notebook 19.
    """
    random = torch.Generator().manual_seed(190)
    cases = [
        (torch.randn(m, generator=random) + shift, torch.randn(o, generator=random))
        for m, o, shift in ((6, 9, 1.0), (12, 7, 0.4), (5, 11, -0.8), (9, 4, 2.0), (8, 8, 0.0))
    ]
    cases.append((torch.tensor([1.0, 1.0, 0.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 0.0, -1.0])))  # ties
    compare(
        function,
        cases,
        _advantage,
        _ADVANTAGE_MISTAKES,
        name="advantage",
        names=("members", "others"),
        read=lambda got: number(got, reduce="the largest of them"),
        hint="Which thresholds do you try, and what do you take off?",
    )
    return "Of all thresholds the best one is taken, and a guesser who always says yes has 0."


# ---------------------------------------------------------------- exercise 3

_CLEAR = 0.9


def _share(kind: Tensor, of: Tensor) -> float:
    return float((kind & of).sum()) / max(float(of.sum()), 1.0)


def _clear(p: Tensor) -> Tensor:
    return p.amax(1) > _CLEAR


def _first(p: Tensor, kind: int) -> Tensor:
    return p.argmax(1) == kind


_CLEAR_MISTAKES: Mistakes = [
    (
        lambda p, k, o: float((p[:, k] > p[:, o]).double().mean()),
        "all samples are counted, and each has to be one of the two: rubble goes to whichever it resembles a little "
        "more. Count the clear ones only",
    ),
    (
        lambda p, k, o: float((p[:, k] > p[:, o])[_clear(p)].double().mean()),
        "the samples that are clear are counted, but clearly *another* digit counts too, as the one of the two that it "
        "resembles a little more",
    ),
    (
        lambda p, k, o: _share(_first(p, k), _first(p, k) | _first(p, o)),
        "all samples whose largest probability is one of the two are counted, however small that probability is",
    ),
    (
        lambda p, k, o: float(_first(p, k).double().mean()),
        "this is the share of all samples in which the first one is the likeliest: neither must be clear",
    ),
    (
        lambda p, k, o: float((p[:, k] > _CLEAR).double().mean()),
        "the clear ones of the one kind are divided by *all* samples. Divide by the clear ones of both kinds",
    ),
    (
        lambda p, k, o: _share(_first(p, k), _clear(p)),
        "the clear samples of *all ten* digits are in the denominator. Those of the two kinds are wanted",
    ),
    (
        lambda p, k, o: _share(p[:, k] > _CLEAR, _first(p, k) | _first(p, o)),
        "what is counted has to be clear, and what it is divided by does not: use the same samples for both",
    ),
    (
        lambda p, k, o: float((p[:, k] > _CLEAR).sum()) / max(float((p[:, o] > _CLEAR).sum()), 1.0),
        "one kind is divided by the other; a share divides by both together",
    ),
    (
        lambda p, k, o: _share(p[:, o] > _CLEAR, (p[:, k] > _CLEAR) | (p[:, o] > _CLEAR)),
        "this is the other kind's share: `kind` and `other` are swapped",
    ),
    (
        lambda p, k, o: float((p[:, k] > _CLEAR).sum()),
        "the clear samples are counted; a share is wanted",
    ),
    (
        lambda p, k, o: float(p[:, k].double().mean()),
        "the mean probability is taken. Count samples: each one is clear or not",
    ),
    (
        lambda p, k, o: float((p[:, k].double() / (p[:, k] + p[:, o]).double()).mean()),
        "probabilities are averaged. Count samples: each one is clear or not",
    ),
    (
        lambda p, k, o: float(p[:, k].double().sum() / (p[:, k] + p[:, o]).double().sum()),
        "probabilities are added. Count samples: each one is clear or not",
    ),
    (
        lambda p, k, o: _share(p[:, k] > 0.5, (p[:, k] > 0.5) | (p[:, o] > 0.5)),
        "the threshold is ½ here; a sample is clear above 0.9",
    ),
    (
        lambda p, k, o: _share(_first(p, k), (p[:, k] + p[:, o]) > _CLEAR),
        "a sample counts as clear if the *sum* of the two probabilities is above 0.9. It could be half of each",
    ),
]


@exercise("Exercise 3")
def clear_share(function: Callable[[Tensor, int, int], Any]) -> str:
    """Check ``clear_share(probabilities, kind, other)``: the share of one kind among the clear samples of both.

    First met in: notebook 19.
    """
    cases = []
    for seed, n, kind, other in ((1, 60, 7, 3), (2, 80, 1, 8), (3, 50, 4, 0)):
        random = torch.Generator().manual_seed(190 + seed)
        favoured = torch.tensor([kind, other, other, (kind + 1) % 10, (other + 2) % 10])
        asked = favoured[torch.randint(5, (n,), generator=random)]
        logits = torch.randn(n, 10, generator=random)
        logits[torch.arange(n), asked] += 6 * torch.rand(n, generator=random) + 1
        rows = logits.softmax(1)
        halves = torch.full((2, 10), 0.005)  # clearly one of the two, but not which
        halves[:, other], halves[:, kind] = 0.45, 0.51
        cases.append((torch.cat([rows, halves / halves.sum(1, keepdim=True)]), kind, other))
    compare(
        function,
        cases,
        lambda p, k, o: _share(p[:, k] > _CLEAR, (p[:, k] > _CLEAR) | (p[:, o] > _CLEAR)),
        _CLEAR_MISTAKES,
        name="clear_share",
        names=("probabilities", "kind", "other"),
        read=lambda got: number(got, reduce="a mean"),
        told=lambda p, k, o: f"{len(p)} samples with kind = {k} and other = {o}",
        hint="Which samples do you count, and which do you divide by?",
    )
    return "Only samples that show one of the two clearly are counted, above and below the line."


# ---------------------------------------------------------------- exercise 4


def _right(c: float, f: float, b: float) -> float:
    return b * c / (b * c + (1 - b) * f)


_ALARM_MISTAKES: Mistakes = [
    (lambda c, f, b: c, "this is the share of fakes that are caught; how rare fakes are is not used"),
    (lambda c, f, b: 1 - f, "this is the share of real images that raise no alarm; how rare fakes are is not used"),
    (
        lambda c, f, b: c / (c + f),
        "`base_rate` is not used: that is the answer where as many images are fake as real",
    ),
    (
        lambda c, f, b: b * c / (b * c + f),
        "the false alarms come from the *real* images only: what share of all images is that?",
    ),
    (
        lambda c, f, b: b * c,
        "this is the share of all images that are fakes and raise an alarm. Divide it by the share that raises one",
    ),
    (
        lambda c, f, b: b * c + (1 - b) * f,
        "this is the share of all images that raise an alarm. Which part of it are fakes?",
    ),
    (
        lambda c, f, b: (1 - b) * f / (b * c + (1 - b) * f),
        "this is the share of alarms that are *false*",
    ),
    (
        lambda c, f, b: b * c / ((1 - b) * f) if f else float("inf"),
        "these are the odds, right alarms for one false alarm. The share divides by all alarms",
    ),
    (
        lambda c, f, b: b * c + (1 - b) * (1 - f),
        "this is how often the detector is right about an image, alarm or not. Look at the alarms only",
    ),
    (
        lambda c, f, b: _right(c, 1 - f, b),
        "`false_alarms` is the share of real images that raise an alarm; you take 1 minus it",
    ),
    (
        lambda c, f, b: _right(f, c, b),
        "`caught` and `false_alarms` are swapped",
    ),
    (
        lambda c, f, b: _right(c, f, 1 - b),
        "`base_rate` is the share of *fakes*; here it is used as that of real images",
    ),
    (
        lambda c, f, b: b * (1 - c) / (b * (1 - c) + (1 - b) * (1 - f)),
        "this is the share of fakes among the images that raise *no* alarm",
    ),
    (
        lambda c, f, b: (1 - b) * (1 - f) / (b * (1 - c) + (1 - b) * (1 - f)),
        "this is the share of real images among those that raise *no* alarm",
    ),
    (lambda c, f, b: c * b / (c + f), "fakes are weighted with `base_rate` above the line only, not below it"),
]


@exercise("Exercise 4")
def right_alarms(function: Callable[[float, float, float], Any]) -> str:
    """Check ``right_alarms(caught, false_alarms, base_rate)``: the share of alarms that are right.

    First met in: notebook 19.
    """
    compare(
        function,
        [(0.8, 0.1, 0.3), (0.5, 0.05, 0.02), (0.95, 0.4, 0.6), (0.7, 0.02, 0.001)],
        _right,
        _ALARM_MISTAKES,
        name="right_alarms",
        names=("caught", "false_alarms", "base_rate"),
        read=_a_share,
        hint="Take a thousand images: how many of them raise an alarm, and how many of these are fakes?",
        tolerance=1e-6,
    )
    return "Right alarms over all alarms; the rarer fakes are, the more of the alarms are false."


def _a_share(got: Any) -> float:
    found = number(got)
    if 1.0 < found <= 100.0 and abs(found - 100 * _right(0.8, 0.1, 0.3)) < 1e-3:
        raise NotYet("this is in per cent; a share from 0 to 1 is wanted")
    return found
