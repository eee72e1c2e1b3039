"""Checkers of notebook 06: the range of images, four faulty pictures, a grid, a walk on the sphere, copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, same_tensor

__all__ = ["diagnosis", "grid", "nearest_distances", "normalise", "slerp", "wrong_line"]


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def normalise(forth: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> str:
    """Check ``forth(pixels)``, bytes to floats in [-1, 1], and ``back(images)``, the way back.

    First met in: notebook 06.
    """
    pixels = torch.tensor([0, 51, 102, 204, 255], dtype=torch.uint8).reshape(1, 1, 1, 5)
    wanted = torch.tensor([-1.0, -0.6, -0.2, 0.6, 1.0]).reshape(pixels.shape)
    given = pixels.clone()
    got = _tensor(call(forth, given, name="the first function"), pixels.shape, "the first function")
    if not torch.equal(given, pixels):
        raise NotYet("the first function changed the pixels it was given; leave them as they are")
    x = pixels.double()
    for mistake, sentence in (
        (x / 255, "these values lie in [0, 1]: half of what tanh can reach would never occur in the data"),
        (x / 127.5, "these values lie in [0, 2]; shift them down by 1"),
        (
            (x - x.mean()) / x.std(),
            "this standardises: mean 0 and deviation 1, but no fixed ends. On MNIST white becomes about 3, "
            "which tanh cannot reach; black must be −1 and white 1, whatever the batch",
        ),
        (2 * x - 1, "divide by 255 first: these values go up to 509"),
        (1 - x / 127.5, "black and white are exchanged: 0 is black and becomes −1"),
        (x - 127.5, "these values lie between −127.5 and 127.5: divide as well"),
    ):
        if _close(got, mistake):
            raise NotYet(sentence)
    if _close(got, x / 128 - 1, 1e-4):
        raise NotYet("255 becomes 0.992 and not 1: half of 255 is 127.5")
    if not _close(got, wanted):
        raise NotYet(
            f"0, 51, 102, 204, 255 become {_listed(got)}; they should become −1, −0.6, −0.2, 0.6, 1"
            + ("; bytes wrap round at 256, so turn them into floats first" if not got.is_floating_point() else "")
        )
    if got.dtype != torch.float32:
        raise NotYet(f"the values are right, but of type {got.dtype}; networks want torch.float32")
    greys = torch.tensor([51, 102], dtype=torch.uint8).reshape(1, 1, 1, 2)
    if not _close(call(forth, greys, name="the first function"), wanted[..., 1:3]):
        raise NotYet(
            "a batch of greys only was stretched: 0 and 255 are the fixed points, not min and max of the batch"
        )
    everything = torch.arange(256).to(torch.uint8).reshape(1, 1, 16, 16)
    floats = everything.float() / 127.5 - 1
    result = _tensor(call(back, floats.clone(), name="the second function"), floats.shape, "the second function")
    if _close(result, everything.double() / 255):
        raise NotYet("the second function ends in [0, 1]; pixels go from 0 to 255")
    if result.dtype != torch.uint8:
        raise NotYet(f"the second function returns {result.dtype}; pixels are torch.uint8, and .byte() makes them")
    wrong = int((result != everything).sum())
    if wrong and int((result.int() - everything.int()).abs().max()) == 1:
        raise NotYet(f"{wrong} of the 256 greys come back one too dark: .byte() cuts off, so .round() first")
    if wrong:
        raise NotYet(
            f"{wrong} of the 256 greys do not come back as they were; undo the two operations in reverse order"
        )
    if call(back, torch.tensor([[[[-1.2, 1.2]]]]), name="the second function").flatten().tolist() != [0, 255]:
        raise NotYet("values a little outside [−1, 1] wrap round; cut them with .clamp(0, 255) before .byte()")
    return "All 256 greys come back as they were."


# ---------------------------------------------------------------- exercise 2

_CAUSES = {"A": "3", "B": "1", "C": "4", "D": "2"}
_WHY = {
    "A": "picture A is grey where it should be black, and nothing is darker than middle grey",
    "B": "picture B is right in black and white, and speckled where the greys should be",
    "C": "picture C has orange spots: values above 1, which the grid refuses to hide",
    "D": "picture D is a digit cut off at the edges: something is too large for its frame",
}


@exercise("Exercise 2")
def diagnosis(answer: Any) -> str:
    """Check which of four causes belongs to which of four pictures: a dict such as {"A": 1, "B": 2, …}.

    First met in: notebook 06.
    """
    if not isinstance(answer, dict) or set(answer) != set(_CAUSES):
        raise NotYet('a dict with the keys "A", "B", "C" and "D" is wanted, a number from 1 to 4 for each')
    if all(cause is ... for cause in answer.values()):
        raise NotAttempted
    if any(cause is ... for cause in answer.values()):
        raise NotYet("not every picture has its number yet")
    said = {picture: str(cause) for picture, cause in answer.items()}
    if sorted(said.values()) != ["1", "2", "3", "4"]:
        raise NotYet("every number from 1 to 4 is used exactly once")
    wrong = [picture for picture in _CAUSES if said[picture] != _CAUSES[picture]]
    if wrong:
        raise NotYet(f"{len(wrong)} of the four are wrong. Look again: {_WHY[wrong[0]]}")
    return "Four faults that raise no error; the eye and the range find them."


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def grid(function: Callable[[Tensor, int], Tensor]) -> str:
    """Check ``grid(images, columns)``: N images of one channel as one picture, row by row.

    First met in: notebook 06.
    """
    images = torch.arange(6 * 2 * 3).reshape(6, 1, 2, 3).float()  # six images of 2 by 3, each number once
    wanted = torch.cat([torch.cat([image[0] for image in images[row : row + 3]], dim=1) for row in (0, 3)])
    by_column = torch.cat([torch.cat([image[0] for image in images[column::2]], dim=1) for column in (0, 1)])
    got = call(function, images.clone(), 3, name="grid")
    if not isinstance(got, Tensor):
        raise NotYet(f"a tensor was expected, but got {type(got).__name__}")
    if tuple(got.shape) == (1, 4, 9):
        got = got[0]
    if got.shape != (4, 9):
        turned = "; rows and columns are exchanged" if tuple(got.shape) == (6, 6) else ""
        raise NotYet(
            f"six images of 2 by 3 in 3 columns make a picture of 4 by 9, but yours is {tuple(got.shape)}{turned}"
        )
    for mistake, sentence in (
        (
            images.reshape(4, 9),
            "the numbers are all there but torn apart: reshape alone keeps the order in memory. The axes (row, column, "
            "height, width) have to become (row, height, column, width) first: permute or transpose",
        ),
        (by_column, "the second image stands below the first; the grid is filled row by row, as one reads"),
    ):
        if torch.equal(got, mistake):
            raise NotYet(sentence)
    if sorted(got.flatten().tolist()) != sorted(images.flatten().tolist()):
        raise NotYet("the values themselves were changed; a grid moves pixels and never rescales them")
    if not torch.equal(got, wanted):
        raise NotYet("the pixels are all there, but not in their places: image 1 stands to the right of image 0")
    return "Every image is in its place, and no value was changed."


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def slerp(function: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Check ``slerp(a, b, t)``, the way from a to b along the sphere.

    First met in: notebook 06.
    """
    random = torch.Generator().manual_seed(1)
    for _ in range(3):
        a, b = torch.randn(2, 64, generator=random, dtype=torch.float64)
        for t in (0.25, 0.7):
            got = _tensor(call(function, a.clone(), b.clone(), t, name="slerp"), a.shape, "slerp")
            _name_the_walk(got, a, b, t)
        for t, end, name in ((0.0, a, "a"), (1.0, b, "b")):
            if not same_tensor(_tensor(call(function, a, b, t, name="slerp"), a.shape, "slerp"), end):
                raise NotYet(f"at t = {t:g} the walk should stand exactly at {name}")
    return "It starts at a, ends at b, and never takes the short cut through the ball."


def _name_the_walk(got: Tensor, a: Tensor, b: Tensor, t: float) -> None:
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    share = torch.sin((1 - t) * angle) / torch.sin(angle), torch.sin(t * angle) / torch.sin(angle)
    wanted = share[0] * a + share[1] * b
    if same_tensor(got, wanted):
        return
    linear = (1 - t) * a + t * b
    length = (1 - t) * a.norm() + t * b.norm()
    unit = share[0] * a / a.norm() + share[1] * b / b.norm()
    for mistake, sentence in (
        (linear, "this is the straight line: half way it is about a third shorter than z usually is"),
        (share[1] * a + share[0] * b, "you walk from b to a: at t = 0 it should stand at a"),
        (
            unit,
            "the angle is right, but a and b were cut to length 1 and stayed so. Length 1 is for the angle only",
        ),
        (
            linear / linear.norm() * length,
            "the direction is that of the straight line, pushed out to the sphere: the walk is uneven. "
            "The weights are sin((1 − t)·angle) / sin(angle) and sin(t·angle) / sin(angle)",
        ),
        (
            torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b,
            "both weights still have to be divided by sin(angle)",
        ),
        (share[0] * a, "the part of b is missing"),
        (math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b, "the angle between a and b is not exactly 90°"),
    ):
        if same_tensor(got, mistake):
            raise NotYet(sentence)
    if not bool(torch.isfinite(got).all()):
        raise NotYet("a NaN came out: the cosine is a·b divided by both lengths, and lies between −1 and 1")
    raise NotYet(
        f"at t = {t:g} the point has length {float(got.norm()):.2f}, where {float(wanted.norm()):.2f} is expected. "
        "First the angle between a and b, then the two weights, then the sum"
    )


# ---------------------------------------------------------------- exercise 5


@exercise("Exercise 5")
def nearest_distances(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``nearest_distances(images, train)``: for each image the Euclidean distance to the nearest of ``train``.

    First met in: notebook 06.
    """
    random = torch.Generator().manual_seed(2)
    images, train = (torch.rand(count, 1, 3, 4, generator=random, dtype=torch.float64) for count in (5, 7))
    train[3] = images[1]  # a copy
    every = (images[:, None] - train[None]).flatten(2).norm(dim=2)
    got = call(function, images.clone(), train.clone(), name="nearest_distances")
    if not isinstance(got, Tensor):
        raise NotYet(f"a tensor was expected, but got {type(got).__name__}")
    if got.shape == (7,):
        raise NotYet(
            "seven numbers for five images: you asked for each *training* image; take the minimum over the others"
        )
    if got.numel() == 1 and got.shape != (5,):
        raise NotYet("one number for all images; each image wants its own")
    if got.shape != (5,):
        raise NotYet(f"five images want five numbers, shape (5,), but got shape {tuple(got.shape)}")
    for mistake, sentence in (
        (every.mean(dim=1), "this is the mean over all training images; a copy shows in the *nearest* one"),
        (every.max(dim=1).values, "this is the farthest training image"),
        (every.min(dim=1).values.square(), "these are squared distances: take the root"),
        (every.min(dim=1).values / 12**0.5, "this is the root of the *mean* over pixels; sum over them"),
        (every.min(dim=1).indices.double(), "these are the places of the nearest ones (indices), not the distances"),
        (
            (images[:, None] - train[None]).flatten(2).abs().sum(dim=2).min(dim=1).values,
            "this is the sum of absolute differences; Euclidean distance squares, sums, and takes the root",
        ),
    ):
        if same_tensor(got, mistake):
            raise NotYet(sentence)
    if not torch.allclose(got.double(), every.min(dim=1).values, atol=1e-5):
        raise NotYet(
            f"for an exact copy the distance is 0; you return {float(got[1]):.3f}, and {_listed(got)} for all five"
        )
    return "0 for the copy, and only for it."


# ---------------------------------------------------------------- exercise 6

_LINES = {
    1: "line 1 makes a stream of shuffled batches, and that is how it should be",
    3: "line 3 draws fresh latent vectors in every step, so it is as it should be",
    4: "line 4 makes the fakes, and D's step detaches them",
    5: "line 5 has real and fake where they belong",
    6: "line 6 is D's step; nothing is missing in it",
    7: "line 7 is the generator's loss on the same fakes, not detached, as it should be",
    8: "line 8 is G's step; nothing is missing in it",
}


@exercise("Exercise 6")
def wrong_line(line: Any) -> str:
    """Check which line made the generator copy: the batch that is drawn once, before the loop (M19).

    First met in: notebook 06.
    """
    if isinstance(line, bool) or not isinstance(line, int) or not 1 <= line <= 8:
        raise NotYet("the lines are numbered from 1 to 8")
    if line != 2:
        raise NotYet(f"{_LINES[line]}. What does the generator get to see of the data, in all its steps together?")
    return "One batch, drawn before the loop: D never saw another real image."


# ---------------------------------------------------------------- helpers


def _tensor(got: Any, shape: torch.Size, name: str) -> Tensor:
    if not isinstance(got, Tensor):
        raise NotYet(f"{name} returned {type(got).__name__}, and a tensor was expected")
    if got.shape != shape:
        raise NotYet(f"{name} should return the shape {tuple(shape)}, but it is {tuple(got.shape)}")
    return got.detach()


def _close(got: Tensor, wanted: Tensor, tolerance: float = 1e-3) -> bool:
    return bool(((got.double() - wanted.double()).abs() <= tolerance).all())


def _listed(values: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in values.flatten().tolist())
