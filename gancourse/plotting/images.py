"""Pictures of images: a grid of samples, the same samples over time, and what a judge sees in them.

Images are shown as they are, -1 black and +1 white, in every picture the same. Nothing is
rescaled: a value outside [-1, 1] is painted in the warning colour and counted under the picture,
so a batch in [0, 1] or a generator without tanh is seen at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from gancourse._numbers import whole
from gancourse.plotting import style

__all__ = ["class_shares", "film_strip", "image_grid", "mark", "readings"]

_GAP = 2  # pixels between images
_TOLERANCE = 1e-3  # rounding, e.g. of a resampled image


def image_grid(
    images: Tensor,
    *,
    rows: int | None = None,
    columns: int | None = None,
    title: str | None = None,
    row_names: Sequence[str] | None = None,
    width: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Show a batch of images side by side, -1 black and +1 white, never rescaled.

    Values outside [-1, 1] are painted in the warning colour, and a line under the grid says how
    many there are.

    Args:
        images: shape (N, 1, H, W) grey or (N, 3, H, W) colour, finite.
        rows, columns: how many; with one or none given, the rest follows from N. Fewer places
            than images show the first ones.
        title: over the grid.
        row_names: what to write to the left of each row; None writes nothing.
        width: of a new figure's images together, in inches; by default 0.45 an image, at most 8.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        TypeError, ValueError: ``images`` is no such batch, a number of places or ``width`` is not positive, or there
            is not one name for each row.
    First met in: notebook 00.
    """
    _check(images, "images")
    rows, columns = _layout(len(images), rows, columns)
    if row_names is not None and (isinstance(row_names, str) or len(row_names) != rows):
        raise ValueError(f"row_names must have one name for each of the {rows} rows, got {row_names!r}")
    if width is not None and not 0 < width < math.inf:
        raise ValueError(f"width must be a positive number of inches, got {width!r}")
    inches = min(0.45 * columns, 8.0) if width is None else width
    tall = inches * (rows * images.shape[2]) / (columns * images.shape[3])
    beside = 0.1 * max(map(len, row_names)) if row_names else 0.0
    size = (max(inches, 1.5) + beside, max(tall, 0.6) + (0.35 if title else 0.05))
    fig, ax = style.figure_of(ax, size=size)
    _show(ax, images[: rows * columns], rows, columns, title)
    if row_names is not None:
        pitch = images.shape[2] + _GAP
        ax.set_yticks([pitch * i + (images.shape[2] - 1) / 2 for i in range(rows)], list(row_names))
        ax.tick_params(axis="y", length=0)
        ax.set_anchor("W")  # a picture in the middle of its place would push its names over the edge
    return fig


def mark(ax: Axes, row: int, column: int, sides: Sequence[int]) -> None:
    """Put a frame in the warning colour around one image of a grid.

    Args:
        ax: what :func:`image_grid` drew on.
        row, column: which image, counted from the top left one, from 0.
        sides: height and width of the images in pixels.
    First met in: notebook 12.
    """
    (top, left), (height, width) = (
        ((side + _GAP) * at - 0.5 for side, at in zip(sides, (row, column), strict=True)),
        sides,
    )
    edge = {"fill": False, "color": style.COLOURS["warning"], "linewidth": 2, "clip_on": False}
    ax.add_patch(Rectangle((left, top), width, height, **edge))


def film_strip(
    snapshots: Mapping[int, Tensor],
    *,
    rows: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Show how the same samples change over training: a column per step, a row per latent vector.

    Make the snapshots from one fixed batch of latents: then a row is one sample growing up.

    Args:
        snapshots: step -> images, shape (N, C, H, W), the same shape at every step; drawn in
            the order of the steps.
        rows: how many samples to show; by default up to six.
        title: over the strip.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; values outside [-1, 1] are marked as in :func:`image_grid`.
    Raises:
        TypeError, ValueError: no snapshots, steps that are no whole numbers, or shapes that differ.
    First met in: notebook 00.
    """
    if not isinstance(snapshots, Mapping) or not snapshots:
        raise TypeError(f"snapshots must be a dict step -> images with at least one entry, got {_described(snapshots)}")
    for step, images in snapshots.items():
        if whole(step) is None:
            raise TypeError(f"the keys of snapshots must be steps, whole numbers, got {step!r}")
        _check(images, f"snapshots[{whole(step)}]")
    snapshots = {whole(step): images for step, images in snapshots.items()}
    steps = sorted(snapshots)
    first = snapshots[steps[0]]
    for step in steps:
        if snapshots[step].shape != first.shape:
            raise ValueError(
                f"every snapshot must have the shape of the first, {tuple(first.shape)}, "
                f"got {tuple(snapshots[step].shape)} at step {step}"
            )
    rows = _positive("rows", min(6, len(first)) if rows is None else rows)
    rows = min(rows, len(first))
    strip = torch.stack([snapshots[step][:rows].detach().cpu().float() for step in steps], dim=1).flatten(0, 1)
    columns = len(steps)
    width = min(0.75 * columns, 9.0)
    size = (max(width, 2.0), width * rows / columns * first.shape[2] / first.shape[3] + (0.75 if title else 0.45))
    fig, ax = style.figure_of(ax, size=size)
    _show(ax, strip, rows, columns, title)
    pitch = first.shape[3] + _GAP
    ax.set_xticks([pitch * i + (first.shape[3] - 1) / 2 for i in range(columns)], [f"{step:,}" for step in steps])
    ax.tick_params(axis="x", length=0, top=False, labeltop=False, labelbottom=True)
    ax.xaxis.set_visible(True)
    ax.set_xlabel("\n".join(filter(None, ["step", ax.get_xlabel()])))
    return fig


def class_shares(
    shares: Tensor,
    *,
    covered: Sequence[int] | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Show which share of the samples a judge takes for each class, beside the fair share.

    Args:
        shares: shape (K,), from ``judge.class_histogram``, sums to 1.
        covered: labels of the covered classes; the others are drawn hollow and hatched.
        class_names: a word per class; the labels 0, 1, … if None.
        title: over the bars.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        TypeError, ValueError: ``shares`` is no distribution over the classes, or the names do not fit.
    First met in: notebook 00.
    """
    if not isinstance(shares, Tensor):
        raise TypeError(f"shares must be a tensor of shape (K,), got {type(shares).__name__}")
    if shares.ndim != 1 or len(shares) < 2:
        raise ValueError(f"shares must have shape (K,) with at least two classes, got {tuple(shares.shape)}")
    values = shares.detach().cpu().double().numpy()
    if not np.isfinite(values).all() or values.min() < 0 or abs(values.sum() - 1) > 1e-3:
        raise ValueError(f"shares must be at least 0 and sum to 1, got a sum of {values.sum():.3f}")
    classes = len(values)
    names = [str(label) for label in range(classes)] if class_names is None else list(class_names)
    if len(names) != classes:
        raise ValueError(f"class_names must have one name for each of the {classes} classes, got {len(names)}")
    full = set(range(classes)) if covered is None else set(covered)
    if not full <= set(range(classes)):
        raise ValueError(f"covered must hold labels from 0 to {classes - 1}, got {sorted(full)}")
    fig, ax = style.figure_of(ax, size=(4.6, 2.6))
    colour = style.COLOURS["fake"]
    for label, value in enumerate(values):
        is_full = label in full
        ax.bar(label, value, facecolor=colour if is_full else "none", edgecolor=colour, hatch="" if is_full else "///")
    ax.axhline(1 / classes, color=style.COLOURS["neutral"], linestyle=":", label=f"fair share, 1/{classes}")
    long_names = max(map(len, names)) > 3
    ax.set_xticks(range(classes), names, rotation=45 if long_names else 0, ha="right" if long_names else "center")
    ax.set_xlabel("judged to be" if covered is None else "judged to be (hatched: not covered)")
    ax.set_ylabel("share of samples")
    ax.set_ylim(0, max(0.2, 1.15 * float(values.max())))
    ax.legend(loc="upper right")
    if title:
        ax.set_title(title)
    return fig


def readings(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    ylabel: str,
    floor: float | Sequence[float] | None = None,
    floor_label: str = "real against real",
    xlabel: str = "step",
    logarithmic: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw what a measure of generated images reads, over steps or over the number of samples.

    Each line has its own dashes and marks. What the measure says of real images is a dotted green line: the
    best that any line can come to.

    Args:
        x: where it was measured, rising, shape (T,).
        lines: name -> readings, shape (T,), finite; at most four.
        ylabel: what is measured.
        floor: the reading of real images: one number, or one for each x; None draws none.
        floor_label: what to call it.
        xlabel: what x is.
        logarithmic: both axes in powers of ten; then everything must be above 0.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: lengths differ, x does not rise, a value cannot be drawn, or there is none or too many lines.
    First met in: notebook 06.
    """
    places = _readings("x", x, len(x))
    if len(places) < 2 or not (np.diff(places) > 0).all():
        raise ValueError(f"x must hold at least two rising numbers, got {places.tolist()}")
    if not 1 <= len(lines) <= len(_LOOKS):
        raise ValueError(f"lines must hold 1 to {len(_LOOKS)} lines, got {len(lines)}")
    drawn = {name: _readings(f"lines[{name!r}]", values, len(places)) for name, values in lines.items()}
    shown = dict(drawn)
    if floor is not None:
        shown["floor"] = _readings("floor", [floor] * len(places) if np.ndim(floor) == 0 else floor, len(places))
    if logarithmic and min(float(values.min()) for values in (places, *shown.values())) <= 0:
        raise ValueError("on logarithmic axes every number must be above 0")
    fig, ax = style.figure_of(ax)
    for (name, values), (colour, dashes, mark) in zip(drawn.items(), _LOOKS, strict=False):
        ax.plot(places, values, dashes, color=colour, marker=mark, markersize=5, label=name)
    if floor is not None:
        ax.plot(places, shown["floor"], ":", color=style.COLOURS["real"], linewidth=2.2, label=floor_label)
    if logarithmic:
        ax.set_xscale("log")
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=min(0.0, *(float(values.min()) for values in drawn.values())))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if title:
        ax.set_title(title)
    ax.legend(loc="best")
    return fig


# ---------------------------------------------------------------- helpers


_LOOKS = ((style.COLOURS["fake"], "--", "x"), ("#40004b", "-", "s"), ("#b07cc6", "-.", "o"), ("#555555", "--", "^"))
"""All of them measure fakes, so they are purples; dashes and marks tell them apart."""


def _readings(name: str, values: Sequence[float], count: int) -> np.ndarray:
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=float)
    if array.shape != (count,):
        raise ValueError(f"{name} must have one number for each of the {count} places, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite value(s)")
    return array


def _show(ax: Axes, images: Tensor, rows: int, columns: int, title: str | None) -> None:
    """Draw one montage as an image, with out-of-range values in the warning colour."""
    picture, outside = _montage(images.detach().cpu().float().numpy(), rows, columns)
    ax.imshow(picture, vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title:
        ax.set_title(title)
    if outside > 0:
        share = "less than 0.1 %" if outside < 0.001 else f"{100 * outside:.1f} %"
        ax.set_xlabel(f"{share} of the values are outside [-1, 1]", color=style.WARNING_TEXT)


def _montage(images: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, float]:
    """Return an RGB picture in [0, 1] with white gaps, and the share of values outside [-1, 1]."""
    _, channels, height, width = images.shape
    wrong = np.abs(images) > 1 + _TOLERANCE
    colour = np.broadcast_to((images.clip(-1, 1) + 1) / 2, (len(images), channels, height, width))
    colour = np.repeat(colour, 3 // channels, axis=1)
    colour = np.where(
        wrong.any(axis=1, keepdims=True), np.array(to_rgb(style.COLOURS["warning"]))[:, None, None], colour
    )
    picture = np.ones((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3))
    for index, image in enumerate(colour):
        top, left = (index // columns) * (height + _GAP), (index % columns) * (width + _GAP)
        picture[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return picture, float(wrong.mean())


def _layout(count: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    rows = None if rows is None else _positive("rows", rows)
    columns = None if columns is None else _positive("columns", columns)
    if columns is None:
        columns = math.ceil(count / rows) if rows else math.ceil(math.sqrt(count))
    if rows is None:
        rows = math.ceil(count / columns)
    return rows, columns


def _positive(name: str, value: int) -> int:
    if (number := whole(value)) is None or number < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return number


def _check(images: Tensor, name: str) -> None:
    if not isinstance(images, Tensor):
        raise TypeError(f"{name} must be a tensor of images, shape (N, C, H, W), got {type(images).__name__}")
    if not images.is_floating_point():
        raise TypeError(f"{name} must hold floating-point values in [-1, 1], got dtype {images.dtype}")
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"{name} must have shape (N, 1, H, W) or (N, 3, H, W), got {tuple(images.shape)}")
    if images.numel() == 0:
        raise ValueError(f"{name} is empty, got shape {tuple(images.shape)}")
    if not bool(torch.isfinite(images).all()):
        bad = int((~torch.isfinite(images)).sum())
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite value(s) of {images.numel()}")


def _described(value: object) -> str:
    return "an empty dict" if isinstance(value, Mapping) else type(value).__name__
