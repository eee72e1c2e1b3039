"""What tells you that your answer is right: the exercises of notebook 09, Train a WGAN with gradient penalty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, match_mistake, same_number

__all__ = ["gradient_penalty", "meanings", "weight_for"]

# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def gradient_penalty(function: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``gradient_penalty(critic, real, fake, e)``: the mean of (|grad| - 1)^2 at x = e real + (1 - e) fake.

    e: shape (N,). Points or images, one norm for each sample; the result can be differentiated by the critic's weights.

    First met in: notebook 09.
    """
    name = "gradient_penalty"
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 5, 2, generator=random)
    e = torch.tensor([0.1, 0.35, 0.5, 0.8, 0.95])
    weight = torch.tensor([3.0, -4.0])  # |w| = 5: the penalty is 16 wherever it looks
    got = call(function, lambda x: x @ weight, real.clone(), fake.clone(), e.clone(), name=name)
    sizes = 5**0.5
    same = same_number(got, 16.0)  # refuses what is no number
    match_mistake(
        got,
        [
            (576.0, "the norm's root is missing: |w|² − 1 is squared; for D(x) = w·x it should be (|w| − 1)²"),
            (25.0, "this is E|∇D|², which asks for slope 0 (R1's norm); take 1 off the norm, then square"),
            (4.0, "the distance from slope 1 is not squared"),
            (80.0, "this is the sum over the batch; take the mean"),
            (6.5, "one norm for each *coordinate*: every coordinate's slope is pulled to 1; one norm for each sample"),
            (14.5, "no norm at all: 1 is taken off each entry of the gradient; one norm for each sample first"),
            (
                ((3 * sizes - 1) ** 2 + (4 * sizes - 1) ** 2) / 2,
                "the norm runs over the *batch* (dim=0); each sample has a norm of its own, over all other axes",
            ),
            (
                (5 * sizes - 1) ** 2,
                "one norm over the whole batch; each sample has a norm of its own: flatten(1), norm(dim=1)",
            ),
            (0.0, "the gradient of the *mean* score carries 1/N; differentiate the sum of the scores"),
        ],
    )
    if not same:
        raise NotYet(f"for D(x) = 3x − 4y, whose slope is 5 everywhere, it is (5 − 1)² = 16; you return {_short(got)}")
    low = call(function, lambda x: 0.1 * x @ weight, real.clone(), fake.clone(), e.clone(), name=name)
    if same_number(low, 0.0):
        raise NotYet("a slope of ½ costs nothing: this is the one-sided penalty; the two-sided one gives (½ − 1)² = ¼")
    if not same_number(low, 0.25):
        raise NotYet(f"for a slope of ½ it is (½ − 1)² = ¼; you return {float(low):.4g}")
    _where(function, real, fake, e)
    _images(function, e)
    _ways_back(function, real, fake, e)
    return "For D(x) = w·x it is (|w| − 1)², wherever it looks, and it is finite where the critic is flat."


def _where(function: Callable, real: Tensor, fake: Tensor, e: Tensor) -> None:
    """The critic |x|²/2 has the slope |x|: the penalty tells at which points it was taken."""

    def at(points: Tensor) -> float:
        return float((points.norm(dim=1) - 1).square().mean())

    got = call(
        function, lambda x: 0.5 * x.square().sum(1), real.clone(), fake.clone(), e.clone(), name="gradient_penalty"
    )
    mix = e[:, None]
    match_mistake(
        got,
        [
            (at(real), "it looks at the real points only; between real and fake nothing holds the critic"),
            (at(fake), "it looks at the fake points only"),
            ((at(real) + at(fake)) / 2, "it looks at the real and the fake points, not between them"),
            (at((real + fake) / 2), "it looks half way only; use e, one for each pair"),
            (
                at(mix * fake + (1 - mix) * real),
                "e and 1 − e are exchanged: no harm on average, but here e belongs to real",
            ),
        ],
    )
    if not same_number(got, at(mix * real + (1 - mix) * fake)):
        raise NotYet(
            f"for the critic |x|²/2 you return {_short(got)}; at the points e·real + (1 − e)·fake, with the e that "
            f"is given, it is {at(mix * real + (1 - mix) * fake):.4g}"
        )


def _images(function: Callable, e: Tensor) -> None:
    """Images of 2 channels, 3 x 4: a norm over the wrong axes shows here."""
    weight = torch.linspace(-1.0, 1.5, 24).reshape(2, 3, 4)
    real, fake = torch.randn(2, 5, 2, 3, 4, generator=torch.Generator().manual_seed(1))
    got = call(function, lambda x: (x * weight).sum((1, 2, 3)), real, fake, e.clone(), name="gradient_penalty")
    wanted = float((weight.norm() - 1) ** 2)
    right = same_number(got, wanted)
    match_mistake(
        got,
        [
            (
                float((weight.norm(dim=0) - 1).square().mean()),
                "on images your norm runs over the channels: every *pixel's* slope is pulled to 1; flatten(1) first",
            ),
            (
                float((weight.flatten(1).norm(dim=1) - 1).square().mean()),
                "on images you take one norm for each channel; one for each image: flatten(1) first",
            ),
            (
                float((weight.norm(dim=-1) - 1).square().mean()),
                "on images your norm runs over the columns only; one for each image: flatten(1) first",
            ),
        ],
    )
    if not right:
        raise NotYet(f"on images of shape (5, 2, 3, 4) you return {_short(got)} instead of {wanted:.4g}; flatten(1)?")


def _ways_back(function: Callable, real: Tensor, fake: Tensor, e: Tensor) -> None:
    """The penalty's own slope: there at all, right, and finite at a flat critic."""
    weight = torch.tensor([3.0, -4.0], requires_grad=True)
    got = call(function, lambda x: x @ weight, real.clone(), fake.clone(), e.clone(), name="gradient_penalty")
    if not (isinstance(got, Tensor) and got.requires_grad):
        raise NotYet(
            "the number is right, but there is no way back from it to the critic's weights, so the critic would never "
            "hear of it: torch.autograd.grad(..., create_graph=True), and no .item(), .detach() or no_grad"
        )
    (slope,) = torch.autograd.grad(got, weight)
    if not torch.allclose(slope, torch.tensor([4.8, -6.4]), atol=1e-4):
        raise NotYet(
            f"for w = (3, −4) the penalty's slope in w is 2(|w| − 1)·w/|w| = (4.8, −6.4); yours is {slope.tolist()}"
        )
    flat = torch.zeros(2, requires_grad=True)
    got = call(function, lambda x: x @ flat, real.clone(), fake.clone(), e.clone(), name="gradient_penalty")
    if not same_number(got, 1.0, tolerance=1e-3):
        raise NotYet(f"a flat critic has slope 0, so it pays (0 − 1)² = 1; you return {_short(got)}")
    (slope,) = torch.autograd.grad(got, flat)
    if not bool(torch.isfinite(slope).all()):
        raise NotYet(
            "at a flat critic the penalty is 1, but its slope is NaN: the root of a sum of squares is infinitely "
            "steep at 0; .norm(dim=1) knows what to do there, sqrt does not"
        )


def _short(number: Any) -> str:
    return f"{number.item() if isinstance(number, Tensor) else number:.4g}"


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def weight_for(function: Callable[[float, float], float]) -> str:
    """Check ``weight_for(distance, excess)``: the lambda with which the mean slope is 1 + excess, W1 / (2 excess).

    First met in: notebook 09.
    """
    for distance, excess in ((3.0, 0.1), (0.7, 0.25), (40.0, 0.02)):
        got = call(function, distance, excess, name="weight_for")
        right = same_number(got, distance / (2 * excess))
        match_mistake(
            got,
            [
                (distance / excess, "the 2 is missing: the mean slope is 1 + W1 / (2λ)"),
                (2 * distance / excess, "the 2 stands in the wrong place: the mean slope is 1 + W1 / (2λ)"),
                (2 * excess / distance, "this is one over the answer: a *larger* distance needs a larger λ"),
                (excess / (2 * distance), "turned round: a larger distance needs a larger λ"),
                (
                    distance / (2 * (1 + excess)),
                    "excess is what the slope has *above* 1: 1 + excess = 1 + W1 / (2λ), and the ones cancel",
                ),
                (distance / (200 * excess), "excess is a share, 0.1 for a tenth, not a percentage"),
                (50 * distance / excess, "excess is a share, 0.1 for a tenth, not a percentage"),
            ],
        )
        if not right:
            wanted = f"for a distance of {distance:g} and an excess of {excess:g}, λ is {distance / (2 * excess):g}"
            raise NotYet(f"{wanted}; you return {_short(got)}")
    return "λ has the unit of a distance: scale the data by ten, and λ has to follow."


# ---------------------------------------------------------------- exercise 3

_RIGHT = {1: "d", 2: "a", 3: "f", 4: "c", 5: "b", 6: "e"}
_WHY = {
    1: "G stands still, so the samples cannot have come nearer; a critic trained alone rises to its reading and stays",
    2: "the slope stayed, so the unit stayed; what the critic says fell, so the fakes came nearer",
    3: "the slope fell by as much as what the critic says: compare 5.1 / 1.1 with 0.9 / 0.2",
    4: "d_loss is mean fake minus mean real: above 0 means that the fakes get the higher scores",
    5: "a constant added to all scores changes g_loss and nothing else; d_loss, a difference, did not move",
    6: "mean fake minus mean real is 0.2 − 5.1 = −4.9, so d_loss is −4.9; what was logged has 8 more",
}


@exercise("Exercise 3")
def meanings(answers: Mapping[int, Any]) -> str:
    """Check the letters a to f given to the six log lines, by number.

    First met in: notebook 09.
    """
    if not isinstance(answers, Mapping):
        raise NotYet(f"a dict is expected, such as {{1: 'a', 2: 'b'}}, but got {type(answers).__name__}")
    if all(answer is ... for answer in answers.values()):
        raise NotAttempted
    if missing := [line for line in _RIGHT if answers.get(line, ...) is ...]:
        raise NotYet(f"line {missing[0]} has no letter yet")
    for line, wanted in _RIGHT.items():
        got = answers[line]
        if not isinstance(got, str) or got.strip().lower() not in _RIGHT.values():
            raise NotYet(f"line {line} should get one of the letters a to f, but has {got!r}")
        if got.strip().lower() != wanted:
            raise NotYet(f"line {line} says something else: {_WHY[line]}")
    return "Behind each line stands something that the loss alone does not say: the sign, the slope, or what was added."
