"""Pictures of a DCGAN's parts: a transposed convolution by hand, its overlaps, and a table of parts taken out."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

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

    One number of the image is framed, and so is the place of its stamp. The dashed line encloses what is left of
    the canvas when ``padding`` rows and columns are cut off at each side.

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
    widths = [image.shape[1], kernel.shape[1], canvas.shape[1]]
    tall = max(image.shape[0], kernel.shape[0], canvas.shape[0])
    size = (0.38 * sum(widths) + 1.4, 0.38 * tall + (0.9 if title else 0.6))
    fig, axes = style.figure(3, size=size, dpi=88, width_ratios=widths)
    names = ("image", "kernel", "all stamps, added up")
    for ax, values, name in zip(axes, (image, kernel, canvas), names, strict=True):
        _numbers(ax, values, paint=_PAINT, low=-max(np.abs(values).max(), 1), high=max(np.abs(values).max(), 1))
        ax.set_title(name)
    _frame(axes[0], row, column, 1, 1, "generator", "-")
    _frame(axes[2], row * stride, column * stride, *kernel.shape, "generator", "-")
    if padding:
        inner = [side - 2 * padding for side in canvas.shape]
        _frame(axes[2], padding, padding, *inner, "neutral", "--")
        axes[2].set_xlabel(f"dashed: the {inner[0]}×{inner[1]} that stay")
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
        len(maps), size=(0.25 * sum(widths) + 0.6, 0.25 * tall + 0.9), dpi=88, width_ratios=widths, squeeze=False
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
    """Draw a table of changes to one recipe: distance from the data (a dot per seed), clear samples, cost.

    The control is the grey row on top and its medians run down through all rows. The dotted green line is what real
    images get. Filled purple dots: all ten classes; hollow orange ones: some classes missing. The scale of the
    distance is logarithmic: equal ways to the left are equal factors.

    Args:
        rows: as in the tables of ``gancourse.measured``: "name", "frechet", "clear" and "classes" (one number for
            each seed) and "cost", CPU time of a step relative to the control's. The row of real images needs no more
            than "frechet".
        control: name of the row that the others are compared with.
        floor: name of the row of real images, which is drawn as a line and not as a row.
        clear_floor: share of clear ones among real images, for the line in the middle; none if not given.
        title: over the picture.
    Returns:
        The figure.
    Raises:
        ValueError: one of the two rows is missing, a name comes twice, or numbers do not fit each other.
    First met in: notebook 07.
    """
    by_name = _checked_rows(rows, control, floor)
    names = [control, *[name for name in by_name if name not in (control, floor)]]
    size = (10.8, 1.1 + 0.36 * len(names))
    fig, (distance, clear, cost) = style.figure(3, size=size, dpi=80, width_ratios=(2.4, 1.5, 0.9), sharey=True)
    for place, name in enumerate(names):
        row = by_name[name]
        _dots(distance, row["frechet"], row["classes"], place)
        _dots(clear, row["clear"], row["classes"], place)
        value = float(row["cost"])
        cost.barh(place, value, height=0.5, color=COLOURS["discriminator"], alpha=0.55, zorder=2)
        cost.annotate(
            f"{value:.1f}×", (value, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=9
        )
    base = by_name[control]
    for ax, value in ((distance, np.median(base["frechet"])), (clear, np.median(base["clear"])), (cost, 1.0)):
        ax.axhspan(-0.5, 0.5, color=_BAND, zorder=0)
        ax.axvline(value, color=COLOURS["neutral"], linestyle="--", linewidth=1.0, zorder=1)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="#f3f3f3", zorder=0)
        ax.spines["left"].set_visible(False)
    distance.axvline(np.median(by_name[floor]["frechet"]), color=COLOURS["real"], linestyle=":", zorder=1)
    if clear_floor is not None:
        clear.axvline(clear_floor, color=COLOURS["real"], linestyle=":", zorder=1)
    distance.set_xscale("log")
    ends = [value for row in by_name.values() for value in row["frechet"]]
    distance.set_xlim(min(ends) / 1.4, max(ends) * 1.4)
    ticks = _round_numbers(*distance.get_xlim())
    distance.set_xticks(ticks, [f"{tick:,}" for tick in ticks], minor=False)
    distance.set_xticks([], minor=True)
    distance.set_xlabel("Fréchet distance (left is better)")
    distance.set_yticks(range(len(names)), names)
    distance.set_ylim(len(names) - 0.5, -0.5)
    clear.set(xlim=(-0.02, 1.02), xlabel="share of clear samples")
    cost.set(xlim=(0, 1.25 * max(float(by_name[name]["cost"]) for name in names)), xlabel="CPU time of a step")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


def montages(rows: Sequence[Mapping[str, Any]], names: Sequence[str], *, columns: int = 1, title: str = "") -> Figure:
    """Show the pictures that a table of ``gancourse.measured`` keeps, as they were stored, a name over each.

    Args:
        rows: with "name" and "picture" (a grey PNG in base64).
        names: which rows, in this order, left to right and down.
        columns: pictures side by side.
        title: over all of them.
    Returns:
        The figure.
    Raises:
        ValueError: a row is not there or has no picture.
    First met in: notebook 07.
    """
    from PIL import Image

    stored = {row["name"]: row.get("picture") for row in rows}
    missing = [name for name in names if not stored.get(name)]
    if missing or not names:
        raise ValueError(f"names must be rows with a picture, got {missing or 'none'}; there are {sorted(stored)}")
    deep = -(-len(names) // columns)
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(stored[name]))).convert("L")) for name in names]
    height, width = pictures[0].shape
    wide = 7.6 if columns == 1 else 4.9 * columns
    size = (wide, deep * (wide / columns * height / width + 0.33) + (0.3 if title else 0))
    fig, axes = style.figure(columns, deep, size=size, dpi=80, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, name, picture in zip(axes.flat, names, pictures, strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_title(name, fontsize=11, loc="left")
    if title:
        fig.suptitle(title, fontsize=12)
    return fig


# ---------------------------------------------------------------- helpers


def _numbers(ax: Axes, values: np.ndarray, *, paint: str, low: float, high: float, fontsize: float = 9.5) -> None:
    """Draw a map with its number in every cell."""
    ax.imshow(values, cmap=paint, vmin=1.6 * low, vmax=1.6 * high if low else high)
    for row, line in enumerate(values):
        for column, value in enumerate(line):
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
