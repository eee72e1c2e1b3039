"""Checkers of notebook 18: the Gumbel trick, the log-derivative trick, a baseline, and which curve is whose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, settle
from gancourse.checks.framework import NotYet, call, exercise, matched, tensor

__all__ = ["advantages", "curves", "gumbel_pick", "score_loss"]

# ---------------------------------------------------------------- exercise 1


def _noise(u: Tensor) -> Tensor:
    return -torch.log(-torch.log(u))


_GUMBEL_MISTAKES: Mistakes = [
    (
        lambda s, u: s.argmax(-1),
        "`uniform` is not used: the likeliest letter comes every time. That is no draw",
    ),
    (
        lambda s, u: u.argmax(-1),
        "`scores` are not used: every letter comes equally often",
    ),
    (
        lambda s, u: (s + torch.log(-torch.log(u))).argmax(-1),
        "the noise has the wrong sign. Each logarithm of a number below 1 is negative: count the minus signs",
    ),
    (
        lambda s, u: (s - torch.log(u)).argmax(-1),
        "the noise has one logarithm: -log u is an *exponential* number, and its maxima have other odds",
    ),
    (
        lambda s, u: (s + torch.log(u)).argmax(-1),
        "the noise has one logarithm, and another one is missing",
    ),
    (
        lambda s, u: (s + u).argmax(-1),
        "the uniform numbers are added as they are. They have to be turned into Gumbel noise first",
    ),
    (
        lambda s, u: (s.softmax(-1) + _noise(u)).argmax(-1),
        "the noise is added to the *probabilities*. It belongs to the scores, before any softmax",
    ),
    (
        lambda s, u: (s.softmax(-1) * _noise(u)).argmax(-1),
        "the noise multiplies the *probabilities*. It is added, and to the scores",
    ),
    (
        lambda s, u: (s.softmax(-1) + u).argmax(-1),
        "the uniform numbers are added to the *probabilities*. Turn them into Gumbel noise, and add it to the scores",
    ),
    (lambda s, u: (s * _noise(u)).argmax(-1), "the noise multiplies the scores; it has to be added"),
    (lambda s, u: (s + _noise(u)).argmin(-1), "the smallest sum is taken; the largest is wanted"),
    (lambda s, u: (s - _noise(u)).argmin(-1), "the noise is subtracted and the smallest is taken: other odds"),
    (
        lambda s, u: (s.softmax(-1).cumsum(-1) < u[:, :1]).sum(-1),
        "this draws with the right odds, by another way: one uniform number walks along the summed probabilities. That "
        "way has no noise to add, and so nothing that section 3 could make soft. Use one noise for each letter",
    ),
    (
        lambda s, u: (s + _noise(u)).argsort(-1)[:, 0],
        "sorting goes upwards, so the first place holds the smallest sum",
    ),
    (
        lambda s, u: (s + _noise(u)).argmax(0),
        "the largest of each *column* is taken: one letter is wanted for each row, so compare along the letters",
    ),
    (
        lambda s, u: (s + torch.distributions.Normal(0.0, 1.0).icdf(u)).argmax(-1),
        "this noise is Gaussian. The odds of its maxima are not those of the softmax",
    ),
    (
        lambda s, u: (s - torch.log10(-torch.log10(u))).argmax(-1),
        "torch.log10 has base 10; the natural logarithm is wanted, twice",
    ),
    (
        lambda s, u: (s - torch.log2(-torch.log2(u))).argmax(-1),
        "torch.log2 has base 2; the natural logarithm is wanted, twice",
    ),
]


@exercise("Exercise 1")
def gumbel_pick(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``gumbel_pick(scores, uniform)``: the number of the letter with the largest score plus Gumbel noise.

    Noise made of ``1 - uniform`` is as good, and so is the race of exponentials, which picks the same letters.

    First met in: notebook 18.
    """
    random = torch.Generator().manual_seed(18)
    cases = []
    for n, letters in ((40, 13), (60, 3), (50, 5)):
        scores = 1.5 * torch.randn(n, letters, generator=random) + torch.randn(n, 1, generator=random)
        cases.append((scores, torch.rand(n, letters, generator=random).clamp(1e-6, 1 - 1e-6)))
    names = ("logits", "uniform")
    first, second = (call(function, *cases[0], name="gumbel_pick", names=names) for _ in range(2))
    if isinstance(first, Tensor) and isinstance(second, Tensor) and not torch.equal(first, second):
        raise NotYet("two calls with the same numbers give other letters: draw nothing yourself, and use `uniform`")
    compare(
        function,
        cases,
        [lambda s, u: (s + _noise(u)).argmax(-1), lambda s, u: (s + _noise(1 - u)).argmax(-1)],
        _GUMBEL_MISTAKES,
        name="gumbel_pick",
        names=names,
        read=_letters,
        told=lambda s, u: f"{len(s)} rows of {s.shape[1]} scores",
    )
    return "Noise and a maximum draw a letter with exactly the probabilities of the softmax."


def _row(got: Any) -> Tensor:
    """Read a tensor; a list of plain numbers, or of tensors of one element, counts."""
    if type(got) in (list, tuple) and got and all(isinstance(one, (int, float, Tensor)) for one in got):
        return torch.stack([torch.as_tensor(one) for one in got])
    return tensor(got)


def _letters(got: Any) -> Tensor:
    """Read a number of a letter for each row; refuse what is no number of a letter, by name."""
    found = _row(got)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 2:
        rows = found.detach().double()
        if bool(((rows == 0) | (rows == 1)).all()) and bool((rows.sum(1) == 1).all()):
            raise NotYet("these are one-hot vectors; the *number* of each letter is wanted, one for each row")
        if bool((rows.sum(1) - 1).abs().max() < 1e-3) and bool((rows >= 0).all()):
            raise NotYet("these are probabilities for each letter; one letter of each row is wanted")
        raise NotYet("there is a number for every letter of every row; take the *place* of the largest in each row")
    if not found.is_floating_point():
        return found
    if bool((found.detach() == found.detach().round()).all()):
        return found.long()
    raise NotYet("these are no whole numbers: the largest *value* of each row, perhaps? Its place is wanted")


# ---------------------------------------------------------------- exercise 2


def _slope(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the formula for the gradient of a loss by ``log_probs``."""

    def gradient(log_probs: Tensor, scores: Tensor) -> Tensor:
        leaf = log_probs.detach().clone().requires_grad_()
        (found,) = torch.autograd.grad(loss(leaf, scores.detach()), leaf)
        return found

    return gradient


def _by_word(log_probs: Tensor) -> Tensor:
    return log_probs.sum(1)


_LOSS_MISTAKES: Mistakes = [
    (
        _slope(lambda lp, s: (s * _by_word(lp)).mean()),
        "the sign is turned round. An optimiser goes *down*, so this makes the words that D likes rarer",
    ),
    (
        _slope(lambda lp, s: -(s * _by_word(lp)).sum()),
        "the words are summed; take their mean, or a larger batch takes larger steps",
    ),
    (
        _slope(lambda lp, s: (s * _by_word(lp)).sum()),
        "the sign is turned round, and the words are summed where their mean is wanted",
    ),
    (
        _slope(lambda lp, s: -(s * lp.mean(1)).mean()),
        "the mean goes over the letters, too. The log-probability of a word is the *sum* of those of its letters",
    ),
    (
        _slope(lambda lp, s: -(s * _by_word(lp).exp()).mean()),
        "the logarithm is missing: these are the words' probabilities. The drawing has counted those already",
    ),
    (
        _slope(lambda lp, s: -(s[:, None] * lp.exp()).sum(1).mean()),
        "the logarithm is missing: these are the letters' probabilities. The drawing has counted those already",
    ),
    (
        _slope(lambda lp, s: -(s.mean() * _by_word(lp)).mean()),
        "every word is paid the mean score. Each has to be paid its own",
    ),
    (
        _slope(lambda lp, s: -_by_word(lp).mean()),
        "`scores` are not used: this makes whatever was written likelier",
    ),
    (
        _slope(lambda lp, s: -(s * lp[:, -1]).mean()),
        "only the last letter is paid. The whole word was drawn, so all its letters count",
    ),
    (
        _slope(lambda lp, s: -(s * lp[:, 0]).mean()),
        "only the first letter is paid. The whole word was drawn, so all its letters count",
    ),
    (
        _slope(lambda lp, s: -((s - s.mean()) * _by_word(lp)).mean()),
        "the mean score is subtracted from each: that is a baseline, and exercise 3 asks for one. Here leave it out",
    ),
    (
        _slope(lambda lp, s: -(s.sigmoid() * _by_word(lp)).mean()),
        "the scores went through a sigmoid. They are what D says, and are taken as they are",
    ),
    (
        _slope(lambda lp, s: -(torch.nn.functional.logsigmoid(s) * _by_word(lp)).mean()),
        "the scores went through a log-sigmoid. They are what D says, and are taken as they are",
    ),
    (
        _slope(lambda lp, s: -(s * lp.prod(1)).mean()),
        "the log-probabilities are multiplied. The *probabilities* of the letters multiply, so their logarithms add",
    ),
    (
        _slope(lambda lp, s: -(s.softmax(0) * _by_word(lp)).sum()),
        "the scores went through a softmax over the batch. They are taken as they are",
    ),
]


@exercise("Exercise 2")
def score_loss(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``score_loss(log_probs, scores)``: its gradient has to be minus REINFORCE's, and must not reach D.

    Only the gradient is looked at, so a constant more or less is as good.

    First met in: notebook 18.
    """
    random, names = torch.Generator().manual_seed(19), ("log_probs", "scores")
    cases, answers = [], []
    for n, length in ((5, 3), (4, 8), (4, 4)):
        log_probs = -3 * torch.rand(n, length, generator=random) - 0.05
        scores = 1.5 * torch.randn(n, generator=random) + 0.7
        leaf, weights = log_probs.clone().requires_grad_(), torch.ones((), requires_grad=True)
        paid = scores * weights
        got = tensor(call(function, leaf, paid, name="score_loss", names=names))
        if got.numel() != 1:
            more = "; is a mean missing?" if got.ndim else ""
            raise NotYet(f"a loss is one number, but got a tensor of shape {tuple(got.shape)}{more}")
        if not got.requires_grad:
            raise NotYet("the loss is cut off from the graph (.item(), .detach(), numpy?): no gradient comes to G")
        mine, to_d = torch.autograd.grad(got.sum(), [leaf, weights], allow_unused=True)
        if mine is None:
            raise NotYet("no gradient comes back to log_probs (detached?): G would not learn")
        cases.append((log_probs, scores))
        answers.append((mine, to_d))
    settle(
        [mine for mine, _ in answers],
        cases,
        _slope(lambda lp, s: -(s * _by_word(lp)).mean()),
        _LOSS_MISTAKES,
        told=lambda lp, s: f"{len(s)} words of {lp.shape[1]} letters, the gradient by log_probs:",
    )
    if any(to_d is not None and bool(to_d.abs() > 0) for _, to_d in answers):
        raise NotYet(
            "G's gradient is right, but one goes to D as well: the scores are a payment, a number like any other. "
            "Detach them"
        )
    return "No gradient went through a letter: the score is a number that each word is paid."


# ---------------------------------------------------------------- exercise 3


def _others(s: Tensor) -> Tensor:
    return (s.sum() - s) / (len(s) - 1)


_BASELINE_MISTAKES: Mistakes = [
    (
        lambda s: s - s.mean(),
        "the mean of *all* scores holds the word's own score too, so this baseline depends on the word. What is left "
        "of the gradient is (N - 1)/N of it",
    ),
    (
        lambda s: (s - s.mean()) / s.std(),
        "you divide by the deviation. That changes the length of the gradient from batch to batch",
    ),
    (
        lambda s: (s - s.mean()) / s.std(correction=0),
        "you divide by the deviation. That changes the length of the gradient from batch to batch",
    ),
    (lambda s: (s - _others(s)) / s.std(), "the difference is right, but then you divide by the deviation"),
    (_others, "this is the baseline itself; it has to be subtracted from the word's own score"),
    (
        lambda s: _others(s) - s,
        "the sign is turned round: a word that is better than the others has to get more than 0",
    ),
    (lambda s: s + _others(s), "the baseline is added; it has to be subtracted"),
    (
        lambda s: s - (s.sum() - s) / len(s),
        "the sum of the others is divided by N. How many others are there?",
    ),
    (
        lambda s: s - s.sum() / (len(s) - 1),
        "the sum still holds the word's own score, and is divided by the number of the others",
    ),
    (
        lambda s: s - (s.sum() - s),
        "the *sum* of the others is subtracted; their mean is wanted",
    ),
    (
        lambda s: s - s.sum(),
        "the sum of all scores is subtracted; the mean of the others is wanted",
    ),
    (
        lambda s: (s - s.mean()) * (len(s) - 1) / len(s),
        "the factor is turned round: without the word's own score the difference gets larger",
    ),
    (lambda s: s - s.median(), "the median of all scores is subtracted; the mean of the *others* is wanted"),
    (
        lambda s: s - s.max(),
        "the largest score is subtracted, so no word is ever paid; the mean of the others is wanted",
    ),
    (
        lambda s: s - s.min(),
        "the smallest score is subtracted, so every word is paid; the mean of the others is wanted",
    ),
    (
        lambda s: s - s.roll(1),
        "one other word's score is a baseline, and changes no mean either. The mean of *all* others varies less",
    ),
    (
        lambda s: s - s.roll(-1),
        "one other word's score is a baseline, and changes no mean either. The mean of *all* others varies less",
    ),
    (lambda s: s, "the scores come out as they are: nothing is subtracted"),
    (lambda s: s - s, "the word's own score is subtracted, and nothing is left"),
]


@exercise("Exercise 3")
def advantages(function: Callable[[Tensor], Tensor]) -> str:
    """Check ``advantages(scores)``: each score minus the mean of the others'.

    First met in: notebook 18.
    """
    random = torch.Generator().manual_seed(20)
    cases = [
        (1.5 * torch.randn(n, generator=random) + shift,) for n, shift in ((4, 2.0), (7, -1.0), (2, 0.5), (5, 0.0))
    ]

    def read(got: Any) -> Tensor:
        found = _row(got)
        if found.ndim == 2 and found.shape[0] == found.shape[1]:
            raise NotYet(
                "there is a number for each *pair* of words ((N, 1) against (N,) does so); one for each word is wanted"
            )
        return found

    compare(
        function,
        cases,
        lambda s: s - _others(s),
        _BASELINE_MISTAKES,
        name="advantages",
        names=("scores",),
        read=read,
        parts=(),
        tolerance=1e-4,
    )
    return "They sum to 0, and no word's own score is in what is subtracted from it."


# ---------------------------------------------------------------- exercise 4

CURVES: Mapping[str, str] = {
    "A": "straight-through",
    "B": "maximum likelihood",
    "C": "REINFORCE",
}
"""Letter of each curve in the notebook's picture -> whose it is."""

_CURVE_HINTS = {
    "A": "A ends below C and above B. What did the table of section 4 say of its gradients?",
    "B": "B ends lowest, and its way down is the smoothest",
    "C": "C wobbles most on its way down. Whose gradient varies most?",
}


@exercise("Exercise 4")
def curves(answers: Mapping[str, Any]) -> str:
    """Check which of three curves belongs to which way of training.

    First met in: notebook 18.
    """
    matched(answers, CURVES, "a way of training for each letter", _CURVE_HINTS)
    return "The order of the curves is not the order of the biases."
