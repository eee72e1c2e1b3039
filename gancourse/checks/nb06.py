"""Checkers of notebook 06: the range of images, four faulty pictures, a grid, a walk on the sphere, copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotYet, call, exercise, line, matched, tensor

__all__ = ["diagnosis", "grid", "nearest_distances", "normalise", "slerp", "wrong_line"]


# ---------------------------------------------------------------- exercise 1

_RANGE_MISTAKES: Mistakes = [
    (lambda x: x / 255, "these values lie in [0, 1]: half of what tanh can reach would never occur in the data"),
    (lambda x: x / 127.5, "these values lie in [0, 2]; shift them down by 1"),
    (
        lambda x: (x - x.mean()) / x.std(),
        "this standardises: mean 0 and deviation 1, but no fixed ends. On MNIST white becomes about 3, which tanh "
        "cannot reach; black must be −1 and white 1, whatever the batch",
    ),
    (
        lambda x: (x / 255 - 0.1307) / 0.3081,
        "this standardises with MNIST's own mean and deviation: black must be −1 and white 1, which tanh reaches",
    ),
    (lambda x: 2 * x - 1, "divide by 255 first: these values go up to 509"),
    (lambda x: 1 - x / 127.5, "black and white are exchanged: 0 is black and becomes −1"),
    (lambda x: x - 127.5, "these values lie between −127.5 and 127.5: divide as well"),
    (lambda x: x / 255 - 1, "these values lie in [−1, 0]: 0 to 255 has to become a range of length 2"),
    (lambda x: x / 255 - 0.5, "these values lie in [−½, ½]: 0 to 255 has to become a range of length 2"),
    (lambda x: (x - 255) / 255, "these values lie in [−1, 0]: 0 to 255 has to become a range of length 2"),
    (lambda x: x / 128 - 1, "255 becomes 0.992 and not 1: half of 255 is 127.5"),
    (lambda x: x / 127 - 1, "255 becomes 1.008 and not 1: half of 255 is 127.5"),
    (lambda x: torch.tanh(x / 127.5 - 1), "a tanh bends the greys, and black and white no longer reach −1 and 1"),
    (
        lambda x: 2 * (x - x.min()) / (x.max() - x.min()) - 1,
        "the ends of this batch were stretched to −1 and 1; the fixed points are 0 and 255, and not its min and max",
    ),
]


@exercise("Exercise 1")
def normalise(forth: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> str:
    """Check ``forth(pixels)``, bytes to floats in [-1, 1], and ``back(images)``, the way back.

    First met in: notebook 06.
    """
    greys = torch.tensor([0, 51, 102, 204, 255, 17], dtype=torch.uint8)
    cases = [(greys.reshape(1, 1, 2, 3),), (greys[1:3].reshape(2, 1, 1, 1),)]
    made = call(forth, *cases[0], name="the first function", names=("pixels",))
    kind = getattr(made, "dtype", None)
    if isinstance(made, Tensor) and not made.is_floating_point():
        raise NotYet(f"the first function returns {kind}, and floats are wanted; bytes wrap round at 256")
    compare(
        forth,
        cases,
        lambda pixels: pixels.double() / 127.5 - 1,
        [(lambda pixels, f=formula: f(pixels.double()), sentence) for formula, sentence in _RANGE_MISTAKES],
        name="the first function",
        names=("pixels",),
        read=tensor,
        tolerance=1e-3,
        hint="Bytes wrap round at 256, so they become floats first; and which two steps bring 0 to −1 and 255 to 1?",
    )
    if kind != torch.float32:
        raise NotYet(f"the values are right, but of type {kind}; networks want torch.float32")
    _check_back(lambda images: call(back, images, name="the second function", names=("images",)))
    return "All 256 greys come back as they were."


def _check_back(back: Callable[[Tensor], Any]) -> None:
    everything = torch.arange(256).to(torch.uint8).reshape(2, 1, 8, 16)
    result = back(everything.float() / 127.5 - 1)
    if not isinstance(result, Tensor):
        raise NotYet(f"the second function returned {type(result).__name__}, and a tensor was expected")
    got, wanted = tensor(result, everything.shape).double(), everything.double()
    for mistake, sentence in (
        (wanted / 255, "the second function ends in [0, 1]; pixels go from 0 to 255"),
        (wanted / 127.5 - 1, "the second function returns the images as they are"),
        (2 * wanted - 255, "the second function does not shift: −1 becomes −255 and not 0"),
        (wanted - 127.5, "the second function does not shift: −1 becomes −127.5 and not 0"),
        (2 * wanted, "the second function goes up to 510: −1 to 1 is a range of length 2"),
        (255 - wanted, "black and white are exchanged on the way back"),
    ):
        if bool(((got - mistake).abs() < 0.51).all()) or bool((got - mistake.clamp(0, 255)).abs().le(0.51).all()):
            raise NotYet(sentence)
    wrong, farthest = int(((got - wanted).abs() > 1e-3).sum()), float((got - wanted).abs().max())
    if wrong and farthest <= 1.01 and bool((got <= wanted + 1e-3).all()) and not bool((got % 1).any()):
        raise NotYet(f"{wrong} of the 256 greys come back one too dark: what is cut off has to be rounded first")
    if wrong:
        i = int((got - wanted).abs().argmax())
        raise NotYet(
            f"{wrong} of the 256 greys do not come back as they were; {i} comes back as {got.flatten()[i]:.4g}. Undo "
            "the two operations in reverse order"
        )
    if result.dtype != torch.uint8:
        raise NotYet(f"the second function returns {result.dtype}; pixels are torch.uint8, and .byte() makes them")
    outside = torch.tensor([[[[-2.6, -1.2, 1.02, 1.2]]]])
    if back(outside).flatten().tolist() != [0, 0, 255, 255]:
        raise NotYet("values a little outside [−1, 1] wrap round; they have to be cut *before* they become bytes")


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def diagnosis(answer: Any) -> str:
    """Check which of four causes belongs to which of four pictures: a dict such as {"A": 1, "B": 2, …}.

    First met in: notebook 06.
    """
    matched(
        answer,
        {"A": 3, "B": 1, "C": 4, "D": 2},
        "a number from 1 to 4 for each picture",
        {
            "A": "picture A is grey where it should be black, and nothing is darker than middle grey",
            "B": "picture B is right in black and white, and speckled where the greys should be",
            "C": "picture C has orange spots: values above 1, which the grid refuses to hide",
            "D": "picture D is a digit cut off at the edges: something is too large for its frame",
        },
    )
    return "Four faults that raise no error; the eye and the range find them."


# ---------------------------------------------------------------- exercise 3


def _grid(images: Tensor, columns: int) -> Tensor:
    rows = [torch.cat([image[0] for image in images[i : i + columns]], dim=1) for i in range(0, len(images), columns)]
    return torch.cat(rows)


def _by_column(images: Tensor, columns: int) -> Tensor:
    """Return the images in the order in which they stand below each other."""
    return images.reshape(columns, -1, *images.shape[1:]).transpose(0, 1).reshape(images.shape)


_GRID_MISTAKES: Mistakes = [
    (
        lambda x, c: x.reshape(len(x) // c * x.shape[2], c * x.shape[3]),
        "the numbers are all there but torn apart: reshape alone keeps the order in memory. The axes (row, column, "
        "height, width) need another order before the picture is put together",
    ),
    (
        lambda x, c: _grid(_by_column(x, c), c),
        "the second image stands below the first; the grid is filled row by row, as one reads",
    ),
    (lambda x, c: _grid(x.flip(0), c), "the images stand in reverse order"),
    (lambda x, c: _grid(x.flip(2), c), "every image stands on its head"),
    (lambda x, c: _grid(x.flip(3), c), "every image is mirrored"),
    (lambda x, c: _grid(x, c).T, "the whole picture is transposed: rows and columns of pixels are exchanged"),
    (lambda x, c: _grid(x.transpose(2, 3), c), "every image is transposed"),
    (lambda x, c: _grid(x, len(x) // c), "rows and columns of the grid are exchanged"),
    (lambda x, c: _grid(x, len(x)), "all images stand in one row"),
    (lambda x, c: _grid(x, 1), "all images stand in one column"),
    (lambda x, c: _grid(x[:c], c), "only the first row of the grid is there"),
    (lambda x, c: (_grid(x, c) - x.min()) / (x.max() - x.min()), "the values were rescaled; a grid only moves pixels"),
    (lambda x, c: _grid(x, c) / x.max(), "the values were rescaled; a grid only moves pixels"),
    (lambda x, c: (_grid(x, c) + 1) / 2, "the values were rescaled; a grid only moves pixels"),
]


@exercise("Exercise 3")
def grid(function: Callable[[Tensor, int], Tensor]) -> str:
    """Check ``grid(images, columns)``: N images of one channel as one picture, row by row.

    First met in: notebook 06.
    """
    cases = []
    for count, height, width, columns in ((6, 2, 3, 3), (8, 3, 2, 2), (5, 2, 4, 5), (4, 3, 5, 1)):
        numbers = torch.arange(1.0, 1 + count * height * width)  # each pixel has a number of its own
        cases.append((numbers.reshape(count, 1, height, width), columns))
    compare(
        function,
        cases,
        _grid,
        _GRID_MISTAKES,
        name="grid",
        names=("images", "columns"),
        read=_picture,
        told=lambda images, columns: (
            f"{len(images)} images of {images.shape[2]} by {images.shape[3]} in {columns} columns"
        ),
        hint="Image 1 stands to the right of image 0, and no pixel changes its value",
    )
    return "Every image is in its place, and no value was changed."


def _picture(got: Any) -> Tensor:
    """Return a picture without the axes of its one channel and of its one image, if it has such."""
    picture = tensor(got)
    while picture.ndim > 2 and picture.shape[0] == 1:
        picture = picture[0]
    return picture


# ---------------------------------------------------------------- exercise 4


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


@exercise("Exercise 4")
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


# ---------------------------------------------------------------- exercise 5


def _every(images: Tensor, train: Tensor) -> Tensor:
    return (images[:, None] - train[None]).flatten(2).norm(dim=2)


_NEAREST_MISTAKES: Mistakes = [
    (
        lambda x, t: _every(x, t).min(dim=0).values,
        "one number came for each *training* image; take the minimum over the others",
    ),
    (_every, "this is the whole table of distances; which of them is wanted for each image?"),
    (lambda x, t: _every(x, t).min(), "one number for all images; each image wants its own"),
    (lambda x, t: _every(x, t).min(dim=1).values.mean(), "one number for all images; each image wants its own"),
    (
        lambda x, t: _every(x, t).mean(dim=1),
        "this is the mean over all training images; a copy shows in the *nearest* one",
    ),
    (lambda x, t: _every(x, t).max(dim=1).values, "this is the farthest training image"),
    (lambda x, t: _every(x, t).median(dim=1).values, "this is the distance to the training image in the middle"),
    (lambda x, t: _every(x, t).min(dim=1).values.square(), "these are squared distances: take the root"),
    (
        lambda x, t: _every(x, t).min(dim=1).values / x[0].numel() ** 0.5,
        "this is the root of the *mean* over pixels; sum over them",
    ),
    (
        lambda x, t: _every(x, t).min(dim=1).values.square() / x[0].numel(),
        "this is the mean squared difference; sum over the pixels, and take the root",
    ),
    (
        lambda x, t: _every(x, t).min(dim=1).indices,
        "these are the places of the nearest ones (indices), not the distances",
    ),
    (
        lambda x, t: (x[:, None] - t[None]).flatten(2).abs().sum(dim=2).min(dim=1).values,
        "this is the sum of absolute differences; Euclidean distance squares, sums, and takes the root",
    ),
    (
        lambda x, t: (x[:, None] - t[None]).flatten(2).abs().mean(dim=2).min(dim=1).values,
        "this is the mean absolute difference; Euclidean distance squares, sums, and takes the root",
    ),
    (
        lambda x, t: (x[:, None] - t[None]).flatten(2).abs().amax(dim=2).min(dim=1).values,
        "this is the largest difference of a pixel; Euclidean distance squares, sums, and takes the root",
    ),
    (
        lambda x, t: _every(x, t[: len(x)]).diagonal(),
        "each image is compared with one training image only, its own number",
    ),
    (lambda x, t: _every(x, t)[:, 0], "each image is compared with the first training image only"),
    (lambda x, t: _every(x, x).min(dim=1).values, "the images are compared with themselves, so each is its own copy"),
    (
        lambda x, t: (x[:, None] - t[None]).flatten(2).square().amin(dim=2).sqrt().amin(dim=1),
        "the smallest is taken over the pixels as well",
    ),
]


@exercise("Exercise 5")
def nearest_distances(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``nearest_distances(images, train)``: for each image the Euclidean distance to the nearest of ``train``.

    First met in: notebook 06.
    """
    random = torch.Generator().manual_seed(2)
    cases = []
    for count, others, height, width in ((5, 7, 3, 4), (4, 6, 2, 2)):
        images, train = (
            torch.rand(n, 1, height, width, generator=random, dtype=torch.float64) for n in (count, others)
        )
        train[3] = images[1]  # a copy
        cases.append((images, train))
    compare(
        function,
        cases,
        lambda x, t: _every(x, t).min(dim=1).values,
        _NEAREST_MISTAKES,
        name="nearest_distances",
        names=("images", "train"),
        read=tensor,
        told=lambda images, train: f"{len(images)} images, of which number 1 is a copy of a training image,",
        tolerance=1e-4,
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
def wrong_line(answer: Any) -> str:
    """Check which line made the generator copy: the batch that is drawn once, before the loop (M19).

    First met in: notebook 06.
    """
    if (chosen := line(answer, 8)) != 2:
        raise NotYet(f"{_LINES[chosen]}. What does the generator get to see of the data, in all its steps together?")
    return "One batch, drawn before the loop: D never saw another real image."
