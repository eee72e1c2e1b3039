"""Checkers of notebook 04: counting modes, the reverse KL, and a prediction of what breaks a GAN."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, match_mistake, same_number

__all__ = ["causes", "covered", "reverse_kl"]


# ---------------------------------------------------------------- exercise 1

_CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
_STD = 0.5


def _cloud(*groups: tuple[int, tuple[float, float]]) -> Tensor:
    """Return points in groups: so many at each place."""
    return torch.cat([torch.tensor([place]).repeat(count, 1) for count, place in groups])


_EXACT = _cloud((150, (0.0, 0.0)), (12, (4.0, 0.0)), (6, (0.0, 4.0)), (32, (4.0, 6.0)))
_CASES: tuple[tuple[Tensor, int, str, list[tuple[float, str]]], ...] = (
    (
        _cloud((194, (0.0, 0.0)), (6, (0.0, 4.0))),
        1,
        "194 and 6 samples on two of 4 modes",
        [(2, "a mode with 6 of 200 samples counts for you. Its fair share is 200 / 4 = 50, and 20 % of that is 10")],
    ),
    (
        _cloud((170, (0.0, 0.0)), (30, (4.0, 4.0))),
        2,
        "170 and 30 samples on two of 4 modes",
        [(1, "a mode with 30 of 200 samples does not count for you. 20 % of the *fair share*, 200 / 4 = 50, is 10")],
    ),
    (
        _cloud((30, (0.0, 0.0)), (8, (4.0, 4.0)), (162, (2.0, -3.0))),
        1,
        "30 and 8 samples on two of 4 modes and 162 far off",
        [
            (
                2,
                "a mode with 8 of 200 samples counts for you, because only 38 of them are good. The fair share is a "
                "part of *all* samples: len(points) / len(centres)",
            )
        ],
    ),
    (
        _cloud((200, (0.0, -2.5))),
        0,
        "200 samples, all 5 standard deviations away from the nearest mode",
        [
            (
                1,
                "200 samples, 5 standard deviations away from the nearest mode, cover it for you; a sample counts "
                "only within 3 standard deviations",
            )
        ],
    ),
    (
        _cloud((100, (0.0, 0.0)), (50, (4.0, 1.2)), (50, (1.6, 4.0))),
        2,
        "100 samples on one mode, 50 at 2.4 and 50 at 3.2 standard deviations from two others",
        [
            (1, "samples 2.4 standard deviations off do not count for you; good is what lies within 3 * std"),
            (3, "samples 3.2 standard deviations off count for you; good is what lies within 3 * std"),
        ],
    ),
    (_EXACT, 2, "150, 12 and 6 samples on three of 4 modes and 32 far off", []),
)
"""Points, the right count, the case in words, and what each mistake counts; a fair share is 200 / 4 = 50."""


@exercise("Exercise 1")
def covered(function: Callable[[Tensor, Tensor, float], int]) -> str:
    """Check ``covered(points, centres, std)``: modes that own at least 20 % of their fair share, by good samples.

    First met in: notebook 04.
    """
    match_mistake(call(function, _EXACT, _CENTRES, _STD, name="covered"), [
        (162, "162 is the number of *samples* in covered modes; count the modes themselves"),
        (168, "168 is the number of good *samples*. Ask for each mode how many of them it has, then count modes"),
        (0.84, "this is the share of good samples. Ask for each mode how many of them it has, then count modes"),
    ])  # fmt: skip
    for points, wanted, told, mistakes in _CASES:
        got = call(function, points, _CENTRES, _STD, name="covered")
        match_mistake(got, mistakes)
        if not same_number(got, wanted):
            raise NotYet(f"with {told}, you count {_short(got)} modes instead of {wanted}")
    return "One number alone says little: keep it beside the share of good samples."


def _short(number: Any) -> str:
    return f"{float(number):g}"


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def reverse_kl(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``reverse_kl(q, p)``, the sum of q log(q / p) over modes, with 0 log 0 = 0.

    First met in: notebook 04.
    """
    q, p = torch.tensor([0.7, 0.2, 0.1]).double(), torch.tensor([0.2, 0.5, 0.3]).double()
    got = call(function, q, p, name="reverse_kl")
    terms = q * (q / p).log()
    forward = float((p * (p / q).log()).sum())
    match_mistake(
        got,
        [
            (forward, "this is the forward KL, which weighs by p. The reverse one weighs by what is *generated*, q"),
            (-float(terms.sum()), "the sign is turned round: log(q / p), not log(p / q)"),
            (float(terms.mean()), "this is a mean over modes; q already weighs them, so take the sum"),
            (float(terms.sum()) / math.log(2), "this is in bits; use the natural logarithm"),
            (float((q * q.log()).sum()), "the target p does not appear: q log q compares with nothing"),
            (float((q / p).log().sum()), "the weight q before the logarithm is missing"),
            (-forward, "this is minus the forward KL: weigh by q, not by p"),
        ],
    )
    if not same_number(got, float(terms.sum())):
        raise NotYet(f"for q = (0.7, 0.2, 0.1) and p = (0.2, 0.5, 0.3) you return {_short(got)}")
    one = torch.tensor([1.0, 0.0, 0.0, 0.0]).double()
    got = call(function, one, torch.full((4,), 0.25).double(), name="reverse_kl")
    if not same_number(got, math.log(4)):
        if math.isnan(float(got)):
            raise NotYet("it is NaN when a mode got no sample: 0 * log 0 is NaN in floating point, and 0 here")
        if float(got) == math.inf:
            raise NotYet("it is infinite when a mode got no sample; that is the forward KL. Here 0 log 0 = 0")
        raise NotYet(f"all samples on one of four equal modes gives log 4 = 1.386, but you return {_short(got)}")
    return "All on one of K equal modes: log K, and not infinity."


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def causes(prediction: Mapping[str, Any], counts: Mapping[str, Sequence[int]]) -> str:
    """Check a prediction, True for every change that breaks the GAN, against the counts over seeds.

    A change *breaks* it when fewer than half of the seeds still cover all modes; ``counts`` holds modes covered per
    seed for each change, and under "control" those of the unchanged recipe, the most of which is all there are.

    First met in: notebook 04.
    """
    if not isinstance(prediction, Mapping):
        raise NotYet(f"a dictionary was expected, but got {type(prediction).__name__}")
    changes = [name for name in counts if name != "control"]
    if any(prediction.get(name, ...) is ... for name in changes) and all(
        prediction.get(name, ...) is ... for name in changes
    ):
        raise NotAttempted
    for name in changes:
        if prediction.get(name, ...) is ...:
            raise NotYet(f"there is no prediction for {name!r} yet: write True or False")
        if not isinstance(prediction[name], bool):
            raise NotYet(f"the prediction for {name!r} should be True or False, but is {prediction[name]!r}")
    of = max(max(row) for row in counts.values())
    full = {name: sum(count == of for count in counts[name]) for name in changes}
    missed = [name for name in changes if prediction[name] != (full[name] < len(counts[name]) / 2)]
    if missed:
        told = "; ".join(f"with {name}, {full[name]} of {len(counts[name])} seeds cover all {of} modes"
                         for name in missed)  # fmt: skip
        raise NotYet(f"{len(changes) - len(missed)} of {len(changes)} came true: {told}")
    return f"All {len(changes)} came true."
