"""Pictures of a trial of metrics: who sees what, what the number of images does, two rankings, what stopping costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["against_one_over_n", "regrets", "right_answers", "two_rankings", "who_sees_what"]

_PRAISED = "#fdd49e"  # a pale orange: black words stay readable on it
_SEEN = "#9ecae1"
_MARKS = ((COLOURS["fake"], "x", "--"), ("#40004b", "s", "-."), ("#b07cc6", "o", ":"))


def who_sees_what(
    readings: Mapping[str, Mapping[str, str]],
    verdicts: Mapping[str, Mapping[str, int]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw a table of readings: a row for each set, a column for each metric, and in colour what the metric noticed.

    Blue with ▼: worse than sets without a spoil. Orange with ▲: *better* than those. White: no difference that the
    metric can tell from chance.

    Args:
        readings: set -> metric -> what to write; every set has the same metrics.
        verdicts: the same, -1 for worse, 0 for no difference, 1 for better.
        title: over the table.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there is no row or no column, the two do not have the same entries, or a verdict is another number.
    First met in: notebook 10.
    """
    if not readings or not next(iter(readings.values())):
        raise ValueError("readings must have at least one set with at least one metric")
    metrics = list(next(iter(readings.values())))
    for name, row in readings.items():
        if list(row) != metrics or name not in verdicts or set(verdicts[name]) != set(metrics):
            raise ValueError(f"readings and verdicts must have the metrics {metrics} for each set, not so for {name!r}")
        if wrong := [verdicts[name][metric] for metric in metrics if verdicts[name][metric] not in (-1, 0, 1)]:
            raise ValueError(f"a verdict must be -1, 0 or 1, got {wrong[0]!r} for {name!r}")
    longest = max(map(len, readings))
    size = (0.09 * longest + 0.78 * len(metrics) + 0.2, 0.34 * len(readings) + (1.35 if title else 1.05))
    fig, ax = style.figure_of(ax, size=size)
    look = {-1: (_SEEN, "▼"), 0: ("white", ""), 1: (_PRAISED, "▲")}
    picture = np.array([[to_rgb(look[verdicts[name][m]][0]) for m in metrics] for name in readings])
    ax.imshow(picture, aspect="auto", interpolation="nearest")
    for down, (name, row) in enumerate(readings.items()):
        for across, metric in enumerate(metrics):
            mark = look[verdicts[name][metric]][1]
            ax.text(across + 0.3, down, row[metric], ha="right", va="center", fontsize=10)
            ax.text(across + 0.33, down, mark, ha="left", va="center", fontsize=7)
    ax.set_yticks(range(len(readings)), list(readings))
    ax.set_xticks(range(len(metrics)), [metric.replace(" ", "\n") for metric in metrics])
    ax.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    ax.set_xticks(np.arange(len(metrics) - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(len(readings) - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="#d0d0d0", linewidth=0.8)
    ax.tick_params(which="minor", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlabel("▼ blue: worse than unspoiled sets     ▲ orange: better than unspoiled sets     white: sees nothing")
    if title:
        ax.set_title(title, loc="left")
    return fig


def against_one_over_n(
    counts: Sequence[int],
    lines: Mapping[str, Sequence[Sequence[float]]],
    *,
    limits: Mapping[str, float] | None = None,
    real: str | None = None,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw readings of a metric against 1/n: where they lie on a line, the reading at n = ∞ is where it meets the left.

    Each reading is a mark, the means of each n are joined.

    Args:
        counts: numbers of images n, different and positive, shape (T,).
        lines: name -> for each n the readings of its repeats, shape (T, R); at most four.
        limits: name -> the reading extrapolated to n = ∞, drawn at 1/n = 0 and joined by a line.
        real: which of the lines is of real images: dots, green.
        ylabel: what is measured, with ↓ or ↑ for better.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: shapes do not fit, a value is not finite, or there is no line or there are too many.
    First met in: notebook 10.
    """
    places = 1 / np.asarray(counts, dtype=float)
    if places.ndim != 1 or len(places) < 2 or not np.isfinite(places).all() or (places <= 0).any():
        raise ValueError(f"counts must hold at least two positive numbers of images, got {list(counts)}")
    others = [name for name in lines if name != real]
    if not lines or len(others) > len(_MARKS):
        raise ValueError(f"lines must hold 1 to {len(_MARKS)} lines beside that of real images, got {list(lines)}")
    fig, ax = style.figure_of(ax, size=(5.2, 3.6))
    looks = dict(zip(others, _MARKS, strict=False)) | {real: (COLOURS["real"], "o", "-")}
    for name, repeats in lines.items():
        values = np.asarray(repeats, dtype=float)
        if values.ndim != 2 or len(values) != len(places) or not np.isfinite(values).all():
            raise ValueError(f"lines[{name!r}] must hold finite readings for each of the {len(places)} counts")
        colour, mark, dashes = looks[name]
        spread = np.repeat(places[:, None], values.shape[1], axis=1)
        ax.plot(spread.ravel(), values.ravel(), mark, color=colour, markersize=4, alpha=0.55, linestyle="none")
        ax.plot(places, values.mean(axis=1), dashes, color=colour, marker=mark, markersize=6, label=name)
        if limits and name in limits:
            nearest = int(places.argmin())
            ends = [0, places[nearest]], [limits[name], values[nearest].mean()]
            ax.plot(*ends, dashes, color=colour, linewidth=1.2)
            ax.plot([0], [limits[name]], mark, color=colour, markersize=9, clip_on=False, zorder=5)
    ax.axhline(0, color="#bbbbbb", linewidth=0.8)
    ax.set_xticks([0, *places], ["∞", *(f"{count:,}" for count in counts)])
    labels = ax.get_xticklabels()
    for at, side in ((0, "right"), (1 + int(places.argmin()), "left")):
        labels[at].set_ha(side)  # the largest count lies next to infinity
    ax.set_xlim(left=0)
    ax.set(xlabel="images a side, n (spaced as 1/n)", ylabel=ylabel)
    if title:
        ax.set_title(title)
    ax.legend(loc="best")
    return fig


def right_answers(counts: Sequence[int], shares: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw how often a metric names the better of two generators, for each number of images of the one and the other.

    One table for each metric: blue where it is right, orange where it is wrong, white at a half, where a coin would do.
    A frame marks equal numbers, the diagonal.

    Args:
        counts: numbers of images, the same for rows and columns.
        shares: metric -> table of shares in [0, 1]; a row for each number of images of the worse generator, a column
            for each of the better one.
    Returns:
        The figure.
    Raises:
        ValueError: there is no metric, a table has another shape, or a share lies outside [0, 1].
    First met in: notebook 10.
    """
    if not shares:
        raise ValueError("shares must have at least one metric")
    tables = {metric: np.asarray(rows, dtype=float) for metric, rows in shares.items()}
    for metric, table in tables.items():
        if table.shape != (len(counts), len(counts)):
            raise ValueError(f"shares of {metric!r} must have shape {(len(counts),) * 2}, got {table.shape}")
        if not ((table >= 0) & (table <= 1)).all():
            raise ValueError(f"shares of {metric!r} must lie in [0, 1], got {table.min()} to {table.max()}")
    fig, axes = style.figure(len(tables), size=(0.72 * len(counts) * len(tables) + 1.6, 0.56 * len(counts) + 1.2))
    shades = LinearSegmentedColormap.from_list("right", ["#fdae6b", "white", _SEEN])
    names = [f"{count:,}" for count in counts]
    for ax, (metric, table) in zip(np.atleast_1d(axes), tables.items(), strict=True):
        ax.imshow(table, cmap=shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        for (down, across), share in np.ndenumerate(table):
            ax.text(across, down, f"{100 * share:.0f} %", ha="center", va="center", fontsize=10)
        for at in range(len(counts)):
            ax.add_patch(Rectangle((at - 0.48, at - 0.46), 0.96, 0.92, fill=False, edgecolor="black", linewidth=1.2))
        ax.set_xticks(range(len(counts)), names)
        ax.set_yticks(range(len(counts)), names)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set(title=f"{metric}: how often it is right", xlabel="images of the better generator")
    fig.axes[0].set_ylabel("images of the worse generator")
    return fig


def two_rankings(
    left: Mapping[str, float],
    right: Mapping[str, float],
    *,
    names: tuple[str, str],
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw how two judges rank the same generators: a line for each, from its place on the left to that on the right.

    Place 1 is the smallest reading. A line in orange crosses another one: on that pair the judges disagree.

    Args:
        left, right: generator -> its distance by the first and by the second judge, finite; the same generators.
        names: what the judges are called.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there are fewer than two generators, or not the same ones, or a reading is not finite.
    First met in: notebook 10.
    """
    if set(left) != set(right) or len(left) < 2:
        raise ValueError(f"left and right must rank the same generators, two at least, got {list(left)}, {list(right)}")
    if not np.isfinite([*left.values(), *right.values()]).all():
        raise ValueError("left and right must hold finite readings")
    places = [{name: at for at, name in enumerate(sorted(of, key=of.get), 1)} for of in (left, right)]
    fig, ax = style.figure_of(ax, size=(5.6, 0.36 * len(left) + 0.9))
    for name in left:
        first, second = places[0][name], places[1][name]
        crossed = any((first - places[0][other]) * (second - places[1][other]) < 0 for other in left if other != name)
        colour, dashes = (COLOURS["warning"], "-") if crossed else (COLOURS["neutral"], "--")
        ax.plot([0, 1], [first, second], dashes, color=colour, marker="x", markersize=7)
        ax.text(-0.05, first, f"{name}   {left[name]:.3g}", ha="right", va="center", fontsize=10)
        ax.text(1.05, second, f"{right[name]:.3g}   {name}", ha="left", va="center", fontsize=10)
    ax.set(xlim=(-0.75, 1.75), ylim=(len(left) + 0.6, 0.4), xticks=[0, 1], yticks=[])
    ax.set_xticklabels(names)
    ax.tick_params(axis="x", length=0, top=False, labeltop=True, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title:
        ax.set_title(title)
    return fig


def regrets(rules: Mapping[str, Sequence[float]], *, xlabel: str, title: str = "", ax: Axes | None = None) -> Figure:
    """Draw what each rule for stopping cost: a row for each rule, a cross for each run, the median written beside it.

    Args:
        rules: rule -> for each run, the reading at the moment it chose divided by the lowest of the run; at least 1.
        xlabel: what a regret is.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; the axis is logarithmic.
    Raises:
        ValueError: there is no rule, a rule has no run, or a regret is below 1 or not finite.
    First met in: notebook 10.
    """
    values = {name: np.asarray(costs, dtype=float) for name, costs in rules.items()}
    if not values or any(
        v.ndim != 1 or not len(v) or not np.isfinite(v).all() or (v < 1).any() for v in values.values()
    ):
        raise ValueError("rules must hold for each rule the regrets of its runs, finite and at least 1")
    fig, ax = style.figure_of(ax, size=(5.6, 0.55 * len(values) + 1.1))
    for row, costs in enumerate(values.values()):
        order = np.argsort(costs)
        up = np.tile([0.0, 0.14, -0.14], len(costs) // 3 + 1)[: len(costs)]  # equal ones would hide each other
        ax.plot(costs[order], row + up, "x", color=COLOURS["fake"], markersize=7, linestyle="none")
        middle = float(np.median(costs))
        ax.plot([middle, middle], [row - 0.32, row + 0.32], color="#222222", linewidth=1.6)
        ax.text(1.02, row, f"median {middle:.1f}", transform=ax.get_yaxis_transform(), ha="left", va="center")
    ax.axvline(1, color=COLOURS["neutral"], linestyle=":", zorder=0)
    ax.set_xscale("log")
    ax.set_yticks(range(len(values)), list(values))
    ax.set(ylim=(len(values) - 0.4, -0.6), xlabel=xlabel)
    ax.tick_params(axis="y", length=0)
    if title:
        ax.set_title(title)
    return fig
