"""Checkers of notebook 01: the best discriminator, both losses, and which of seven sentences is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows, same
from gancourse.checks.framework import NotYet, call, choices, exercise, number, several, tensor
from gancourse.checks.known import D_CONSTANTS, D_MISTAKES, G_MISTAKES, d_loss, g_loss, up

__all__ = [
    "discriminator_loss",
    "generator_loss",
    "js_from_d_loss",
    "optimal_discriminator",
    "slopes",
    "spot_the_mistake",
]


# ---------------------------------------------------------------- exercise 1

_WHOLE_SUM = "you divided by a sum over *all* outcomes; each outcome has a p + q of its own, so use the whole tensors"
_BEST_MISTAKES: Mistakes = [
    (lambda p, q: q / (p + q), "this is the probability that the toss was *fake*; D answers for *real*"),
    (
        lambda p, q: torch.full_like(p, 0.5),
        "1/2 everywhere is what D answers at the *end* of the game, when q = p; here the coins still differ",
    ),
    (
        lambda p, q: (p > q).to(p.dtype),
        "1 and 0 are sure answers: one surprise then costs log 0 = −infinity. Pushing D to 1 on the real and to 0 on "
        "the fake is not the goal of the game; where both can occur, the best answer lies between",
    ),
    (lambda p, q: p, "this is p alone: how often the generator makes this outcome (q) counts just as much"),
    (lambda p, q: 1 - q, "this is 1 − q: how often the world makes this outcome (p) counts just as much"),
    (
        lambda p, q: p / q,
        "p / q is a ratio and can exceed 1; a probability of *real* compares p with all that looks so",
    ),
    (lambda p, q: torch.log(p / q), "log(p / q) is the *logit* of the best answer; a sigmoid turns it into the answer"),
    (
        lambda p, q: p - q,
        "p − q can be negative, so it is no probability; set the derivative of p log d + q log(1 − d) to 0",
    ),
    (
        lambda p, q: (p - q) / (p + q),
        "(p − q) / (p + q) lies between −1 and 1, so it is no probability; where q = p, D answers ½ and not 0",
    ),
    (lambda p, q: torch.sigmoid(p - q), "sigmoid and softmax take logits, and p and q are densities already"),
    (lambda p, q: p / (p.sum() + q.sum()), _WHOLE_SUM),
    (lambda p, q: p / (p + q).sum(), _WHOLE_SUM),
    (lambda p, q: p / p.sum(), _WHOLE_SUM),
    (lambda p, q: p / (p + q) * 2, "this is twice what it should be: p was divided by the mean of p and q"),
    (lambda p, q: p / (1 + q), "p was divided by 1 + q: at equal p and q this is not ½"),
    (lambda p, q: p / (p + q).square(), "the denominator is squared"),
    (lambda p, q: p**2 / (p**2 + q**2), "the densities are squared; the derivative of p log d is p / d"),
]


@exercise("Exercise 1")
def optimal_discriminator(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``optimal_discriminator(p, q)``, the best answer for each outcome, p / (p + q).

    First met in: notebook 01.
    """
    cases = [
        (torch.tensor([0.05, 1.2, 0.3, 2.0, 0.4]), torch.tensor([0.4, 0.1, 0.9, 2.0, 0.0])),
        (torch.tensor([0.7, 0.3]), torch.tensor([0.2, 0.8])),
        (torch.tensor([0.1, 0.6, 0.3, 0.0]), torch.tensor([0.4, 0.3, 0.2, 0.1])),
    ]
    compare(
        function,
        [tuple(x.double() for x in case) for case in cases],
        lambda p, q: p / (p + q),
        _BEST_MISTAKES,
        name="optimal_discriminator",
        names=("p", "q"),
        read=tensor,
        hint="For each outcome ask: which d makes p log d + q log(1 − d) largest?",
    )
    return "Every outcome by itself."


# ---------------------------------------------------------------- exercises 2 and 5: the two losses

_CASES = [
    (torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-0.5, 1.5, -2.0])),  # asymmetric on purpose
    (torch.tensor([0.3, 3.0, -2.2, 0.0]), torch.tensor([0.7, -0.2, -3.1, 1.1])),
]


_NO_NUMBER = (
    lambda *_: math.nan,
    "the result is not a number: a logit can be negative, and then it has no log. D is sigmoid(logit), and log D is "
    "−softplus(−logit)",
)


@exercise("Exercise 2")
def discriminator_loss(function: Callable[..., Tensor]) -> str:
    """Check ``discriminator_loss(real_logits, fake_logits)``, the loss −V that D minimises.

    First met in: notebook 01.
    """
    called = {"name": "discriminator_loss", "names": ("real_logits", "fake_logits")}
    compare(function, _CASES, d_loss, [_NO_NUMBER, *D_MISTAKES, *D_CONSTANTS], reduce="a mean", **called)
    _check_graph(function, d_loss, **called)
    extreme = torch.tensor([-200.0, 3.0]), torch.tensor([200.0, -1.0])
    _survives(call(function, *extreme, **called), d_loss(*extreme))
    return "It is −V, and it stays finite even where D is sure and wrong."


_COPIED = (
    "your loss changes with the real logits, in which G has no part. Where they are a term of their own, that is a "
    "constant for G with gradient 0: no harm, but a sign that the loss was copied and not derived"
)


@exercise("Exercise 5")
def generator_loss(function: Callable[..., Tensor]) -> str:
    """Check ``generator_loss(fake_logits, real_logits)``, the non-saturating loss that G minimises.

    First met in: notebook 01.
    """
    called = {"name": "generator_loss", "names": ("fake_logits", "real_logits")}
    cases = [(fake, real) for real, fake in _CASES]
    mistakes: list = [
        _NO_NUMBER,
        (lambda f, r: d_loss(r, f), "this is D's loss; with it G would help D to catch the fakes"),
        (lambda f, r: up(r), "this is about the *real* logits, in which G has no part"),
        *((lambda f, r, of=of: of(f), sentence) for of, sentence in G_MISTAKES),
    ]

    def answer(fake: Tensor, real: Tensor) -> float:
        return number(call(function, fake, real, **called), reduce="a mean")

    if not same(answer(*cases[0]), answer(cases[0][0], cases[0][1] + 1)):
        mistakes.append((answer, _COPIED))  # unless it is a loss that has a name
    compare(function, cases, lambda fake, real: g_loss(fake), mistakes, reduce="a mean", **called)
    _check_graph(function, lambda fake, real: g_loss(fake), **called)
    extreme = torch.tensor([-200.0, 3.0]), torch.tensor([1.0, 2.0])
    _survives(call(function, *extreme, **called), g_loss(extreme[0]))
    return "You used what you needed, and no more."


def _check_graph(function: Callable[..., Any], right: Callable[..., Tensor], name: str, names: tuple[str, str]) -> None:
    given = {name: logits.clone().requires_grad_() for name, logits in zip(names, _CASES[1], strict=True)}
    got = call(function, *given.values(), name=name, names=names)
    flows(got, right(*given.values()), given, otherwise="nothing could learn from it")


def _survives(got: Any, wanted: Tensor) -> None:
    if not same(value := number(got), wanted, tolerance=1e-4):
        raise NotYet(
            f"it is right for ordinary logits, but for a logit of 200 it gives {value:.4g} and not {wanted:.4g}: "
            "sigmoid has rounded to 0 or 1 before the log, or exp has overflowed (and an epsilon only hides it). "
            "F.softplus does not round"
        )


# ---------------------------------------------------------------- exercise 3

_LOG2 = math.log(2)
_JS_MISTAKES: Mistakes = [
    (lambda d: 2 * _LOG2 - d, "this is *two* JS; −d_loss = V = 2 JS − log 4 has a 2 in front"),
    (lambda d: d / 2 - _LOG2, "the sign is turned round: a divergence is never below 0"),
    (lambda d: _LOG2 + d / 2, "d_loss is −V, not V: put V = −d_loss into V = 2 JS − log 4"),
    (lambda d: d / 2, "the constant log 4 is missing: equal densities give d_loss = 2 log 2 and JS = 0"),
    (lambda d: -d / 2, "the constant log 4 is missing: equal densities give d_loss = 2 log 2 and JS = 0"),
    (lambda d: _LOG2 - d, "d_loss has to be halved as well: 2 JS = log 4 − d_loss"),
    (lambda d: 2 * _LOG2 - d / 2, "log 4 has to be halved as well: 2 JS = log 4 − d_loss"),
    (lambda d: 1 - d / (2 * _LOG2), "this is in bits; natural logarithms here, so JS ends at log 2 = 0.693"),
    (lambda d: 1 - d / 2, "log 4 is 2 log 2 = 1.386 here, with natural logarithms, and not 2"),
    (lambda d: (math.log10(4) - d) / 2, "log 4 is 1.386 here, with natural logarithms, and not 0.602"),
    (lambda d: 2 - d / 2, "log 4 is 1.386 here, with natural logarithms, and not 4"),
    (lambda d: math.exp(-d), "this is the probability behind a mean of −log; solve −d_loss = 2 JS − log 4 for JS"),
]


@exercise("Exercise 3")
def js_from_d_loss(function: Callable[[float], float]) -> str:
    """Check ``js_from_d_loss(d_loss)``, the JS divergence that the best discriminator's loss encodes.

    First met in: notebook 01.
    """
    compare(
        function,
        [(0.9,), (1.25,), (0.0,), (2 * _LOG2,)],
        lambda d: _LOG2 - d / 2,
        _JS_MISTAKES,
        name="js_from_d_loss",
        names=("d_loss",),
        hint="Solve −d_loss = 2 JS − log 4 for JS",
    )
    return "A loss of 2 log 2 means JS = 0; a loss of 0 means JS = log 2, its largest value."


# ---------------------------------------------------------------- exercise 4

_SAME_SLOPE = "the two losses share their best point but not their slope: they cannot have the same derivative"


def _in_d(formula: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    return lambda logit: formula(torch.sigmoid(logit))


_SLOPE_MISTAKES: Mistakes = [
    (
        _in_d(lambda d: (d - 1, -d)),
        "they are the wrong way round: log(1 − D) is flat where D(G(z)) is near *0*, that is, when the generator is "
        "bad; it is steep where D is near 1",
    ),
    (_in_d(lambda d: (-d, -d)), _SAME_SLOPE),
    (_in_d(lambda d: (d - 1, d - 1)), _SAME_SLOPE),
    (_in_d(lambda d: (d, 1 - d)), "the sizes are right but not the sign: both losses *fall* as the logit rises"),
    (
        _in_d(lambda d: (-1 / (1 - d), -1 / d)),
        "these are slopes with respect to D. With respect to the *logit*, multiply by dD/dlogit",
    ),
    (_in_d(lambda d: (1 / (1 - d), 1 / d)), "these are slopes with respect to D, and without the sign of one of them"),
    (_in_d(lambda d: (1 / (1 - d), -1 / d)), "these are slopes with respect to D, and the sign of the first is lost"),
    (_in_d(lambda d: (-1 / (1 - d), 1 / d)), "these are slopes with respect to D, and the sign of the second is lost"),
    (_in_d(lambda d: ((1 - d).log(), -d.log())), "these are the two *losses*; their derivatives are wanted"),
    (
        _in_d(lambda d: (-d * (1 - d), -d * (1 - d))),
        "this is the slope of D itself (the sigmoid), not of its logarithm",
    ),
    (_in_d(lambda d: (d * (1 - d), d * (1 - d))), "this is the slope of D itself (the sigmoid), not of its logarithm"),
    (lambda x: (-x, x - 1), "the *logit* stands where D, its sigmoid, should: a slope against the logit is bounded"),
]


@exercise("Exercise 4")
def slopes(function: Callable[[Tensor], tuple[Tensor, Tensor]]) -> str:
    """Check ``slopes(logit)``: the derivatives of log(1 − D) and of −log D with respect to the logit.

    First met in: notebook 01.
    """
    logits = [torch.tensor([-3.0, -9.2, -0.4, 0.0, 1.3, 6.0]), torch.tensor([0.7, -2.1])]

    def read(got: Any) -> tuple[Any, ...]:
        return several(got, 2, "two slopes, of log(1 − D) and of −log D,", read=tensor)

    compare(
        function,
        [(logit,) for logit in logits],
        _in_d(lambda d: (-d, d - 1)),
        _SLOPE_MISTAKES,
        name="slopes",
        names=("logit",),
        read=read,
        parts=("the slope of log(1 − D)", "the slope of −log D"),
        hint="Differentiate the loss by D, and D by the logit",
    )
    return "Two losses, two slopes."


# ---------------------------------------------------------------- exercise 6

_CLAIMS: dict[str, tuple[int, str]] = {
    "i": (4, "that would need p and q that never overlap; ask what D answers once q = p"),
    "ii": (6, "put D = 0.1 into both sides: log 0.9 is −0.105, and neither 0.05 nor −0.693"),
    "iii": (1, "which weights of G appear in E log D(x)? What follows for G?"),
    "iv": (2, "look at the two slopes at D(G(z)) = 0.0001: 0.0001 against 0.9999"),
    "v": (3, "look at the picture of the slopes again: where does log(1 − D) lie flat?"),
    "vi": (5, "move the fakes 15 away: what does W1 say, and what is the mean of −log D with the best D?"),
    "vii": (7, "try it: which loss has a D that always answers 1/2, whatever the fakes look like?"),
}


@exercise("Exercise 6")
def spot_the_mistake(answers: Mapping[str, int]) -> str:
    """Check the seven verdicts of *Spot the mistake*: a dictionary from claim, "i" to "vii", to reason, 1 to 7.

    First met in: notebook 01.
    """
    given = choices(answers, tuple(_CLAIMS), range(1, 8), "a number from 1 to 7 for each claim")
    open_claims = [claim for claim, reason in given.items() if reason is ...]
    wrong = [claim for claim, reason in given.items() if reason is not ... and reason != _CLAIMS[claim][0]]
    done = len(_CLAIMS) - len(wrong) - len(open_claims)
    if wrong:
        raise NotYet(f"{done} of 7 are right so far. Think again about {wrong[0]}: {_CLAIMS[wrong[0]][1]}")
    if open_claims:
        raise NotYet(f"{done} of 7 are right and the rest is open: {', '.join(open_claims)}")
    return "You found all six."
