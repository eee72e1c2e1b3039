"""Pictures of help and harm: arms with intervals, two groups of scores, a minority's share, and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from gancourse.metrics.intervals import mean_interval
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["arms", "groups_of_scores", "minority", "reliability"]

_GOLDEN = 0.6180339887498949  # spreads points evenly, and the same way each time
_VERDICTS = {  # where the interval lies -> colour, mark
    1: (COLOURS["real"], "^"),
    0: (COLOURS["neutral"], "o"),
    -1: (style.WARNING_TEXT, "v"),
}
_MARKS = ("o", "X", "s", "D")
_GROUPS = (("o", COLOURS["real"], COLOURS["real"]), ("o", "none", COLOURS["neutral"]), ("X", COLOURS["fake"], "none"))
"""Mark, face and edge of each group: the images played for, those played against, and fakes."""


def arms(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    xlabel: str,
    reference: float | None = 0.0,
    intervals: bool = True,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Draw what each arm of an experiment brought: a small dot for each run, a large mark at the mean.

    With intervals, a bar is the 95 % interval of the mean, and the mark says where it lies: an upright triangle wholly
    above the reference, one upside down wholly below, a disc if the reference is inside.

    Args:
        panels: title of each panel -> arm -> its values, one for each run. At most four panels; an arm that a panel
            lacks has an empty row there.
        xlabel: what the values are.
        reference: where a vertical line goes; None for none, and then all marks are discs.
        intervals: whether bars are drawn; they need two values of each arm.
        limits: of the axis; by default what the values need.
    Returns:
        The figure.
    Raises:
        ValueError: there are no panels or too many, no values, or a value is not finite.
    First met in: notebook 19.
    """
    if not 1 <= len(panels) <= 4 or not all(panels.values()):
        raise ValueError(f"panels must be 1 to 4 with an arm each, got {list(panels)}")
    rows = list(dict.fromkeys(arm for panel in panels.values() for arm in panel))
    width = 0.09 * max(map(len, rows)) + 2.3 * len(panels)
    figure, axes = style.figure(len(panels), size=(min(width, 9.0), 1.2 + 0.42 * len(rows)), sharex=True, sharey=True)
    for ax, (title, panel) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        if reference is not None:
            ax.axvline(reference, color="#222222", linewidth=1.2, zorder=0)
        for arm, values in panel.items():
            found = _row(f"panels[{title!r}][{arm!r}]", values, 2 if intervals else 1)
            _arm(ax, rows.index(arm), found, reference, intervals)
        ax.set_title(title)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.grid(axis="x", color="#eeeeee")
        ax.set_axisbelow(True)
    first = np.atleast_1d(axes)[0]
    first.set_yticks(range(len(rows)), rows)
    first.set_ylim(len(rows) - 0.5, -0.5)
    if limits is not None:
        first.set_xlim(*limits)
    figure.supxlabel(xlabel, fontsize=11)
    return figure


def _arm(ax: Axes, row: int, values: np.ndarray, reference: float | None, intervals: bool) -> None:
    side, mean = 0, float(values.mean())
    if intervals:
        low, mean, high = mean_interval(values)
        if reference is not None:
            side = int(low > reference) - int(high < reference)
        ax.plot([low, high], [row, row], color=_VERDICTS[side][0], linewidth=2.4, solid_capstyle="butt", zorder=2)
    colour, mark = _VERDICTS[side]
    ax.plot(values, np.full(len(values), row + 0.22), ".", color=colour, markersize=4, alpha=0.6, zorder=1)
    ax.plot(mean, row, mark, color=colour, markersize=9, markeredgecolor="white", linestyle="none", zorder=3)


def groups_of_scores(
    panels: Mapping[str, Mapping[str, Tensor]],
    *,
    xlabel: str,
    thresholds: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the scores of two or more groups, a dot for each image, group under group, with a threshold.

    Args:
        panels: title -> group -> scores, shape (N,); at most three panels, all of the same groups, at most three:
            the third one is drawn as fakes are.
        xlabel: what a score is.
        thresholds: title -> where a dashed line goes; a title without one has none.
    Returns:
        The figure; a short bar in each group is its median.
    Raises:
        ValueError: panels, groups or scores do not fit.
    First met in: notebook 19.
    """
    names = list(next(iter(panels.values()), {}))
    if not 1 <= len(panels) <= 3 or not 1 <= len(names) <= len(_GROUPS):
        raise ValueError(f"panels must be 1 to 3 with 1 to {len(_GROUPS)} groups, got {list(panels)} of {names}")
    if odd := next((title for title, groups in panels.items() if list(groups) != names), None):
        raise ValueError(f"panels[{odd!r}] must have the groups {names}, got {list(panels[odd])}")
    size = (min(1.4 + 3.4 * len(panels), 8.6), 0.9 + 0.75 * len(names))
    figure, axes = style.figure(len(panels), size=size, sharey=True)
    for ax, (title, groups) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for row, (name, scores) in enumerate(groups.items()):
            values = _row(f"panels[{title!r}][{name!r}]", scores, 1)
            places = row + 0.62 * (np.arange(len(values)) * _GOLDEN % 1 - 0.5)
            mark, face, edge = _GROUPS[row]
            look = {"markerfacecolor": face, "markeredgecolor": edge, "markersize": 4.5, "linestyle": "none"}
            ax.plot(values, places, mark, alpha=0.7, **look)
            middle = float(np.median(values))
            ax.plot([middle, middle], [row - 0.4, row + 0.4], color="black", linewidth=2.2)
        if thresholds and title in thresholds:
            ax.axvline(thresholds[title], color=COLOURS["neutral"], linestyle="--", linewidth=1.4)
        ax.set(title=title, xlabel=xlabel)
    first = np.atleast_1d(axes)[0]
    first.set_yticks(range(len(names)), names)
    first.set_ylim(len(names) - 0.5, -0.5)
    return figure


def minority(
    shares: Mapping[str, Sequence[tuple[float, Sequence[float]]]],
    *,
    least: float = 5e-4,
    xlabel: str = "share in the training set",
    ylabel: str = "share in the samples",
    ax: Axes | None = None,
) -> Figure:
    """Draw a minority's share in the samples against its share in the training set, both in powers of ten.

    Args:
        shares: what was counted -> pairs (share in the training set, shares in the samples, one for each run); at most
            four.
        least: what is below it is drawn on a shelf at the bottom, marked "none".
        xlabel, ylabel: what is on the axes.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; the dotted line is where both shares are equal.
    Raises:
        ValueError: there is nothing to draw or too much, or a share is not between 0 and 1.
    First met in: notebook 19.
    """
    if not 1 <= len(shares) <= len(_MARKS) or not all(len(pairs) for pairs in shares.values()):
        raise ValueError(f"shares must hold 1 to {len(_MARKS)} names with a pair at least, got {list(shares)}")
    figure, ax = style.figure_of(ax, size=(5.6, 4.0))
    trained = sorted({float(x) for pairs in shares.values() for x, _ in pairs})
    colours = (COLOURS["fake"], style.WARNING_TEXT, "#0575b0", COLOURS["neutral"])
    for at, ((name, pairs), colour, mark) in enumerate(zip(shares.items(), colours, _MARKS, strict=False)):
        xs, ys = [], []
        for x, values in pairs:
            found = _row(f"shares[{name!r}]", values, 1)
            if not 0 < x < 1 or (found < 0).any() or (found > 1).any():
                raise ValueError(f"shares[{name!r}] must be between 0 and 1, got {x} and {found.tolist()}")
            xs += [
                x * 1.13 ** (at - (len(shares) - 1) / 2 + 0.6 * (k - (len(found) - 1) / 2)) for k in range(len(found))
            ]
            ys += found.clip(least, 1).tolist()
        ax.plot(xs, ys, mark, color=colour, markersize=7, markeredgecolor="white", linestyle="none", label=name)
    ends = (trained[0] / 2, min(2 * trained[-1], 1.0))
    ax.plot(ends, ends, ":", color=COLOURS["real"], linewidth=2, label="as in the training set", zorder=0)
    ax.axhspan(least * 0.6, least * 1.4, color="#eeeeee", zorder=0)
    ax.text(ends[1], least, "none, or nearly ", ha="right", va="center", color=COLOURS["neutral"], fontsize=10)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=(least * 0.6, 1), xlabel=xlabel, ylabel=ylabel)
    for axis, places in ((ax.xaxis, trained), (ax.yaxis, [0.001, 0.01, 0.1, 1])):
        axis.set_ticks(places, [f"{100 * place:g} %" for place in places])
        axis.set_ticks([], minor=True)
    ax.legend(loc="upper left")
    return figure


def reliability(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    *,
    xlabel: str = "it says: fake with probability",
    ylabel: str = "so many are fake",
    ax: Axes | None = None,
) -> Figure:
    """Draw how often a prediction comes true against what it says: on the diagonal it may be believed.

    Args:
        curves: name -> (mean prediction, share that came true, count) of each bin; empty bins are left out. At most
            four names. The area of a mark goes with the share of predictions in its bin.
        xlabel, ylabel: what is on the axes.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there are no curves or too many, lengths differ, or a share is not between 0 and 1.
    First met in: notebook 19.
    """
    if not 1 <= len(curves) <= len(_MARKS):
        raise ValueError(f"curves must hold 1 to {len(_MARKS)} names, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(4.6, 3.9))
    ax.plot([0, 1], [0, 1], ":", color=COLOURS["neutral"], zorder=0)
    colours = (COLOURS["discriminator"], style.WARNING_TEXT, COLOURS["fake"], COLOURS["neutral"])
    for (name, parts), colour, mark in zip(curves.items(), colours, _MARKS, strict=False):
        said, true, counts = (np.asarray(part, dtype=float) for part in parts)
        if not said.shape == true.shape == counts.shape or said.ndim != 1:
            raise ValueError(f"curves[{name!r}] must hold three rows of one length")
        there = counts > 0
        said, true, counts = said[there], true[there], counts[there]
        if not len(said) or not all((part >= 0).all() and (part <= 1).all() for part in (said, true)):
            raise ValueError(f"curves[{name!r}] must hold shares between 0 and 1 in a bin at least")
        ax.plot(said, true, "-", color=colour, linewidth=1.2, label=name)
        ax.scatter(said, true, 20 + 500 * counts / counts.sum(), color=colour, marker=mark, edgecolor="white", zorder=2)
    ax.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xlabel=xlabel, ylabel=ylabel)
    ax.legend(loc="upper left")
    return figure


def _row(name: str, values: Sequence[float] | Tensor, least: int) -> np.ndarray:
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=float)
    if array.ndim != 1 or len(array) < least:
        raise ValueError(f"{name} must be {least} number(s) or more in a row, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} value(s) that are not")
    return array
