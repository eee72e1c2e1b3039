"""Pictures of a gradient penalty: the lines between real and fake on which it looks, and what the loss is worth.

Every function takes numbers (tensors, arrays or lists), computes nothing but what it draws, and returns the figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from gancourse.plotting import style
from gancourse.plotting.critics import LOOKS
from gancourse.plotting.style import COLOURS

__all__ = ["gap_and_distance", "pairs"]

_MARKERS = ("o", "^", "s", "D")


def pairs(
    real,
    fake,
    partner: Sequence[int],
    *,
    at=None,
    limit: float = 1.5,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw real and fake points in the plane and the line from each real point to its partner among the fakes.

    Args:
        real: shape (N, 2).
        fake: shape (M, 2).
        partner: for each real point the index of a fake one, length N.
        at: points on the lines at which a penalty looks, shape (K, 2); none if not given.
        limit: the axes go from -limit to limit.
        title: what the axes say on top.
        ax: where to draw; a new figure if not given.
    Raises:
        ValueError: a shape differs, or a partner does not exist.
    First met in: notebook 09.
    """
    real, fake = _points("real", real), _points("fake", fake)
    chosen = np.asarray(partner)
    if chosen.shape != (len(real),) or chosen.dtype.kind not in "iu":
        raise ValueError(f"partner must hold one index for each of the {len(real)} real points, got {chosen.shape}")
    if chosen.min() < 0 or chosen.max() >= len(fake):
        raise ValueError(f"partner must hold indices from 0 to {len(fake) - 1}, got {chosen.min()} to {chosen.max()}")
    fig, ax = style.figure_of(ax, size=(4.2, 4.2))
    for x, y in zip(real, fake[chosen], strict=True):
        ax.plot(*zip(x, y, strict=True), color=COLOURS["neutral"], linewidth=0.8, alpha=0.7, zorder=1)
    ax.plot(*real.T, "o", color=COLOURS["real"], markersize=5, label="real", zorder=2)
    ax.plot(*fake.T, "x", color=COLOURS["fake"], markersize=6, label="fake", zorder=2)
    if at is not None:
        ax.plot(*_points("at", at).T, ".", color=COLOURS["gradient"], markersize=6, label="where it looks", zorder=3)
    ax.set(title=title, xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    ax.legend(loc="upper left", frameon=True, framealpha=0.9)
    return fig


def gap_and_distance(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    *,
    gap: str = "critic's gap",
    distance: str = "Fréchet distance, log scale\n(↓ is better)",
    title: str = "",
    axes: tuple[Axes, Axes] | None = None,
) -> Figure:
    """Draw over the steps of training what the critic says, and how far the samples are from the data.

    A loss that means something falls where the distance falls.

    Args:
        runs: name -> (steps, the critic's gap at each, the distance of the samples from the data at each, above 0);
            at most four.
        gap, distance: what the two vertical axes say; that of the distance is logarithmic.
        title: over the gap.
        axes: where to draw the gap and the distance; a new figure, one above the other, if not given.
    Raises:
        ValueError: there are no runs or too many, lengths differ, or a number cannot be drawn.
    First met in: notebook 09.
    """
    if not 1 <= len(runs) <= len(LOOKS):
        raise ValueError(f"runs must hold 1 to {len(LOOKS)} runs, got {len(runs)}")
    if axes is None:
        axes = style.figure(1, 2, size=(4.6, 5.2), sharex=True)[1]
    above, below = axes
    for (name, run), look, marker in zip(runs.items(), LOOKS, _MARKERS, strict=False):
        steps, gaps, distances = (np.asarray(values, dtype=float) for values in run)
        if steps.ndim != 1 or len(steps) < 2 or not steps.shape == gaps.shape == distances.shape:
            shapes = f"{steps.shape}, {gaps.shape} and {distances.shape}"
            raise ValueError(f"{name!r} must have as many gaps and distances as steps, two or more, got {shapes}")
        if not all(np.isfinite(values).all() for values in (steps, gaps, distances)) or (distances <= 0).any():
            raise ValueError(f"{name!r} must have finite steps and gaps, and finite distances above 0")
        above.plot(steps, gaps, **look, marker=marker, markersize=4, label=name)
        below.plot(steps, distances, **look, marker=marker, markersize=4, label=name)
    above.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    below.set_yscale("log")
    _in_plain_numbers(below.yaxis)
    above.set(ylabel=gap, title=title)
    below.set(ylabel=distance, xlabel="step")
    if len(runs) > 1:
        below.legend(frameon=False)
    return above.figure


# ---------------------------------------------------------------- helpers


def _in_plain_numbers(axis: Axis) -> None:
    """Write 200 and 0.5 along a logarithmic axis, not 2 x 10^2, and few of them."""
    for ticks in ("major", "minor"):
        getattr(axis, f"set_{ticks}_locator")(LogLocator(subs=(1.0,) if ticks == "major" else (2.0, 3.0, 5.0)))
        getattr(axis, f"set_{ticks}_formatter")(FuncFormatter(lambda value, _: f"{value:g}"))


def _points(name: str, value) -> np.ndarray:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=float)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise ValueError(f"{name} must be points in the plane, shape (N, 2), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite value(s)")
    return array
