"""The panel of notebook 15: write digits with a book of words, each word a piece of an image.

No network here: the words are means of alike pieces of training digits (k-means), each piece is written as the number
of its nearest word, and a digit becomes a small map of numbers, shown in colours.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits
from gancourse.labs._film import Film
from gancourse.labs._rows import as_colours, side_by_side
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.plotting import style

__all__ = ["DOUBLINGS", "FILMS", "GRIDS", "Words", "panel"]

GRIDS: dict[str, int] = {"one word": 1, "2 by 2": 2, "4 by 4": 4, "about 8 by 8": 8}
"""How many words a digit is written with, as the buttons call it, and the parts of each side."""

DOUBLINGS: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
"""Bits a word: the book has 2 to this power words."""

_POOL, _MEASURED, _SHOWN, _ROUNDS = 2_000, 100, 8, 8
_LINES = (("o-", "#0575b0"), ("s-", "#40004b"), ("^-", "#d95f02"), ("v-", "#555555"))


class Words:
    """Books of words for pieces of digits, and what is lost and left when digits are written with them.

    Set ``grid``, ``bits``, ``swapped`` and ``drawn``, then ask for :attr:`error` or draw. The error is measured on a
    hundred test digits.

    Args:
        data: digits; the words come from training images, and test images are written.
        seed: of the digits that are taken, and of the words that are drawn.
    Attributes:
        grid: one of :data:`GRIDS`.
        bits: a book has two to this power words.
        swapped: how many of the lower rows of words come from the next digit, as a share.
        drawn: which draw of words the last row shows, from 1.
    Raises:
        TypeError: ``data`` is something else.
    First met in: notebook 15.
    """

    def __init__(self, data: digits.Digits, *, seed: int = 0) -> None:
        if not isinstance(data, digits.Digits):
            raise TypeError(f"data must come from digits.load, got {type(data).__name__}")
        self.grid, self.bits, self.swapped, self.drawn = "4 by 4", 5, 0.0, 1
        self._seed, random = seed, runtime.generator(seed)
        self._pool = data.images[torch.randperm(len(data.images), generator=random)[:_POOL]]
        self._truth = data.test_images[torch.randperm(len(data.test_images), generator=random)[:_MEASURED]]
        self._books: dict[tuple[str, int], Tensor] = {}
        self._figure: Figure | None = None

    # ------------------------------------------------------------ what the controls lead to

    def parts(self, grid: str | None = None) -> int:
        """Return into how many parts a side is cut: the largest that divides it, up to what the grid says."""
        if (grid := grid or self.grid) not in GRIDS:
            raise ValueError(f"grid must be one of {', '.join(GRIDS)}, got {grid!r}")
        side = self._truth.shape[-1]
        return next(parts for parts in range(GRIDS[grid], 0, -1) if side % parts == 0)

    def _cut(self, images: Tensor, parts: int) -> Tensor:
        """Return the pieces of images as rows, shape (N, parts, parts, pixels of a piece)."""
        size = images.shape[-1] // parts
        return images[:, 0].unfold(1, size, size).unfold(2, size, size).flatten(3)

    def _join(self, pieces: Tensor) -> Tensor:
        """Undo :meth:`_cut`: shape (N, 1, S, S)."""
        count, parts = pieces.shape[:2]
        size = round(pieces.shape[-1] ** 0.5)
        grid = pieces.view(count, parts, parts, size, size)
        return grid.transpose(2, 3).reshape(count, 1, parts * size, parts * size)

    def book(self, grid: str | None = None, bits: int | None = None) -> Tensor:
        """Return the words of a book, from black to bright, shape (words, pixels of a piece)."""
        grid, bits = grid or self.grid, int(self.bits if bits is None else bits)
        if (grid, bits) not in self._books:
            from scipy.cluster.vq import kmeans2

            pieces = self._cut(self._pool, self.parts(grid)).flatten(0, 2)
            chosen = torch.randperm(len(pieces), generator=runtime.generator(self._seed))[:_POOL]
            words, _ = kmeans2(pieces[chosen].numpy(), 2**bits, iter=_ROUNDS, minit="++", seed=self._seed)
            words = torch.from_numpy(words)
            self._books[grid, bits] = words[words.mean(dim=1).argsort()].float()
        return self._books[grid, bits]

    def write(self, images: Tensor, grid: str | None = None, bits: int | None = None) -> Tensor:
        """Return the number of the nearest word for each piece, shape (N, parts, parts)."""
        pieces = self._cut(images, self.parts(grid))
        return torch.cdist(pieces.flatten(0, 2), self.book(grid, bits)).argmin(dim=1).view(pieces.shape[:3])

    def read(self, numbers: Tensor, grid: str | None = None, bits: int | None = None) -> Tensor:
        """Return the images that words with these numbers make, shape (N, 1, S, S)."""
        return self._join(self.book(grid, bits)[numbers])

    def rows_swapped(self) -> int:
        """Return how many of the lower rows of words come from the next digit."""
        return round(float(self.swapped) * self.parts())

    def copied(self) -> Tensor:
        """Return the numbers of the shown digits, with the lower rows swapped, shape (8, parts, parts)."""
        numbers = self.write(self._truth[:_SHOWN])
        rows = self.rows_swapped()
        if rows:
            numbers = torch.cat([numbers[:, :-rows], numbers.roll(-1, 0)[:, -rows:]], dim=1)
        return numbers

    def by_lot(self) -> Tensor:
        """Return numbers that were drawn place by place, each from a training digit of its own, as :meth:`copied`."""
        random = runtime.generator(self._seed + int(self.drawn))
        numbers = self.write(self._pool)
        whose = torch.randint(len(numbers), (_SHOWN, *numbers.shape[1:]), generator=random)
        rows, columns = torch.meshgrid(*(torch.arange(self.parts()),) * 2, indexing="ij")
        return numbers[whose, rows, columns]

    def error_of(self, grid: str, bits: int) -> float:
        """Return the mean squared error of copies on [-1, 1]."""
        return float((self.read(self.write(self._truth, grid, bits), grid, bits) - self._truth).square().mean())

    @property
    def error(self) -> float:
        """Mean squared error of a hundred copies (none swapped), on [-1, 1]."""
        return self.error_of(self.grid, int(self.bits))

    def status(self) -> str:
        """Say how a digit is written, what it costs, and what is lost."""
        parts, rows = self.parts(), self.rows_swapped()
        words = parts**2
        from_next = f"{rows} of {parts} rows from the next digit" if rows else "no row from the next digit"
        return (
            f"{words} word{'s' if words > 1 else ''} a digit from a book of {2 ** int(self.bits)}: "
            f"{words * int(self.bits)} bits, squared error {self.error:.3f}. "
            f"Swapped {float(self.swapped):.0%}: {from_next}. Words by lot: draw {int(self.drawn)}."
        )

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw eight digits, their words as colours, the copies, words by lot; beside them error against bits."""
        if self._figure is None:
            self._build()
        numbers, size = self.copied(), self._truth.shape[-1]
        piece = size // self.parts()
        colours = colormaps["viridis"](np.linspace(0, 1, 2 ** int(self.bits)), bytes=True)[:, :3]
        maps = colours[numbers.numpy()].repeat(piece, axis=1).repeat(piece, axis=2)
        grey = [as_colours(images) for images in (self._truth[:_SHOWN], self.read(numbers), self.read(self.by_lot()))]
        for shown, images in zip(self._pictures, (grey[0], maps, *grey[1:]), strict=True):
            shown.set_data(side_by_side(images))
        self._cross.set_data([self.parts() ** 2 * int(self.bits)], [self.error])
        return self._figure

    def _build(self) -> None:
        self._figure, (left, ax) = style.figure(1, 2, size=(6.6, 6.4), dpi=80, gridspec_kw={"height_ratios": [1.15, 1]})
        left.set_axis_off()
        size = self._truth.shape[-1]
        wide = _SHOWN * (size + 1) - 1
        self._pictures = []
        for row, name in enumerate(("digits", "words", "copies", "by lot")):
            down = -row * (size + 2)
            blank = np.full((size, wide, 3), 255, np.uint8)
            self._pictures.append(left.imshow(blank, extent=(0, wide, down - size, down), interpolation="nearest"))
            left.text(-2, down - size / 2, name, ha="right", va="center")
        left.set(xlim=(0, wide), ylim=(-4 * size - 6, 0), aspect="equal")
        for grid, (look, colour) in zip(GRIDS, _LINES, strict=True):
            parts = self.parts(grid)
            curve = [(parts**2 * bits, self.error_of(grid, bits)) for bits in DOUBLINGS]
            label = "one word" if parts == 1 else f"{parts} by {parts} words"
            ax.plot(*zip(*curve, strict=True), look, color=colour, markersize=4, linewidth=1.2, label=label)
        (self._cross,) = ax.plot(
            [], [], "X", color=style.COLOURS["fake"], markersize=13, markeredgecolor="white", label="these copies"
        )
        ax.set(xscale="log", yscale="log", xlabel="bits a digit", ylabel="squared error ↓")
        ax.set_xticks(ticks := [1, 3, 10, 30, 100, 300], [f"{tick}" for tick in ticks])
        ax.set_xticks([], minor=True)
        low, high = ax.get_ylim()
        ticks = [tick for tick in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if low <= tick <= high]
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.set_yticks([], minor=True)
        ax.legend(loc="lower left")


@usual_modes()
def panel(data: digits.Digits | None = None, seed: int = 0) -> Panel:
    """Return the panel *write digits with a book of words*. No network trains.

    Args:
        data: digits; without them the embedded ones.
        seed: of the digits that are taken.
    First met in: notebook 15.
    """
    if data is None:
        with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
            data = digits.load("embedded", image_size=16)
    return Panel(
        Words(data, seed=seed),
        name="words",
        title="Write digits with a book of words",
        controls=[
            Choice(
                "words a digit", "grid", tuple(GRIDS), hint="At one number of bits, which grid has the smallest error?"
            ),
            Slider("bits a word", "bits", DOUBLINGS[0], DOUBLINGS[-1], whole=True, hint="Each bit doubles the book."),
            Slider("swapped", "swapped", 0.0, 1.0, step=0.25, hint="Mix two digits: foot of the next, head of this."),
            Slider("draw", "drawn", 1, 20, whole=True, hint="Words drawn place by place: why are these no digits?"),
        ],
    )


FILMS = (
    Film(
        "words", panel, "grid", {grid: grid for grid in GRIDS},
        moved="bits", places=list(DOUBLINGS), per_second=1,
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
