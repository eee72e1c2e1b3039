"""Checkers of notebook 06: four faulty pictures, the Fréchet distance on a line, a walk on the sphere, a wrong line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gancourse.checks import known
from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, exercise, line, matched, tensor

__all__ = ["diagnosis", "frechet_1d", "slerp", "wrong_line"]


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def diagnosis(answer: Any) -> str:
    """Check which of four causes belongs to which of four pictures: a dict such as {"P": 1, "Q": 2, …}.

    First met in: notebook 06.
    """
    matched(
        answer,
        {"P": 3, "Q": 1, "R": 4, "S": 2},
        "a number from 1 to 4 for each picture",
        {
            "P": "picture P is grey where it should be black, and nothing is darker than middle grey",
            "Q": "picture Q is right in black and white, and speckled where the greys should be",
            "R": "picture R has orange spots: values above 1, which the grid refuses to hide",
            "S": "picture S is a digit cut off at the edges: something is too large for its frame",
        },
    )
    return "Four faults that raise no error; the eye and the range find them."


# ---------------------------------------------------------------- exercise 2


def _frechet(a: Tensor, b: Tensor, divisor: int = 1) -> Tensor:
    return (a.mean() - b.mean()).square() + (a.std(correction=divisor) - b.std(correction=divisor)).square()


def _kl(m1: Tensor, s1: Tensor, m2: Tensor, s2: Tensor) -> Tensor:
    return (s2 / s1).log() + (s1.square() + (m1 - m2).square()) / (2 * s2.square()) - 0.5


_FRECHET_OF_MOMENTS: Mistakes = [
    (
        lambda m1, s1, m2, s2: (m1 - m2).square(),
        "the deviations do not count: a narrow and a wide sample with equal means would be at distance 0",
    ),
    (
        lambda m1, s1, m2, s2: (s1 - s2).square(),
        "the means do not count: a sample and the same sample moved aside would be at distance 0",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + (s1.square() - s2.square()).square(),
        "you took variances, s², where the deviations s belong",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + (s1.square() - s2.square()).abs(),
        "s1² − s2² is not (s1 − s2)²: subtract the deviations first, then square",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + s1.square() - s2.square(),
        "s1² − s2² is not (s1 − s2)²: subtract the deviations first, then square",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + s1.square() + s2.square(),
        "the part −2·s1·s2 is missing: this is right for x and y drawn apart from each other, but here the *same* u "
        "makes both",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + s1.square() + s2.square() - s1 * s2,
        "s1·s2 comes twice when (s1 − s2)² is multiplied out",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() + (s1 + s2).square(),
        "the deviations are added: that pairs the smallest x with the largest y, the most expensive way of all",
    ),
    (
        lambda m1, s1, m2, s2: (m1 - m2).square() - (s1 - s2).square(),
        "the second square is subtracted; both add to the distance",
    ),
    (lambda m1, s1, m2, s2: (m1 + m2).square() + (s1 - s2).square(), "the means are added; their *difference* counts"),
    (
        lambda m1, s1, m2, s2: (m1 - m2 + s1 - s2).square(),
        "you squared the sum of both differences. The middle term has E u in it, and E u = 0",
    ),
    (
        lambda m1, s1, m2, s2: ((m1 - m2).square() + (s1 - s2).square()).sqrt(),
        "this is the root. It is a true distance (Wasserstein-2), but the number that is called Fréchet distance here, "
        "and FID in papers, is its square",
    ),
    (lambda m1, s1, m2, s2: (m1 - m2).abs() + (s1 - s2).abs(), "both differences are squared before they are added"),
    (lambda m1, s1, m2, s2: m1 - m2 + s1 - s2, "both differences are squared before they are added"),
    (lambda m1, s1, m2, s2: (m1 - m2).square() + (s1 - s2).abs(), "the difference of the deviations is not squared"),
    (lambda m1, s1, m2, s2: (m1 - m2).square() + s1 - s2, "the difference of the deviations is not squared"),
    (lambda m1, s1, m2, s2: (m1 - m2).abs() + (s1 - s2).square(), "the difference of the means is not squared"),
    (lambda m1, s1, m2, s2: m1 - m2 + (s1 - s2).square(), "the difference of the means is not squared"),
    (_kl, "this is the KL divergence of the two Gaussians; it looks at densities and not at ways"),
    (
        lambda m1, s1, m2, s2: _kl(m2, s2, m1, s1),
        "this is the KL divergence of the two Gaussians, fake first; it looks at densities and not at ways",
    ),
]
"""Of mean and deviation of the real sample, then of the fake one."""


def _of_samples(formula: Callable[..., Tensor], divisor: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda a, b: formula(a.mean(), a.std(correction=divisor), b.mean(), b.std(correction=divisor))


_FRECHET_MISTAKES: Mistakes = [
    *((_of_samples(formula, divisor), said) for formula, said in _FRECHET_OF_MOMENTS for divisor in (1, 0)),
    (
        lambda a, b: (a.sort().values - b.sort().values).square().mean(),
        "these are the squared ways between the sorted samples themselves. The Fréchet distance takes each sample for "
        "a Gaussian, and knows nothing of it but mean and deviation",
    ),
    (
        known.w1,
        "this is W1 of the two samples, by sorting; here the ways are squared, and only mean and deviation count",
    ),
    (
        lambda a, b: (a - b).square().mean(),
        "this pairs the samples as they happen to be listed; only their means and deviations count",
    ),
    (
        lambda a, b: (a.mean() - b.mean()).square() + (a.median() - b.median()).square(),
        "the second part compares medians; it should compare deviations",
    ),
]


@exercise("Exercise 2")
def frechet_1d(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``frechet_1d(real, fake)``: the Fréchet distance of two samples of one feature, shapes (N,).

    First met in: notebook 06.
    """
    random = torch.Generator().manual_seed(3)
    cases = []
    for count, m1, s1, m2, s2 in ((7, 1.0, 2.0, -0.5, 0.6), (9, -2.0, 0.5, 1.0, 1.7), (6, 0.3, 1.0, 0.4, 3.0)):
        u = torch.randn(2, count, generator=random, dtype=torch.float64)
        cases.append((m1 + s1 * u[0], m2 + s2 * u[1]))
    compare(
        function,
        cases,
        [_frechet, lambda a, b: _frechet(a, b, 0)],  # divisor N - 1 or N
        _FRECHET_MISTAKES,
        name="frechet_1d",
        names=("real", "fake"),
        told=lambda a, b: (
            f"{len(a)} numbers each, with means {a.mean():.3f} and {b.mean():.3f} and deviations {a.std():.3f} and "
            f"{b.std():.3f},"
        ),
        hint="What is left of the mean of (x − y)² when E u = 0 and E u² = 1?",
    )
    return "A square for the means, and a square for the deviations."


# ---------------------------------------------------------------- exercise 3


def _angle(a: Tensor, b: Tensor) -> Tensor:
    return torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))


def _slerp(a: Tensor, b: Tensor, t: float, angle: Tensor | float | None = None) -> Tensor:
    angle = torch.as_tensor(_angle(a, b) if angle is None else angle)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def _lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    return (1 - t) * a + t * b


def _unit(a: Tensor) -> Tensor:
    return a / a.norm()


_SLERP_MISTAKES: Mistakes = [
    (_lerp, "this is the straight line: half way it is about a third shorter than z usually is"),
    (lambda a, b, t: _lerp(b, a, t), "this is the straight line, and from b to a"),
    (lambda a, b, t: _slerp(b, a, t), "you walk from b to a: at t = 0 it should stand at a"),
    (
        lambda a, b, t: _slerp(_unit(a), _unit(b), t),
        "the angle is right, but a and b were cut to length 1 and stayed so. Length 1 is for the angle only",
    ),
    (
        lambda a, b, t: _unit(_lerp(a, b, t)) * ((1 - t) * a.norm() + t * b.norm()),
        "the direction is that of the straight line, pushed out to the sphere: the walk is uneven",
    ),
    (lambda a, b, t: _unit(_lerp(a, b, t)), "this is the straight line, cut to length 1"),
    (lambda a, b, t: _unit(_lerp(a, b, t)) * a.norm(), "this is the straight line, pushed out to the length of a"),
    (
        lambda a, b, t: _unit(_slerp(a, b, t)) * ((1 - t) * a.norm() + t * b.norm()),
        "the length was set afterwards; the two weights already bring the right one",
    ),
    (lambda a, b, t: _slerp(a, b, t) * torch.sin(_angle(a, b)), "both weights still have to be divided by sin(angle)"),
    (lambda a, b, t: torch.sin((1 - t) * _angle(a, b)) / torch.sin(_angle(a, b)) * a, "the part of b is missing"),
    (lambda a, b, t: torch.sin(t * _angle(a, b)) / torch.sin(_angle(a, b)) * b, "the part of a is missing"),
    (
        lambda a, b, t: math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b,
        "the angle between a and b is not exactly 90°",
    ),
    (
        lambda a, b, t: _slerp(a, b, t, a @ b / (a.norm() * b.norm())),
        "you took the *cosine* for the angle; torch.acos is missing",
    ),
    (lambda a, b, t: _slerp(a, b, t, torch.rad2deg(_angle(a, b))), "the angle is in degrees; sin wants radians"),
    (lambda a, b, t: _slerp(a, b, t, _angle(a, b) / 2), "the angle was halved"),
    (
        lambda a, b, t: math.sqrt(1 - t) * a + math.sqrt(t) * b,
        "the weights are roots of the shares: that keeps the length if a and b are at right angles, but the walk is "
        "uneven, and no angle appears",
    ),
    (
        lambda a, b, t: _slerp(a, b, t, torch.asin(a @ b / (a.norm() * b.norm()))),
        "asin turns a *sine* into an angle; a·b over the lengths is a cosine",
    ),
    *(
        (
            lambda a, b, t, one=one: _slerp(a, b, t, (a @ b / (a, b)[one].norm() ** 2).acos()),
            "a·b was divided by one of the lengths twice; each comes once",
        )
        for one in (0, 1)
    ),
    (
        lambda a, b, t: _slerp(a, b, t, (a * b / (a.norm() * b.norm())).acos()),
        "a * b multiplies entry by entry and gives 64 numbers; a·b is one number, their sum",
    ),
    (
        lambda a, b, t: (
            (torch.cos((1 - t) * _angle(a, b)) * a + torch.cos(t * _angle(a, b)) * b) / torch.sin(_angle(a, b))
        ),
        "the weights are made of cosines, and the formula has sines",
    ),
    (
        lambda a, b, t: (1 - t) * torch.sin(_angle(a, b)) * a + t * torch.sin(_angle(a, b)) * b,
        "t stands outside the sine; the sine is of t times the angle",
    ),
    (lambda *_: torch.full((64,), math.nan), "NaN came out: the cosine is a·b divided by *both* lengths"),
    (lambda a, b, t: _slerp(a, b, t, (a @ b).clamp(-1, 1).acos()), "a·b was not divided by the lengths, but cut to ±1"),
    (
        lambda a, b, t: (
            (torch.sin(1 - t * _angle(a, b)) * a + torch.sin(t * _angle(a, b)) * b) / torch.sin(_angle(a, b))
        ),
        "a bracket is missing: the first sine is of (1 − t) times the angle",
    ),
]


@exercise("Exercise 3")
def slerp(function: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Check ``slerp(a, b, t)``, the way from a to b along the sphere.

    First met in: notebook 06.
    """
    random = torch.Generator().manual_seed(1)
    ends = [tuple(torch.randn(2, 64, generator=random, dtype=torch.float64)) for _ in range(3)]
    compare(
        function,
        [(a, b, t) for a, b in ends for t in (0.25, 0.7)],
        _slerp,
        _SLERP_MISTAKES,
        name="slerp",
        names=("a", "b", "t"),
        read=tensor,
        told=lambda a, b, t: f"a and b of length {a.norm():.2f} and {b.norm():.2f} and t = {t:g}",
        hint="First the angle between a and b, then the two weights, then the sum",
    )
    for t, place in ((0.0, 0), (1.0, 1)):
        end = [(a, b, t) for a, b in ends]
        compare(
            function,
            end,
            lambda a, b, t, place=place: (a, b)[place],
            [(lambda *_: torch.full((64,), math.nan), f"NaN came out at t = {t:g}")],
            name="slerp",
            names=("a", "b", "t"),
            read=tensor,
            told=lambda a, b, t: f"t = {t:g}, where the walk should stand exactly at one end,",
        )
    return "It starts at a, ends at b, and never takes the short cut through the ball."


# ---------------------------------------------------------------- exercise 4

_LINES = {
    1: "line 1 makes a stream of shuffled batches, and that is how it should be",
    3: "line 3 draws fresh latent vectors in every step, so it is as it should be",
    4: "line 4 makes the fakes, and D's step detaches them",
    5: "line 5 has real and fake where they belong",
    6: "line 6 is D's step; nothing is missing in it",
    7: "line 7 is the generator's loss on the same fakes, not detached, as it should be",
    8: "line 8 is G's step; nothing is missing in it",
}


@exercise("Exercise 4")
def wrong_line(answer: Any) -> str:
    """Check which line made the generator copy: the batch that is drawn once, before the loop (M19).

    First met in: notebook 06.
    """
    if (chosen := line(answer, 8)) != 2:
        raise NotYet(f"{_LINES[chosen]}. What does the generator get to see of the data, in all its steps together?")
    return "One batch, drawn before the loop: D never saw another real image."
