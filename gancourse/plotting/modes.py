"""Pictures of coverage: which modes a generator reaches, over seeds, over settings, over time.

Coverage is drawn on one scale everywhere: from the warning colour (no mode) to the colour of real data (all), with the
number written into the cell, so that colour never carries the message alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from gancourse._numbers import whole
from gancourse.plotting.style import COLOURS, figure_of

__all__ = ["COVERAGE_MAP", "counts_over_steps", "mode_counts", "phase_diagram"]

COVERAGE_MAP = LinearSegmentedColormap.from_list("coverage", [COLOURS["warning"], "#f7f7f7", COLOURS["real"]])
"""No mode, half of them, all of them."""

_DIVERGED = "#bbbbbb"
_INK = "#222222"
_DARK = 0.8  # shares above it are drawn in white on green


def mode_counts(
    counts: Mapping[str, Sequence[int] | Tensor],
    of: int,
    *,
    quality: Mapping[str, Sequence[float] | Tensor] | None = None,
    title: str = "Modes covered, one cell per seed",
    ax: Axes | None = None,
) -> Figure:
    """Draw one row per recipe and one cell per seed, with the number of modes covered in it.

    All seeds are seen, so nobody has to trust an average. With ``quality``, the share of good samples stands
    under the number: one mode at 100 % is collapse, one mode at 10 % is something else.

    Args:
        counts: modes covered per seed, for each recipe by name.
        of: modes there are.
        quality: share of good samples per seed, for the same recipes.
        title: over the picture.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    Raises:
        ValueError: there is no recipe, a count is out of range, or the lengths differ.
    First met in: notebook 04.
    """
    _check_whole("of", of)
    if not counts:
        raise ValueError("counts must hold at least one recipe, got none")
    rows = {name: _counts(name, values, of) for name, values in counts.items()}
    qualities = {} if quality is None else {name: _numbers(name, values) for name, values in quality.items()}
    for name, values in qualities.items():
        if name not in rows or len(values) != len(rows[name]):
            raise ValueError(f"quality[{name!r}] must have one number for each of counts[{name!r}]")
    width, height = max(map(len, rows.values())), len(rows)
    fig, ax = figure_of(ax, size=(max(6.0, 2.4 + 0.52 * width), 0.75 + 0.46 * height))
    for row, (name, values) in enumerate(rows.items()):
        for column, count in enumerate(values):
            _cell(ax, column, row, count / of)
            below = qualities.get(name)
            ax.text(column, row - (0.12 if below is not None else 0), f"{count:.0f}", ha="center", va="center",
                    fontsize=11, fontweight="bold", color=_ink(count / of))  # fmt: skip
            if below is not None:
                share = "–" if np.isnan(below[column]) else f"{below[column]:.0%}"
                ax.text(column, row + 0.27, share, ha="center", va="center", fontsize=7.5, color=_ink(count / of))
    _bare(ax, width, height)
    ax.set_yticks(range(height), list(rows))
    ax.set_xticks([])
    ax.set_xlabel(f"number: modes of {of}" + ("; below it: share of good samples" if qualities else ""))
    ax.set_title(title)
    return fig


def phase_diagram(
    counts: Tensor | Sequence[Sequence[int]],
    of: int,
    *,
    rows: tuple[str, Sequence[float]],
    columns: tuple[str, Sequence[float]],
    collapsed: Tensor | Sequence[Sequence[bool]] | None = None,
    diverged: Tensor | Sequence[Sequence[bool]] | None = None,
    title: str = "Modes covered",
    ax: Axes | None = None,
) -> Figure:
    """Draw modes covered over two settings, one trained GAN per cell, the number in each.

    Rows grow upwards and columns to the right. A ring round the number marks collapse (few modes, good samples), as
    against cells with few modes where the samples are good for nothing; grey cells with a cross have diverged.

    Args:
        counts: modes covered, shape (rows, columns).
        of: modes there are.
        rows, columns: name and values of each setting, in the order of ``counts``.
        collapsed: where to draw a ring, shape (rows, columns).
        diverged: where the GAN is no longer finite, shape (rows, columns).
        title: over the picture.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    Raises:
        ValueError: shapes do not fit, or a count is out of range.
    First met in: notebook 04.
    """
    _check_whole("of", of)
    table = np.asarray(counts, dtype=float)
    shape = (len(rows[1]), len(columns[1]))
    if table.shape != shape:
        raise ValueError(f"counts must have shape {shape}, one cell for each pair of values, got {table.shape}")
    _counts("counts", table.reshape(-1), of)
    ringed, crossed = (_flags(name, flags, shape) for name, flags in (("collapsed", collapsed), ("diverged", diverged)))
    fig, ax = figure_of(ax, size=(1.8 + 0.36 * shape[1], 1.3 + 0.33 * shape[0]))
    for i in range(shape[0]):
        for j in range(shape[1]):
            if crossed[i, j]:
                _cell(ax, j, i, None)
                ax.text(j, i, "×", ha="center", va="center", fontsize=9, color=_INK)
                continue
            _cell(ax, j, i, table[i, j] / of)
            ax.text(j, i, f"{table[i, j]:.0f}", ha="center", va="center", fontsize=8, color=_ink(table[i, j] / of))
            if ringed[i, j]:
                ax.plot(j, i, "o", markersize=13, markerfacecolor="none", markeredgecolor=_INK, markeredgewidth=0.9)
    _bare(ax, shape[1], shape[0])
    ax.invert_yaxis()  # _bare counts downwards; settings grow upwards
    for axis, (name, values) in ((ax.yaxis, rows), (ax.xaxis, columns)):
        every = max(1, len(values) // 8)
        axis.set_ticks(range(0, len(values), every), [f"{value:.2g}" for value in list(values)[::every]])
        axis.set_label_text(name)
    ax.tick_params(axis="x", rotation=45 if shape[1] > 6 else 0)
    ax.set_title(title)
    return fig


def counts_over_steps(
    steps: Sequence[int],
    counts: Mapping[str, Any],
    of: int,
    *,
    title: str = "Modes covered over training",
    ax: Axes | None = None,
) -> Figure:
    """Draw modes covered against steps: every seed as a thin line, the median as a thick one, per recipe.

    Args:
        steps: when it was counted, shape (T,).
        counts: for each recipe by name the counts, shape (T,) or (T, seeds).
        of: modes there are; drawn as a dotted line.
        title: over the picture.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    Raises:
        ValueError: lengths differ, or a count is out of range.
    First met in: notebook 04.
    """
    _check_whole("of", of)
    if not counts:
        raise ValueError("counts must hold at least one recipe, got none")
    fig, ax = figure_of(ax)
    looks = [("discriminator", "-"), ("generator", "--"), ("warning", "-."), ("neutral", ":"), ("real", "-")]
    for index, (name, values) in enumerate(counts.items()):
        table = np.asarray(values, dtype=float)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or len(table) != len(steps):
            raise ValueError(
                f"counts[{name!r}] must have one row for each of the {len(steps)} steps, got {table.shape}"
            )
        _counts(name, table.reshape(-1), of)
        role, line = looks[index % len(looks)]
        if table.shape[1] > 1:
            ax.plot(steps, table, line, color=COLOURS[role], alpha=0.3, linewidth=0.7)
        ax.plot(steps, np.median(table, axis=1), line, color=COLOURS[role], linewidth=2.4, label=name)
    ax.axhline(of, color=COLOURS["real"], linestyle=":", linewidth=1.2)
    ax.annotate("all", (1.0, of), xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points",
                va="center", color=COLOURS["real"])  # fmt: skip
    ax.set_ylim(-0.3, of * 1.05)
    ax.set_xlabel("step")
    ax.set_ylabel("modes covered")
    ax.legend(loc="best")
    ax.set_title(title)
    return fig


# ---------------------------------------------------------------- helpers


def _cell(ax: Axes, column: int, row: int, share: float | None) -> None:
    colour = _DIVERGED if share is None or np.isnan(share) else COVERAGE_MAP(share)
    place = (column - 0.5, row - 0.5)
    ax.add_patch(Rectangle(place, 1, 1, facecolor=colour, edgecolor="white", linewidth=1.2))


def _ink(share: float) -> str:
    return "white" if share > _DARK else _INK


def _bare(ax: Axes, width: int, height: int) -> None:
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _check_whole(name: str, value: object) -> None:
    if (number := whole(value)) is None or number < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")


def _numbers(name: str, values: Any) -> np.ndarray:
    values = values.detach().cpu() if isinstance(values, torch.Tensor) else values
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a row of numbers, got shape {array.shape}")
    return array


def _counts(name: str, values: Any, of: int) -> np.ndarray:
    array = _numbers(name, values)
    if not ((array >= 0) & (array <= of)).all():
        raise ValueError(f"{name} must hold counts from 0 to {of}, got {array.min():g} to {array.max():g}")
    return array


def _flags(name: str, flags: Any, shape: tuple[int, int]) -> np.ndarray:
    array = np.zeros(shape, dtype=bool) if flags is None else np.asarray(flags, dtype=bool)
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape of counts, {shape}, got {array.shape}")
    return array
