"""Pictures that compare cures with their control: a whole table of them at once, and the samples behind two rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS, WARNING_TEXT

__all__ = ["cure_table", "samples_by_seed"]

_STACK = 0.08  # distance of dots that would lie on each other
_HIGHEST = 0.36
_BAND = "#eeeeee"


def cure_table(
    rows: Sequence[Mapping[str, Any]],
    of: int,
    *,
    control: str = "none",
    notes: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw a whole table of cures: modes covered (one dot per seed), quality (one tick per seed) and cost.

    The control is the grey row on top; its medians run down through all rows as dashed lines, so that each cure
    is read against it. Filled green dots: all modes. Hollow orange ones: some lost.

    Args:
        rows: as in the tables of ``gancourse.measured``: "name", "modes" and "quality" (one number per seed; a quality
            of None belongs to a run that diverged) and "cost", CPU time of a step relative to the control's.
        of: modes there are.
        control: name of the row to compare with.
        notes: words to write at the right end of a row, by name.
        title: over the picture.
    Returns:
        The figure.
    Raises:
        ValueError: there is no such control, a count or a quality is out of range, or a name comes twice.
    First met in: notebook 05.
    """
    _check_rows(rows, of, control)
    names = [row["name"] for row in rows]
    names = [control, *[name for name in names if name != control]]
    by_name = {row["name"]: row for row in rows}
    size = (10.6 + (1.3 if notes else 0), 1.15 + 0.4 * len(rows))
    fig, (modes, quality, cost) = style.figure(3, size=size, dpi=80, width_ratios=(2.2, 2.0, 1.0), sharey=True)
    for place, name in enumerate(names):
        row = by_name[name]
        _dots(modes, row["modes"], place, of)
        _ticks(quality, [q for q in row["quality"] if q is not None], place)
        _bar(cost, float(row["cost"]), place)
    base = by_name[control]
    for ax, value in (
        (modes, np.median(base["modes"])),
        (quality, np.median([q for q in base["quality"] if q is not None] or [0.0])),
        (cost, 1.0),
    ):
        ax.axhspan(-0.5, 0.5, color=_BAND, zorder=0)
        ax.axvline(value, color=COLOURS["neutral"], linestyle="--", linewidth=1.0, zorder=1)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="#f3f3f3", zorder=0)
        ax.spines["left"].set_visible(False)
    modes.set(xlim=(-0.6, of + 0.6), xlabel=f"modes covered of {of}, a dot per seed")
    modes.set_yticks(range(len(names)), names)
    modes.set_ylim(len(names) - 0.5, -0.5)
    quality.set(xlim=(-0.02, 1.02), xlabel="share of good samples, a line per seed")
    highest = max(float(row["cost"]) for row in rows)
    cost.set(xlim=(0, 1.22 * max(highest, 1.3)), xlabel="CPU time of a step")
    for place, name in enumerate(names):
        if notes and name in notes:
            cost.annotate(notes[name], (1.03, place), xycoords=("axes fraction", "data"), va="center", fontsize=10)
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def samples_by_seed(
    samples: Mapping[str, Tensor],
    target: Any,
    *,
    labels: Mapping[str, Sequence[str]] | None = None,
    columns: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw samples in the plane: a row per recipe, a column per seed, over the modes of the target.

    Green rings mark the modes, at three standard deviations or large enough to be seen; purple crosses are generated.

    Args:
        samples: points of each recipe by name, shape (seeds, N, 2); equally many seeds.
        target: distribution of the plane with modes.
        labels: words over each picture, by recipe; none if not given.
        columns: names of the columns, such as the seeds; none if not given.
        title: over all of them.
    Returns:
        The figure.
    Raises:
        ValueError: there is no recipe, or shapes do not fit each other.
    First met in: notebook 05.
    """
    clouds = {name: np.asarray(points, dtype=float) for name, points in samples.items()}
    shapes = {cloud.shape[0] if cloud.ndim == 3 and cloud.shape[2] == 2 else None for cloud in clouds.values()}
    if len(shapes) != 1 or None in shapes:
        got = {name: cloud.shape for name, cloud in clouds.items()}
        raise ValueError(f"samples must hold points of shape (seeds, N, 2), as many seeds for each recipe, got {got}")
    (seeds,) = shapes
    for name, words in (labels or {}).items():
        if name not in clouds or len(words) != seeds:
            raise ValueError(f"labels[{name!r}] must have one entry for each of the {seeds} seeds of samples[{name!r}]")
    fig, axes = style.figure(seeds, len(clouds), size=(1.95 * seeds + 0.4, 2.12 * len(clouds) + 0.3), dpi=80)
    grid = np.asarray(axes, dtype=object).reshape(len(clouds), seeds)
    centres = np.asarray(target.modes, dtype=float)
    reach = float(np.abs(centres).max()) * 1.25
    for row, (name, cloud) in enumerate(clouds.items()):
        for seed in range(seeds):
            ax = grid[row, seed]
            _cloud(ax, cloud[seed], centres, reach)
            if labels and name in labels:
                ax.set_title(labels[name][seed], fontsize=9.5)
            if columns is not None and row == len(clouds) - 1:
                ax.set_xlabel(columns[seed])
        grid[row, 0].set_ylabel(name)
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


# ---------------------------------------------------------------- helpers


def _check_rows(rows: Sequence[Mapping[str, Any]], of: int, control: str) -> None:
    names = [row["name"] for row in rows]
    if control not in names:
        raise ValueError(f"control must be the name of a row, one of {names}, got {control!r}")
    if len(set(names)) != len(names):
        raise ValueError(f"each name may come once in rows, got {names}")
    for row in rows:
        if not row["modes"] or not all(0 <= count <= of for count in row["modes"]):
            raise ValueError(f"modes of {row['name']!r} must be counts from 0 to {of}, got {row['modes']}")
        if len(row["quality"]) != len(row["modes"]):
            raise ValueError(f"quality of {row['name']!r} must have one number for each of its modes")
        if not all(q is None or 0 <= q <= 1 for q in row["quality"]):
            raise ValueError(f"quality of {row['name']!r} must be shares from 0 to 1, got {row['quality']}")


def _dots(ax: Axes, counts: Sequence[int], place: int, of: int) -> None:
    for value in sorted(set(counts)):
        many = sum(count == value for count in counts)
        apart = min(_STACK, 2 * _HIGHEST / max(many - 1, 1))
        heights = place + apart * (np.arange(many) - (many - 1) / 2)
        whole = value == of
        colour = COLOURS["real"] if whole else COLOURS["warning"]
        ax.plot([value] * many, heights, "o", markersize=5, markerfacecolor=colour if whole else "white",
                markeredgecolor=colour, markeredgewidth=1.1, zorder=3)  # fmt: skip


def _ticks(ax: Axes, shares: Sequence[float], place: int) -> None:
    if not shares:
        ax.text(0.5, place, "diverged", ha="center", va="center", fontsize=9, color=WARNING_TEXT)
        return
    ax.hlines(place, min(shares), max(shares), color=COLOURS["fake"], linewidth=1.0, alpha=0.5, zorder=2)
    ax.plot(shares, [place] * len(shares), "|", markersize=9, color=COLOURS["fake"], zorder=3)
    ax.plot(np.median(shares), place, "D", markersize=5, color=COLOURS["fake"], zorder=4)


def _bar(ax: Axes, cost: float, place: int) -> None:
    ax.barh(place, cost, height=0.5, color=COLOURS["discriminator"], alpha=0.55, zorder=2)
    ax.annotate(f"{cost:.1f}×", (cost, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=9)


def _cloud(ax: Axes, points: np.ndarray, centres: np.ndarray, reach: float) -> None:
    ax.plot(centres[:, 0], centres[:, 1], "o", markersize=8, markerfacecolor="none", markeredgecolor=COLOURS["real"],
            markeredgewidth=0.9, alpha=0.8, zorder=1)  # fmt: skip
    ax.plot(points[:, 0], points[:, 1], "x", markersize=3, markeredgewidth=0.7, color=COLOURS["fake"], zorder=2)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    ax.set_aspect("equal")
