"""Pictures of speed: how long networks take beside one, how time grows with the batch, and how a batch is shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import NullLocator

from gancourse.plotting import standing, style
from gancourse.plotting.style import COLOURS

__all__ = ["batch_times", "ratios", "shared_batch", "two_costs"]

_SHADES = (COLOURS["fake"], "#0575b0", COLOURS["warning"], "#40004b", "#a6761d", COLOURS["neutral"])
_MARKS = ("X", "o", "s", "D", "^", "v")
_FEW = tuple(lead * 10.0**power for power in range(-3, 7) for lead in (1, 2, 5))
_MANY = tuple(lead * 10.0**power for power in range(-3, 7) for lead in (1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))


def ratios(
    rows: Mapping[str, Mapping[str, tuple[float, float, float]]],
    *,
    xlabel: str = "time, as a multiple of the whole net's ↓",
    ax: Axes | None = None,
) -> Figure:
    """Draw how long each network takes, as a multiple of one of them: a row for a network, a mark for each batch size.

    Args:
        rows: network -> what was timed, such as "1 image" -> (median, lower quartile, upper quartile), all above 0. All
            networks have the same things timed.
        xlabel: what the numbers are.
        ax: where to draw; a new figure if None.
    Returns:
        The figure, first network on top: a mark at the median, with its number, and a line from quartile to quartile.
        A dotted line marks 1.
    Raises:
        ValueError: there is nothing to draw, the networks do not have the same things timed, or a number will not do.
    First met in: notebook 21.
    """
    timed = list(next(iter(rows.values()), {}))
    if not timed or len(timed) > len(_MARKS) or any(list(row) != timed for row in rows.values()):
        raise ValueError(f"rows must hold networks with the same things timed, at most {len(_MARKS)}, got {dict(rows)}")
    figure, ax = style.figure_of(ax, size=(7.4, (0.18 + 0.17 * len(timed)) * len(rows) + 1.1))
    gap = 0.7 / len(timed)
    for place, (name, row) in enumerate(rows.items()):
        for at, (what, (middle, low, high)) in enumerate(row.items()):
            if not 0 < low <= middle <= high < np.inf:
                raise ValueError(f"rows[{name!r}][{what!r}] must be median and quartiles, got {(middle, low, high)}")
            y = place + (at - (len(timed) - 1) / 2) * gap
            ax.plot([low, high], [y, y], color=_SHADES[at], linewidth=2.2)
            look = {"color": _SHADES[at], "markersize": 9, "markeredgecolor": "white", "linestyle": "none"}
            ax.plot([middle], [y], _MARKS[at], label=what if not place else "_", **look)
            words = f"{middle:.2f}"
            ax.annotate(words, (high, y), (8, 0), textcoords="offset points", va="center", fontsize=10)
    ax.axvline(1, color=COLOURS["neutral"], linestyle=":", zorder=0)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xscale="log", xlabel=xlabel, ylim=(len(rows) - 0.45, -0.55))
    ax.margins(x=0.12)
    _round_ticks(ax.xaxis)
    if len(timed) > 1:
        ax.legend(loc="best", frameon=True, edgecolor="none", framealpha=0.9)
    return figure


def batch_times(
    batches: Sequence[int],
    ms: Mapping[str, Sequence[float]],
    lines: Mapping[str, tuple[float, float]],
    *,
    ax: Axes | None = None,
) -> Figure:
    """Draw the time of a call against the number of images in it, both in powers of ten, with fitted lines.

    Args:
        batches: how many images, ascending.
        ms: network -> milliseconds for each of these; at most six networks.
        lines: network -> (start, each) of ``start + each * batch``, in milliseconds, as ``timing.line`` fits it.
        ax: where to draw; a new figure if None.
    Returns:
        The figure: marks are measured, curves fitted. Where a curve is flat the start is what one pays for.
    Raises:
        ValueError: there are too many networks, or none; lengths or names do not fit; a number is not above 0.
    First met in: notebook 21.
    """
    sizes = np.asarray(batches, dtype=float)
    if sizes.ndim != 1 or len(sizes) < 2 or (np.diff(sizes) <= 0).any() or sizes[0] <= 0:
        raise ValueError(f"batches must be two or more ascending numbers above 0, got {list(batches)}")
    if not 1 <= len(ms) <= len(_MARKS) or list(lines) != list(ms):
        raise ValueError(
            f"ms and lines must hold the same 1 to {len(_MARKS)} networks, got {list(ms)} and {list(lines)}"
        )
    figure, ax = style.figure_of(ax, size=(7.0, 4.0))
    fine = np.geomspace(sizes[0], sizes[-1], 100)
    for (name, times), colour, mark in zip(ms.items(), _SHADES, _MARKS, strict=False):
        y = np.asarray(times, dtype=float)
        if y.shape != sizes.shape or not (np.isfinite(y).all() and (y > 0).all()):
            raise ValueError(f"ms[{name!r}] must hold {len(sizes)} finite numbers above 0, got {list(times)}")
        start, each = lines[name]
        ax.plot(fine, start + each * fine, "-", color=colour, linewidth=1.4)
        words = f"{name}: {start:.2f} + {each:.3f} · images"
        ax.plot(sizes, y, mark, color=colour, markersize=8, markeredgecolor="white", label=words)
    ax.set(xscale="log", yscale="log", xlabel="images in a call", ylabel="milliseconds of a call ↓")
    ax.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper left")
    return figure


def two_costs(
    weights: Mapping[str, Sequence[tuple[float, Sequence[float], str]]],
    milliseconds: Mapping[str, Sequence[tuple[float, Sequence[float], str]]],
    *,
    ylabel: str = "Fréchet distance ↓",
) -> Figure:
    """Draw quality against what a net costs: on the left its weights, on the right the time of one image.

    Args:
        weights, milliseconds: name -> triples (cost, value of each seed, what to write at the point), joined in this
            order, as :func:`gancourse.plotting.standing.quality_and_time` takes them.
        ylabel: what the values are.
    Returns:
        The figure: a small mark for a seed, a large one at the median; powers on all axes, one for quality.
    Raises:
        ValueError: there are no curves or too many, or a number is not finite or not above 0.
    First met in: notebook 21.
    """
    figure, axes = style.figure(2, size=(9.8, 3.9), sharey=True)
    xlabels = "weights ↓", "milliseconds for one image ↓"
    for ax, curves, xlabel in zip(axes, (weights, milliseconds), xlabels, strict=True):
        standing.quality_and_time(curves, xlabel=xlabel, ylabel=ylabel if ax is axes[0] else "", ax=ax)
        ax.margins(0.2, 0.25)
    for axis in (axes[0].xaxis, axes[1].xaxis, axes[0].yaxis):
        _round_ticks(axis)
    return figure


def shared_batch(machines: int = 2) -> Figure:
    """Draw how machines train one network together: the batch is cut, gradients are averaged, all take the same step.

    Args:
        machines: 2 to 4 of them.
    Returns:
        The figure, to be read from left to right.
    Raises:
        ValueError: there are fewer or more.
    First met in: notebook 21.
    """
    if machines not in (2, 3, 4):
        raise ValueError(f"machines must be 2, 3 or 4, got {machines!r}")
    figure, ax = style.figure(size=(8.6, 0.85 * machines + 0.9), dpi=80)
    middle = (machines - 1) / 2
    _box(ax, (0.0, middle), "batch of\n64 images", COLOURS["real"], height=0.9 * machines)
    _box(ax, (6.4, middle), "average\nof the\ngradients", COLOURS["gradient"], height=0.9 * machines)
    for place in range(machines):
        y = machines - 1 - place
        _box(ax, (2.0, y), f"{64 // machines} images", COLOURS["real"])
        _box(ax, (4.1, y), f"machine {place + 1}:\nits copy of D, G", COLOURS["discriminator"], width=1.5)
        _box(ax, (8.5, y), "the same step", COLOURS["neutral"], width=1.4)
        for start, end in ((0.65, 1.35), (2.65, 3.3), (4.85, 5.75), (7.05, 7.75)):
            _arrow(ax, (start, y), (end, y))
        ax.text(5.29, y + 0.16, "gradient", ha="center", fontsize=10, color=COLOURS["gradient"])
    ax.set(xlim=(-0.8, 9.35), ylim=(-0.65, machines - 0.35))
    ax.set_axis_off()
    return figure


def _box(
    ax: Axes, centre: tuple[float, float], words: str, colour: str, *, width: float = 1.3, height: float = 0.7
) -> None:
    corner = (centre[0] - width / 2, centre[1] - height / 2)
    look = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": "white", "edgecolor": colour, "linewidth": 2}
    ax.add_patch(FancyBboxPatch(corner, width, height, **look))
    ax.text(*centre, words, ha="center", va="center", fontsize=11, linespacing=1.25)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 12, "shrinkA": 0, "shrinkB": 0, "color": COLOURS["neutral"]}
    ax.add_patch(FancyArrowPatch(start, end, **look))


def _round_ticks(axis: Axis) -> None:
    """Give an axis of powers round numbers."""
    low, high = axis.axes.get_xlim() if axis.axis_name == "x" else axis.axes.get_ylim()
    ticks = [place for place in (_FEW if high / low > 8 else _MANY) if low <= place <= high]
    axis.set_ticks(ticks, [f"{place:,g}" for place in ticks])
    axis.set_minor_locator(NullLocator())
