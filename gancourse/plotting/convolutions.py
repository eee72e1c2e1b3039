"""Pictures of a DCGAN's parts: a transposed convolution by hand, its overlaps, and a table of parts taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from gancourse import measured
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["ablation_table", "montages", "overlaps", "stamps"]

_PAINT = "PRGn"  # centred on 0
_STACK = 0.13  # distance of dots of one row
_BAND = "#eeeeee"


def stamps(
    image: Tensor,
    kernel: Tensor,
    canvas: Tensor,
    *,
    stride: int,
    padding: int = 0,
    of: tuple[int, int] = (0, 0),
    title: str = "",
) -> Figure:
    """Show a transposed convolution as stamps: each number of the image puts the kernel, times itself, on the canvas.

    One number of the image is framed. Its stamp is shown twice in the same frame: alone, and among all the others.
    The dashed line encloses what is left of the canvas when ``padding`` rows and columns are cut off at each side.

    Args:
        image: shape (H, W).
        kernel: shape (K, K).
        canvas: the sum of all stamps before anything is cut off, shape ((H - 1) * stride + K, (W - 1) * stride + K).
        stride: pixels between two stamps.
        padding: what is cut off at each side.
        of: row and column of the number whose stamp is framed.
        title: over the picture.
    Returns:
        The figure.
    Raises:
        ValueError: shapes do not fit each other, or ``of`` is not in the image.
    First met in: notebook 07.
    """
    image, kernel, canvas = (np.asarray(values.detach().cpu(), dtype=float) for values in (image, kernel, canvas))
    if image.ndim != 2 or kernel.ndim != 2:
        raise ValueError(f"image and kernel must have shape (H, W), got {image.shape} and {kernel.shape}")
    wanted = tuple((size - 1) * stride + k for size, k in zip(image.shape, kernel.shape, strict=True))
    if canvas.shape != wanted:
        raise ValueError(f"canvas must have shape {wanted}, (size - 1) * stride + kernel, got {canvas.shape}")
    row, column = of
    if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
        raise ValueError(f"of must be a row and a column of the image, {image.shape}, got {of!r}")
    alone = np.full_like(canvas, np.nan)  # empty but for the stamp
    top, left = row * stride, column * stride
    alone[top : top + kernel.shape[0], left : left + kernel.shape[1]] = image[row, column] * kernel
    widths = [image.shape[1], kernel.shape[1], canvas.shape[1], canvas.shape[1]]
    tall = max(image.shape[0], kernel.shape[0], canvas.shape[0])
    size = (0.36 * sum(widths) + 0.8, 0.36 * tall + (1.3 if title else 0.9))
    fig, axes = style.figure(4, size=size, dpi=88, width_ratios=widths)
    largest = max(np.abs(canvas).max(), np.nanmax(np.abs(alone)), 1)
    panels = {
        "image": (image, max(np.abs(image).max(), 1)),
        "kernel": (kernel, max(np.abs(kernel).max(), 1)),
        f"its stamp: {image[row, column]:g} × kernel": (alone, largest),
        "all stamps, added up": (canvas, largest),
    }
    for ax, (name, (values, end)) in zip(axes, panels.items(), strict=True):
        _numbers(ax, values, paint=_PAINT, low=-end, high=end)
        ax.set_title(name, fontsize=11)
    axes[2].set_facecolor(_BAND)
    _frame(axes[0], row, column, 1, 1, "generator", "-")
    for ax in axes[2:]:
        _frame(ax, top, left, *kernel.shape, "generator", "-")
    if padding:
        inner = [side - 2 * padding for side in canvas.shape]
        _frame(axes[3], padding, padding, *inner, "neutral", "--")
        axes[3].set_xlabel(f"dashed: the {inner[0]}×{inner[1]} that stay")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def overlaps(counts: Mapping[str, Tensor], *, title: str = "") -> Figure:
    """Show how many stamps lie on each pixel, one map for each setting, all on one scale.

    Args:
        counts: name -> whole numbers, shape (H, W).
        title: over all of them.
    Returns:
        The figure.
    Raises:
        ValueError: there is no map, or one of another shape than (H, W).
    First met in: notebook 07.
    """
    maps = {name: np.asarray(values.detach().cpu(), dtype=float) for name, values in counts.items()}
    if not maps or any(values.ndim != 2 for values in maps.values()):
        raise ValueError(f"counts must hold maps of shape (H, W), got { {k: v.shape for k, v in maps.items()} }")
    widths = [values.shape[1] for values in maps.values()]
    tall = max(values.shape[0] for values in maps.values())
    fig, axes = style.figure(
        len(maps), size=(0.25 * sum(widths) + 0.6, 0.25 * tall + 0.9), dpi=78, width_ratios=widths, squeeze=False
    )
    highest = max(float(values.max()) for values in maps.values())
    for ax, (name, values) in zip(axes[0], maps.items(), strict=True):
        _numbers(ax, values, paint="Purples", low=0, high=1.3 * max(highest, 1), fontsize=8)
        ax.set_title(name, fontsize=11)
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def ablation_table(
    rows: Sequence[Mapping[str, Any]],
    *,
    control: str = "classic",
    floor: str = "real images",
    clear_floor: float | None = None,
    title: str = "",
) -> Figure:
    """Draw a table of changes to one recipe: distance from the data and clear samples, a dot for each seed.

    Rows come in the order of their median distance, the best on top. The control's row is grey, and its medians run
    through all rows as dashed lines. Filled purple dots: all ten classes; hollow orange ones: some classes missing. A
    row in which no seed covers a class has no dots: it says so, because such distances rank nothing. The scale of the
    distance is logarithmic: equal ways to the left are equal factors. What real images get is a dotted green line, or a
    note where the line would be far from all dots.

    Args:
        rows: as in the tables of ``gancourse.measured``: "name", "frechet", "clear" and "classes" (one number for
            each seed). The row of real images needs no more than "frechet".
        control: name of the row that the others are compared with.
        floor: name of the row of real images, which is drawn as a line and not as a row.
        clear_floor: share of clear ones among real images, for the line at the right; none if not given.
        title: over the picture.
    Returns:
        The figure.
    Raises:
        ValueError: one of the two rows is missing, a name comes twice, the control covers no class, or numbers do not
            fit each other.
    First met in: notebook 07.
    """
    by_name = _checked_rows(rows, control, floor)
    seen = [name for name in by_name if name != floor and max(by_name[name]["classes"]) > 0]
    if control not in seen:
        raise ValueError(f"control must be a row that covers a class on some seed, got {control!r}")
    names = sorted(seen, key=lambda name: float(np.median(by_name[name]["frechet"])))
    unseen = [name for name in by_name if name not in (floor, *seen)]
    size = (8.6, 1.1 + 0.34 * len(names + unseen))
    fig, (distance, clear) = style.figure(2, size=size, dpi=88, width_ratios=(2.0, 1.3), sharey=True)
    for place, name in enumerate(names):
        _dots(distance, by_name[name]["frechet"], by_name[name]["classes"], place)
        _dots(clear, by_name[name]["clear"], by_name[name]["classes"], place)
    base, at = by_name[control], names.index(control)
    for ax, key in ((distance, "frechet"), (clear, "clear")):
        ax.axhspan(at - 0.5, at + 0.5, color=_BAND, zorder=0)
        ax.plot(2 * [np.median(base[key])], (-0.5, len(names) - 0.5), "--", color=COLOURS["neutral"], linewidth=1.0,
                zorder=1)  # fmt: skip
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="#f3f3f3", zorder=0)
        ax.spines["left"].set_visible(False)
        for place in range(len(names), len(names + unseen)):
            ax.text(0.5, place, "no class covered", transform=ax.get_yaxis_transform(), ha="center", va="center",
                    fontsize=9, color=style.WARNING_TEXT)  # fmt: skip
    ends = [value for name in names for value in by_name[name]["frechet"]]
    real, low = float(np.median(by_name[floor]["frechet"])), min(ends)
    if real > low / 3:
        low = min(low, real)
        distance.axvline(real, color=COLOURS["real"], linestyle=":", zorder=1)
    else:
        distance.set_title(f"← real images: {real:.1f}", loc="left", color=COLOURS["real"], fontsize=9)
    if clear_floor is not None:
        clear.axvline(clear_floor, color=COLOURS["real"], linestyle=":", zorder=1)
    distance.set_xscale("log")
    distance.set_xlim(low / 1.4, max(ends) * 1.4)
    ticks = _round_numbers(*distance.get_xlim())
    distance.set_xticks(ticks, [f"{tick:,}" for tick in ticks], minor=False)
    distance.set_xticks([], minor=True)
    distance.set_xlabel("Fréchet distance (← better)")
    distance.set_yticks(range(len(names + unseen)), names + unseen)
    distance.set_ylim(len(names + unseen) - 0.5, -0.5)
    clear.set(xlim=(-0.02, 1.02), xlabel="clear samples (better →)")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def montages(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    columns: int = 1,
    labels: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Show the pictures that a table of ``gancourse.measured`` keeps, as they were stored, a name over each.

    Args:
        rows: with "name" and "picture" (a grey PNG in base64).
        names: which rows, in this order, left to right and down.
        columns: pictures side by side.
        labels: what to write over a picture instead of its row's name.
        title: over all of them.
    Returns:
        The figure.
    Raises:
        ValueError: a row is not there or has no picture, or a label is for none of ``names``.
    First met in: notebook 07.
    """
    stored = {row["name"]: row for row in rows if row.get("picture")}
    missing = [name for name in names if name not in stored]
    if missing or not names:
        raise ValueError(f"names must be rows with a picture, got {missing or 'none'}; there are {sorted(stored)}")
    if unknown := sorted(set(labels or {}) - set(names)):
        raise ValueError(f"labels must be for some of names, {list(names)}, got {unknown}")
    deep = -(-len(names) // columns)
    pictures = [measured.picture(stored[name]) for name in names]
    height, width = pictures[0].shape
    wide = 7.6 if columns == 1 else 4.9 * columns
    size = (wide, deep * (wide / columns * height / width + 0.33) + (0.3 if title else 0))
    fig, axes = style.figure(columns, deep, size=size, dpi=80, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, name, picture in zip(axes.flat, names, pictures, strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title((labels or {}).get(name, name), fontsize=11, loc="left")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


# ---------------------------------------------------------------- helpers


def _numbers(ax: Axes, values: np.ndarray, *, paint: str, low: float, high: float, fontsize: float = 9.5) -> None:
    """Draw a table with its number in every cell; a cell that is NaN stays empty."""
    ax.imshow(values, cmap=paint, vmin=1.6 * low, vmax=1.6 * high if low else high)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if np.isnan(value):
                continue
            ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=fontsize)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _frame(ax: Axes, row: float, column: float, height: float, width: float, colour: str, line: str) -> None:
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5), width, height, fill=False, edgecolor=COLOURS[colour], linewidth=2.2,
            linestyle=line, zorder=3, clip_on=False,
        )
    )  # fmt: skip


def _round_numbers(low: float, high: float) -> list[int]:
    """Return round numbers between two others for a logarithmic axis; fewer on a long one, or their labels collide."""
    steps = (1, 2, 5) if high / low < 300 else (1, 3) if high / low < 10_000 else (1,)
    return [step * 10**power for power in range(6) for step in steps if low <= step * 10**power <= high]


def _dots(ax: Axes, values: Sequence[float], classes: Sequence[int], place: int) -> None:
    heights = place + _STACK * (np.arange(len(values)) - (len(values) - 1) / 2)
    ax.hlines(place, min(values), max(values), color=COLOURS["neutral"], linewidth=1.0, alpha=0.4, zorder=2)
    for value, covered, height in zip(values, classes, heights, strict=True):
        whole = covered >= 10
        colour = COLOURS["fake"] if whole else COLOURS["warning"]
        ax.plot(value, height, "o", markersize=5.5, markerfacecolor=colour if whole else "white",
                markeredgecolor=colour, markeredgewidth=1.2, zorder=3)  # fmt: skip


def _checked_rows(rows: Sequence[Mapping[str, Any]], control: str, floor: str) -> dict[str, Mapping[str, Any]]:
    names = [row["name"] for row in rows]
    if len(set(names)) != len(names):
        raise ValueError(f"each name may come once in rows, got {names}")
    for argument, name in (("control", control), ("floor", floor)):
        if name not in names:
            raise ValueError(f"{argument} must be the name of a row, one of {names}, got {name!r}")
    for row in rows:
        if not row["frechet"] or not all(np.isfinite(value) and value > 0 for value in row["frechet"]):
            raise ValueError(f"frechet of {row['name']!r} must be numbers above 0, got {row['frechet']}")
        if row["name"] == floor:
            continue
        for key, top in (("clear", 1), ("classes", 10)):
            if len(row[key]) != len(row["frechet"]) or not all(0 <= value <= top for value in row[key]):
                raise ValueError(
                    f"{key} of {row['name']!r} must be a number from 0 to {top} for each seed, got {row[key]}"
                )
    return {row["name"]: row for row in rows}
