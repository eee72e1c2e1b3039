"""The panel of notebook 13: cut a hole into digits, and fill it from training digits that agree with the rest.

Nothing trains here. Of the training digits, those are looked up that agree best with what is left to see. Their pixels
in the hole are so many possible answers; one of them, their mean, or their median fills it.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import degrade, digits
from gancourse.labs._film import Film
from gancourse.labs._rows import as_colours, side_by_side
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.metrics import restoration
from gancourse.plotting import style

__all__ = ["ANSWERS", "COUNTS", "FILMS", "SMALLEST", "Holes", "panel"]

_POOL, _MEASURED, _SHOWN = 5_000, 100, 8

ANSWERS: tuple[str, ...] = ("one of them", "their mean", "their median")
"""What fills the hole: as the buttons call it."""

COUNTS: tuple[int, ...] = (1, 3, 5, 9, 17, 33)
"""Numbers of digits at which the two curves are measured; odd, so that each pixel has one median."""

SMALLEST = 0.3
"""Side of the panel's smallest hole, as a share of the image's; smaller ones may hide nothing but black."""

_HIDDEN = (89, 115, 153)  # the colour of a hole


class Holes:
    """Digits with a hole, the training digits that agree with what is left, and three ways to answer from them.

    Set ``side``, ``down``, ``across``, ``answer`` and ``count``, then ask for :attr:`psnr` and :attr:`sharpness` or
    draw. Both numbers are measured inside the hole, on a hundred digits.

    Args:
        data: digits; holes are cut into test images.
        seed: of the digits that are taken.
    Attributes:
        side: of the hole, as a share of the image's side.
        down, across: where it is, from 0 (at the top, at the left) to 1.
        answer: one of :data:`ANSWERS`.
        count: how many training digits are looked up, from 1 to 33.
    Raises:
        TypeError: ``data`` is something else.
    First met in: notebook 13.
    """

    def __init__(self, data: digits.Digits, *, seed: int = 0) -> None:
        if not isinstance(data, digits.Digits):
            raise TypeError(f"data must come from digits.load, got {type(data).__name__}")
        self.side, self.down, self.across, self.answer, self.count = 0.7, 1.0, 0.5, "their mean", 17
        random = runtime.generator(seed)
        self._pool = data.images[torch.randperm(len(data.images), generator=random)[:_POOL]].flatten(1)
        self._truth = data.test_images[torch.randperm(len(data.test_images), generator=random)[:_MEASURED]]
        self._lots = torch.rand(len(self._truth), generator=random)  # which of its digits each question gets
        self._figure: Figure | None = None
        self._known: tuple[float, float, float] | None = None
        self._measured: tuple[Tensor, tuple[str, int], tuple[float, float]] | None = None

    # ------------------------------------------------------------ what the controls lead to

    def hole(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the hidden rows and columns, each (first, stop)."""
        size = self._truth.shape[-1]
        width = min(max(round(float(self.side) * size), 2), size)
        firsts = (round(float(place) * (size - width)) for place in (self.down, self.across))
        rows, columns = ((first, first + width) for first in firsts)
        return rows, columns

    def look_up(self) -> Tensor:
        """Return what the best matches have in the hole, best first, shape (N, 33, 1, side, side)."""
        where = (self.side, self.down, self.across)
        if self._known != where:
            damaged = degrade.hide(self._truth, *self.hole())
            mask = damaged.mask[0].flatten()
            known = mask > 0
            size, self._damaged = self._truth.shape[-1], damaged
            far = torch.cdist(damaged.seen.flatten(1)[:, known], self._pool[:, known])
            best = far.topk(COUNTS[-1], largest=False).indices
            self._inside = self._cut(self._pool[best].view(*best.shape, 1, size, size))
            self._goal, self._known = self._cut(self._truth), where
            self._curves = {
                answer: [self._numbers(self._fill(answer, count)) for count in COUNTS] for answer in ANSWERS[1:]
            }
        return self._inside

    def _cut(self, images: Tensor) -> Tensor:
        rows, columns = self.hole()
        return images[..., slice(*rows), slice(*columns)]

    def _fill(self, answer: str, count: int) -> Tensor:
        """Return what is put into the holes, shape (N, 1, side, side)."""
        some = self._inside[:, :count]
        if answer == "one of them":
            return some[torch.arange(len(some)), (self._lots * count).long()]
        if answer == "their mean":
            return some.mean(dim=1)
        if answer == "their median":
            middle = some.shape[1] // 2  # found sooner by NumPy than by torch
            return torch.from_numpy(np.partition(some.numpy(), middle, axis=1)[:, middle])
        raise ValueError(f"answer must be one of {', '.join(ANSWERS)}, got {answer!r}")

    def _numbers(self, inside: Tensor) -> tuple[float, float]:
        return restoration.psnr(inside, self._goal), restoration.sharpness(inside, self._goal)

    def restored(self) -> Tensor:
        """Return the hundred digits with their holes filled, shape (N, 1, S, S)."""
        self.look_up()
        images, (rows, columns) = self._truth.clone(), self.hole()
        images[..., slice(*rows), slice(*columns)] = self._fill(self.answer, int(self.count))
        return images

    @property
    def psnr(self) -> float:
        """In the hole, in dB, larger = nearer to the truth."""
        return self._both()[0]

    @property
    def sharpness(self) -> float:
        """In the hole; 1 = edges as strong as the truth's."""
        return self._both()[1]

    def _both(self) -> tuple[float, float]:
        inside, wish = self.look_up(), (self.answer, int(self.count))
        if self._measured is None or self._measured[0] is not inside or self._measured[1] != wish:
            self._measured = inside, wish, self._numbers(self._fill(*wish))
        return self._measured[2]

    def status(self) -> str:
        """Say what was hidden, what fills it, and the two numbers."""
        (top, bottom), (left, right) = self.hole()
        digits_used = "the best match" if self.count == 1 else f"the {self.count:.0f} best matches"
        said = {"one of them": "one of", "their mean": "the mean of", "their median": "the median of"}[self.answer]
        return (
            f"Hidden: {bottom - top} by {right - left} pixels from row {top}, column {left}. "
            f"Filled with {said} {digits_used}: "
            f"PSNR {self.psnr:.1f} dB, sharpness {self.sharpness:.2f}, both inside the hole."
        )

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw eight digits with the hole, filled, and whole; beside them error against sharpness."""
        if self._figure is None:
            self._build()
        restored = self.restored()
        rows, columns = self.hole()
        with_hole = as_colours(self._truth[:_SHOWN])
        with_hole[:, slice(*rows), slice(*columns)] = _HIDDEN
        for shown, images in zip(
            self._pictures, (with_hole, as_colours(restored[:_SHOWN]), as_colours(self._truth[:_SHOWN])), strict=True
        ):
            shown.set_data(side_by_side(images))
        for answer, curve in self._drawn.items():
            curve.set_data(*zip(*self._curves[answer], strict=True))
        here = self.psnr, self.sharpness
        self._cross.set_data(*([value] for value in here))
        every = np.array([*self._curves["their mean"], *self._curves["their median"], here])
        low, high = every[:, 0].min() - 1, every[:, 0].max() + 1
        self._plane.set_xlim(5 * np.floor(low / 5), 5 * np.ceil(high / 5))  # seldom moved: ticks are slow
        self._plane.set_ylim(0, max(1.15, np.ceil(4 * every[:, 1].max() + 0.2) / 4))
        return self._figure

    def _build(self) -> None:
        self._figure, (left, self._plane) = style.figure(
            1, 2, size=(6.6, 5.9), dpi=80, gridspec_kw={"height_ratios": [1, 1.05]}
        )
        left.set_axis_off()
        size = self._truth.shape[-1]
        wide = _SHOWN * (size + 1) - 1
        self._pictures = []
        for row, name in enumerate(("with a hole", "filled", "the truth")):
            down = -row * (size + 2)
            blank = np.full((size, wide, 3), 255, np.uint8)
            self._pictures.append(left.imshow(blank, extent=(0, wide, down - size, down), interpolation="nearest"))
            left.text(-2, down - size / 2, name, ha="right", va="center")
        left.set(xlim=(0, wide), ylim=(-3 * size - 4, 0), aspect="equal")
        ax = self._plane
        ax.axhline(1, color=style.COLOURS["real"], linestyle=":")
        looks = {"their mean": ("o-", "mean"), "their median": ("s--", "median")}
        self._drawn = {
            answer: ax.plot([], [], look, color=style.COLOURS["neutral"], markersize=4, linewidth=1.2, label=words)[0]
            for answer, (look, words) in looks.items()
        }
        (self._cross,) = ax.plot(
            [], [], "X", color=style.COLOURS["fake"], markersize=12, markeredgecolor="white", label="this answer"
        )
        ax.set(xlabel="nearer to the truth →\nPSNR in dB ↑", ylabel="sharpness → 1")
        ax.legend(loc="lower left", title=f"of {', '.join(map(str, COUNTS))} digits")


@usual_modes()
def panel(data: digits.Digits | None = None, seed: int = 0) -> Panel:
    """Return the panel *cut a hole*. It looks digits up when something is moved; nothing trains.

    Args:
        data: digits; without them the embedded ones.
        seed: of the digits that are taken.
    First met in: notebook 13.
    """
    if data is None:
        with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
            data = digits.load("embedded", image_size=16)
    return Panel(
        Holes(data, seed=seed),
        name="hole",
        title="Cut a hole, and fill it from digits that agree with the rest",
        controls=[
            Choice("fill with", "answer", ANSWERS, hint="Which of the three is nearest, and which is sharp?"),
            Slider("digits", "count", 1, 33, step=2, hint="More digits: which way does the cross move?"),
            Slider("down", "down", 0.0, 1.0, step=0.1, hint="Hide the top instead of the foot."),
            Slider("across", "across", 0.0, 1.0, step=0.1, hint="Which part of a digit tells most about the rest?"),
            Slider("hole", "side", SMALLEST, 1.0, step=0.1, hint="At 1 nothing is left to see. What is the mean then?"),
        ],
    )


FILMS = (
    Film(
        "hole", panel, "answer", {answer: answer for answer in ANSWERS},
        moved="count", places=list(range(1, 34, 4)), per_second=2,
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
