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

__all__ = ["gap_against_quality", "pairs"]

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


def gap_against_quality(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    log: bool = False,
    xlabel: str = "critic's gap",
    ylabel: str = "Fréchet distance (log scale)",
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw each run as a path through (loss, quality), from its first look, hollow, to its last, large.

    A loss that means something makes a path that runs from the upper right to the lower left without turning back.

    Args:
        runs: name -> (the loss at each look, the distance of the samples from the data at each look, above 0); at
            most four.
        log: whether the axis of the loss is logarithmic, too, so that equal ways to the left are equal factors.
        xlabel, ylabel, title: what the axes say.
        ax: where to draw; a new figure if not given.
    Raises:
        ValueError: there are no runs or too many, lengths differ, or a number cannot be drawn.
    First met in: notebook 09.
    """
    if not 1 <= len(runs) <= len(LOOKS):
        raise ValueError(f"runs must hold 1 to {len(LOOKS)} runs, got {len(runs)}")
    fig, ax = style.figure_of(ax)
    for (name, (loss, quality)), look, marker in zip(runs.items(), LOOKS, _MARKERS, strict=False):
        loss, quality = np.asarray(loss, dtype=float), np.asarray(quality, dtype=float)
        if loss.ndim != 1 or loss.shape != quality.shape or len(loss) < 2:
            raise ValueError(f"{name!r} must have as many losses as distances, two or more, got {loss.shape}")
        if not (np.isfinite(loss).all() and np.isfinite(quality).all() and (quality > 0).all()):
            raise ValueError(f"{name!r} must have finite losses and finite distances above 0")
        if log and (loss <= 0).any():
            raise ValueError(f"{name!r} has a loss of {loss.min():g}; a logarithmic axis shows what is above 0")
        ax.plot(loss, quality, **look, marker=marker, markersize=4, label=name)
        ax.plot(loss[0], quality[0], marker, color=look["color"], markerfacecolor="white", markersize=9)
        ax.plot(loss[-1], quality[-1], marker, color=look["color"], markersize=11)
    ax.set_yscale("log")
    if log:
        ax.set_xscale("log")
        _in_plain_numbers(ax.xaxis)
    _in_plain_numbers(ax.yaxis)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend(frameon=False)
    return fig


# ---------------------------------------------------------------- helpers


def _in_plain_numbers(axis: Axis) -> None:
    """Write 200 and 0.5 along a logarithmic axis, not 2 x 10^2, and few of them."""
    for ticks in ("major", "minor"):
        getattr(axis, f"set_{ticks}_locator")(LogLocator(subs=(1.0,) if ticks == "major" else (2.0, 5.0)))
        getattr(axis, f"set_{ticks}_formatter")(FuncFormatter(lambda value, _: f"{value:g}"))


def _points(name: str, value) -> np.ndarray:
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, dtype=float)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise ValueError(f"{name} must be points in the plane, shape (N, 2), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite value(s)")
    return array
