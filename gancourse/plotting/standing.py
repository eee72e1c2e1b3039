"""Pictures of where GANs stand: lines and paths of a flow, quality against sampling time, arms of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["arms", "lines_and_paths", "quality_and_time"]

_ENDS = ("#0575b0", COLOURS["warning"])  # of what ends above 0, and of what ends below
_SHADES = (COLOURS["fake"], "#0575b0", COLOURS["warning"], "#40004b", "#a6761d", COLOURS["neutral"])
_MARKS = ("X", "o", "s", "D", "^", "v")


def lines_and_paths(noise: Tensor, images: Tensor, path: Tensor) -> Figure:
    """Draw a flow of numbers: on the left the lines it is taught with, on the right the paths it draws by.

    Time runs to the right, from noise (0) to images (1). What ends above 0 has another colour and line style than
    what ends below.

    Args:
        noise: where each line begins, shape (N,).
        images: where it ends, shape (N,).
        path: where each of M samples is at equal steps of time, shape (T, M), from time 0 to time 1.
    Returns:
        The figure.
    Raises:
        ValueError: a shape does not fit, or a number is not finite.
    First met in: notebook 22.
    """
    starts, ends = _numbers("noise", noise, 1), _numbers("images", images, 1)
    if starts.shape != ends.shape:
        raise ValueError(f"images must have the shape of noise, {starts.shape}, got {ends.shape}")
    walks = _numbers("path", path, 2)
    if len(walks) < 2:
        raise ValueError(f"path must have a row for time 0 and one for time 1 at least, got shape {walks.shape}")
    figure, (left, right) = style.figure(2, size=(8.2, 3.4), sharey=True)
    titles = "straight lines, image drawn by lot", "paths along the mean velocity"
    for ax, rows, title in zip((left, right), (np.stack([starts, ends]), walks), titles, strict=True):
        times = np.linspace(0, 1, len(rows))
        for walk in rows.T:
            below = int(walk[-1] < 0)
            ax.plot(times, walk, ("-", "--")[below], color=_ENDS[below], linewidth=1.1, alpha=0.75)
        ax.plot(np.zeros(rows.shape[1]), rows[0], "x", color=COLOURS["neutral"], markersize=5, clip_on=False)
        ax.plot(np.ones(rows.shape[1]), rows[-1], "o", color=COLOURS["real"], markersize=6, clip_on=False, zorder=3)
        ax.set(title=title, xlabel="time t: noise → image", xlim=(0, 1))
    left.set_ylabel("position x")
    return figure


def quality_and_time(
    curves: Mapping[str, Sequence[tuple[float, Sequence[float], str]]],
    *,
    floor: float | None = None,
    xlabel: str = "CPU seconds for 1,000 images ↓",
    ylabel: str = "Fréchet distance ↓",
    ax: Axes | None = None,
) -> Figure:
    """Draw what samplers reach against what drawing costs, both in powers of ten; the best corner is below on the left.

    Args:
        curves: name -> triples (seconds, value of each seed, what to write at the point), joined in this order; at
            most six names.
        floor: the value of real images: a dotted green line.
        xlabel, ylabel: what is on the axes.
        ax: where to draw; a new figure if None.
    Returns:
        The figure: a small mark for a seed, a large one at the median.
    Raises:
        ValueError: there are no curves or too many, or a number is not finite or not above 0.
    First met in: notebook 22.
    """
    if not 1 <= len(curves) <= len(_MARKS) or not all(len(triples) for triples in curves.values()):
        raise ValueError(f"curves must hold 1 to {len(_MARKS)} names with a point at least, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(6.8, 4.2))
    for (name, triples), colour, mark in zip(curves.items(), _SHADES, _MARKS, strict=False):
        middles = []
        for seconds, values, words in triples:
            y = np.asarray(values, dtype=float)
            if not (0 < seconds < np.inf and y.size and np.isfinite(y).all() and (y > 0).all()):
                raise ValueError(f"curves[{name!r}] must hold finite numbers above 0, got {seconds}, {list(values)}")
            middle = float(np.median(y))
            ax.plot(np.full(len(y), seconds), y, mark, color=colour, markersize=4, alpha=0.5, linestyle="none")
            ax.annotate(words, (seconds, middle), (9, 5), textcoords="offset points", color=colour, fontsize=10)
            middles.append((seconds, middle))
        ax.plot(
            *zip(*middles, strict=True), mark + "-", color=colour, markersize=9, markeredgecolor="white", label=name
        )
    if floor is not None:
        ax.axhline(floor, color=COLOURS["real"], linestyle=":", label="real images")
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.margins(0.12)
    ax.legend(loc="best")
    return figure


def arms(
    values: Mapping[str, Sequence[float]],
    *,
    failed: Mapping[str, Sequence[bool]] | None = None,
    reference: str | None = None,
    xlabel: str = "Fréchet distance ↓",
    ax: Axes | None = None,
) -> Figure:
    """Draw the arms of a comparison under each other: a mark for a seed, a bar at the median; on a scale of powers.

    Args:
        values: arm -> its value on each seed, all above 0.
        failed: arm -> which seeds failed: those are orange crosses, and the arm's name says how many.
        reference: an arm; a dotted line shows its median in all rows.
        xlabel: what the values are.
        ax: where to draw; a new figure if None.
    Returns:
        The figure, first arm on top.
    Raises:
        ValueError: there is no arm, a number is not finite or not above 0, or a name or a length does not fit.
    First met in: notebook 22.
    """
    failed = failed or {}
    if not values or not all(len(row) for row in values.values()):
        raise ValueError(f"values must hold one arm at least, each with a value, got {dict(values)}")
    named = [*failed, *([reference] if reference is not None else [])]
    if unknown := [name for name in named if name not in values]:
        raise ValueError(f"failed and reference must name arms of values, got {unknown[0]!r}")
    figure, ax = style.figure_of(ax, size=(7.4, 0.42 * len(values) + 1.0))
    labels = []
    for row, (name, numbers) in enumerate(values.items()):
        x = np.asarray(numbers, dtype=float)
        if not (np.isfinite(x).all() and (x > 0).all()):
            raise ValueError(f"values[{name!r}] must hold finite numbers above 0, got {list(numbers)}")
        bad = np.asarray(failed.get(name, np.zeros(len(x))), dtype=bool)
        if bad.shape != x.shape:
            raise ValueError(f"failed[{name!r}] must say it for each of {len(x)} seeds, got {len(bad)}")
        ax.plot([np.median(x)] * 2, [row - 0.3, row + 0.3], color="black", linewidth=2.2)
        ax.plot(x[~bad], np.full((~bad).sum(), row), "o", color=COLOURS["fake"], markersize=6, alpha=0.8)
        ax.plot(x[bad], np.full(bad.sum(), row), "X", color=COLOURS["warning"], markersize=8, markeredgecolor="white")
        labels.append(f"{name} · {int(bad.sum())} of {len(x)} failed" if name in failed and bad.any() else name)
    if reference is not None:
        ax.axvline(float(np.median(values[reference])), color=COLOURS["neutral"], linestyle=":", zorder=0)
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xscale="log", xlabel=xlabel, ylim=(len(labels) - 0.5, -0.5))
    low, high = ax.get_xlim()
    round_ones = [lead * 10.0**power for power in range(-6, 7) for lead in (1, 1.5, 2, 3, 5, 7)]
    ticks = [place for place in round_ones if low <= place <= high]
    ax.set_xticks(ticks, [f"{place:,g}" for place in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="x", color="#eeeeee", zorder=-1)
    return figure


def _numbers(name: str, values: Tensor, axes: int) -> np.ndarray:
    found = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=float)
    if found.ndim != axes or not found.size:
        raise ValueError(f"{name} must have {axes} axis or axes and not be empty, got shape {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(found)).sum())} that are not")
    return found
