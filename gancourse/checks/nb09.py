"""Checkers of notebook 09: the gradient penalty, its weight, and what a log says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows, same, show
from gancourse.checks.framework import NotYet, call, choices, exercise, number

__all__ = ["gradient_penalty", "meanings", "weight_for"]

Critic = Callable[[Tensor], Tensor]


# ---------------------------------------------------------------- exercise 1


def _norms(gradient: Tensor) -> Tensor:
    return gradient.flatten(1).norm(dim=1)


def _penalty(
    *,
    at: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda real, fake, e: e * real + (1 - e) * fake,
    norm: Callable[[Tensor], Tensor] = _norms,
    cost: Callable[[Tensor], Tensor] = lambda norms: (norms - 1).square().mean(),
) -> Callable[[Critic, Tensor, Tensor, Tensor], Tensor]:
    """Return the right penalty, or with another argument a mistake."""

    def formula(critic: Critic, real: Tensor, fake: Tensor, e: Tensor) -> Tensor:
        points = at(real, fake, e.reshape(-1, *[1] * (real.ndim - 1))).detach().requires_grad_()
        return cost(norm(torch.autograd.grad(critic(points).sum(), points, create_graph=True)[0]))

    return formula


_ONE = "each sample has one norm, over all its other axes"
_PENALTY_MISTAKES: Mistakes = [
    (
        _penalty(cost=lambda n: (n.square() - 1).square().mean()),
        "the root is missing: the *squared* norm has 1 taken off",
    ),
    (_penalty(cost=lambda n: n.square().mean()), "this is E|∇D|², which asks for slope 0 (R1's norm)"),
    (
        _penalty(cost=lambda n: n.square().mean() - 1),
        "1 is taken off the *square*; the distance from slope 1 is squared",
    ),
    (_penalty(cost=lambda n: (n - 1).abs().mean()), "the distance from slope 1 is not squared"),
    (_penalty(cost=lambda n: (n - 1).mean()), "the distance from slope 1 is not squared"),
    (
        _penalty(cost=lambda n: (n.mean() - 1).square()),
        "the mean is taken before the square, so that steep and flat points cancel",
    ),
    (_penalty(cost=lambda n: (n - 1).square().sum()), "this is the sum over the batch; take the mean"),
    (_penalty(cost=lambda n: (n - 1).square().max()), "this is the largest of the batch; take the mean"),
    (
        _penalty(cost=lambda n: (n - 1).clamp(min=0).square().mean()),
        "this is the one-sided penalty: here a slope below 1 pays as well",
    ),
    (_penalty(cost=lambda n: (n + 1).square().mean()), "1 is added and not taken off"),
    (_penalty(cost=lambda n: 10 * (n - 1).square().mean()), "the weight 10 is in it; the bare mean is wanted"),
    (_penalty(norm=lambda g: g.abs()), f"1 is taken off every entry of the gradient, or pixel by pixel; {_ONE}"),
    (_penalty(norm=lambda g: g), f"there is no norm at all: 1 is taken off each entry of the gradient; {_ONE}"),
    (_penalty(norm=lambda g: g.norm(dim=0)), f"the norm runs over the *batch* (dim=0); {_ONE}"),
    (_penalty(norm=lambda g: g.norm()), f"this is one norm over the whole batch; {_ONE}"),
    (
        _penalty(norm=lambda g: g.flatten(1).abs().sum(1)),
        f"the entries are added up; {_ONE}: the root of a sum of squares",
    ),
    (_penalty(norm=lambda g: g.flatten(1).sum(1)), f"the entries are added up; {_ONE}: the root of a sum of squares"),
    (_penalty(norm=lambda g: g.flatten(1).abs().amax(1)), f"this is the largest entry; {_ONE}"),
    (
        _penalty(norm=lambda g: g.flatten(1).square().mean(1).sqrt()),
        "the root is taken of the *mean* over the entries; the norm has their sum",
    ),
    (
        _penalty(norm=lambda g: _norms(g) / len(g)),
        "the gradient of the *mean* score carries 1/N; differentiate the sum of the scores",
    ),
    (
        _penalty(at=lambda r, f, e: r),
        "it looks at the real points only; between real and fake nothing holds the critic",
    ),
    (_penalty(at=lambda r, f, e: f), "it looks at the fake points only"),
    (_penalty(at=lambda r, f, e: torch.cat([r, f])), "it looks at the real and the fake points, not between them"),
    (_penalty(at=lambda r, f, e: (r + f) / 2), "it looks half way only; use e, one for each pair"),
    (
        _penalty(at=lambda r, f, e: e * f + (1 - e) * r),
        "e and 1 − e are exchanged: no harm on average, but here e belongs to real",
    ),
    (
        _penalty(at=lambda r, f, e: e * r + e * f),
        "real and fake have the same weight e, so the point does not lie between",
    ),
    (_penalty(at=lambda r, f, e: e[:1] * r + (1 - e[:1]) * f), "all pairs get the first e; each has its own"),
    (_penalty(at=lambda r, f, e: r + e * (r - f)), "the points lie beyond real, and not between real and fake"),
    (
        _penalty(
            at=lambda r, f, e: e.reshape(-1, 1, 1, 1) * r + (1 - e.reshape(-1, 1, 1, 1)) * f,
        ),
        "e has the four axes of a batch of images, also for points, which have two: it needs as many as `real` has",
    ),
    (_penalty(at=lambda r, f, e: r + e * f), "this is real + e · fake, which does not lie between the two"),
]
_IMAGE_MISTAKES: Mistakes = [
    (
        _penalty(norm=lambda g: g.norm(dim=1)),
        f"on images your norm runs over the channels: every *pixel's* slope is pulled to 1; {_ONE}",
    ),
    (_penalty(norm=lambda g: g.flatten(2).norm(dim=2)), f"on images you take one norm for each channel; {_ONE}"),
    (
        _penalty(norm=lambda g: g.norm(dim=-1)),
        f"on images your norm runs over the last axis, the columns, only; {_ONE}",
    ),
    (_penalty(norm=lambda g: g.norm(dim=2)), f"on images your norm runs over the rows only; {_ONE}"),
    (
        _penalty(at=lambda r, f, e: e.reshape(-1, 1) * r + (1 - e.reshape(-1, 1)) * f),
        "on images e runs along the rows of pixels, and not over the batch: it needs an axis for each of the image's",
    ),
    (
        _penalty(at=lambda r, f, e: e.flatten() * r + (1 - e.flatten()) * f),
        "on images e runs along the columns of pixels, and not over the batch: it needs an axis for each of the "
        "image's",
    ),
]


@exercise("Exercise 1")
def gradient_penalty(function: Callable[[Critic, Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``gradient_penalty(critic, real, fake, e)``: the mean of (|grad| - 1)^2 at x = e real + (1 - e) fake.

    e: shape (N,). Points or images, one norm for each sample; the result can be differentiated by the critic's weights.

    First met in: notebook 09.
    """
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 5, 2, generator=random)
    e = torch.tensor([0.1, 0.35, 0.5, 0.8, 0.95])
    weight, pixels = torch.tensor([3.0, -4.0]), torch.linspace(-1.0, 1.5, 18).reshape(2, 3, 3)
    told = {
        (steep := lambda x: x @ weight): "D(x) = 3x − 4y, whose slope is 5 everywhere,",
        (gentle := lambda x: 0.1 * x @ weight): "D(x) = 0.3x − 0.4y, whose slope is ½ everywhere,",
        (bent := lambda x: 0.5 * x.square().sum(1)): "the critic |x|²/2, whose slope is |x|,",
        (on_images := lambda x: (x * pixels).flatten(1).sum(1)): "a critic of images of shape (2, 3, 3)",
        (bent_images := lambda x: 0.2 * x.square().flatten(1).sum(1)): "a bent critic of images of shape (2, 3, 3)",
    }
    called = {"name": "gradient_penalty", "names": ("critic", "real", "fake", "e")}
    wanted = {"told": lambda critic, *_: told[critic], "reduce": "a mean", **called}
    points = [(critic, real, fake, e) for critic in (steep, gentle, bent)]
    three = torch.randn(2, 4, 3, generator=random)
    points.append((bent, *three, e[1:]))
    if len({number(call(function, *points[2], **called), reduce="a mean") for _ in range(3)}) > 1:
        raise NotYet(
            "two calls with the same points and the same e give two numbers: use the e that is given, draw none"
        )
    compare(function, points, _penalty(), _PENALTY_MISTAKES, **wanted)
    images = [(critic, *torch.randn(2, 3, 2, 3, 3, generator=random), e[:3]) for critic in (on_images, bent_images)]
    compare(function, images, _penalty(), _IMAGE_MISTAKES, **wanted)
    _ways_back(lambda critic: call(function, critic, real, fake, e, **called), real, fake, e)
    return "For D(x) = w·x it is (|w| − 1)², wherever it looks, and it is finite where the critic is flat."


def _ways_back(answer: Callable[[Critic], Any], real: Tensor, fake: Tensor, e: Tensor) -> None:
    """The penalty's own slope: there at all, right, and finite at a flat critic."""
    weight = torch.tensor([3.0, -4.0, 0.5], requires_grad=True)

    def critic(x: Tensor) -> Tensor:
        return x @ weight[:2] + weight[2] * x.square().sum(1)

    flows(
        answer(critic),
        _penalty()(critic, real, fake, e),
        {"the critic's weights": weight},
        otherwise="the critic would never hear of it. torch.autograd.grad needs create_graph=True",
    )
    flat = torch.zeros(2, requires_grad=True)
    got = answer(lambda x: x @ flat)
    if not same(number(got), 1.0, tolerance=3e-3):
        raise NotYet(f"a flat critic has slope 0, so it pays (0 − 1)² = 1; you return {show(number(got))}")
    (slope,) = torch.autograd.grad(got.sum(), flat)
    if not bool(torch.isfinite(slope).all()):
        raise NotYet(
            "at a flat critic the penalty is 1, but its slope is NaN: the root of a sum of squares is infinitely steep "
            "at 0; torch's own norm knows what to do there, sqrt does not"
        )


# ---------------------------------------------------------------- exercise 2

_WEIGHT_MISTAKES: Mistakes = [
    (lambda w, x: w / x, "the 2 is missing: the mean slope is 1 + W1 / (2λ)"),
    (lambda w, x: 2 * w / x, "the 2 is in the wrong place: the mean slope is 1 + W1 / (2λ)"),
    (
        lambda w, x: w / 2 * x,
        "a bracket is missing, or you multiply by the excess: a *smaller* excess needs a larger λ",
    ),
    (lambda w, x: w * x, "you multiply by the excess: a *smaller* excess needs a larger λ"),
    (lambda w, x: 2 * w * x, "you multiply by the excess: a *smaller* excess needs a larger λ"),
    (lambda w, x: 2 * x / w, "this is one over the answer: a *larger* distance needs a larger λ"),
    (lambda w, x: x / (2 * w), "turned round: a larger distance needs a larger λ"),
    (lambda w, x: x / w, "turned round: a larger distance needs a larger λ"),
    (lambda w, x: w / (2 * (1 + x)), "excess is what the slope has *above* 1: 1 + excess = 1 + W1 / (2λ)"),
    (lambda w, x: w / (2 * (x - 1)), "1 was taken off the excess; it is what the slope has *above* 1 already"),
    (lambda w, x: w / (200 * x), "excess is a share, 0.1 for a tenth, not a percentage"),
    (lambda w, x: 50 * w / x, "excess is a share, 0.1 for a tenth, not a percentage"),
    (lambda w, x: 1 + w / (2 * x), "this adds the 1 of the slope to λ"),
    (lambda w, x: w / (2 * x) - 1, "the 1 of the slope was taken off λ"),
    (lambda w, x: w / (2 * x**2), "the excess is squared"),
    (lambda w, x: -w / (2 * x), "the sign: a weight is positive"),
]


@exercise("Exercise 2")
def weight_for(function: Callable[[float, float], float]) -> str:
    """Check ``weight_for(distance, excess)``: the lambda with which the mean slope is 1 + excess, W1 / (2 excess).

    First met in: notebook 09.
    """
    compare(
        function,
        [(3.0, 0.1), (0.7, 0.25), (40.0, 0.02), (5.0, 1.5)],
        lambda distance, excess: distance / (2 * excess),
        _WEIGHT_MISTAKES,
        name="weight_for",
        names=("distance", "excess"),
        hint="Put your λ into 1 + W1 / (2λ): is that 1 + excess?",
    )
    return "λ has the unit of a distance: scale the data by ten, and λ has to follow."


# ---------------------------------------------------------------- exercise 3

_MEANINGS = {
    1: ("d", "G stands still in it. So which of the two players alone can have changed, and why would it stop?"),
    2: ("a", "the slope is the unit of what the critic says. Did the unit change here? And what did?"),
    3: ("f", "the slope is the unit of what the critic says: compare 5.1 / 1.1 with 0.9 / 0.2"),
    4: ("c", "d_loss is mean fake minus mean real. Which of the two gets the higher scores if it is above 0?"),
    5: ("b", "add a constant to all scores: which of the two losses moves, and which does not?"),
    6: ("e", "work out mean fake minus mean real, and compare it with what was logged"),
}


@exercise("Exercise 3")
def meanings(answers: Mapping[int, Any]) -> str:
    """Check the letters a to f given to the six log lines, by number.

    First met in: notebook 09.
    """
    said = choices(answers, tuple(_MEANINGS), "abcdef", "a letter from a to f for each line")
    for log, (letter, question) in _MEANINGS.items():
        if said[log] is not ... and said[log] != letter:
            raise NotYet(f"line {log} says something else. {question[0].upper()}{question[1:]}")
    if missing := [log for log in _MEANINGS if said[log] is ...]:
        raise NotYet(f"line {missing[0]} has no letter yet")
    return "Each line needs something that the loss alone does not say: the sign, the slope, or what was added to it."
