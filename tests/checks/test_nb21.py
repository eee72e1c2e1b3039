"""The checkers of notebook 21 accept what is right and say which mistake was made."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.checks import nb21
from verdicts import accepts, matches, rejects, verdict

FUNCTIONS = [nb21.multiply_adds, nb21.rounded, nb21.averaged]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "small", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- multiply-adds


@pytest.mark.parametrize(("side", "into", "out", "kernel", "stride"), [(7, 32, 16, 4, 2), (5, 3, 7, 6, 3)])
def test_the_right_count_is_torch_s_own(side, into, out, kernel, stride):
    layer = nn.ConvTranspose2d(into, out, kernel, stride, 1)
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(1, into, side, side))
    assert counter.get_total_flops() == 2 * nb21._count(side, into, out, kernel, stride)


def test_counts_accept_other_spellings(capsys):
    accepts(capsys, nb21.multiply_adds, lambda s, i, o, k, t: s * s * i * o * k * k, fragment="spreads the stamps")
    accepts(capsys, nb21.multiply_adds, lambda s, i, o, k, t: (s * t) ** 2 * i * o * (k / t) ** 2)
    accepts(
        capsys,
        nb21.multiply_adds,
        lambda side, maps_in, maps_out, kernel, stride: torch.tensor([side**2 * maps_in * maps_out * kernel**2]),
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda s, i, o, k, t: (s * t) ** 2 * i * o * k**2, "a kernel for each *output* pixel"),
        (lambda s, i, o, k, t: ((s - 1) * t + k) ** 2 * i * o * k**2, "a kernel for each *output* pixel"),
        (lambda s, i, o, k, t: 2 * s**2 * i * o * k**2, "counted apart"),
        (lambda s, i, o, k, t: i * o * k**2, "the layer's weights"),
        (lambda s, i, o, k, t: s * i * o * k**2, "you count one side"),
        (lambda s, i, o, k, t: s**2 * i * o * k, "a kernel is a square"),
        (lambda s, i, o, k, t: s**2 * o * k**2, "*all* input maps"),
        (lambda s, i, o, k, t: s**2 * i * k**2, "*all* output maps"),
        (lambda s, i, o, k, t: s**2 * k**2, "one map in and one map out"),
        (lambda s, i, o, k, t: s**2 * (i + o) * k**2, "maps are added"),
        (lambda s, i, o, k, t: s**2 * i * o, "the kernel's size is missing"),
        (lambda s, i, o, k, t: s**2 * i * o * k**2 / t**2, "Does it change how many"),
        (lambda s, i, o, k, t: s**2 * i * o * k**2 // t**2, "Does it change how many"),
        (lambda s, i, o, k, t: s**2 * i * o * k**2 / t, "Does it change how many"),
        (lambda s, i, o, k, t: s**2 * i * o * k**2 * t, "Does it change how many"),
        (lambda s, i, o, k, t: 3 * s**2 * i * o * k**2, "3 times what it should be"),
    ],
)
def test_counts_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb21.multiply_adds, function, fragment=fragment)


# ---------------------------------------------------------------- rounded weights


def good(weight, bits):
    step = (weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)).clamp(min=1e-8)
    return (weight / step).round() * step


def with_step(step, turn=torch.round):
    """Make an answer from a rule for the step."""

    def answer(weight, bits):
        width = step(weight, bits)
        return turn(weight / width) * width

    return answer


def largest(weight):
    return weight.abs().amax(1, keepdim=True)


def test_rounding_accepts_other_spellings(capsys):
    accepts(capsys, nb21.rounded, good, fragment="half a step at most")

    def row_by_row(weight, bits):
        rows = []
        for row in weight:
            step = max(float(row.abs().max()) / (2 ** (bits - 1) - 1), 1e-9)
            rows.append(torch.round(row / step) * step)
        return torch.stack(rows)

    def in_numpy(weight, bits):
        w = weight.numpy()
        step = np.maximum(np.abs(w).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1), 1e-8)
        return np.round(w / step) * step

    accepts(capsys, nb21.rounded, row_by_row)
    accepts(capsys, nb21.rounded, in_numpy)
    accepts(capsys, nb21.rounded, lambda weight, bits: torch.nan_to_num(with_step(
        lambda w, b: largest(w) / (2 ** (b - 1) - 1))(weight, bits)))  # fmt: skip


def test_the_error_of_the_right_answer_is_half_a_step_at_most():
    weight = torch.randn(5, 400, generator=torch.Generator().manual_seed(1))
    for bits in (2, 4, 8):
        made, step = nb21._right(weight, bits), largest(weight) / (2 ** (bits - 1) - 1)
        assert ((made - weight).abs() <= 0.5001 * step).all() and (made == 0).any()
        assert len((made[0] / step[0]).round().unique()) <= 2**bits - 1


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (with_step(lambda w, b: w.abs().max() / (2 ** (b - 1) - 1)), "all rows share one scale"),
        (with_step(lambda w, b: w.abs().amax(0, keepdim=True) / (2 ** (b - 1) - 1)), "down the columns"),
        (with_step(lambda w, b: largest(w) / (2**b - 1)), "2^bits - 1 steps lie on *each* side"),
        (with_step(lambda w, b: largest(w) / 2**b), "2^bits steps lie on *each* side"),
        (with_step(lambda w, b: largest(w) / 2 ** (b - 1)), "one more than the bits can name"),
        (with_step(lambda w, b: 2 * largest(w) / (2**b - 1)), "has to be whole"),
        (with_step(lambda w, b: largest(w) / b), "b bits name 2^b numbers"),
        (with_step(lambda w, b: largest(w) / (2 ** (b - 1) - 1), torch.floor), "rounded down"),
        (with_step(lambda w, b: largest(w) / (2 ** (b - 1) - 1), torch.trunc), "towards 0"),
        (with_step(lambda w, b: largest(w) / (2 ** (b - 1) - 1), torch.ceil), "rounded up"),
        (lambda w, b: (w / largest(w) * (2 ** (b - 1) - 1)).round(), "whole numbers that would be stored"),
        (lambda w, b: w.clone(), "nothing is rounded"),
        (nb21._between, "here they lie around 0"),
        (with_step(lambda w, b: w.amax(1, keepdim=True) / (2 ** (b - 1) - 1)), "may be negative"),
        (with_step(lambda w, b: 1 / (2 ** (b - 1) - 1)), "the largest weight of a row is missing"),
        (with_step(lambda w, b: 2.0**-b), "the step is 2^-bits for all"),
        (with_step(lambda w, b: largest(w) / (2 ** (b - 1) - 1)), "a row of zeros"),
        (lambda w, b: torch.nan_to_num(with_step(lambda w, b: largest(w) / (2 ** (b - 1) - 1))(w, b), nan=1.0),
         "should stay a row of zeros"),
        (lambda w, b: good(w, b)[0], "the shape should be"),
        (lambda w, b: w.mul_(0), "changes weight"),
    ],
)  # fmt: skip
def test_rounding_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb21.rounded, function, fragment=fragment)


# ---------------------------------------------------------------- shared gradients


def test_averages_accept_other_spellings(capsys):
    accepts(capsys, nb21.averaged, nb21._weighted, fragment="cut into equal parts")

    def stacked(gradients, sizes):
        shares = torch.tensor(sizes, dtype=torch.float32) / sum(sizes)
        return torch.tensordot(shares, torch.stack(list(gradients)), dims=1)

    accepts(capsys, nb21.averaged, stacked)
    accepts(capsys, nb21.averaged, lambda g, n: np.average([part.numpy() for part in g], axis=0, weights=n))


def test_the_right_average_is_the_gradient_over_all_images():
    weight = torch.tensor([0.3, -0.7], requires_grad=True)
    points = torch.randn(8, 2, generator=torch.Generator().manual_seed(3))

    def gradient(part):
        return torch.autograd.grad((part @ weight).tanh().mean(), weight)[0]

    parts = points.split([6, 2])
    assert torch.allclose(nb21._weighted([gradient(part) for part in parts], [6, 2]), gradient(points), atol=1e-6)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda g, n: sum(g) / len(g), "right for equal parts only"),
        (lambda g, n: torch.stack(list(g)).mean(0), "right for equal parts only"),
        (lambda g, n: sum(g), "are added up"),
        (lambda g, n: sum(k * part for k, part in zip(n, g, strict=True)), "the *sum* over all images"),
        (lambda g, n: sum(k * part for k, part in zip(n, g, strict=True)) / len(g), "by the number of machines"),
        (lambda g, n: sum(part / k for k, part in zip(n, g, strict=True)), "it is a mean already"),
        (
            lambda g, n: sum(part / k for k, part in zip(n, g, strict=True)) / sum(1 / k for k in n),
            "the weights are upside down",
        ),
        (lambda g, n: sum(g) / sum(n), "divided by all images"),
        (lambda g, n: g[0], "first machine's gradient alone"),
        (lambda g, n: g[-1], "last machine's gradient alone"),
        (lambda g, n: nb21._weighted(g, n).mean(), "the shape should be"),
        (lambda g, n: list(g), "a tensor was expected"),
    ],
)
def test_averages_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb21.averaged, function, fragment=fragment)


# ---------------------------------------------------------------- what is wrong with what


@pytest.mark.parametrize(
    ("checker", "right", "fragment"),
    [
        (nb21.clocks, nb21.CLOCKS, "how it was measured"),
        (nb21.broken_nets, nb21.BROKEN, "look at what it draws"),
    ],
)
def test_words_are_matched(capsys, checker, right, fragment):
    matches(capsys, checker, right, fragment=fragment)


def test_every_letter_has_its_hint():
    assert set(nb21._CLOCK_HINTS) == set(nb21.CLOCKS) and set(nb21._BROKEN_HINTS) == set(nb21.BROKEN)
