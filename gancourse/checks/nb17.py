"""Checkers of notebook 17: folded frequencies, a spectrogram that is read, lengths, and a shift of phases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows
from gancourse.checks.framework import call, exercise, several, tensor
from gancourse.models.waveform import shifted

__all__ = ["alias", "lengths", "loudest", "shift"]

# ---------------------------------------------------------------- exercise 1


def _alias(frequency: float, rate: float) -> float:
    folded = frequency % rate
    return min(folded, rate - folded)


_ALIAS_MISTAKES: Mistakes = [
    (
        lambda f, r: min(f, r / 2),
        "everything above half the rate is set to half the rate. It is not cut off there: it comes back down",
    ),
    (
        lambda f, r: f % r,
        "you take off whole multiples of the rate, and stop above half of it. There the tone is heard as a lower one",
    ),
    (
        lambda f, r: f % (r / 2),
        "at half the rate the count begins anew at 0. It goes *down* from there, step by step",
    ),
    (lambda f, r: abs(r - f), "the distance to the rate is right only between half the rate and one and a half rates"),
    (lambda f, r: abs(f - r / 2), "you return the distance to *half* the rate"),
    (lambda f, r: f, "the frequency comes out unchanged, also above half the rate"),
    (lambda f, r: r - f % r, "you always take what is missing to the next multiple. The *smaller* of both is heard"),
    (lambda f, r: max(f % r, r - f % r), "of both candidates you take the larger one, above half the rate"),
]


@exercise("Exercise 1")
def alias(function: Callable[[float, float], Any]) -> str:
    """Check ``alias(frequency, rate)``: at which frequency a sampled tone is heard.

    First met in: notebook 17.
    """
    rates = ((440.0, 8_000.0), (5_000.0, 8_000.0), (7_600.0, 8_000.0), (9_100.0, 8_000.0), (4_100.0, 4_000.0))
    cases = [*rates, (6_500.0, 4_000.0), (8_000.0, 8_000.0), (2_500.0, 4_000.0), (23_000.0, 8_000.0)]
    compare(
        function,
        cases,
        _alias,
        _ALIAS_MISTAKES,
        name="alias",
        names=("frequency", "rate"),
        told=lambda f, r: f"{f:,.0f} Hz at {r:,.0f} numbers a second",
        hint="Which whole multiple of the rate is nearest?",
    )
    return "At 8,000 numbers a second cosines of 3,000 and 5,000 Hz are the same numbers. No network tells them apart."


# ---------------------------------------------------------------- exercise 2


def _loudest(strengths: Tensor, rate: float) -> Tensor:
    return strengths.argmax(dim=0) * rate / (2 * (len(strengths) - 1))


_LOUDEST_MISTAKES: Mistakes = [
    (
        lambda s, rate: s.argmax(dim=0) * rate / (len(s) - 1),
        "twice as high as it should be: the last row is *half* the rate",
    ),
    (
        lambda s, rate: s.argmax(dim=0) * rate / (2 * len(s)),
        "a little too low: from the first row, 0 Hz, to the last there is one step less than there are rows",
    ),
    (
        lambda s, rate: s.argmax(dim=0) * rate / len(s),
        "twice as high as it should be, and a little off: the last row is half the rate, and the first is 0 Hz",
    ),
    (lambda s, rate: s.argmax(dim=0), "you return the number of the row. How many Hz is one row?"),
    (
        lambda s, rate: (s.argmax(dim=0) + 1) * rate / (2 * (len(s) - 1)),
        "one row too high: the first row is 0 Hz",
    ),
    (lambda s, rate: s.amax(dim=0), "you return how strong it is, and not where"),
    (
        lambda s, rate: s.argmin(dim=0) * rate / (2 * (len(s) - 1)),
        "that is the *weakest* frequency of each window",
    ),
    (
        lambda s, rate: s.argmax(dim=1) * rate / (2 * (len(s) - 1)),
        "for each frequency you look for the loudest window. For each window the loudest frequency is wanted",
    ),
    (
        lambda s, rate: (s.mean(dim=1).argmax() * rate / (2 * (len(s) - 1))).expand(s.shape[1]),
        "the same for every window: the mean over all windows hides that it changes",
    ),
]


@exercise("Exercise 2")
def loudest(function: Callable[[Tensor, float], Tensor]) -> str:
    """Check ``loudest(strengths, rate)``: the strongest frequency of each window, in Hz.

    First met in: notebook 17.
    """
    random = torch.Generator().manual_seed(4)
    cases = [
        (torch.rand(rows, windows, generator=random), rate)
        for rows, windows, rate in ((129, 20, 8_000.0), (65, 65, 4_000.0), (33, 12, 16_000.0))
    ]
    compare(
        function,
        cases,
        _loudest,
        _LOUDEST_MISTAKES,
        name="loudest",
        names=("strengths", "rate"),
        read=tensor,
        told=lambda s, rate: f"{s.shape[0]} rows, {s.shape[1]} windows and a rate of {rate:,.0f}",
    )
    return "The step from row to row is 8,000 / 256 = 31 Hz: finer steps need longer windows, which blur the time."


# ---------------------------------------------------------------- exercise 3


def _shorter(length: int, kernel: int, stride: int, padding: int) -> int:
    return (length + 2 * padding - kernel) // stride + 1


def _longer(length: int, kernel: int, stride: int, padding: int) -> int:
    return (length - 1) * stride - 2 * padding + kernel


_LENGTHS_MISTAKES: Mistakes = [
    (
        lambda n, k, s, p: (_longer(n, k, s, p), _shorter(n, k, s, p)),
        "the two are exchanged: the convolution makes a sound shorter, the transposed one longer",
    ),
    (
        lambda n, k, s, p: ((n + 2 * p - k) // s, _longer(n, k, s, p)),
        "the kernel's first place is not counted: between two fence posts there is one gap, so there is one more place "
        "than there are steps",
    ),
    (
        lambda n, k, s, p: ((n + p - k) // s + 1, _longer(n, k, s, p)),
        "the first is padded at one end only; padding comes at both",
    ),
    (
        lambda n, k, s, p: ((n - k) // s + 1, _longer(n, k, s, p)),
        "the first is not padded at all",
    ),
    (
        lambda n, k, s, p: ((n + 2 * p - k) / s + 1, _longer(n, k, s, p)),
        "the first is no whole number in every case: a kernel that would reach beyond the end is not counted",
    ),
    (
        lambda n, k, s, p: (n // s, n * s),
        "length divided by stride, and times stride: that is right only where kernel and padding fit. Count with them",
    ),
    (
        lambda n, k, s, p: (_shorter(n, k, s, p), n * s - 2 * p + k),
        "the second is one stride too long: n places have n − 1 steps between them",
    ),
    (
        lambda n, k, s, p: (_shorter(n, k, s, p), (n - 1) * s + 2 * p + k),
        "the second adds its padding. In a transposed convolution padding *cuts off* that much at both ends",
    ),
    (
        lambda n, k, s, p: (_shorter(n, k, s, p), (n - 1) * s - p + k),
        "the second is cut off at one end only; padding counts at both",
    ),
    (
        lambda n, k, s, p: (_shorter(n, k, s, p), (n - 1) * s + k),
        "the second is not cut off at all: where is its padding?",
    ),
    (
        lambda n, k, s, p: (_shorter(n, k, s, p), (n - 1) * s - 2 * p),
        "the last place brings a whole kernel with it, and your second number does not count it",
    ),
]


@exercise("Exercise 3")
def lengths(function: Callable[[int, int, int, int], Any]) -> str:
    """Check ``lengths(length, kernel, stride, padding)``: after a convolution, and after a transposed one.

    First met in: notebook 17.
    """
    compare(
        function,
        [(1_024, 16, 4, 6), (100, 9, 4, 3), (64, 8, 2, 0), (37, 5, 3, 2), (500, 25, 4, 11)],
        lambda n, k, s, p: (_shorter(n, k, s, p), _longer(n, k, s, p)),
        _LENGTHS_MISTAKES,
        name="lengths",
        names=("length", "kernel", "stride", "padding"),
        read=lambda got: several(got, 2, "two numbers, the length after a convolution and after a transposed one,"),
        parts=("the length after a convolution", "the length after a transposed one"),
        told=lambda n, k, s, p: f"length {n}, kernel {k}, stride {s}, padding {p}",
    )
    return "1,024 → 256 → 64 → 16, and back. A kernel of 16 with stride 4 and padding 6 divides exactly by four."


# ---------------------------------------------------------------- exercise 4


def _rolled(maps: Tensor, shifts: Tensor) -> Tensor:
    return torch.stack([one.roll(int(s), -1) for one, s in zip(maps, shifts, strict=True)])


def _padded(mode: str, sign: int = 1) -> Callable[[Tensor, Tensor], Tensor]:
    def moved(maps: Tensor, shifts: Tensor) -> Tensor:
        length, most = maps.shape[-1], int(shifts.abs().max())
        wide = F.pad(maps, (most, most), mode=mode)
        return torch.stack([one[:, most - sign * int(s) :][:, :length] for one, s in zip(wide, shifts, strict=True)])

    return moved


_SHIFT_MISTAKES: Mistakes = [
    (
        _padded("reflect", -1),
        "the sounds go the other way: with a shift of 2 the number at place 0 has to come to place 2",
    ),
    (_rolled, "what leaves at one end comes in at the other. The gap has to be filled by a mirror image"),
    (_padded("constant"), "the gap is filled with zeros. It has to be filled by a mirror image"),
    (_padded("replicate"), "the gap is filled with the number at the edge, again and again. A mirror image is wanted"),
    (
        lambda maps, shifts: shifted(maps, shifts[:1].expand(len(maps))),
        "all sounds are shifted by the first one's number; each has its own",
    ),
    (lambda maps, shifts: maps, "nothing is shifted"),
    (
        lambda maps, shifts: torch.stack(
            [
                torch.cat([one[:, : int(s)].flip(-1), one], -1)[:, : one.shape[-1]]
                if s >= 0
                else torch.cat([one, one[:, int(s) :].flip(-1)], -1)[:, -one.shape[-1] :]
                for one, s in zip(maps, shifts, strict=True)
            ]
        ),
        "the number at the edge comes twice. A mirror stands *on* it: a b c shifted by two is c b a",
    ),
]


@exercise("Exercise 4")
def shift(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``shift(maps, shifts)``: each sound by its own number of places, ends filled by reflection.

    First met in: notebook 17.
    """
    random = torch.Generator().manual_seed(17)
    cases = []
    for count, channels, length, most in ((4, 2, 9, 2), (5, 1, 12, 3), (3, 3, 8, 1)):
        shifts = torch.randint(-most, most + 1, (count,), generator=random)
        shifts[:3] = torch.tensor([most, -most, 0])
        cases.append((torch.randn(count, channels, length, generator=random), shifts))
    compare(
        function,
        cases,
        shifted,
        _SHIFT_MISTAKES,
        name="shift",
        names=("maps", "shifts"),
        read=tensor,
        told=lambda maps, shifts: f"maps of shape {tuple(maps.shape)} and shifts {shifts.tolist()}",
    )
    maps, shifts = cases[0]
    maps, weights = maps.clone().requires_grad_(), torch.randn(maps.shape, generator=random)
    got = tensor(call(function, maps, shifts, name="shift", names=("maps", "shifts")))
    right = (shifted(maps, shifts) * weights).sum()
    flows((got * weights).sum(), right, {"maps": maps}, otherwise="G could not learn through D", what="the maps")
    return "Two places of the last layer, where one place stands for 64 numbers, are 128 numbers: an eighth of a note."
