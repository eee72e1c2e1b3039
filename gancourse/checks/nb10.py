"""Checkers of notebook 10: who sees what, a bias, a count of answers, a paragraph, two columns, a diagonal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, Surprised, choices, exercise

__all__ = ["answers_needed", "expected_floor", "kernel_distance", "precision_column", "repaired", "witnesses"]


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def witnesses(prediction: Mapping[str, Any], marked_down: Mapping[str, bool]) -> str:
    """Compare a prediction, True for each metric that marks its spoiled set down, with what was measured.

    Args:
        prediction: letter -> True or False.
        marked_down: the same, as measured; under each letter.

    First met in: notebook 10.
    """
    said = choices(prediction, tuple(marked_down), (True, False), "True or False for each letter")
    if missing := [letter for letter in marked_down if said[letter] is ...]:
        raise NotYet(f"there is no prediction for {missing[0]!r} yet: write True or False")
    if missed := [letter for letter in marked_down if said[letter] != marked_down[letter]]:
        told = "; ".join(f"{letter} {'does' if marked_down[letter] else 'does not'} mark it down" for letter in missed)
        raise Surprised(f"{len(missed)} of {len(marked_down)}: {told}. Why? The table below has the numbers.")
    return f"All {len(marked_down)} came true."


# ---------------------------------------------------------------- exercise 2


def _floor(n: int, s: float) -> float:
    return 3 * s**2 / n


def _floor_one_less(n: int, s: float) -> float:
    return 2 * s**2 / n + s**2 / (n - 1)


def _floor_exact(n: int, s: float) -> float:
    mean_of_deviation = math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
    return 2 * s**2 / n + 2 * s**2 * (1 - mean_of_deviation**2)


_FLOOR_MISTAKES: Mistakes = [
    (lambda n, s: 0.0, "0 is the distance of the two Gaussians. The two *samples* have different means and deviations"),
    (lambda n, s: 2 * s**2 / n, "the part of the deviations is missing: they differ by chance as well"),
    (lambda n, s: s**2 / n, "one part is there. Each part has two samples, and each of the two has an error"),
    (
        lambda n, s: 1.5 * s**2 / n,
        "this is right if only *one* of the two is a sample. Both are, and the errors of both add",
    ),
    (
        lambda n, s: 5 * s**2 / n,
        "for the deviations you took s²/n; a deviation is known better than that: its error has variance s²/(2n)",
    ),
    (
        lambda n, s: 4 * s**2 / n,
        "for the deviations you took the variance of a mean, s²/n; theirs is s²/(2n), and that twice",
    ),
    (lambda n, s: 3 * s / n, "the distance is in *squared* units: s comes in as s²"),
    (lambda n, s: 3 / n, "s is missing: for a feature of deviation 1 this is right, for wider ones it is more"),
    (lambda n, s: 3 * s**2 / math.sqrt(n), "the errors fall like 1/√n, but the distance has their *squares*"),
    (lambda n, s: math.sqrt(3 / n) * s, "this is the root; the distance itself is the sum of the *squares*"),
    (lambda n, s: 5 * s**4 / n**2, "the variances are squared once more; a variance is a mean square already"),
    (lambda n, s: 3 * n * s**2, "you multiply by n; more values make smaller errors"),
    (
        lambda n, s: 3 * s**2 / (n - 1),
        "n − 1 divides; the variances that you may use have n (for the mean) and 2n (for the deviation)",
    ),
    (
        lambda n, s: 2.5 * s**2 / n,
        "the deviation of only one of the two samples is in it; both have an error",
    ),
    (lambda n, s: 3 * s / math.sqrt(n), "the errors fall like 1/√n, but the distance has their *squares*"),
    (
        lambda n, s: -3 * s**2 / n,
        "a sum of squares is never negative, so by chance it can only be too *large*: the sign is plus",
    ),
]


@exercise("Exercise 2")
def expected_floor(function: Callable[[int, float], float]) -> str:
    """Check ``expected_floor(n, s)``: the mean Fréchet distance of two samples of one Gaussian, one feature.

    First met in: notebook 10.
    """
    compare(
        function,
        [(100, 1.0), (50, 3.0), (400, 2.0)],
        [_floor, _floor_one_less, _floor_exact],
        _FLOOR_MISTAKES,
        name="expected_floor",
        names=("n", "s"),
        hint="Which errors are there, and what is the mean of their squares?",
        tolerance=5e-4,
    )
    return "Always above 0, and it falls like 1/n: a small n makes the distance falsely HIGH."


# ---------------------------------------------------------------- exercise 6


_Z = 1.959964


def _answers(h: float) -> float:
    return (_Z / (2 * h)) ** 2


_ANSWERS_MISTAKES: Mistakes = [
    (lambda h: (_Z / h) ** 2, "the deviation of one answer is √(½ · ½) = ½, and you took 1"),
    (lambda h: _Z / (2 * h), "the half-width has √n under it, so n is the *square*"),
    (lambda h: (1 / (2 * h)) ** 2, "one deviation holds 68 %; 95 % take 1.96 of them"),
    (lambda h: _Z / (4 * h), "nothing was squared: √n stands in the half-width, so h and 1.96 come in as squares"),
    (lambda h: _Z / (4 * h**2), "1.96 has to be squared as well"),
    (lambda h: _Z**2 / (2 * h**2), "½ stands where ¼ should: the variance of one answer is ½ · ½"),
    (lambda h: 4 * h**2 / _Z**2, "turned round: a smaller h needs *more* answers"),
    (lambda h: 1e4 * _answers(h), "h is a share, 0.1 for ± 10 %, and not a percentage"),
    (
        lambda h: (_Z / h / 4) ** 2,
        "this is a quarter of it. Was the ¼ squared as well? It stands under the root, and its root is ½. Or is h the "
        "whole width for you? h is *half* the width: the interval goes from the rate − h to the rate + h",
    ),
    (lambda h: _Z**2 / (4 * h), "the half-width has to be squared as well"),
    (lambda h: (1.644854 / (2 * h)) ** 2, "1.645 is for 90 %; for 95 % it is 1.96"),
]


@exercise("Exercise 6")
def answers_needed(function: Callable[[float], float]) -> str:
    """Check ``answers_needed(h)``: how many answers give a rate near one half a 95 % interval of ± h.

    First met in: notebook 10.
    """
    rights = [
        _answers,
        lambda h: float(math.ceil(_answers(h))),
        lambda h: float(round(_answers(h))),
        lambda h: (1.96 / (2 * h)) ** 2,
        lambda h: float(math.ceil((1.96 / (2 * h)) ** 2)),
        lambda h: 1 / h**2,  # with 2 for 1.96
    ]
    compare(
        function,
        [(0.1,), (0.05,), (0.03,)],
        rights,
        _ANSWERS_MISTAKES,
        name="answers_needed",
        names=("h",),
        hint="h = 1.96 · √(¼ / n): what is n?",
        tolerance=1e-4,
    )
    return "Half the width costs four times the answers: about 100 for ± 10 %, 400 for ± 5 %, 10,000 for ± 1 %."


# ---------------------------------------------------------------- exercise 3


_SENTENCES: dict[str, tuple[bool, str]] = {
    "a": (True, "a tells which network made the features, and whose code; another one gives another number"),
    "b": (False, "b says what the run cost. The number is the same on slower machines"),
    "c": (True, "c tells how many images were compared with how many; with fewer the distance is larger"),
    "d": (True, "d tells how the images were brought to one size and stored, and that alone moves the number"),
    "e": (False, "e is a loss, and losses are no part of how the number is computed"),
    "f": (True, "f tells which generator drew the samples; its average and a truncated z give other samples"),
    "g": (False, "g is an impression; nobody can compute it again"),
    "h": (True, "h tells how the moment was chosen; the best of forty looks is lower than a moment fixed beforehand"),
    "i": (True, "i tells how far the number moves with the seed, and that both were measured in the same way"),
}


@exercise("Exercise 3")
def repaired(answer: Mapping[str, Any]) -> str:
    """Check which sentences a paper's paragraph needs, so that somebody else gets its number.

    First met in: notebook 10.
    """
    said = choices(answer, tuple(_SENTENCES), (True, False), "True or False for each letter")
    if missing := [letter for letter in _SENTENCES if said[letter] is ...]:
        raise NotYet(f"there is no answer for {missing[0]!r} yet: write True or False")
    if wrong := [letter for letter, (needed, _) in _SENTENCES.items() if said[letter] != needed]:
        raise NotYet(f"{len(wrong)} of the {len(_SENTENCES)} are wrong. Look again: {_SENTENCES[wrong[0]][1]}")
    return "Six sentences, and another group can find the same number, or say why it does not."


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def precision_column(answer: Any) -> str:
    """Check which of two unlabelled columns holds precision: "A" or "B".

    First met in: notebook 10.
    """
    said = str(answer).strip().casefold()
    if said not in ("a", "b"):
        raise NotYet(f"the answer is 'A' or 'B', but got {str(answer)[:40]!r}")
    if said == "a":
        raise NotYet(
            "a few good images, repeated, lie among the real ones, so their precision is high. Which column says so?"
        )
    return "A hundred good images: all but a few lie among the real ones, and no real one lies among them."


# ---------------------------------------------------------------- exercise 5


def _kernel_distance(rr: Tensor, ff: Tensor, rf: Tensor) -> Tensor:
    return _off(rr) + _off(ff) - 2 * rf.mean()


def _off(k: Tensor) -> Tensor:
    return (k.sum() - k.trace()) / (len(k) * (len(k) - 1))


def _zeroed(k: Tensor) -> Tensor:
    return (k.sum() - k.trace()) / len(k) ** 2


def _no_diagonal(rf: Tensor) -> Tensor:
    return (rf.sum() - rf.diagonal().sum()) / (rf.numel() - min(rf.shape))


def _shared(k: Tensor, n: int) -> Tensor:
    return (k.sum() - k.trace()) / (n * (n - 1))


_MIXED_DIAGONAL = (
    "the diagonal of the mixed table was left out as well. Nothing is wrong with it: a real image and a fake are "
    "always two images"
)
_KERNEL_MISTAKES: Mistakes = [
    (lambda rr, ff, rf: _off(rr) + _off(ff) - 2 * _no_diagonal(rf), _MIXED_DIAGONAL),
    (
        lambda rr, ff, rf: _off(rr) + _off(ff) - 2 * (rf.sum() - rf.diagonal().sum()) / rf.numel(),
        _MIXED_DIAGONAL,
    ),
    (lambda rr, ff, rf: _off(rr) + _off(ff) + 2 * rf.mean(), "the mixed mean is added; it is taken off"),
    (
        lambda rr, ff, rf: rr.sum() / (len(rr) * (len(rr) - 1)) + ff.sum() / (len(ff) * (len(ff) - 1)) - 2 * rf.mean(),
        "the sums are divided as if the diagonals were gone, and these are still in the sums",
    ),
    (
        lambda rr, ff, rf: (
            (rr.sum() - len(rr)) / (len(rr) * (len(rr) - 1))
            + (ff.sum() - len(ff)) / (len(ff) * (len(ff) - 1))
            - 2 * rf.mean()
        ),
        "1 was taken off for each entry of the diagonal; k of an image with itself need not be 1",
    ),
    (
        lambda rr, ff, rf: (_off(rr) + _off(ff)) / 2 - 2 * rf.mean(),
        "each pair is in the triangle once, and in n (n − 1) twice",
    ),
    *(
        (
            lambda rr, ff, rf, of=of: _shared(rr, len((rr, ff)[of])) + _shared(ff, len((rr, ff)[of])) - 2 * rf.mean(),
            "one number of images is used for both tables; there may be more real images than fakes, or fewer",
        )
        for of in (0, 1)
    ),
    (
        lambda rr, ff, rf: rr.sum() - rr.trace() + ff.sum() - ff.trace() - 2 * rf.sum(),
        "these are sums over pairs; the distance is made of means",
    ),
    (
        lambda rr, ff, rf: (_off(rr) + _off(ff) - 2 * rf.mean()).abs().sqrt(),
        "this is the root. An estimate around 0 is also negative, and a root of it does not exist",
    ),
    (
        lambda rr, ff, rf: rr.mean() + ff.mean() - 2 * rf.mean(),
        "the diagonals are still in: an image with itself is no pair of two images, and on average such pairs are far "
        "more alike, so the distance comes out too large",
    ),
    (
        lambda rr, ff, rf: _zeroed(rr) + _zeroed(ff) - 2 * rf.mean(),
        "the diagonals are gone from the sums, but the sums are still divided by n². How many pairs are left?",
    ),
    (lambda rr, ff, rf: _off(rr) + _off(ff) - rf.mean(), "the mixed mean counts twice: once from each side"),
    (lambda rr, ff, rf: 2 * rf.mean() - _off(rr) - _off(ff), "the sign is turned round: alike sets would be far apart"),
    (
        lambda rr, ff, rf: (_off(rr) + _off(ff) - 2 * rf.mean()).clamp_min(0).sqrt(),
        "this is the root. An estimate around 0 is also negative, and a root of it does not exist",
    ),
    (
        lambda rr, ff, rf: (_off(rr) + _off(ff) - 2 * rf.mean()).clamp_min(0),
        "what is below 0 was cut off, and with it half of the chance: on average it is too large again",
    ),
    (
        lambda rr, ff, rf: _off(rr) + ff.mean() - 2 * rf.mean(),
        "one diagonal is out, that of the fakes is still in",
    ),
    (lambda rr, ff, rf: rr.mean() + _off(ff) - 2 * rf.mean(), "one diagonal is out, that of the real ones is still in"),
]


@exercise("Exercise 5")
def kernel_distance(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``kernel_distance(rr, ff, rf)`` from tables of the kernel: without bias, so without the two diagonals.

    First met in: notebook 10.
    """
    random = torch.Generator().manual_seed(6)
    cases = []
    for n, m, shift in ((4, 6, 0.0), (5, 3, 1.0), (7, 7, 0.0)):
        real = torch.randn(n, 3, generator=random, dtype=torch.float64)
        fake = torch.randn(m, 3, generator=random, dtype=torch.float64) + shift
        cases.append(tuple((a @ b.T / 3 + 1) ** 3 for a, b in ((real, real), (fake, fake), (real, fake))))
    compare(
        function,
        cases,
        _kernel_distance,
        _KERNEL_MISTAKES,
        name="kernel_distance",
        names=("rr", "ff", "rf"),
        told=lambda rr, ff, rf: f"{len(rr)} real and {len(ff)} fake images",
        hint="Over how many pairs of two different images does each mean go?",
    )
    return "Without the diagonals it is right on average at every n, and it dips below 0 where the truth is 0."
