"""The panel of notebook 01: move and reshape q against p, and watch D*, V, JS, KL and W1."""

from __future__ import annotations

import math

import torch
from matplotlib.figure import Figure

from gancourse._numbers import real
from gancourse._torch_modes import usual_modes
from gancourse.data import toy
from gancourse.labs._film import Film
from gancourse.labs.panel import Panel, Slider
from gancourse.metrics import divergences
from gancourse.plotting import densities, style
from gancourse.plotting.style import COLOURS

__all__ = ["FILMS", "Minimax", "panel"]

_LOW, _HIGH = -22.0, 22.0  # limits of the integrals: beyond the farthest place any slider can put mass
_POINTS = 4_401
_ENDS = {
    "V": (-math.log(4), 0.0, "−log 4", "0"),
    "JS": (0.0, math.log(2), "0", "log 2"),
    "KL(p ‖ q)": (0.0, 6.0, "0", "6 and more"),
    "KL(q ‖ p)": (0.0, 6.0, "0", "6 and more"),
    "W1": (0.0, 6.0, "0", "6 and more"),
}
"""Both ends of each gauge, and what is written there."""

CONTROLS = (
    Slider("place of q", "q_place", -5, 5, "Go to −5: which numbers still change, and which are stuck?", step=0.1),
    Slider("width of q", "q_width", 0.3, 2, "Widen q over both humps of p: which KL falls?", step=0.05),
    Slider("gap in q", "q_gap", 0, 5, "Find the place, width and gap that turn D* flat at 1/2.", step=0.1),
    Slider("gap in p", "p_gap", 0, 5, "Set it to 0, with the gap in q at 0: two single humps.", step=0.1),
)
"""The four sliders; the settings of :class:`Minimax` keep to their ranges."""


class Minimax:
    """Two densities and everything the best discriminator says about them. No widgets, no training.

    p is two humps of width 0.6, ``p_gap`` apart, around 0; q is two humps of width ``q_width``,
    ``q_gap`` apart, around ``q_place``. A gap of 0 makes one hump.

    Args:
        p_gap: distance between the humps of p, 0 to 5.
        q_place: the middle of q, −5 to 5.
        q_width: standard deviation of the humps of q, 0.3 to 2.
        q_gap: distance between the humps of q, 0 to 5.
    Raises:
        TypeError, ValueError: a setting is no number in its range.
    First met in: notebook 01.
    """

    def __init__(self, *, p_gap: float = 4.0, q_place: float = 2.0, q_width: float = 0.6, q_gap: float = 0.0) -> None:
        self.p_gap, self.q_place, self.q_width, self.q_gap = p_gap, q_place, q_width, q_gap
        for control in CONTROLS:
            if (value := real(getattr(self, control.attribute))) is None:
                got = type(getattr(self, control.attribute)).__name__
                raise TypeError(f"{control.attribute} must be a number, got {got}")
            setattr(self, control.attribute, value)
            if not control.low <= value <= control.high:
                raise ValueError(
                    f"{control.attribute} must lie between {control.low:g} and {control.high:g}, got {value:g}"
                )
        self._x = torch.linspace(-10, 10, 401, dtype=torch.float64)
        self._numbers_of: tuple[float, ...] | None = None
        self._build()

    def densities(self) -> tuple[toy.Mixture, toy.Mixture]:
        """Return p and q as they stand."""
        p = toy.mixture([-self.p_gap / 2, self.p_gap / 2], 0.6)
        q = toy.mixture([self.q_place - self.q_gap / 2, self.q_place + self.q_gap / 2], self.q_width)
        return p, q

    def numbers(self) -> dict[str, float]:
        """Return V (for the best D), JS, KL(p || q), the reverse KL(q || p) and W1."""
        if self._numbers_of != (shape := (self.p_gap, self.q_place, self.q_width, self.q_gap)):
            self._numbers, self._numbers_of = self._measure(), shape
        return dict(self._numbers)

    def _measure(self) -> dict[str, float]:
        p, q = self.densities()
        span = (_LOW, _HIGH)
        return {
            "V": divergences.minimax_value(p, q, *span, points=_POINTS),
            "JS": divergences.js(p, q, *span, points=_POINTS),
            "KL(p ‖ q)": divergences.kl(p, q, *span, points=_POINTS),
            "KL(q ‖ p)": divergences.kl(q, p, *span, points=_POINTS),
            "W1": divergences.wasserstein_1d_densities(p, q, *span, points=_POINTS),
        }

    def draw(self) -> Figure:
        """Draw p and q, the best discriminator under them, and a gauge for each of the five numbers."""
        p, q = self.densities()
        points = self._x[:, None]
        curves = {"p": p.log_prob(points).exp(), "q": q.log_prob(points).exp()}
        curves["D"] = torch.sigmoid(divergences.optimal_logits(p, q, points))
        for name, curve in curves.items():
            self._lines[name].set_ydata(curve.numpy())
        for name, area in self._areas.items():
            area.set_verts([_under(self._x, curves[name])])
        for name, value in self.numbers().items():
            low, high = _ENDS[name][:2]
            self._bars[name].set_width(min(max((value - low) / (high - low), 0.0), 1.0))
            self._readings[name].set_text(f"{value:.3f}".replace("-", "−"))
        return self.figure

    def _build(self) -> None:
        """Make the figure and everything on it once; draw() only moves it."""
        self.figure, axes = style.figure(2, 2, size=(8.6, 4.7), width_ratios=[3, 2], height_ratios=[3, 2])
        top, bottom = axes[:, 0]
        for ax in axes[:, 1]:
            ax.remove()
        flat = torch.zeros_like(self._x)
        densities.density_pair(self._x, flat, flat, ax=top)
        top.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)  # out of the way of both
        top.set(ylim=(0, 0.9), xlabel="")
        densities.discriminator(self._x, flat, ax=bottom, title="the best discriminator D*")
        self._areas = dict(zip(("p", "q"), top.collections, strict=True))
        self._lines = dict(zip(("p", "q"), top.lines, strict=True)) | {"D": bottom.lines[-1]}
        for ax in (top, bottom):
            ax.set_xticks(range(-10, 11, 5))
        gauges = self.figure.add_subplot(axes[0, 0].get_gridspec()[:, 1])
        gauges.set(xlim=(-0.02, 1.02), ylim=(len(_ENDS) - 0.5, -0.6))
        gauges.axis("off")
        self._bars, self._readings = {}, {}
        for row, (name, (_, _, left, right)) in enumerate(_ENDS.items()):
            colour = COLOURS["discriminator"] if name == "V" else COLOURS["neutral"]
            gauges.barh(row, 1.0, height=0.34, color=COLOURS["neutral"], alpha=0.13)
            (self._bars[name],) = gauges.barh(row, 0.0, height=0.34, color=colour, linewidth=0)
            gauges.text(0, row - 0.27, name, va="bottom", fontweight="bold")
            self._readings[name] = gauges.text(1, row - 0.27, "", ha="right", va="bottom")
            gauges.text(0, row + 0.25, left, va="top", fontsize=9, color=COLOURS["neutral"])
            gauges.text(1, row + 0.25, right, ha="right", va="top", fontsize=9, color=COLOURS["neutral"])

    def status(self) -> str:
        """Say in words what the picture shows."""
        numbers = self.numbers()
        js, w1 = numbers["JS"], numbers["W1"]
        if js < 1e-3:
            judge = "p and q are (almost) the same: the best D answers 1/2 wherever there is data, and V is −log 4."
        elif js > math.log(2) - 1e-3:
            judge = "p and q (almost) never meet: the best D is always right, and JS is stuck at log 2."
        elif js > 0.35:
            judge = "The best D tells most fakes from the data."
        else:
            judge = "The best D is often in doubt."
        words = f"{judge} D's loss is {-numbers['V'] + 0.0:.3f}; mass has to travel {w1:.2f} on average (W1)."
        ratio = numbers["KL(p ‖ q)"] / max(numbers["KL(q ‖ p)"], 1e-9)
        if js > 1e-3 and ratio > 2:
            words += " KL(p ‖ q) is the larger KL: q leaves out places where p has data."
        elif js > 1e-3 and ratio < 0.5:
            words += " KL(q ‖ p) is the larger KL: q puts mass where p has none."
        return words


def _under(x: torch.Tensor, curve: torch.Tensor) -> torch.Tensor:
    """Return the corners of the area between a curve and the axis, shape (2 N, 2)."""
    floor = torch.zeros_like(curve)
    return torch.cat([torch.stack([x, curve], 1), torch.stack([x, floor], 1).flip(0)]).numpy()


@usual_modes()
def panel() -> Panel:
    """Return the panel of notebook 01: four sliders for the shapes of p and q.

    First met in: notebook 01.
    """
    return Panel(
        Minimax(),
        name="minimax",
        title="Move q against p",
        controls=CONTROLS,
    )


FILMS = (
    Film(
        "minimax", panel, "q_gap", {"0: one hump": 0.0, "4: two humps": 4.0},
        moved="q_place", places=[round(-5 + 0.2 * k, 1) for k in range(51)],
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
