"""Pictures of writers of words: a staircase without slopes, bias against spread, a race, and temperature curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["bias_and_spread", "race", "staircase", "temperatures"]

_SHADES = (COLOURS["real"], COLOURS["fake"], style.WARNING_TEXT, "#0575b0", "#555555", "#b07cc6", "#40004b", "#a6761d")
_MARKS = ("o", "X", "s", "D", "^", "P", "v", "p")
_GROUPS = (_SHADES[3], _SHADES[1])
_RUNNERS = ("#a6761d", "#40004b", "#555555", "#b07cc6", *_SHADES[:4])  # no group's colour first: `race` may be a riddle
_STAIRS = {  # name -> colour, line style, width
    "letters picked": (COLOURS["warning"], "-", 2.2),
    "mean over drawn letters": ("black", "--", 1.8),
    "shares shown": (COLOURS["fake"], "-.", 1.6),
}


def staircase(places: Tensor, scores: Mapping[str, Tensor], *, xlabel: str, ylabel: str = "score of D") -> Figure:
    """Draw what a discriminator says while one number of the writer moves: picked letters make stairs.

    Args:
        places: values of that number, shape (N,), rising.
        scores: what is shown to D -> its score at each place, shape (N,); at most three.
        xlabel, ylabel: what is on the axes.
    Returns:
        The figure.
    Raises:
        ValueError: there are no scores or more than three, or a shape or a number does not fit.
    First met in: notebook 18.
    """
    if not 1 <= len(scores) <= len(_STAIRS):
        raise ValueError(f"scores must hold 1 to {len(_STAIRS)} names, got {list(scores)}")
    x = _numbers("places", places, places.shape)
    figure, ax = style.figure(size=(6.4, 3.4))
    for (name, values), (colour, look, width) in zip(scores.items(), _STAIRS.values(), strict=False):
        y = _numbers(f"scores[{name!r}]", values, places.shape)
        ax.plot(x, y, look, color=colour, linewidth=width, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="best")
    return figure


def bias_and_spread(
    points: Mapping[str, Sequence[tuple[float, float]]],
    *,
    joined: Sequence[Sequence[str]] = (),
    ax: Axes | None = None,
) -> Figure:
    """Draw estimators of a gradient: how far their mean is from the exact one, against how much they vary about it.

    Both are over the length of the exact gradient. Dotted arcs join what is equally far from it in one batch.

    Args:
        points: name -> (bias, spread) of each network tried; at most eight names.
        joined: at most two groups of names, each in one colour and joined by a line in this order.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; a small mark for each network, a large one with its name at the middle.
    Raises:
        ValueError: there are no points, too many names or groups, or a number is not finite or below 0.
    First met in: notebook 18.
    """
    if not 1 <= len(points) <= len(_MARKS) or not all(len(pairs) for pairs in points.values()):
        raise ValueError(f"points must hold 1 to {len(_MARKS)} names with a pair at least, got {list(points)}")
    runs = {name: np.asarray(pairs, dtype=float) for name, pairs in points.items()}
    for name, pairs in runs.items():
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all() or (pairs < 0).any():
            raise ValueError(f"points[{name!r}] must hold finite pairs (bias, spread) from 0 on, got {pairs.tolist()}")
    if unknown := [name for group in joined for name in group if name not in runs]:
        raise ValueError(f"joined must hold names of points, got {unknown[0]!r}")
    if len(joined) > len(_GROUPS):
        raise ValueError(f"joined must hold at most {len(_GROUPS)} groups, got {len(joined)}")
    colours = dict(zip(runs, _SHADES, strict=False))
    for group, colour in zip(joined, _GROUPS, strict=False):
        colours |= dict.fromkeys(group, colour)
    figure, ax = style.figure_of(ax, size=(7.2, 3.9))
    middles = {name: np.median(pairs, axis=0) for name, pairs in runs.items()}
    every = np.concatenate(list(runs.values()))
    top, right = 1.15 * max(every[:, 0].max(), 0.5), 1.06 * max(every[:, 1].max(), 0.5)
    turn = np.linspace(0, np.pi / 2, 100)
    for radius in np.arange(0.5, float(np.hypot(right, top)), 0.5):
        ax.plot(radius * np.cos(turn), radius * np.sin(turn), ":", color="#aaaaaa", linewidth=0.9, zorder=0)
    for group in joined:
        ways = np.array([middles[name][::-1] for name in group]).T
        ax.plot(*ways, "--", color=COLOURS["neutral"], linewidth=1.1, zorder=1)
    halo = [patheffects.withStroke(linewidth=3, foreground="white")]
    for (name, pairs), mark in zip(runs.items(), _MARKS, strict=False):
        (bias, spread), colour = middles[name], colours[name]
        ax.plot(pairs[:, 1], pairs[:, 0], mark, color=colour, markersize=4, alpha=0.5, linestyle="none", zorder=2)
        ax.plot(spread, bias, mark, color=colour, markersize=9, markeredgecolor="white", zorder=3)
        flat = bias < 0.1 * top  # many of these lie side by side: their names stand above
        shift, look = ((0, 11), {"ha": "center"}) if flat else ((9, 0), {"va": "center"})
        look |= {"color": colour, "fontsize": 10, "path_effects": halo, "zorder": 4}
        ax.annotate(name, (spread, bias), shift, textcoords="offset points", **look)
    ax.set(xlim=(0, right), ylim=(-0.04 * top, top), aspect="equal")  # so that the arcs are arcs
    ax.set(xlabel="spread from batch to batch ↓", ylabel="bias of the mean ↓")
    return figure


def race(
    curves: Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]],
    *,
    ylabel: str = "KL(p ‖ q) ↓, in nats",
    xlabel: str = "CPU seconds of one writer",
    ax: Axes | None = None,
) -> Figure:
    """Draw how far writers are from their language as their training goes on: the median, and a band from seed to seed.

    Args:
        curves: name -> (seconds, shape (T,); distances above 0, shape (K, T), a row for each seed); at most eight.
        xlabel, ylabel: what is on the axes, both of which go in powers of ten.
        ax: where to draw; a new figure if None.
    Returns:
        The figure, with each name at the end of its line.
    Raises:
        ValueError: there are no curves or too many, or a shape or a number does not fit.
    First met in: notebook 18.
    """
    if not 1 <= len(curves) <= len(_MARKS):
        raise ValueError(f"curves must hold 1 to {len(_MARKS)} names, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(6.6, 4.2))
    last = 0.0
    for (name, (seconds, rows)), colour, mark in zip(curves.items(), _RUNNERS, _MARKS, strict=False):
        x, y = np.asarray(seconds, dtype=float), np.asarray(rows, dtype=float)
        if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x) or not len(x) or not len(y):
            raise ValueError(f"curves[{name!r}] must hold shapes (T,) and (K, T), got {x.shape} and {y.shape}")
        if not (np.isfinite(x).all() and np.isfinite(y).all() and (x > 0).all() and (y > 0).all()):
            raise ValueError(f"curves[{name!r}] must hold finite numbers above 0")
        middle = np.median(y, axis=0)
        ax.fill_between(x, y.min(0), y.max(0), color=colour, alpha=0.15, linewidth=0)
        ax.plot(x, middle, mark + "-", color=colour, markersize=5, markeredgecolor="white", label=name)
        ax.annotate(name, (x[-1], middle[-1]), (7, 0), textcoords="offset points", color=colour, va="center")
        last = max(last, x[-1])
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.set_xlim(right=last * 4)  # names stand at the right
    return figure


def temperatures(
    curves: Mapping[str, Sequence[tuple[float, float, float]]],
    *,
    xlabel: str = "share of words ↑",
    ylabel: str = "KL(p ‖ q) ↓, in nats",
    ax: Axes | None = None,
) -> Figure:
    """Draw what a writer's temperature does to quality and to what is missed: a line for a writer, a mark for each.

    Args:
        curves: name -> triples (temperature, x, y), the temperatures falling or rising; at most eight names. The mark
            at temperature 1 is large, the temperatures at the ends of the first curve are written beside it.
        xlabel, ylabel: what is on the axes; the second one goes in powers of ten.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there are no curves or too many, or a number does not fit.
    First met in: notebook 18.
    """
    if not 1 <= len(curves) <= len(_MARKS):
        raise ValueError(f"curves must hold 1 to {len(_MARKS)} names, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(6.4, 4.2))
    for at, (name, triples) in enumerate(curves.items()):
        rows = np.asarray(triples, dtype=float)
        if rows.ndim != 2 or rows.shape[1] != 3 or not np.isfinite(rows).all() or (rows[:, 2] <= 0).any():
            raise ValueError(f"curves[{name!r}] must hold finite triples (temperature, x, y above 0)")
        colour, mark = _SHADES[1:][at], _MARKS[at]
        ax.plot(rows[:, 1], rows[:, 2], mark + "-", color=colour, markersize=5, markeredgecolor="white", label=name)
        for row in rows[np.isclose(rows[:, 0], 1)]:
            ax.plot(*row[1:], mark, color=colour, markersize=12, markeredgecolor="black", zorder=4)
        for row in rows[[0, -1]] if at == 0 else ():
            place, side = ((0, 10), "left") if row[1] < rows[:, 1].max() else ((-8, 0), "right")  # off the line
            ax.annotate(f"T = {row[0]:g}", row[1:], place, textcoords="offset points", ha=side, va="center")
    ax.set(yscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="best", title="large mark: T = 1")
    return figure


def _numbers(name: str, values: Tensor, shape: Sequence[int]) -> np.ndarray:
    if values.ndim != 1 or values.shape != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)} with one axis, got {tuple(values.shape)}")
    array = values.detach().cpu().double().numpy()
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} value(s) that are not")
    return array
