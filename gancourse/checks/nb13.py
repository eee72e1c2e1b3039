"""Checkers of notebook 13: three best answers, a mask, decibels, and a weight for an error budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows
from gancourse.checks.framework import call, exercise, number, several, tensor

__all__ = ["best_answers", "choose", "let_through", "psnr"]

# ---------------------------------------------------------------- exercise 1


def _mean(values: Tensor, chances: Tensor) -> float:
    return float((values * chances).sum())


def _median(values: Tensor, chances: Tensor) -> float:
    return float(values[int((chances.cumsum(0) < 0.5).sum())])


def _mode(values: Tensor, chances: Tensor) -> float:
    return float(values[chances.argmax()])


def _answers(values: Tensor, chances: Tensor) -> tuple[float, float, float]:
    return _mean(values, chances), _median(values, chances), _mode(values, chances)


def _with(place: int, part: Callable[[Tensor, Tensor], float]) -> Callable[..., tuple[float, ...]]:
    """Return the right answers with another formula in one place."""
    return lambda v, p: (*_answers(v, p)[:place], part(v, p), *_answers(v, p)[place + 1 :])


_ANSWERS_MISTAKES: Mistakes = [
    (
        _with(0, lambda v, p: float(v.mean())),
        "the mean counts each value once. A value that comes more often has to count more",
    ),
    (
        _with(0, lambda v, p: float((v * p).mean())),
        "the chances already sum to 1: the mean is the *sum* of value times chance, and you divide it once more",
    ),
    (
        _with(1, lambda v, p: float(v[len(v) // 2])),
        "your median is the middle of the *list*. Where is the value at which half of the chance is used up?",
    ),
    (
        _with(1, lambda v, p: float(v[(len(v) - 1) // 2])),
        "your median is the middle of the *list*. Where is the value at which half of the chance is used up?",
    ),
    (
        _with(1, lambda v, p: float(v[max(int((p.cumsum(0) < 0.5).sum()) - 1, 0)])),
        "your median is one value too early: at it, less than half of the chance is used up",
    ),
    (
        _with(1, lambda v, p: float((p.cumsum(0) < 0.5).sum())),
        "your median is the *place* of the value in the list, not the value",
    ),
    (
        _with(1, lambda v, p: float(np.interp(0.5, p.cumsum(0), v))),
        "your median lies between two values and is an answer that never occurs. It is the first value at which half "
        "of the chance is used up",
    ),
    (
        _with(1, lambda v, p: float(v[(p.cumsum(0) - 0.5).abs().argmin()])),
        "your median is where the chance used up comes *nearest* to a half. It has to reach it",
    ),
    (
        _with(1, lambda v, p: float(v[p.argsort()[len(p) // 2]])),
        "your median is the value whose *chance* is in the middle. The values have to stay in order of size",
    ),
    (
        _with(2, lambda v, p: float(p.argmax())),
        "your last number is the *place* of the most frequent value, not the value",
    ),
    (_with(2, lambda v, p: float(p.max())), "your last number is its *chance*, not the value"),
    (_with(2, lambda v, p: float(v.max())), "your last number is the largest value. The most frequent one is wanted"),
    (
        _with(2, lambda v, p: float(v[(v * p).argmax()])),
        "your last number has the largest value *times* chance. How often it comes depends on the chance alone",
    ),
    (
        _with(2, lambda v, p: float(v.mode().values)),
        "torch.mode counts how often a number is in the list, and each is there once. The chances tell how often it "
        "comes",
    ),
    (_with(2, lambda v, p: float(v[p.argmin()])), "your last number is the *rarest* value"),
    (
        lambda v, p: (_mean(v, p), _mode(v, p), _median(v, p)),
        "the last two are exchanged: the median is second, the most frequent value third",
    ),
    (
        lambda v, p: (_median(v, p), _mean(v, p), _mode(v, p)),
        "the first two are exchanged: squares are smallest at the mean, absolute differences at the median",
    ),
]


@exercise("Exercise 1")
def best_answers(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``best_answers(values, chances)``: mean, median and most frequent value; the values rise.

    First met in: notebook 13.
    """
    cases = [
        (torch.tensor([-1.0, 0.0, 4.0]), torch.tensor([0.42, 0.25, 0.33])),
        (torch.tensor([-2.0, -1.0, 0.5, 2.0, 7.0]), torch.tensor([0.05, 0.1, 0.2, 0.2, 0.45])),
        (torch.tensor([-3.0, 1.0]), torch.tensor([2 / 3, 1 / 3])),
        (torch.tensor([0.25, 2.0, 3.0, 5.0]), torch.tensor([0.15, 0.55, 0.1, 0.2])),
    ]
    compare(
        function,
        cases,
        _answers,
        _ANSWERS_MISTAKES,
        name="best_answers",
        names=("values", "chances"),
        read=lambda got: several(got, 3, "three numbers: mean, median, most frequent value,"),
        parts=("the mean", "the median", "the most frequent value"),
        told=lambda values, chances: f"values {_row(values)} with chances {_row(chances)}",
    )
    return "One question, three answers: which of them is best depends on how an error is counted."


def _row(numbers: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in numbers.tolist())


# ---------------------------------------------------------------- exercise 2

_MASK_MISTAKES: Mistakes = [
    (
        lambda seen, mask, made: torch.where(mask > 0, made, seen),
        "the two are exchanged: known pixels come from `made`, and where nothing is known you keep the black of `seen`",
    ),
    (lambda seen, mask, made: made, "`made` comes out unchanged: the pixels that are known are painted over"),
    (lambda seen, mask, made: seen, "`seen` comes out unchanged: nothing is restored"),
    (
        lambda seen, mask, made: seen + (1 - mask) * made,
        "the hidden pixels of `seen` are not 0 but -1, so you add -1 to each pixel that was made. Multiply `seen` too",
    ),
    (lambda seen, mask, made: seen + made, "the two images are added everywhere; the mask has to say which one counts"),
    (
        lambda seen, mask, made: (seen + made) / 2,
        "the two images are mixed half and half; the mask has to say which counts",
    ),
    (
        lambda seen, mask, made: mask * seen + made,
        "the known pixels are added to what was made there. There, `made` has to go",
    ),
    (
        lambda seen, mask, made: torch.where(seen > -1, seen, made),
        "you take every black pixel for a hidden one. A known pixel may be black too, so ask the mask",
    ),
    (
        lambda seen, mask, made: torch.maximum(seen, made),
        "the brighter of the two pixels comes out; the mask has to say which one counts",
    ),
    (
        lambda seen, mask, made: (1 - mask) * made,
        "the known pixels are 0, which is grey: what was seen is missing",
    ),
    (
        lambda seen, mask, made: mask * made,
        "`made` is kept where the pixels are *known*, and the rest is 0, which is grey",
    ),
    (
        lambda seen, mask, made: mask * seen,
        "the hidden pixels are 0, which is grey: what was made is missing",
    ),
]


@exercise("Exercise 2")
def let_through(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``let_through(seen, mask, made)``: known pixels from ``seen``, all others from ``made``.

    First met in: notebook 13.
    """
    random = torch.Generator().manual_seed(13)
    cases = []
    for n, side in ((3, 4), (2, 6), (1, 5)):
        truth, made = 2 * torch.rand(2, n, 1, side, side, generator=random) - 1
        truth[torch.rand(truth.shape, generator=random) < 0.3] = -1  # black is no sign of a hole
        mask = (torch.rand(n, 1, side, side, generator=random) < 0.6).float()
        cases.append((torch.where(mask > 0, truth, torch.tensor(-1.0)), mask, made))
    compare(
        function,
        cases,
        lambda seen, mask, made: torch.where(mask > 0, seen, made),
        _MASK_MISTAKES,
        name="let_through",
        names=("seen", "mask", "made"),
        read=tensor,
        told=lambda seen, mask, made: f"a batch of {len(seen)} images of {seen.shape[-1]}x{seen.shape[-1]} pixels",
    )
    seen, mask, made = cases[0]
    made, weights = made.clone().requires_grad_(), torch.randn(made.shape, generator=random)
    got = tensor(call(function, seen, mask, made, name="let_through", names=("seen", "mask", "made")))
    right = (torch.where(mask > 0, seen, made) * weights).sum()
    flows((got * weights).sum(), right, {"made": made}, otherwise="the restorer could not learn", what="the image")
    return "What is known stays as it is, and its gradient is 0: the network is not asked to make it."


# ---------------------------------------------------------------- exercise 4


def _mse(restored: Tensor, truth: Tensor) -> Tensor:
    return (restored - truth).square().mean()


_PSNR_MISTAKES: Mistakes = [
    (
        lambda f, y: 10 * torch.log10(1 / _mse(f, y)),
        "the peak is the whole range. From -1 to 1 that is 2, and you took 1: this is 6 dB too low",
    ),
    (
        lambda f, y: 10 * torch.log10(2 / _mse(f, y)),
        "the peak has to be squared, because the error in the denominator is",
    ),
    (lambda f, y: 10 * torch.log10(255**2 / _mse(f, y)), "255 is the range of bytes; these images go from -1 to 1"),
    (
        lambda f, y: 10 * torch.log10(4 / (f - y).square().sum()),
        "the squared differences are summed; their *mean* is wanted, or a larger image would always be worse",
    ),
    (
        lambda f, y: 10 * torch.log10(4 / (f - y).square().flatten(1).sum(1).mean()),
        "the squared differences of an image are summed. The mean goes over the pixels too",
    ),
    (
        lambda f, y: 20 * torch.log10(2 / _mse(f, y)),
        "20 belongs to the ratio of peak and *root* of the error: the root is missing",
    ),
    (
        lambda f, y: 10 * torch.log10(2 / _mse(f, y).sqrt()),
        "10 belongs to the ratio of the squares, and you take the ratio of their roots",
    ),
    (
        lambda f, y: 10 * torch.log10(y.max() ** 2 / _mse(f, y)),
        "the peak is the range that pixels *can* have, and not what these images reach",
    ),
    (
        lambda f, y: 10 * torch.log10((y.max() - y.min()) ** 2 / _mse(f, y)),
        "the peak is the range that pixels *can* have, and not what these images reach",
    ),
    (
        lambda f, y: 10 * torch.log10(y.square().mean() / _mse(f, y)),
        "above the error is the peak squared, and not the mean square of the truth: that is another ratio, of signal "
        "to noise",
    ),
    (lambda f, y: 10 * torch.log2(4 / _mse(f, y)), "torch.log2 has base 2; decibels take the logarithm of base 10"),
    (
        lambda f, y: 20 * torch.log10(4 / _mse(f, y)),
        "20 belongs to the ratio of peak and *root* of the error; the ratio of their squares takes 10",
    ),
    (lambda f, y: 10 * torch.log10(_mse(f, y) / 4), "the sign is turned round: a smaller error has to give more"),
    (lambda f, y: 10 * torch.log(4 / _mse(f, y)), "torch.log is the natural logarithm; decibels take that of base 10"),
    (
        lambda f, y: torch.log10(4 / _mse(f, y)),
        "this is in bel. A *deci*bel is a tenth of one, so there are ten times as many",
    ),
    (
        lambda f, y: 10 * torch.log10(4 / (f - y).abs().mean()),
        "the error is the mean of *squared* differences, not of absolute ones",
    ),
    (
        lambda f, y: 20 * torch.log10(2 / (f - y).abs().mean()),
        "the error is the mean of *squared* differences, not of absolute ones",
    ),
    (
        lambda f, y: (10 * torch.log10(4 / (f - y).square())).mean(),
        "you take the decibels of each *pixel* and average them. Average the squared errors first",
    ),
    (
        lambda f, y: (10 * torch.log10(4 / (f - y).square().flatten(1).mean(1))).mean(),
        "you take the psnr of each image and average the decibels. Here the squared errors are averaged "
        "first, over the whole set: one image that is restored perfectly would make yours infinite",
    ),
]


@exercise("Exercise 4")
def psnr(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``psnr(restored, truth)`` in decibels, for images in [-1, 1], of the mean squared error of the set.

    First met in: notebook 13.
    """
    random = torch.Generator().manual_seed(14)
    cases = []
    for n, side, wrong in ((3, 4, 0.5), (2, 6, 0.05), (4, 5, 0.2)):
        truth = 2 * torch.rand(n, 1, side, side, generator=random) - 1
        off = wrong * torch.randn(n, 1, side, side, generator=random) * torch.arange(1, n + 1)[:, None, None, None]
        cases.append(((truth + off).clamp(-1, 1), truth))
    compare(
        function,
        cases,
        lambda f, y: 10 * torch.log10(4 / _mse(f, y)),
        _PSNR_MISTAKES,
        name="psnr",
        names=("restored", "truth"),
        told=lambda f, y: f"{len(f)} images of {f.shape[-1]}x{f.shape[-1]} pixels",
        reduce="a mean",
        tolerance=1e-4,
    )
    return "3 dB more are half the squared error. White where black is true has 0 dB."


# ---------------------------------------------------------------- exercise 3

Table = Mapping[float, tuple[float, float]]


def _from(table: Table, least: float) -> list[float]:
    return [weight for weight, (decibels, _) in table.items() if decibels >= least - 1e-9]


def _allowed(table: Table, budget: float) -> list[float]:
    return _from(table, max(decibels for decibels, _ in table.values()) - budget)


def _best_of(table: Table, weights: list[float]) -> float:
    return min(weights, key=lambda weight: table[weight][1])


def _choose(table: Table, budget: float) -> float:
    return _best_of(table, _allowed(table, budget))


_CHOOSE_MISTAKES: Mistakes = [
    (
        lambda table, budget: max(table, key=lambda weight: table[weight][0]),
        "you take the weight with the smallest error. The budget may be spent: which allowed weight looks most real?",
    ),
    (
        lambda table, budget: min(table, key=lambda weight: table[weight][1]),
        "you take the smallest distance of all and never ask what it costs: the budget is not kept",
    ),
    (
        lambda table, budget: max(_allowed(table, budget)),
        "you take the largest weight that the budget allows. More adversarial is not always more real: compare the "
        "distances",
    ),
    (
        lambda table, budget: max(_allowed(table, budget), key=lambda weight: table[weight][1]),
        "you take the largest distance among the allowed weights; smaller is better",
    ),
    (
        lambda table, budget: min(_allowed(table, budget)),
        "you take the smallest weight that the budget allows. Compare the distances of the allowed ones",
    ),
    (
        lambda table, budget: min(_allowed(table, budget), key=lambda weight: table[weight][0]),
        "you spend as much of the budget as you can. Compare the distances of the allowed weights",
    ),
    (
        lambda table, budget: _best_of(table, _from(table, table[0.0][0] - budget)),
        "you count the budget from the weight 0. It is counted from the *best* PSNR, wherever that is",
    ),
    (
        lambda table, budget: _best_of(table, _from(table, next(iter(table.values()))[0] - budget)),
        "you count the budget from the first row. It is counted from the *best* PSNR, wherever that is",
    ),
    (
        lambda table, budget: _best_of(table, _from(table, budget)),
        "you take the budget for the least PSNR. It says how many dB *below the best* are allowed",
    ),
    (
        lambda table, budget: list(table).index(_choose(table, budget)),
        "you return the *place* of the weight in the table, not the weight",
    ),
    (
        lambda table, budget: table[_choose(table, budget)][1],
        "you return the smallest distance that is allowed. The *weight* that has it is wanted",
    ),
]


@exercise("Exercise 3")
def choose(function: Callable[[Table, float], Any]) -> str:
    """Check ``choose(table, budget)``: the weight with the smallest distance among those within the budget.

    ``table`` holds (PSNR in dB, Fréchet distance) for each weight; ``budget`` is how many dB below the best PSNR are
    allowed.

    First met in: notebook 13.
    """
    first = {
        0.0: (20.0, 700.0),
        0.01: (19.8, 180.0),
        0.1: (19.1, 30.0),
        0.5: (18.9, 45.0),
        1.0: (17.0, 60.0),
        9.0: (15.0, 20.0),
    }
    cases = [(first, 0.5), (first, 1.5), (first, 0.1), (first, 4.0), (first, 6.0)]
    turned = {0.2: (11.0, 5.0), 0.0: (12.5, 80.0), 0.4: (12.9, 9.0), 0.3: (9.0, 1.0)}  # not in order, best not at 0
    poor = {0.0: (6.0, 50.0), 0.1: (3.5, 20.0), 0.2: (1.0, 5.0)}  # a budget may be more than a PSNR
    cases += [(turned, 2.0), (turned, 1.7), (turned, 1.0), (poor, 2.0), ({0.0: (20.0, 10.0), 0.2: (12.0, 9.0)}, 10.0)]
    cases += [({0.0: (12.0, 30.0), 0.2: (11.9, 50.0), 0.4: (11.8, 10.0)}, 1.0)]
    compare(
        function,
        cases,
        _choose,
        _CHOOSE_MISTAKES,
        name="choose",
        names=("table", "budget"),
        read=number,
        told=lambda table, budget: (
            f"a budget of {budget:g} dB and the weights "
            + ", ".join(f"{weight:g} ({d:g} dB, distance {f:g})" for weight, (d, f) in table.items())
        ),
        hint="Which weights lose at most the budget, and which of these has the smallest distance?",
    )
    return "The budget is set by what an error costs you; the picture that looks best comes second."
