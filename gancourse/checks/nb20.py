"""Checkers of notebook 20: the best change for a straight line, the nearest point of the ball, the worst of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, choices, exercise, number, tensor

__all__ = ["fgsm", "into_ball", "masked", "worst_of_all"]


def _digits(n: int, size: int, random: torch.Generator) -> Tensor:
    """Return images with much pure black and white, as digits have it, shape (n, 1, size, size)."""
    return (4 * torch.rand(n, 1, size, size, generator=random) - 2).clamp(-1, 1)


def _shape_of(*args: Any) -> str:
    return f"{len(args[0])} images of {args[0].shape[-1]} by {args[0].shape[-1]}, eps = {args[2]:g}"


# ---------------------------------------------------------------- exercise 1


def _along(step: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, Tensor, float], Tensor]:
    """Return the attack that adds this step and stays within black and white."""
    return lambda images, slopes, eps: (images + step(slopes, eps)).clamp(-1, 1)


def _lengths(slopes: Tensor) -> Tensor:
    return slopes.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def _largest(slopes: Tensor) -> Tensor:
    return slopes.flatten(1).abs().amax(dim=1).view(-1, 1, 1, 1)


_FGSM_MISTAKES: Mistakes = [
    (
        _along(lambda s, e: e * s.sign()),
        "the step is half as long as it may be: `eps` is a share of the way from black (-1) to white (1). How long is "
        "that way?",
    ),
    (
        lambda x, s, e: x + 2 * e * s.sign(),
        "some pixels leave [-1, 1]: no image has them",
    ),
    (
        lambda x, s, e: x + e * s.sign(),
        "the step is half as long as it may be (the way from black to white is 2), and some pixels leave [-1, 1]",
    ),
    (
        _along(lambda s, e: -2 * e * s.sign()),
        "this goes *down* the loss, and makes the net surer of the right digit",
    ),
    (
        _along(lambda s, e: -e * s.sign()),
        "this goes *down* the loss; and the step is half as long as it may be",
    ),
    (
        lambda x, s, e: x - 2 * e * s.sign(),
        "this goes *down* the loss, and leaves [-1, 1]",
    ),
    (
        _along(lambda s, e: 2 * e * s),
        "the slopes are added as they are: pixels with small slopes hardly move, though each may move by the same. "
        "Only their sign is wanted",
    ),
    (
        lambda x, s, e: x + 2 * e * s,
        "the slopes are added as they are, where only their sign is wanted; and [-1, 1] is not kept",
    ),
    (
        _along(lambda s, e: e * s),
        "the slopes are added as they are: pixels with small slopes hardly move, though each may move by the same. "
        "Only their sign is wanted",
    ),
    (
        _along(lambda s, e: 2 * e * s / _lengths(s)),
        "the slopes are divided by their length: that is the best step where the *length* of the change is limited. "
        "Here each pixel has a limit of its own",
    ),
    (
        _along(lambda s, e: 2 * e * s / _largest(s)),
        "the slopes are divided by the largest, so only one pixel goes as far as it may. Only their sign is wanted",
    ),
    (
        _along(lambda s, e: 2 * e * s.abs()),
        "every pixel gets brighter: the signs of the slopes are lost",
    ),
    (
        lambda x, s, e: (x + 2 * e * s.sign()).clamp(0, 1),
        "the result is cut off to [0, 1]; images lie in [-1, 1]",
    ),
    (
        lambda x, s, e: (x + e * s.sign()).clamp(0, 1),
        "the result is cut off to [0, 1]; images lie in [-1, 1], so that the step may also be twice as long",
    ),
    (
        lambda x, s, e: 2 * e * s.sign(),
        "this is the change alone; it has to be added to the images",
    ),
    (
        lambda x, s, e: (2 * e * s.sign()).clamp(-1, 1),
        "this is the change alone; it has to be added to the images",
    ),
    (
        lambda x, s, e: (x.sign() * 2 * e + x).clamp(-1, 1),
        "the sign is taken of the images, not of the slopes",
    ),
    (lambda x, s, e: x, "the images come back as they were"),
]


@exercise("Exercise 1")
def fgsm(function: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Check ``fgsm(images, slopes, eps)``: each pixel goes as far as it may, to the side where the loss rises.

    First met in: notebook 20.
    """
    random = torch.Generator().manual_seed(20)
    cases = []
    for n, size, eps in ((3, 4, 0.1), (2, 5, 0.25), (4, 3, 0.02)):
        slopes = torch.randn(n, 1, size, size, generator=random)
        cases.append((_digits(n, size, random), slopes + 0.05 * slopes.sign(), eps))
    compare(
        function,
        cases,
        _along(lambda s, e: 2 * e * s.sign()),
        _FGSM_MISTAKES,
        name="fgsm",
        names=("images", "slopes", "eps"),
        read=tensor,
        told=_shape_of,
    )
    return "Each pixel moves by the same, whether its slope is large or small."


# ---------------------------------------------------------------- exercise 2


def _nearest(moved: Tensor, images: Tensor, eps: float) -> Tensor:
    return torch.minimum(torch.maximum(moved, images - 2 * eps), images + 2 * eps).clamp(-1, 1)


def _far(change: Tensor) -> Tensor:
    return change.flatten(1).abs().amax(dim=1).view(-1, 1, 1, 1)


_BALL_MISTAKES: Mistakes = [
    (
        lambda m, x, e: torch.minimum(torch.maximum(m, x - e), x + e).clamp(-1, 1),
        "the ball is half as wide as it may be: `eps` is a share of the way from black (-1) to white (1)",
    ),
    (
        lambda m, x, e: torch.minimum(torch.maximum(m, x - e), x + e),
        "the ball is half as wide as it may be (the way from black to white is 2), and some pixels leave [-1, 1]",
    ),
    (
        lambda m, x, e: torch.minimum(torch.maximum(m, x - 2 * e), x + 2 * e),
        "the result is within eps of the images, but some pixels leave [-1, 1]",
    ),
    (
        lambda m, x, e: m.clamp(-1, 1),
        "the result lies in [-1, 1], but not within eps of the images",
    ),
    (
        lambda m, x, e: m.clamp(-2 * e, 2 * e),
        "the *image* is cut off to ± 2 eps, and is nearly grey. What is limited is its distance from `images`",
    ),
    (
        lambda m, x, e: m.clamp(-e, e),
        "the *image* is cut off to ± eps, and is nearly grey. What is limited is its distance from `images`",
    ),
    (
        lambda m, x, e: (m - x).clamp(-2 * e, 2 * e),
        "this is the change alone; it has to be added to the images",
    ),
    (
        lambda m, x, e: (m - x).clamp(-e, e),
        "this is the change alone (and half of what it may be); it has to be added to the images",
    ),
    (
        lambda m, x, e: (x + (m - x) * (2 * e / _far(m - x)).clamp(max=1)).clamp(-1, 1),
        "the whole change is made smaller until its largest part fits. That is inside the ball, and not the nearest "
        "point: each pixel has a limit of its own",
    ),
    (
        lambda m, x, e: (x + 2 * e * (m - x) / _far(m - x)).clamp(-1, 1),
        "the whole change is scaled until its largest part is 2 eps. Each pixel has a limit of its own, and one that "
        "keeps it stays where it is",
    ),
    (
        lambda m, x, e: (x + (m - x) * (2 * e / _lengths(m - x)).clamp(max=1)).clamp(-1, 1),
        "the *length* of the change is limited. Here each pixel has a limit of its own",
    ),
    (
        lambda m, x, e: (x + 2 * e * (m - x).sign()).clamp(-1, 1),
        "every pixel is put on the border of the ball. One that is inside already stays where it is",
    ),
    (
        lambda m, x, e: torch.maximum(torch.minimum(m, x - 2 * e), x + 2 * e).clamp(-1, 1),
        "minimum and maximum are mixed up: the larger of `moved` and the lower end, the smaller of that and the upper",
    ),
    (
        lambda m, x, e: torch.minimum(torch.maximum(x, m - 2 * e), m + 2 * e).clamp(-1, 1),
        "`moved` and `images` are mixed up: this brings the images near to what was moved",
    ),
    (
        lambda m, x, e: torch.minimum(torch.maximum(m, x - 2 * e), x + 2 * e).clamp(0, 1),
        "the result is cut off to [0, 1]; images lie in [-1, 1]",
    ),
    (
        lambda m, x, e: torch.where((m - x).abs() <= 2 * e, m, x).clamp(-1, 1),
        "a pixel that went too far is put back to where it came from; the nearest point is at the border of its limit",
    ),
    (lambda m, x, e: x, "the images come back as they were before any step"),
    (lambda m, x, e: m, "what was moved comes back as it is"),
]


@exercise("Exercise 2")
def into_ball(function: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Check ``into_ball(moved, images, eps)``: the nearest images that are allowed.

    First met in: notebook 20.
    """
    random = torch.Generator().manual_seed(21)
    cases = []
    for n, size, eps, far in ((3, 4, 0.1, 4.0), (2, 5, 0.2, 4.0), (4, 3, 0.04, 4.0), (2, 3, 0.3, 0.3)):
        images = _digits(n, size, random)  # in the last case nothing has gone too far, but for black and white
        cases.append((images + far * eps * torch.randn(images.shape, generator=random), images, eps))
    compare(
        function,
        cases,
        _nearest,
        _BALL_MISTAKES,
        name="into_ball",
        names=("moved", "images", "eps"),
        read=tensor,
        told=_shape_of,
    )
    return "One pixel at a time: in this ball the nearest point needs no square root."


# ---------------------------------------------------------------- exercise 3


def _right(reads: Tensor, labels: Tensor) -> Tensor:
    return (reads == labels).double()


_WORST_MISTAKES: Mistakes = [
    (
        lambda r, y: _right(r, y).mean(),
        "this is the mean over all attacks and images. An attacker shows the image that works, not the average one",
    ),
    (
        lambda r, y: _right(r, y).mean(1).min(),
        "this is the accuracy under the worst *single* attack. Another image may fall to another attack: choose for "
        "each image",
    ),
    (
        lambda r, y: _right(r, y).mean(1).max(),
        "this is the accuracy under the weakest attack",
    ),
    (
        lambda r, y: _right(r, y).amax(0).mean(),
        "an image counts here as soon as it survives *one* attack. It has to survive all",
    ),
    (
        lambda r, y: 1 - _right(r, y).amin(0).mean(),
        "this is the share that falls; the share that is still read right is wanted",
    ),
    (
        lambda r, y: _right(r, y).amin(0).sum(),
        "this is how many images survive; their share is wanted",
    ),
    (
        lambda r, y: _right(r, y).amin(1).mean(),
        "this is the share of *attacks* that never succeed. Go through the attacks for each image (axis 0)",
    ),
    (
        lambda r, y: _right(r, y).mean(1).prod(),
        "the accuracies are multiplied, as if attacks chose images by chance. Look which image falls to which",
    ),
    (
        lambda r, y: (r.double().mean(0).round() == y).double().mean(),
        "the digits that were read are averaged. 3 and 9 do not make a 6",
    ),
    (
        lambda r, y: (r.mode(0).values == y).double().mean(),
        "the attacks vote. One success is enough for an attacker",
    ),
    (
        lambda r, y: (r == r[0]).double().amin(0).mean(),
        "this asks whether all attacks lead to the *same* answer. They have to lead to the right one",
    ),
]


@exercise("Exercise 3")
def worst_of_all(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``worst_of_all(reads, labels)``: the share of images that are read right under every attack.

    First met in: notebook 20.
    """
    random = torch.Generator().manual_seed(22)
    cases = []
    for attacks, n, often in ((4, 20, 0.85), (2, 30, 0.7), (5, 12, 0.9)):
        labels = torch.randint(10, (n,), generator=random)
        wrong = (labels + torch.randint(1, 10, (attacks, n), generator=random)) % 10
        reads = torch.where(torch.rand(attacks, n, generator=random) < often, labels, wrong)
        reads[:, :2] = wrong[0, :2]  # a net may always read an image as the same other digit
        cases.append((reads, labels))

    def read(got: Any) -> float:
        if isinstance(got, Tensor) and got.numel() > 1:
            words = "is a mean over the images missing?" if got.ndim == 1 else "is it `all` over the attacks?"
            raise NotYet(f"one number was expected, but got a tensor of shape {tuple(got.shape)}; {words}")
        if isinstance(got, Tensor) and got.dtype == torch.bool:
            got = got.float()
        return number(got)

    compare(
        function,
        cases,
        lambda r, y: _right(r, y).amin(0).mean(),
        _WORST_MISTAKES,
        name="worst_of_all",
        names=("reads", "labels"),
        read=read,
        told=lambda r, y: f"{len(r)} attacks on {r.shape[1]} images",
    )
    return "An image counts only if nothing that was tried gets through."


# ---------------------------------------------------------------- exercise 4

HIDDEN: Mapping[str, str] = {"A": "hidden", "B": "honest", "C": "hidden", "D": "honest"}
"""Letter of each net in the notebook's table -> whether its accuracy under PGD is honest, or its slopes are hidden."""

_WHY = {
    "A": "PGD leaves A all that noise leaves it. Then look at its last two columns, which use none of its slopes",
    "B": "within the same limit no column of B is below PGD's. Which would tell you that PGD has missed something?",
    "C": "without a limit any image may become any other, and PGD still leaves C some digits. And its last column?",
    "D": "within the same limit PGD brings D down furthest. A weak net can have honest numbers",
}


@exercise("Exercise 4")
def masked(answers: Mapping[str, Any]) -> str:
    """Check for which nets the accuracy under PGD is honest, and for which the slopes are hidden.

    First met in: notebook 20.
    """
    said = choices(answers, tuple(HIDDEN), ("hidden", "honest"), "'hidden' or 'honest' for each letter")
    if missing := [letter for letter in HIDDEN if said[letter] is ...]:
        raise NotYet(f"there is no answer for {missing[0]!r} yet")
    if wrong := [letter for letter in HIDDEN if said[letter] != HIDDEN[letter]]:
        raise NotYet(f"{len(wrong)} of the {len(HIDDEN)} are wrong. Look again: {_WHY[wrong[0]]}")
    return "An attack that fails says little; an attack that fails where a cruder one succeeds says a lot."
