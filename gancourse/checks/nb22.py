"""Checkers of notebook 22: a line and its velocity, Euler's steps, losses of pairs, fair races, and broken flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows
from gancourse.checks.framework import NotYet, call, exercise, matched, number, several, tensor

__all__ = ["BROKEN", "RACES", "broken_flows", "euler", "on_the_line", "paired_losses", "races"]

# ---------------------------------------------------------------- exercise 1


def _line(noise: Tensor, image: Tensor, t: float) -> tuple[Tensor, Tensor]:
    return (1 - t) * noise + t * image, image - noise


def _with(point: Callable, velocity: Callable) -> Callable:
    return lambda z, y, t: (point(z, y, t), velocity(z, y, t))


def _point(z: Tensor, y: Tensor, t: float) -> Tensor:
    return (1 - t) * z + t * y


def _turned(z: Tensor, y: Tensor, t: float) -> Tensor:
    return t * z + (1 - t) * y


def _speed(z: Tensor, y: Tensor, t: float) -> Tensor:
    return y - z


_LINE_MISTAKES: Mistakes = [
    (
        _with(_turned, _speed),
        "time is turned round in the point: at t = 0 it has to be the noise, and at t = 1 the image",
    ),
    (
        _with(_turned, lambda z, y, t: z - y),
        "this is the same line, walked the other way: at t = 0 you are at the image. Many papers do so; here t = 0 is "
        "the noise",
    ),
    (
        _with(_point, lambda z, y, t: z - y),
        "the velocity points from the image to the noise; time runs from noise to image",
    ),
    (
        _with(_point, lambda z, y, t: y - _point(z, y, t)),
        "the velocity is what is left of the way. Divide it by the time that is left, or think of the whole line",
    ),
    (
        _with(_point, lambda z, y, t: _point(z, y, t) - z),
        "the velocity is the way that has been covered; a velocity is way *per time*",
    ),
    (
        _with(_point, lambda z, y, t: t * (y - z)),
        "the velocity is the way that has been covered; a velocity is way *per time*",
    ),
    (
        _with(_point, lambda z, y, t: y),
        "the image is where the line ends, and no velocity: take the place where it begins away",
    ),
    (
        _with(_point, lambda z, y, t: y + z),
        "the velocity is a difference of two places, and not their sum",
    ),
    (
        _with(lambda z, y, t: z + t * y, _speed),
        "the noise stays whole: at t = 1 nothing of it should be left",
    ),
    (
        _with(lambda z, y, t: z + t * y, lambda z, y, t: y),
        "the noise stays whole: at t = 1 nothing of it should be left. The velocity follows from that, too",
    ),
    (
        _with(lambda z, y, t: (1 - t) ** 0.5 * z + t**0.5 * y, _speed),
        "with roots as weights this is a bow, and no straight line; its velocity would change on the way",
    ),
    (
        lambda z, y, t: (y - z, _point(z, y, t)),
        "both are right, in the other order: first the point, then the velocity",
    ),
]


@exercise("Exercise 1")
def on_the_line(function: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]) -> str:
    """Check ``on_the_line(noise, image, t)``: the point of the straight line at time t, and its velocity.

    First met in: notebook 22.
    """
    random = torch.Generator().manual_seed(22)
    shapes = ((5,), (4, 1, 3, 3), (2, 7))
    cases = [
        (torch.randn(shape, generator=random), 2 * torch.rand(shape, generator=random) - 1, t)
        for shape, t in zip(shapes, (0.25, 0.6, 0.9), strict=True)
    ]
    compare(
        function,
        cases,
        _line,
        _LINE_MISTAKES,
        name="on_the_line",
        names=("noise", "image", "t"),
        read=lambda got: several(got, 2, "two things, the point and the velocity,", read=tensor),
        parts=("the point", "the velocity"),
        told=lambda z, y, t: f"noise and images of shape {tuple(z.shape)} at t = {t}",
    )
    return "On a straight line the velocity is the same all the way, whatever t is."


# ---------------------------------------------------------------- exercise 2

_Guess = Callable[[Tensor, Any], Tensor]


def _as_number(t: Any, x: Tensor) -> Any:
    """Take a time as a number, or as one for each point."""
    if isinstance(t, Tensor) and t.ndim == 1 and t.shape == x.shape[:1]:
        return t.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype)
    if isinstance(t, Tensor) and t.numel() != 1:
        raise NotYet(f"`guess` wants a time, a number or one for each point, but got shape {tuple(t.shape)}")
    return float(t)


def _two_points(x: Tensor, t: Any) -> Tensor:
    t = _as_number(t, x)
    return torch.tanh(t * x / (1 - t) ** 2)


def _wide(x: Tensor, t: Any) -> Tensor:
    """Guess images from a Gaussian with mean 2 and variance 1/4."""
    t = _as_number(t, x)
    return 2 + 0.25 * t * (x - 2 * t) / (0.25 * t**2 + (1 - t) ** 2)


def _late(x: Tensor, t: Any) -> Tensor:
    """Guess something that leans on the time alone."""
    t = _as_number(t, x)
    return 3 * t - 1 + 0.1 * torch.sin(2 * x)


def _walk(guess: _Guess, noise: Tensor, steps: int, move: Callable[..., Tensor], count: int | None = None) -> Tensor:
    x = noise
    for k in range(steps if count is None else count):
        x = move(guess, x, k / steps, 1 / steps, noise)
    return x


def _euler_step(guess: _Guess, x: Tensor, t: float, h: float, noise: Tensor) -> Tensor:
    return x + h * (guess(x, t) - x) / (1 - t)


def _moved(move: Callable[..., Tensor]) -> Callable[[_Guess, Tensor, int], Tensor]:
    return lambda guess, noise, steps: _walk(guess, noise, steps, move)


_EULER_MISTAKES: Mistakes = [
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t) - x)),
        "guess minus x is the *way* that is left. The velocity is that way divided by the time that is left",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t) - x) * (1 - t)),
        "the way that is left is multiplied by the time that is left. A velocity is way *per* time",
    ),
    (
        _moved(lambda g, x, t, h, z: x + (g(x, t) - x) / (1 - t)),
        "each step adds the whole velocity. A step lasts 1 / steps, so it goes that share of it",
    ),
    (
        _moved(lambda g, x, t, h, z: g(x, t)),
        "each step jumps to the guess. A step goes only as far as the velocity leads in 1 / steps",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, 0.0) - x) / (1 - t)),
        "the guess is asked at t = 0 in every step. The time has to move on",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, 0.0) - x)),
        "the time stays 0 in every step. It has to move on",
    ),
    (
        _moved(lambda g, x, t, h, z: x - h * (g(x, t) - x) / (1 - t)),
        "the step goes away from the guess: a sign is turned round",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (x - g(x, t)) / (1 - t)),
        "the step goes away from the guess: a sign is turned round",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t) - z)),
        "you subtract the noise where the walk began. The line through x that the guess speaks of begins elsewhere: "
        "use x and the time that is left",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(z, t) - x) / (1 - t)),
        "the guess is asked about the noise in every step. Ask about the place where the walk is now",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t) - z) / (1 - t)),
        "you subtract the noise where the walk began, and divide by the time that is left. What way is left from x?",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * g(x, t)),
        "the guess is where the line *ends*. The velocity is the way to there, divided by the time that is left",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, 1 - t - h) - x) / (1 - t)),
        "the guess is asked at times that run backwards, from near 1 to 0",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t) - x) / (1 - t + h)),
        "the time that is left is too long by one step: at the beginning of step k it is 1 - k / steps",
    ),
    (
        _moved(lambda g, x, t, h, z: x + h * (g(x, t + h / 2) - x) / (1 - t - h / 2)),
        "the guess is asked in the middle of each step. Euler's rule asks where the step begins",
    ),
    (
        lambda g, z, n: _walk(g, z, n, _euler_step, count=n - 1),
        "one step is missing: the walk stops before t = 1",
    ),
    (
        lambda g, z, n: z,
        "the noise comes back as it was: is the result of a step kept?",
    ),
]


@exercise("Exercise 2")
def euler(function: Callable[[_Guess, Tensor, int], Tensor]) -> str:
    """Check ``euler(guess, noise, steps)``: follow (guess - x) / (1 - t) from t = 0 to 1 in equal steps.

    The guess takes a time as a number, or one for each point.

    First met in: notebook 22.
    """
    random = torch.Generator().manual_seed(23)
    cases = [
        (guess, torch.randn(shape, generator=random), steps)
        for guess, shape, steps in ((_two_points, (6,), 4), (_wide, (5, 2), 3), (_late, (4,), 6), (_wide, (3,), 1))
    ]

    def read(got: Any) -> Tensor:
        if isinstance(got, (list, tuple)):
            raise NotYet("a list came back; only the points at the end of the walk are wanted")
        found = tensor(got)
        if not bool(found.isfinite().all()):
            raise NotYet(
                "something was divided by 0, or nearly: the last time to ask at is 1 - 1 / steps, and never 1. Which "
                "times does your loop go through?"
            )
        return found

    compare(
        function,
        cases,
        lambda guess, noise, steps: _walk(guess, noise, steps, _euler_step),
        _EULER_MISTAKES,
        name="euler",
        names=("guess", "noise", "steps"),
        read=read,
        told=lambda guess, noise, steps: f"{len(noise)} noises and {steps} step{'s' if steps > 1 else ''}",
        tolerance=1e-4,
    )
    return "The last step always lands on the guess itself."


# ---------------------------------------------------------------- exercise 5


def _of(d: Callable, g: Callable) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return lambda r, f: (d(r, f), g(r, f))


def _d(r: Tensor, f: Tensor) -> Tensor:
    return F.softplus(f - r).mean()


def _g(r: Tensor, f: Tensor) -> Tensor:
    return F.softplus(r - f).mean()


_PAIR_MISTAKES: Mistakes = [
    (_of(_g, _d), "the two losses are exchanged: D wants the real image to have the larger logit"),
    (_of(_d, _d), "G's loss is D's. G wants the fake to have the larger logit"),
    (_of(_g, _g), "D's loss is G's. D wants the real image to have the larger logit"),
    (
        _of(_d, lambda r, f: -_d(r, f)),
        "G's loss is minus D's. That is the minimax form, flat where D is sure: turn the *pair* round instead",
    ),
    (
        _of(_d, lambda r, f: F.softplus(-f).mean()),
        "G's loss does not look at the real logits: that is the non-saturating loss. A pair has two members",
    ),
    (
        _of(lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(), lambda r, f: F.softplus(-f).mean()),
        "each image is judged by itself: these are the non-saturating losses. Only the *difference* of a pair counts",
    ),
    (
        _of(lambda r, f: F.softplus(f.mean() - r).mean(), lambda r, f: F.softplus(r.mean() - f).mean()),
        "each image is compared with the mean of the others, which is the relativistic *average*. Compare each pair",
    ),
    (
        _of(lambda r, f: F.softplus(f.mean() - r.mean()), lambda r, f: F.softplus(r.mean() - f.mean())),
        "the means are compared. Compare each pair, and take the mean of the losses",
    ),
    (
        _of(lambda r, f: (f - r).mean(), lambda r, f: (r - f).mean()),
        "the softplus is missing: these are the differences themselves, the critic's losses of notebook 08",
    ),
    (
        _of(lambda r, f: -torch.sigmoid(r - f).mean(), lambda r, f: -torch.sigmoid(f - r).mean()),
        "these are probabilities; the logarithm of them is wanted, and softplus is minus log σ",
    ),
    (
        _of(lambda r, f: torch.sigmoid(f - r).mean(), lambda r, f: torch.sigmoid(r - f).mean()),
        "these are probabilities; the logarithm of them is wanted, and softplus is minus log σ",
    ),
    (
        _of(lambda r, f: F.softplus(f - r).sum(), lambda r, f: F.softplus(r - f).sum()),
        "the pairs are summed; take their mean, or a larger batch takes larger steps",
    ),
    (
        _of(lambda r, f: F.relu(1 + f - r).mean(), lambda r, f: F.relu(1 + r - f).mean()),
        "this is a hinge of the difference; the softplus is wanted",
    ),
    (
        _of(lambda r, f: F.softplus(f[:, None] - r).mean(), lambda r, f: F.softplus(r[:, None] - f).mean()),
        "every fake is compared with every real image. That is a good idea, but no longer this loss: one pair each",
    ),
    (
        _of(lambda r, f: F.softplus((f - r).abs()).mean(), lambda r, f: F.softplus((r - f).abs()).mean()),
        "the absolute difference does not say who of the two is ahead",
    ),
]


@exercise("Exercise 5")
def paired_losses(function: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> str:
    """Check ``paired_losses(real_logits, fake_logits)``: D's and G's loss of pairs, with gradients.

    First met in: notebook 22.
    """
    random, names = torch.Generator().manual_seed(24), ("real_logits", "fake_logits")
    cases = [
        (1.5 * torch.randn(n, generator=random) + shift, 1.5 * torch.randn(n, generator=random) - 0.3)
        for n, shift in ((5, 0.4), (4, 1.0), (7, -0.8))
    ]

    def read(got: Any) -> tuple[float, ...]:
        return several(got, 2, "two losses, D's and G's,", read=lambda part: number(part, reduce="a mean"))

    compare(
        function,
        cases,
        _of(_d, _g),
        _PAIR_MISTAKES,
        name="paired_losses",
        names=names,
        read=read,
        parts=("D's loss", "G's loss"),
        told=lambda r, f: f"{len(r)} pairs",
    )
    real, fake = (part.clone().requires_grad_() for part in cases[0])
    mine = call(function, real, fake, name="paired_losses", names=names)
    for got, right, what in zip(mine, (_d(real, fake), _g(real, fake)), ("D's loss", "G's loss"), strict=True):
        parts = {"fake_logits": fake} if what == "G's loss" else {"real_logits": real, "fake_logits": fake}
        flows(got, right, parts, otherwise="nothing would be learnt", what=what)
    return "Add the same number to all logits and neither loss changes: only differences count."


# ---------------------------------------------------------------- exercise 3

RACES: Mapping[str, str] = {
    "A": "one side was tuned",
    "B": "chosen and judged on the same seed",
    "C": "equal steps, unequal time",
    "D": "judged by its own teacher",
    "E": "fair",
}
"""Letter of each race in the notebook -> what is wrong with it."""

_RACE_HINTS = {
    "A": "count the settings that each side of A was given a chance with",
    "B": "in B, the numbers that chose the rate are also the numbers that are reported",
    "C": "what does a step of each cost in C?",
    "D": "in D, one side was trained with the very features that the distance is computed on",
    "E": "in E, look for a difference between the two sides. Is there one?",
}


@exercise("Exercise 3")
def races(answers: Mapping[str, Any]) -> str:
    """Check what is said to be wrong with each of five races.

    First met in: notebook 22.
    """
    matched(answers, RACES, "what is wrong for each letter", _RACE_HINTS)
    return "None of the four faults shows in the table that is printed: ask how it was made."


# ---------------------------------------------------------------- exercise 4

BROKEN: Mapping[str, str] = {
    "A": "the noise is uniform between 0 and 1",
    "B": "the way is not divided by 1 − t",
    "C": "the time stays 0",
    "D": "the time runs backwards",
}
"""Letter of each row in the notebook's picture -> what is broken in its sampler."""

_BROKEN_HINTS = {
    "A": "in A every noise leads to nearly the same image, and a sharp one. What have these noises in common?",
    "B": "in B the digits come out, and noise is left over: the walk does not arrive",
    "C": "C shows the mean of all images. At which time is that the right guess?",
    "D": "D is sharp, and draws some images far too often. What was the guess told at the beginning of the walk?",
}


@exercise("Exercise 4")
def broken_flows(answers: Mapping[str, Any]) -> str:
    """Check which broken sampler drew which row.

    First met in: notebook 22.
    """
    matched(answers, BROKEN, "what is broken for each letter", _BROKEN_HINTS)
    return "Two of the four draw perfect digits. What is wrong shows in a count of them."
