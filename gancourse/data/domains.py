"""Two kinds of images with a known map between them, so that every translation can be compared with the right one.

The second kind is made from real digits. In training nobody is told which image belongs to which, and no digit is in
both halves; in testing the right answer to every image is at hand.

| map | undone by | loses |
|---|---|---|
| :func:`outlines` | nothing | which side of an edge has the ink |
| :func:`inverted` | itself | nothing |
| :func:`slanted` | the opposite lean | nothing |
| :func:`coloured` | :func:`read_off` | nothing, for whoever knows the paper |
| :func:`coloured` to :func:`on_grey` | nothing | the colour of the paper |
| :func:`shifted` | nothing | nothing, but it has five right answers |

"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole, whole_between
from gancourse.data.degrade import Damaged
from gancourse.data.digits import Digits, check_images

__all__ = [
    "PAPERS",
    "PAPER_NAMES",
    "SHIFTS",
    "Unpaired",
    "coloured",
    "inverted",
    "on_grey",
    "outlines",
    "papers_and_grey",
    "read_off",
    "shift_images",
    "shift_mean",
    "shift_median",
    "shifted",
    "slanted",
    "unpaired",
]

PAPER_NAMES = ("red", "green", "blue", "grey")
PAPERS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.75, 0.75, 0.75]])
"""Red, green and blue of each paper, from 0 to 1, in the order of :data:`PAPER_NAMES`."""

SHIFTS = (-2, -1, 0, 1, 2)
"""By how many fourteenths of the side a digit may be moved: 2 pixels each of 28, 1 of 16."""

_GREY = 3

# ---------------------------------------------------------------- digits to digits


def outlines(images: Tensor) -> Tensor:
    """Return the outlines of digits, dark on white paper: 1 minus the range of each pixel's 3 by 3 neighbours.

    Black and white may change places in ``images`` without any change of the outlines.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
    Returns:
        The same shape and range.
    Raises:
        TypeError, ValueError: these are no such images.
    First met in: notebook 14.
    """
    check_images(images, channels=1)
    return 1 - F.max_pool2d(images, 3, 1, 1) - F.max_pool2d(-images, 3, 1, 1)


def inverted(images: Tensor) -> Tensor:
    """Return images with black and white changed: -x, which undoes itself.

    Args:
        images: as for :func:`outlines`, with any number of channels.
    First met in: notebook 14.
    """
    check_images(images)
    return -images


def slanted(images: Tensor, lean: float = 0.5) -> Tensor:
    """Return images that lean to the right: each row is moved sideways, the higher the further.

    A row ``d`` pixels above the middle moves by ``lean`` times d, rounded. What leaves on one side comes back on the
    other, so ``slanted(images, -lean)`` undoes it to the bit.

    Args:
        images: as for :func:`inverted`.
        lean: pixels sideways for each pixel up, from -1 to 1; below 0 to the left.
    Raises:
        TypeError, ValueError: these are no such images, or the lean is out of range.
    First met in: notebook 14.
    """
    check_images(images)
    lean = real_between("lean", lean, -1.0, 1.0)
    height = images.shape[2]
    ways = [round(lean * ((height - 1) / 2 - row)) for row in range(height)]
    return torch.stack([images[:, :, row].roll(way, dims=-1) for row, way in enumerate(ways)], dim=2)


# ---------------------------------------------------------------- a digit, and where it may have moved


def shifted(images: Tensor, *, generator: torch.Generator) -> Damaged:
    """Return each digit with an answer to it: the same digit moved sideways, by one of five shifts with equal odds.

    Nothing in the digit says which shift it will be. So the best answer by squared error is the mean of five images,
    :func:`shift_mean`, and the best one by absolute error is :func:`shift_median`.

    Args:
        images: as for :func:`outlines`.
        generator: draws the shifts.
    Returns:
        ``seen`` is the digit, ``truth`` the moved one, and ``mask`` is 0: no pixel of the answer is known.
    Raises:
        TypeError, ValueError: these are no such images; ``generator`` is none.
    First met in: notebook 14.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    ways = shift_images(images)
    way = torch.randint(len(ways), (len(images),), generator=generator, device=generator.device)
    return Damaged(images, torch.zeros_like(images), ways[way.to(images.device), torch.arange(len(images))])


def shift_images(images: Tensor) -> Tensor:
    """Return the five right answers, shape (5, N, 1, S, S), in the order of :data:`SHIFTS`, from left to right.

    Args:
        images: as for :func:`outlines`.
    First met in: notebook 14.
    """
    check_images(images, channels=1)
    pixels = images.shape[-1] // 14
    return torch.stack([images.roll(shift * pixels, dims=-1) for shift in SHIFTS])


def shift_mean(images: Tensor) -> Tensor:
    """Return the answer with the least expected squared error: the mean of the five, shape (N, 1, S, S).

    Args:
        images: as for :func:`outlines`.
    First met in: notebook 14.
    """
    return shift_images(images).mean(dim=0)


def shift_median(images: Tensor) -> Tensor:
    """Return the answer with the least expected absolute error: pixel by pixel the median of the five.

    A pixel is white where at least three of the five are. So a stroke that is thinner than the way between three
    shifts disappears, and a thick or a level one stays.

    Args:
        images: as for :func:`outlines`.
    First met in: notebook 14.
    """
    return shift_images(images).median(dim=0).values


# ---------------------------------------------------------------- paper


def coloured(images: Tensor, papers: Tensor | int) -> Tensor:
    """Return digits in black ink on coloured paper, shape (N, 3, S, S), in [-1, 1].

    Args:
        images: as for :func:`outlines`; white (1) becomes ink, black (-1) paper.
        papers: places in :data:`PAPERS`, int64 of shape (N,), or one for all.
    Raises:
        TypeError, ValueError: these are no such images, or a paper does not exist.
    First met in: notebook 14.
    """
    check_images(images, channels=1)
    return (1 - images) * _paper(images, papers) - 1


def read_off(images: Tensor, papers: Tensor | int) -> Tensor:
    """Return the digits, shape (N, 1, S, S), that were written on these papers: what undoes :func:`coloured`.

    Of other images it is the digit that lies nearest in squares, cut off at -1 and 1.

    Args:
        images: shape (N, 3, S, S), in [-1, 1].
        papers: as for :func:`coloured`.
    Raises:
        TypeError, ValueError: these are no such images, or a paper does not exist.
    First met in: notebook 14.
    """
    check_images(images, channels=3)
    paper = _paper(images, papers)
    brightness = ((images + 1) * paper).sum(dim=1, keepdim=True) / paper.square().sum(dim=1, keepdim=True)
    return (1 - brightness).clamp(-1, 1)


def on_grey(images: Tensor) -> Tensor:
    """Return digits in black ink on grey paper as images of one channel, shape (N, 1, S, S).

    Args:
        images: as for :func:`coloured`.
    First met in: notebook 14.
    """
    return coloured(images, _GREY)[:, :1]


# ---------------------------------------------------------------- two halves that never met


class Unpaired(NamedTuple):
    """Images of two domains that nobody has paired, and test images whose right translation is known.

    Attributes:
        a, b: to train on, shape (N, C, S, S) each; no digit is in both.
        test_a, test_b: to test on; ``test_b[i]`` is the right translation of ``test_a[i]``.
        labels: the digits of the test images, shape (N,).
        papers: which paper each of ``test_a`` has, shape (N,); None where there is no paper.
    """

    a: Tensor
    b: Tensor
    test_a: Tensor
    test_b: Tensor
    labels: Tensor
    papers: Tensor | None = None


def unpaired(
    digits: Digits, to_b: Callable[[Tensor], Tensor], *, generator: torch.Generator, n_test: int = 1_000
) -> Unpaired:
    """Return digits, and other digits seen through a map; the test images are seen both ways.

    Args:
        digits: from ``data.digits.load``.
        to_b: the map, such as :func:`outlines`.
        generator: shuffles the digits, and draws the test images.
        n_test: test images at most.
    Raises:
        TypeError, ValueError: there are no such digits, generator or number.
    First met in: notebook 14.
    """
    first, second, test, labels = _halves(digits, generator, n_test)
    return Unpaired(first, to_b(second), test, to_b(test), labels)


def papers_and_grey(digits: Digits, *, generator: torch.Generator, n_test: int = 1_000, papers: int = 3) -> Unpaired:
    """Return digits on red, green or blue paper, and other digits on grey paper, which does not say the colour.

    Args:
        digits, generator, n_test: as for :func:`unpaired`; the generator draws the papers as well.
        papers: 3, or 2 for red and green alone.
    Raises:
        TypeError, ValueError: there are no such digits, generator or number.
    First met in: notebook 14.
    """
    first, second, test, labels = _halves(digits, generator, n_test)
    count = whole_between("papers", papers, 2, _GREY)
    drawn, asked = (torch.randint(count, (len(part),), generator=generator) for part in (first, test))
    return Unpaired(coloured(first, drawn), on_grey(second), coloured(test, asked), on_grey(test), labels, asked)


def _halves(digits: Digits, generator: torch.Generator, n_test: int) -> tuple[Tensor, ...]:
    """Return two halves of the training digits, and some test digits with their labels."""
    if not isinstance(digits, Digits):
        raise TypeError(f"digits must come from data.digits.load, got {type(digits).__name__}")
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    n_test = whole_between("n_test", n_test, 1)
    order = torch.randperm(len(digits.images), generator=generator)
    chosen = torch.randperm(len(digits.test_images), generator=generator)[:n_test]
    half = len(order) // 2
    return (
        digits.images[order[:half]],
        digits.images[order[half : 2 * half]],
        digits.test_images[chosen],
        digits.test_labels[chosen],
    )


def _paper(images: Tensor, papers: Tensor | int) -> Tensor:
    """Return the colours of the papers, shape (N or 1, 3, 1, 1)."""
    known = len(PAPERS)
    if isinstance(papers, Tensor) and papers.ndim:
        if papers.dtype != torch.int64 or papers.shape != images.shape[:1]:
            raise ValueError(
                f"papers must be int64 of shape ({len(images)},), got {papers.dtype} of shape {tuple(papers.shape)}"
            )
        if not 0 <= int(papers.min()) <= int(papers.max()) < known:
            raise ValueError(f"papers must be from 0 to {known - 1}, got {int(papers.min())} to {int(papers.max())}")
    elif (number := whole(papers)) is None or not 0 <= number < known:
        raise ValueError(f"papers must be int64 of shape (N,), or one number from 0 to {known - 1}, got {papers!r}")
    return PAPERS.to(images)[papers].view(-1, 3, 1, 1)
