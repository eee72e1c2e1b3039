"""Pictures that compare cures with their control: all of them on several problems, and the samples behind some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["cure_match", "samples_by_seed"]

_STACK = 0.22  # rows; two dots of one value do not touch
_HIGHEST = 0.34
_BAND = "#eeeeee"


def cure_match(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    of: Mapping[str, int],
    *,
    groups: Mapping[str, Sequence[str]],
    words: Mapping[str, Mapping[str, str]] | None = None,
    control: str = "none",
) -> Figure:
    """Draw many cures on several problems at once: a row per cure, a panel per problem, a dot per seed.

    The control is the grey row on top; its median runs down through each panel as a dashed line, so that each cure is
    read against it. Filled green dots: all modes. Hollow orange ones: some lost. Beside the dots of a row stand its
    median quality and the word for it, and at the right end the CPU time of its step.

    Args:
        tables: the rows of each problem by its title, as in the tables of ``gancourse.measured``: "name", "modes" and
            "quality" (one number per seed; a quality of None belongs to a run that diverged) and "cost", CPU time of
            a step relative to the control's. A problem need not have every row.
        of: modes there are, by problem.
        groups: names of rows by the name of their group, in the order in which they are drawn.
        words: what to write at a row, by problem and name.
        control: name of the row to compare with, which belongs to no group.
    Returns:
        The figure. Costs are those of the first problem that has the row.
    Raises:
        ValueError: a problem has no control, a count or a quality is out of range, a name comes twice, or groups and
            tables do not have the same rows.
    First met in: notebook 05.
    """
    for title, rows in tables.items():
        _check_rows(rows, of[title], control)
    by_name = {title: {row["name"]: row for row in rows} for title, rows in tables.items()}
    grouped = [name for names in groups.values() for name in names]
    known = list(dict.fromkeys(name for rows in by_name.values() for name in rows if name != control))
    if sorted(grouped) != sorted(known):
        raise ValueError(f"groups must hold each row but {control!r} once, {sorted(known)}, got {sorted(grouped)}")
    places, labels, headings = _places(groups, control)
    size = (3.0 + 3.3 * len(tables) + 1.0, 1.0 + 0.3 * (places[grouped[-1]] + 1))
    widths = [1.0] * len(tables) + [0.38]
    fig, axes = style.figure(len(widths), size=size, dpi=80, width_ratios=widths, sharey=True)
    for ax, (title, rows) in zip(axes, by_name.items(), strict=False):
        _problem(ax, title, rows, of[title], places, {} if words is None else words.get(title, {}), control)
    costs = {name: next(rows[name]["cost"] for rows in by_name.values() if name in rows) for name in places}
    for name, cost in costs.items():
        _bar(axes[-1], float(cost), places[name])
    axes[-1].set(xlim=(0, 1.5 * max(*costs.values(), 1.3)), xticks=[], title="CPU time ↓\nof a step")
    for ax in axes:
        ax.axhspan(-0.5, 0.5, color=_BAND, zorder=0)
        for place in headings.values():
            ax.axhline(place - 0.35, color="#cccccc", linewidth=0.8, zorder=0)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.title.set_fontsize(11)
    axes[0].set_yticks(list(labels), list(labels.values()))
    for tick, place in zip(axes[0].get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if place in headings.values() else "normal")
    axes[0].set_ylim(places[grouped[-1]] + 0.7, -0.6)
    return fig


def samples_by_seed(
    samples: Mapping[str, Tensor],
    target: Any,
    *,
    labels: Mapping[str, Sequence[str]] | None = None,
    columns: Sequence[str] | None = None,
    reach: float | None = None,
    title: str = "",
) -> Figure:
    """Draw samples in the plane: a row per recipe, a column per seed, over the modes of the target.

    Green rings mark the modes (their size says nothing of the width of a mode); purple crosses are generated.

    Args:
        samples: points of each recipe by name, shape (seeds, N, 2); equally many seeds.
        target: distribution of the plane with modes.
        labels: words over each picture, by recipe; none if not given.
        columns: names of the columns, such as the seeds; none if not given.
        reach: half the width of each picture; a quarter more than the farthest mode if not given.
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
    reach = 1.25 * float(np.abs(centres).max()) if reach is None else reach
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


def _places(groups: Mapping[str, Sequence[str]], control: str) -> tuple[dict, dict, dict]:
    """Return the height of each row, the label at each height, and the height of each group's heading."""
    places, labels, headings, height = {control: 0.0}, {0.0: control}, {}, 0.0
    for group, names in groups.items():
        height += 1.15
        headings[group] = height
        labels[height] = group
        for name in names:
            height += 1.0
            places[name] = height
            labels[height] = name
    return places, labels, headings


def _problem(
    ax: Axes,
    title: str,
    rows: Mapping[str, Mapping[str, Any]],
    of: int,
    places: Mapping[str, float],
    words: Mapping[str, str],
    control: str,
) -> None:
    ax.axvline(np.median(rows[control]["modes"]), color=COLOURS["neutral"], linestyle="--", linewidth=1.0, zorder=1)
    for name, place in places.items():
        if name not in rows:
            ax.text(0.5 * of, place, "not run", ha="center", va="center", fontsize=8.5, color="#999999")
            continue
        _dots(ax, rows[name]["modes"], place, of)
        shares = [share for share in rows[name]["quality"] if share is not None]
        said = f"{np.median(shares):.0%}" if shares else "diverged"
        ax.text(1.28 * of, place, said, ha="right", va="center", fontsize=9.5)
        word = words.get(name, "")
        ax.text(1.36 * of, place, word, va="center", fontsize=9.5, fontweight="bold" if word == "cures" else "normal",
                color=COLOURS["real"] if word == "cures" else "#222222")  # fmt: skip
    ax.set(xlim=(-0.06 * of, 1.68 * of), xticks=range(0, of + 1, 2 if of < 12 else 5))
    ax.set_title(f"{title}\nmodes of {of} ↑, a dot per seed      good ↑", loc="left")


def _bar(ax: Axes, cost: float, place: int) -> None:
    ax.barh(place, cost, height=0.5, color=COLOURS["discriminator"], alpha=0.55, zorder=2)
    ax.annotate(f"{cost:.1f}×", (cost, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=9)


def _cloud(ax: Axes, points: np.ndarray, centres: np.ndarray, reach: float) -> None:
    ax.plot(centres[:, 0], centres[:, 1], "o", markersize=8, markerfacecolor="none", markeredgecolor=COLOURS["real"],
            markeredgewidth=0.9, alpha=0.8, zorder=1)  # fmt: skip
    ax.plot(points[:, 0], points[:, 1], "x", markersize=3, markeredgewidth=0.7, color=COLOURS["fake"], zorder=2)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    ax.set_aspect("equal")
