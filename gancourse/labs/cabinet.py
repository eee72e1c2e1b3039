"""The panel of notebook 10: spoil real images, more or less, and see which of five metrics notice.

Nothing trains here. Each metric is drawn beside its floor: what it says of sets that nobody spoiled.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits, spoiled_sets, spoils
from gancourse.labs._film import Film
from gancourse.labs._quick_judge import quick_judge
from gancourse.labs._rows import as_colours, side_by_side
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.metrics import image_sets, judge
from gancourse.plotting import style

__all__ = ["FILMS", "SPOILS", "Cabinet", "panel"]

_MOST, _FLOORS, _SHOWN, _GAP, _POOL = 300, 20, 12, 2, 2_000
_FAR = 4  # standard deviations from the mean of the floors: what counts as noticed

SPOILS: tuple[str, ...] = ("few images", "copies", "kind left out", "blur", "noise", "resize", "brighter")
"""What can be done to the images: as the buttons call it."""

_GAUGES: dict[str, tuple[float, float, str]] = {
    "score ↑": (1, 10.3, "linear"),
    "Fréchet ↓": (0.5, 1_500, "log"),
    "precision ↑": (-0.03, 1.03, "linear"),
    "recall ↑": (-0.03, 1.03, "linear"),
    "copy share → ½": (-0.03, 1.03, "linear"),
}


class Cabinet:
    """A set of real images, spoiled; five readings of it; and twenty sets that were not spoiled, for comparison.

    Set ``spoil`` and ``strength``, then ask for :attr:`readings` or draw.

    Args:
        data: real images. They are split anew for each set: a half to compare with, a half to spoil.
        outside: their judge.
        seed: of the splits and of what the spoils draw.
    Raises:
        TypeError: ``data`` or ``outside`` is something else.
    First met in: notebook 10.
    """

    def __init__(self, data: digits.Digits, outside: judge.Judge, *, seed: int = 0) -> None:
        if not isinstance(data, digits.Digits) or not isinstance(outside, judge.Judge):
            got = f"{type(data).__name__} and {type(outside).__name__}"
            raise TypeError(f"data must come from digits.load and outside from judge.load, got {got}")
        self._data, self._judge, self._seed = data, outside, seed
        self.n = min(_MOST, len(data.test_images) // 3)
        self.spoil, self.strength = "blur", 0.4
        self._random = runtime.generator(seed)
        order = torch.randperm(len(data.images), generator=self._random)[:_POOL]
        self._train, self._train_labels = data.images[order], data.labels[order]
        self.floors = [self._read(*self._split()[:3]) for _ in range(_FLOORS)]
        self._held_out, self._real, self._whole, self._labels = self._split()
        self._figure: Figure | None = None
        self._known: tuple[str, float] | None = None

    def _split(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return images to compare with, their features, and the images to spoil with their labels; none twice."""
        test, labels = self._data.test_images, self._data.test_labels
        order = torch.randperm(len(test), generator=self._random)
        held_out, rest = test[order[: self.n]], order[self.n :]
        return held_out, self._features(held_out), test[rest], labels[rest]

    def _features(self, images: Tensor) -> Tensor:
        return self._judge.features(images.to(self._judge.device))

    def _read(self, held_out: Tensor, real: Tensor, images: Tensor) -> dict[str, float]:
        """Return the five readings of the first n images."""
        images = images[: self.n]
        fake = self._features(images)
        inside = image_sets.precision_recall(real, fake)
        readings = (
            image_sets.inception_style_score(self._judge.probabilities(images.to(self._judge.device))),
            image_sets.frechet_distance(real, fake),
            inside.precision,
            inside.recall,
            image_sets.nearer_than_held_out(images, self._train, held_out),
        )
        return dict(zip(_GAUGES, readings, strict=True))

    # ------------------------------------------------------------ what the controls lead to

    def spoiled(self) -> Tensor:
        """Return the n spoiled images, and remember in words how they were spoiled."""
        images, labels, s, size = self._whole, self._labels, float(self.strength), self._whole.shape[-1]
        random = runtime.generator(self._seed + 1)
        plain = images[: self.n]
        if self.spoil == "few images":
            of_each = max(1, round((self.n / 10) ** (1 - s)))
            self._said = f"{min(10 * of_each, self.n)} of them different, {of_each} of each kind"
            return spoiled_sets.few_kinds(images, labels, self.n, per_class=of_each, generator=random).images
        if self.spoil == "copies":
            self._said = f"{s:.0%} are copies of training images"
            mixed = spoiled_sets.copies(plain, labels[: self.n], self._train, self._train_labels, s, generator=random)
            return mixed.images
        if self.spoil == "kind left out":
            self._said = f"the ones are {1 - s:.0%} as frequent as they should be"
            return spoiled_sets.draw(images, labels, self.n, generator=random, weights={1: 1 - s}).images
        side = round(size * (1 - 0.7 * s))
        each: dict[str, tuple[str, Callable[[], Tensor]]] = {
            "blur": (f"blurred with σ = {s:.2f} pixels", lambda: spoils.blur(plain, s)),
            "noise": (
                f"noise of deviation {0.5 * s:.2f} on each pixel",
                lambda: spoils.noise(plain, 0.5 * s, generator=random),
            ),
            "resize": (
                f"made {side} pixels wide without care, and enlarged again",
                lambda: spoils.resize(plain, side, careful=False),
            ),
            "brighter": (f"each pixel brighter by {0.4 * s:.2f}", lambda: spoils.brighten(plain, 0.4 * s)),
        }
        if self.spoil not in each:
            raise ValueError(f"spoil must be one of {', '.join(SPOILS)}, got {self.spoil!r}")
        self._said, spoil = each[self.spoil]
        return spoil()

    @property
    def readings(self) -> dict[str, float]:
        """What the five metrics say of the spoiled set, by the name of the gauge."""
        if self._known != (self.spoil, self.strength):
            self._images = self.spoiled()
            self._readings = self._read(self._held_out, self._real, self._images)
            self._known = (self.spoil, self.strength)
        return self._readings

    def seen(self) -> list[str]:
        """Return the gauges whose reading lies outside their floor."""
        ends = {name: self.floor(name) for name in self.readings}
        return [name for name, value in self.readings.items() if not ends[name][0] <= value <= ends[name][1]]

    def floor(self, name: str) -> tuple[float, float]:
        """Return where a gauge reads sets without a spoil: mean, give or take four standard deviations."""
        floor = torch.tensor([readings[name] for readings in self.floors], dtype=torch.float64)
        return float(floor.mean() - _FAR * floor.std()), float(floor.mean() + _FAR * floor.std())

    def status(self) -> str:
        """Say what was done to the images, and which metrics lie outside their floors."""
        seen = self.seen()
        blind = [name for name in self.readings if name not in seen]
        said = f"{self.n} images, {self._said}. "
        said += f"Outside its floor: {', '.join(seen)}. " if seen else "No metric leaves its floor. "
        return said + (f"Inside: {', '.join(blind)}." if blind and seen else "")

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw twelve of the spoiled images, and five gauges: floor green, reading a purple cross."""
        readings = self.readings
        if self._figure is None:
            self._build()
        self._pictures.set_data(side_by_side(as_colours(self._images[:_SHOWN].cpu()), gap=_GAP))
        for name, (cross, words) in self._crosses.items():
            low, high, _ = _GAUGES[name]
            cross.set_data([min(max(readings[name], low), high)], [0])
            words.set_text(f"{readings[name]:.0f}" if name.startswith("Fréchet") else f"{readings[name]:.2f}")
        return self._figure

    def _build(self) -> None:
        self._figure, axes = style.figure(
            1, 6, size=(7.6, 5.0), dpi=80, gridspec_kw={"height_ratios": [1.5, 1, 1, 1, 1, 1]}
        )
        top, *gauges = axes
        side = self._whole.shape[-1]
        wide = _SHOWN * (side + _GAP) - _GAP
        self._pictures = top.imshow(
            np.full((side, wide, 3), 255, np.uint8), extent=(0, wide, 0, side), interpolation="nearest"
        )
        top.set(xlim=(0, wide + _GAP), ylim=(0, side), xticks=[], yticks=[])
        top.set_axis_off()
        self._crosses = {}
        for ax, (name, (low, high, scale)) in zip(gauges, _GAUGES.items(), strict=True):
            floor = [readings[name] for readings in self.floors]
            ax.set_xscale(scale)
            ax.axhline(0, color="#cccccc", linewidth=1, zorder=0)
            ends = self.floor(name)
            ax.axvspan(max(low, ends[0]), min(high, ends[1]), color=style.COLOURS["real"], alpha=0.25, linewidth=0)
            ax.plot(floor, [0] * len(floor), "o", color=style.COLOURS["real"], markersize=4)
            (cross,) = ax.plot([low], [0], "X", color=style.COLOURS["fake"], markersize=12, markeredgecolor="white")
            words = ax.text(1.02, 0.5, "", transform=ax.transAxes, ha="left", va="center")
            ax.text(-0.02, 0.5, name, transform=ax.transAxes, ha="right", va="center")
            ax.set(xlim=(low, high), ylim=(-1, 1), yticks=[])
            ax.spines["left"].set_visible(False)
            self._crosses[name] = (cross, words)
        gauges[-1].set_xlabel("green: the floor, from twenty sets without a spoil     purple cross: this set")


@usual_modes()
def panel(data: digits.Digits | None = None, outside: judge.Judge | None = None, seed: int = 0) -> Panel:
    """Return the panel *the cabinet of spoiled sets*. It measures when something is moved; nothing trains.

    Args:
        data, outside: real images and their judge; without them the embedded digits, and a judge that is made at
            once, by least squares, with the pixels as features.
        seed: of what is drawn.
    Raises:
        ValueError: only one of ``data`` and ``outside`` is given.
    First met in: notebook 10.
    """
    if (data is None) != (outside is None):
        raise ValueError("data and outside must be given together, or neither")
    if data is None:
        with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
            data = digits.load("embedded", image_size=8)
        outside = quick_judge(data)
    return Panel(
        Cabinet(data, outside, seed=seed),
        name="cabinet",
        title="The cabinet of spoiled sets",
        controls=[
            Choice("spoil", "spoil", SPOILS, hint="Which gauge will move? Say it before you press."),
            Slider("strength", "strength", 0.0, 1.0, step=0.05, hint="Find the weakest spoil that a metric notices."),
        ],
    )


FILMS = (
    Film(
        "cabinet", panel, "spoil", {name: name for name in ("few images", "blur", "noise")},
        moved="strength", places=[place / 10 for place in range(11)], per_second=2,
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
