"""Checkers of notebook 04: counting modes, the reverse KL, and a prediction of what breaks a GAN."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, Surprised, choices, exercise

__all__ = ["causes", "covered", "reverse_kl"]


# ---------------------------------------------------------------- exercise 1

Clouds = list[tuple[int, int, float]]
"""Groups of points: how many, round which centre, and how many standard deviations off."""


def _case(centres: list[tuple[float, ...]], std: float, clouds: Clouds) -> tuple[Tensor, Tensor, float]:
    """Return points, centres and std; the points lie off the axes, so that a box or a sum of sides shows."""
    middles = torch.tensor(centres)
    points = []
    for place, (count, of, off) in enumerate(clouds):
        turns = torch.arange(count)[:, None] + torch.arange(middles.shape[1]) + place
        signs = torch.where(turns % 2 == 0, 1.0, -1.0)  # towards the corners of a square, or of a cube
        points.append(middles[of] + off * std * signs / middles.shape[1] ** 0.5)
    return torch.cat(points), middles, std


_FOUR = [(0.3, -0.2), (4.1, 1.0), (-1.2, 4.4), (3.7, 5.9)]
_FIVE = [(1.0, 1.0), (-2.0, 0.5), (0.2, 3.4), (3.1, -2.2), (-1.5, -3.0)]
_SOLID = [(0.0, 40.0, -35.0), (30.0, -20.0, 10.0), (-25.0, 5.0, 45.0), (20.0, 30.0, -50.0)]
_NEAR = [(0.0, 0.0), (0.9, 0.2), (5.0, 5.0)]
_MANY = [(3.0 * (i % 5), 4.0 * (i // 5)) for i in range(25)]
_CASES = [
    _case(_FOUR, 0.4, [(145, 0, 1.1), (10, 1, 0.6), (9, 2, 0.8), (36, 3, 4.1)]),  # a fair share is 50, a fifth of it 10
    _case(_FOUR, 0.4, [(30, 0, 1.1), (8, 3, 0.5), (45, 1, 0.3), (3, 2, 0.7), (114, 2, 5.2)]),
    _case(_FIVE, 0.25, [(90, 0, 2.6), (80, 1, 3.5), (60, 2, 1.5), (7, 3, 0.9), (52, 4, 2.2), (11, 4, 6.0)]),
    _case(_FIVE, 0.25, [(150, 3, 5.2), (150, 1, 4.4)]),
    _case(_SOLID, 2.0, [(185, 0, 2.7), (25, 1, 1.2), (45, 2, 1.9), (45, 3, 3.6)]),
    _case(_FOUR[:2], 0.05, [(6, 0, 0.9), (33, 1, 2.8), (5, 0, 3.2)]),
    _case(_NEAR, 0.4, [(60, 0, 1.0), (40, 2, 0.7)]),  # all samples of the first are within reach of the second
    _case(_MANY, 0.1, [(91, 7, 0.5), (5, 12, 1.2), (1, 3, 0.1), (1, 20, 0.9), (2, 24, 8.0)]),
]


def _count(
    *,
    reach: Callable[[float], float] = lambda std: 3 * std,
    share: float = 0.2,
    norm: float = 2,
    squared: bool = False,
    of_good: bool = False,
    strictly: bool = False,
    what: str = "modes",
) -> Callable[[Tensor, Tensor, float], float]:
    """Return the right count, or with another argument a mistake."""

    def formula(points: Tensor, centres: Tensor, std: float) -> float:
        apart = torch.linalg.vector_norm((points[:, None] - centres).double(), ord=norm, dim=2)
        nearest, which = apart.min(1)
        good = (nearest.square() if squared else nearest) <= reach(std)
        owned = torch.bincount(which[good], minlength=len(centres))
        wanted = share * (int(good.sum()) if of_good else len(points)) / len(centres)
        enough = owned > wanted if strictly else owned >= wanted
        return {
            "modes": float(enough.sum()),
            "samples": float(owned[enough].sum()),
            "good": float(good.sum()),
            "share": float(good.double().mean()),
            "covered share": float(enough.double().mean()),
            "missed": float((~enough).sum()),
        }[what]

    return formula


def _in_reach(points: Tensor, centres: Tensor, std: float) -> float:
    """Count a sample for every centre that it is near."""
    owned = (torch.cdist(points.double(), centres.double()) <= 3 * std).sum(0)
    return float((owned >= 0.2 * len(points) / len(centres)).sum())


def _nearest_sample(points: Tensor, centres: Tensor, std: float) -> float:
    """Look for the nearest sample of each centre, in place of the nearest centre of each sample."""
    nearest, which = torch.cdist(points.double(), centres.double()).min(0)
    owned = torch.bincount(which[nearest <= 3 * std], minlength=len(centres))
    return float((owned >= 0.2 * len(points) / len(centres)).sum())


_GOOD = "Good is what lies within 3 * std of the nearest centre"
_FIFTH = (
    "A mode is covered from a fifth of its fair share on, and that is a share of *all* samples, for each mode alike"
)
_COUNT_MISTAKES: Mistakes = [
    (_count(reach=lambda std: math.inf), f"samples count however far off they are. {_GOOD}"),
    (_count(reach=lambda std: math.inf, share=1e-9), f"every centre that is nearest to some sample counts. {_GOOD}"),
    (_count(share=1e-9), f"one good sample is enough for you. {_FIFTH}"),
    *(
        (_count(share=share), f"you ask for {share:.0%} of a fair share. {_FIFTH}")
        for share in (0.1, 0.3, 0.5, 0.8, 1.0)
    ),
    (_count(share=20.0), "20 % is 0.2, not 20"),
    (lambda p, c, s: _count(share=0.2 * len(c))(p, c, s), f"you ask for 20 % of all samples. {_FIFTH}"),
    (_count(of_good=True), f"your fair share is a part of the *good* samples. {_FIFTH}"),
    (
        _count(strictly=True),
        "a mode with *exactly* a fifth of its fair share does not count for you; at least means >=",
    ),
    (
        _count(norm=math.inf),
        "your distance is the largest side, so that a box is searched; take the Euclidean distance",
    ),
    (_count(norm=1), "your distance is the sum of the sides; take the Euclidean distance"),
    (_count(squared=True), "the *squared* distance is compared with 3 * std; take its root"),
    (_count(reach=lambda std: std), f"you stop at 1 standard deviation. {_GOOD}"),
    (_count(reach=lambda std: 2 * std), f"you stop at 2 standard deviations. {_GOOD}"),
    (_count(reach=lambda std: 2.5 * std), f"you stop at 2.5 standard deviations. {_GOOD}"),
    (_count(reach=lambda std: 4 * std), f"you go as far as 4 standard deviations. {_GOOD}"),
    (_count(reach=lambda std: 3.0), f"std does not appear. {_GOOD}"),
    (_count(reach=lambda std: 3 / std), f"3 is divided by std. {_GOOD}"),
    (_count(reach=lambda std: 3 * std**2), f"std is squared. {_GOOD}"),
    (
        _count(reach=lambda std: 3 * std**0.5),
        f"your limit is 3 times the *root* of std (std has to be squared where the distance is). {_GOOD}",
    ),
    (_in_reach, "a sample counts for every centre within its reach; it belongs to the nearest one only"),
    (
        _nearest_sample,
        "the minimum runs over the samples: it finds the sample nearest to each centre, and the centre nearest to each "
        "sample is wanted",
    ),
    (
        lambda p, c, s: _count(share=0.2 * len(c) / 8)(p, c, s),
        "8 modes are written into it; there are as many as there are centres",
    ),
    (_count(what="samples"), "this is the number of *samples* in covered modes; count the modes themselves"),
    (_count(what="good"), "this is the number of good *samples*. Ask for each mode how many of them it has"),
    (_count(what="share"), "this is the share of good samples. Ask for each mode how many of them it has"),
    (_count(what="covered share"), "this is the *share* of modes that are covered; their number is wanted"),
    (_count(what="missed"), "these are the modes that are *not* covered"),
    (lambda p, c, s: len(c), "this is the number of modes that there are, and not of those that are covered"),
]


@exercise("Exercise 1")
def covered(function: Callable[[Tensor, Tensor, float], int]) -> str:
    """Check ``covered(points, centres, std)``: modes that own at least 20 % of their fair share, by good samples.

    First met in: notebook 04.
    """
    compare(
        function,
        _CASES,
        _count(),
        _COUNT_MISTAKES,
        name="covered",
        names=("points", "centres", "std"),
        reduce="the step from one answer for each mode (or sample) to their number",
        told=_told,
    )
    return "One number alone says little: keep it beside the share of good samples."


def _told(points: Tensor, centres: Tensor, std: float) -> str:
    nearest, which = torch.cdist(points, centres).min(1)
    owned = torch.bincount(which[nearest <= 3 * std], minlength=len(centres)).tolist()
    return (
        f"{len(points)} samples in {points.shape[1]} dimensions with std {std:g}, of which the {len(centres)} centres "
        f"own {', '.join(map(str, owned[:-1]))} and {owned[-1]} good ones,"
    )


# ---------------------------------------------------------------- exercise 2


def _kl(q: Tensor, p: Tensor, weight: Tensor | None = None) -> Tensor:
    weight = q if weight is None else weight
    return (torch.xlogy(weight, q) - torch.xlogy(weight, p)).sum()


_HIDDEN = (
    "this is the forward KL, which weighs by p. Its infinity, where a mode got nothing, is only covered up here; the "
    "reverse one weighs by what is *generated*, q"
)
_NO_SAMPLE = "it is NaN when a mode got no sample: 0 * log 0 is NaN in floating point, and 0 here"
_KL_MISTAKES: Mistakes = [
    (lambda q, p: (q * (q / p).log()).sum(), _NO_SAMPLE),
    (
        lambda q, p: _kl(p, q),
        "this is the forward KL, which weighs by p, and is infinite where a mode got nothing. The reverse one weighs "
        "by what is *generated*, q",
    ),
    (lambda q, p: _kl(p, q, p * (q > 0)), _HIDDEN),
    *((lambda q, p, small=small: _kl(p, q + small), _HIDDEN) for small in (1e-12, 1e-10, 1e-9, 1e-8, 1e-6)),
    (
        lambda q, p: torch.xlogy(q, q).sum() + math.log(len(q)),
        "1 / M stands where p should: the target need not be uniform",
    ),
    (
        lambda q, p: torch.xlogy(q, q).sum() - torch.xlogy(p, q).sum(),
        "in the part with p the arguments of xlogy are exchanged: q is the weight there too, and the logarithm is of p",
    ),
    (lambda q, p: -_kl(p, q), "this is minus the forward KL: weigh by q, not by p"),
    (lambda q, p: -_kl(q, p), "the sign is turned round: log(q / p), not log(p / q)"),
    (lambda q, p: (q * (p / q).log()).sum(), "the sign is turned round: log(q / p), not log(p / q)"),
    (lambda q, p: _kl(q, p) / len(q), "this is a mean over modes; q already weighs them, so take the sum"),
    (lambda q, p: (q * (q / p).log()).mean(), "this is a mean over modes; q already weighs them, so take the sum"),
    (lambda q, p: _kl(q, p) / math.log(2), "this is in bits; use the natural logarithm"),
    (lambda q, p: _kl(q, p) / math.log(10), "the logarithm is the one to base 10; use the natural one"),
    (lambda q, p: torch.xlogy(q, q).sum(), "the target p does not appear: q log q compares with nothing"),
    (lambda q, p: -torch.xlogy(q, q).sum(), "this is the entropy of q; the target p does not appear"),
    (lambda q, p: -torch.xlogy(q, p).sum(), "this is the cross-entropy, −Σ q log p; the part with log q is missing"),
    (lambda q, p: (q / p).log().sum(), "the weight before the logarithm is missing"),
    (lambda q, p: (_kl(q, p) + _kl(p, q)) / 2, "this is the mean of both directions; only one is wanted"),
    (lambda q, p: _kl(q, p) + _kl(p, q), "this is the sum of both directions; only one is wanted"),
    (lambda q, p: (_kl(q, (p + q) / 2) + _kl(p, (p + q) / 2)) / 2, "this is the JS divergence; KL compares with p"),
    (lambda q, p: (q - p).abs().sum(), "this is a sum of differences; KL is made of logarithms"),
    (lambda q, p: torch.xlogy(q, q - p + 1).sum(), "the logarithm is of a ratio, not of a difference"),
]


@exercise("Exercise 2")
def reverse_kl(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``reverse_kl(q, p)``, the sum of q log(q / p) over modes, with 0 log 0 = 0.

    First met in: notebook 04.
    """
    shares = (
        ([0.7, 0.2, 0.1], [0.2, 0.5, 0.3]),
        ([0.15, 0.05, 0.3, 0.4, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]),
        ([1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]),
        ([0.0, 0.35, 0.65], [0.3, 0.3, 0.4]),
    )
    compare(
        function,
        [(torch.tensor(q).double(), torch.tensor(p).double()) for q, p in shares],
        _kl,
        _KL_MISTAKES,
        name="reverse_kl",
        names=("q", "p"),
        reduce="the sum over modes",
    )
    return "All on one of K equal modes: log K, and not infinity."


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def causes(prediction: Mapping[str, Any], counts: Mapping[str, Sequence[int]]) -> str:
    """Compare a prediction, True for every change that breaks the GAN, with the counts over seeds.

    A change *breaks* it when fewer than half of the seeds still cover all modes; ``counts`` holds modes covered per
    seed for each change, and under "control" those of the unchanged recipe, the most of which is all there are.

    First met in: notebook 04.
    """
    changes = [name for name in counts if name != "control"]
    said = choices(prediction, changes, (True, False), "True or False for each change")
    if open_changes := [name for name in changes if said[name] is ...]:
        raise NotYet(f"there is no prediction for {open_changes[0]!r} yet: write True or False")
    of = max(max(row) for row in counts.values())
    full = {name: sum(count == of for count in counts[name]) for name in changes}
    missed = [name for name in changes if said[name] != (full[name] < len(counts[name]) / 2)]
    if missed:
        told = "; ".join(
            f"with {name}, {full[name]} of {len(counts[name])} seeds cover all {of} modes" for name in missed
        )
        raise Surprised(f"{len(missed)} of {len(changes)}: {told}. Why? The picture below has every seed.")
    return f"All {len(changes)} came true."
