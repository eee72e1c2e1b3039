"""Checkers of notebook 21: multiply-adds, honest clocks, rounded weights, shared gradients, and broken small nets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, call, exercise, matched, tensor

__all__ = ["BROKEN", "CLOCKS", "averaged", "broken_nets", "clocks", "multiply_adds", "rounded"]

# ---------------------------------------------------------------- exercise 1


def _count(side: int, maps_in: int, maps_out: int, kernel: int, stride: int) -> int:
    return side**2 * maps_in * maps_out * kernel**2


_COUNT_MISTAKES: Mistakes = [
    (
        lambda s, i, o, k, t: (s * t) ** 2 * i * o * k**2,
        "this is the count of an ordinary convolution with that output: a kernel for each *output* pixel. Here each "
        "*input* pixel is multiplied with a kernel",
    ),
    (
        lambda s, i, o, k, t: ((s - 1) * t + k) ** 2 * i * o * k**2,
        "this is the count of an ordinary convolution with that output: a kernel for each *output* pixel. Here each "
        "*input* pixel is multiplied with a kernel",
    ),
    (
        lambda s, i, o, k, t: 2 * s**2 * i * o * k**2,
        "multiplications and additions are counted apart, which makes twice as many; a multiplication with its "
        "addition counts once here",
    ),
    (lambda s, i, o, k, t: i * o * k**2, "these are the layer's weights. Each of them is used at every place"),
    (lambda s, i, o, k, t: s * i * o * k**2, "an image has side times side places, and you count one side"),
    (lambda s, i, o, k, t: s**2 * i * o * k, "a kernel is a square: it has kernel times kernel numbers"),
    (lambda s, i, o, k, t: s**2 * o * k**2, "every output map is made of *all* input maps"),
    (lambda s, i, o, k, t: s**2 * i * k**2, "every input map is stamped into *all* output maps"),
    (lambda s, i, o, k, t: s**2 * k**2, "this is right for one map in and one map out"),
    (
        lambda s, i, o, k, t: s**2 * (i + o) * k**2,
        "maps are added; each pair of an input and an output map has a kernel",
    ),
    (lambda s, i, o, k, t: s**2 * i * o, "the kernel's size is missing: each place is multiplied with a whole kernel"),
    (
        lambda s, i, o, k, t: s**2 * i * o * k**2 / t**2,
        "the stride moves the stamps apart. Does it change how many stamps there are?",
    ),
    (
        lambda s, i, o, k, t: s**2 * i * o * k**2 // t**2,
        "the stride moves the stamps apart. Does it change how many stamps there are?",
    ),
    (
        lambda s, i, o, k, t: s**2 * i * o * k**2 / t,
        "the stride moves the stamps apart. Does it change how many stamps there are?",
    ),
    (
        lambda s, i, o, k, t: s**2 * i * o * k**2 * t,
        "the stride moves the stamps apart. Does it change how many stamps there are?",
    ),
]


@exercise("Exercise 1")
def multiply_adds(function: Callable[[int, int, int, int, int], float]) -> str:
    """Check ``multiply_adds(side, maps_in, maps_out, kernel, stride)`` of a transposed convolution, for one image.

    First met in: notebook 21.
    """
    compare(
        function,
        [(7, 32, 16, 4, 2), (5, 3, 7, 6, 3), (9, 2, 5, 3, 1), (14, 16, 1, 4, 2)],
        _count,
        _COUNT_MISTAKES,
        name="multiply_adds",
        names=("side", "maps_in", "maps_out", "kernel", "stride"),
        told=lambda s, i, o, k, t: f"{i} maps of {s} x {s} in, {o} out, kernels of {k} x {k}, stride {t}",
    )
    return "The stride spreads the stamps; it does not change their number."


# ---------------------------------------------------------------- exercise 4

CLOCKS: Mapping[str, str] = {
    "A": "the first call is in it",
    "B": "throughput called latency",
    "C": "two moods of the machine",
    "D": "one unlucky call decides",
    "E": "honest",
}
"""Letter of each report in the notebook -> what is wrong with its clock."""

_CLOCK_HINTS = {
    "A": "in A, what does a network do in its first call that it never does again?",
    "B": "in B, how long does somebody wait who wants one image?",
    "C": "in C, what may have changed between the morning and the afternoon, besides the network?",
    "D": "in D, a mean of few calls: what does one call do to it that another program interrupted?",
    "E": "in E, look for something that favours one network. Is there anything?",
}


@exercise("Exercise 4")
def clocks(answers: Mapping[str, Any]) -> str:
    """Check what is said to be wrong with each of five ways to measure how long a network takes.

    First met in: notebook 21.
    """
    matched(answers, CLOCKS, "what is wrong for each letter", _CLOCK_HINTS)
    return "All five print a number with a unit. Only how it was measured tells which of them is worth something."


# ---------------------------------------------------------------- exercise 2


def _largest(weight: Tensor, dim: int | None = 1) -> Tensor:
    return weight.abs().amax() if dim is None else weight.abs().amax(dim, keepdim=True)


def _quantised(
    weight: Tensor,
    steps: float,
    *,
    dim: int | None = 1,
    turn: Callable[[Tensor], Tensor] = torch.round,
    back: bool = True,
) -> Tensor:
    """Round to that many steps on either side of 0, and go back to weights."""
    step = (_largest(weight, dim) / steps).clamp(min=1e-12)
    whole = turn(weight / step)
    return whole * step if back else whole


def _right(weight: Tensor, bits: int) -> Tensor:
    return _quantised(weight, 2 ** (bits - 1) - 1)


def _between(weight: Tensor, bits: int) -> Tensor:
    """Round to 2^bits - 1 steps between the smallest and the largest weight of a row."""
    low, high = weight.amin(1, keepdim=True), weight.amax(1, keepdim=True)
    step = ((high - low) / (2**bits - 1)).clamp(min=1e-12)
    return ((weight - low) / step).round() * step + low


_ROUND_MISTAKES: Mistakes = [
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, dim=None),
        "all rows share one scale. A row of small weights is then left with few steps, or none: take the largest of "
        "each row",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, dim=0),
        "the scale is taken down the columns. A row holds the weights of one output: the largest of each *row* is "
        "wanted",
    ),
    (
        lambda w, b: _quantised(w, 2**b - 1),
        "that is one bit too many: 2^bits - 1 steps lie on *each* side of 0. The sign takes a bit",
    ),
    (
        lambda w, b: _quantised(w, 2**b),
        "that is one bit too many: 2^bits steps lie on *each* side of 0. The sign takes a bit, and 0 a place",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1)),
        "from -2^(bits-1) to +2^(bits-1) there are 2^bits + 1 numbers, one more than the bits can name",
    ),
    (
        lambda w, b: _quantised(w, (2**b - 1) / 2),
        "the steps do not end at the largest weight: the number of them on one side has to be whole",
    ),
    (
        lambda w, b: _quantised(w, b),
        "bits steps lie on each side; b bits name 2^b numbers",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, turn=torch.floor),
        "everything is rounded down (floor, or //), so all errors have one sign. Round to the nearest step",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, turn=torch.trunc),
        "everything is rounded towards 0 (int or trunc), which makes the weights smaller. Round to the nearest step",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, turn=torch.ceil),
        "everything is rounded up, so all errors have one sign. Round to the nearest step",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, back=False),
        "these are the whole numbers that would be stored. What does the network multiply with? Go back to weights",
    ),
    (
        lambda w, b: _quantised(w, 2 ** (b - 1) - 1, turn=lambda x: x),
        "nothing is rounded: divided by the step and multiplied with it, the weights are what they were",
    ),
    (_between, "this spreads the steps from the smallest to the largest weight of a row; here they lie around 0, which "
     "stays 0"),
    (
        lambda w, b: (w / w.amax(1, keepdim=True) * (2 ** (b - 1) - 1)).round()
        / (2 ** (b - 1) - 1)
        * w.amax(1, keepdim=True),
        "the scale is the largest weight, and not the largest in size: a row's largest may be negative",
    ),
    (
        lambda w, b: (w * (2 ** (b - 1) - 1)).round() / (2 ** (b - 1) - 1),
        "the step is the same for all, 1 / (2^(bits-1) - 1): the largest weight of a row is missing in it",
    ),
    (
        lambda w, b: (w * 2**b).round() / 2**b,
        "the step is 2^-bits for all: the largest weight of a row is missing in it",
    ),
]  # fmt: skip


@exercise("Exercise 2")
def rounded(function: Callable[[Tensor, int], Tensor]) -> str:
    """Check ``rounded(weight, bits)``: each row of a matrix on 2^bits - 1 steps around 0, as weights again.

    First met in: notebook 21.
    """
    random = torch.Generator().manual_seed(21)
    cases = []
    for rows, columns, bits, sizes in ((3, 7, 4, (1.0, 0.05, 3.0)), (2, 6, 2, (0.3, 2.0)), (4, 9, 8, (1, 4, 0.1, 2))):
        weight = torch.randn(rows, columns, generator=random) * torch.tensor(sizes)[:, None]
        weight[0, 1] = -1.3 * weight[0].abs().max()  # the largest in size is negative
        cases.append((weight, bits))
    compare(
        function,
        cases,
        _right,
        _ROUND_MISTAKES,
        name="rounded",
        names=("weight", "bits"),
        read=tensor,
        told=lambda w, b: f"a matrix of {len(w)} rows and {b} bits",
    )
    empty = torch.cat([cases[0][0][:1], torch.zeros(1, 7)])
    made = _read_finite(function, empty)
    if not torch.allclose(made, _right(empty, 4), atol=1e-5):
        raise NotYet("a row of zeros, such as pruning leaves, should stay a row of zeros, and the others be as before")
    return "A row of b bits keeps 0 and its largest weight; all others move by half a step at most."


def _read_finite(function: Callable[[Tensor, int], Tensor], weight: Tensor) -> Tensor:
    made = tensor(call(function, weight, 4, name="rounded", names=("weight", "bits")), tuple(weight.shape))
    if not bool(made.isfinite().all()):
        raise NotYet(
            "all is right but for a row of zeros, such as pruning leaves: its largest weight is 0, and 0 / 0 is NaN. "
            "Keep the step above 0, with .clamp(min=1e-8)"
        )
    return made


# ---------------------------------------------------------------- exercise 5

_Gradients = Sequence[Tensor]


def _weighted(gradients: _Gradients, sizes: Sequence[int]) -> Tensor:
    return sum(n * g for n, g in zip(sizes, gradients, strict=True)) / sum(sizes)


_SHARED_MISTAKES: Mistakes = [
    (
        lambda g, n: sum(g) / len(g),
        "that is the plain mean of the gradients. It is right for equal parts only: with 6 images against 2, an image "
        "of the small part counts three times as much",
    ),
    (
        lambda g, n: sum(g),
        "the gradients are added up. Each is a mean already, so the step would grow with the number of machines",
    ),
    (
        lambda g, n: sum(k * part for k, part in zip(n, g, strict=True)),
        "this is the gradient of the *sum* over all images; the loss is their mean",
    ),
    (
        lambda g, n: sum(k * part for k, part in zip(n, g, strict=True)) / len(g),
        "each gradient is weighted by its images, and then divided by the number of machines; by what number do these "
        "weights add up to 1?",
    ),
    (
        lambda g, n: sum(part / k for k, part in zip(n, g, strict=True)),
        "each gradient is divided by its number of images, but it is a mean already",
    ),
    (
        lambda g, n: sum(part / k for k, part in zip(n, g, strict=True)) / sum(1 / k for k in n),
        "the weights are upside down: the part with *more* images has to count more",
    ),
    (
        lambda g, n: sum(g) / sum(n),
        "the gradients are added and divided by all images. Each is a mean over its own part already",
    ),
    (lambda g, n: g[0], "this is the first machine's gradient alone"),
    (lambda g, n: g[-1], "this is the last machine's gradient alone"),
]


@exercise("Exercise 5")
def averaged(function: Callable[[_Gradients, Sequence[int]], Tensor]) -> str:
    """Check ``averaged(gradients, sizes)``: the gradient of the mean over all images, from those of the parts.

    First met in: notebook 21.
    """
    random = torch.Generator().manual_seed(22)
    cases = [
        ([torch.randn(shape, generator=random) for _ in sizes], list(sizes))
        for shape, sizes in (((4,), (6, 2)), ((3, 2), (5, 5)), ((5,), (1, 8, 3)))
    ]
    compare(
        function,
        cases,
        _weighted,
        _SHARED_MISTAKES,
        name="averaged",
        names=("gradients", "sizes"),
        read=tensor,
        told=lambda g, n: f"{len(n)} machines with {' and '.join(map(str, n))} images",
    )
    return "With equal parts it is the plain mean, and that is why a batch is cut into equal parts."


# ---------------------------------------------------------------- exercise 3

BROKEN: Mapping[str, str] = {
    "A": "weights below 0 were lost",
    "B": "the next layer reads other channels",
    "C": "batch norm is stale",
    "D": "the largest weights were removed",
}
"""Letter of each row in the notebook's picture -> what went wrong when the net was made small."""

_BROKEN_HINTS = {
    "A": "in A half of the weights are 0, and half of the size is gone. The smallest half would weigh less",
    "B": "in B every weight is still there, and none has changed. What else can be wrong with a layer?",
    "C": "look for the one row that measuring batch norm again helps",
    "D": "in D one weight in ten is gone, and with them a quarter of the size. Which ones must these have been?",
}


@exercise("Exercise 3")
def broken_nets(answers: Mapping[str, Any]) -> str:
    """Check which of four small nets was spoiled by what.

    First met in: notebook 21.
    """
    matched(answers, BROKEN, "what went wrong for each letter", _BROKEN_HINTS)
    return "A smaller net is a new net: look at what it draws before you ship it."
