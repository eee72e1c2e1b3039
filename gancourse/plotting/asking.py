"""Pictures of generators that are asked for a class: on a line, distances by kind, a walk between two classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import images as pictures
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["by_kind", "line_classes", "walk"]

_BINS = 60
_DASHES = ("--", "-.", ":")  # one for each class
_SECOND = "#b07cc6"


def line_classes(
    x: Tensor,
    densities: Tensor,
    drawn: Mapping[str, Tensor],
    *,
    names: Sequence[str],
) -> Figure:
    """Draw what is made for each class on a line, over the true densities: a box for each generator.

    Args:
        x: places, rising, shape (P,).
        densities: of the classes there, shape (C, P), at most three.
        drawn: title -> samples or quantiles of each class, shape (C, n).
        names: what the classes are called.
    Returns:
        The figure. Truth is green and filled, what is drawn is purple, each class in dashes of its own.
    Raises:
        ValueError: shapes do not fit, or nothing is drawn.
    First met in: notebook 12.
    """
    places, truth = np.asarray(x, dtype=float), np.asarray(densities, dtype=float)
    if truth.ndim != 2 or truth.shape[1] != len(places) or not 1 <= len(truth) <= len(_DASHES):
        raise ValueError(f"densities must have shape (C, {len(places)}) with C up to {len(_DASHES)}, got {truth.shape}")
    if not drawn or len(names) != len(truth):
        raise ValueError(f"drawn must hold something, and names one for each of {len(truth)} classes, got {names!r}")
    fig, axes = style.figure(len(drawn), size=(3.5 * len(drawn), 3.3), sharex=True, sharey=True, squeeze=False)
    edges, top = np.linspace(places[0], places[-1], _BINS + 1), float(truth.max())
    for ax, (title, samples) in zip(axes[0], drawn.items(), strict=True):
        made = np.asarray(samples, dtype=float)
        if made.ndim != 2 or len(made) != len(truth) or not np.isfinite(made).all():
            raise ValueError(f"drawn[{title!r}] must be finite, of shape ({len(truth)}, n), got {made.shape}")
        for density, own, dashes, name in zip(truth, made, _DASHES, names, strict=False):
            ax.fill_between(places, density, color=COLOURS["real"], alpha=0.16, linewidth=0)
            ax.plot(places, density, color=COLOURS["real"], linewidth=1.0)
            heights = np.histogram(own, edges)[0] / (len(own) * np.diff(edges))
            top = max(top, float(heights.max()))
            ax.plot((edges[1:] + edges[:-1]) / 2, heights, dashes, color=COLOURS["fake"], label=f"asked for {name}")
        ax.set(title=title, xlabel="x", xlim=(places[0], places[-1]))
    axes[0, 0].set(ylabel="density", ylim=(0, 1.05 * top))
    handles = axes[0, 0].get_legend_handles_labels()[0]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def by_kind(
    values: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    lines: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw one number of many GANs: a row for each kind, a cross for each GAN, and dotted lines at known values.

    Args:
        values: kind -> its GANs' numbers, at least one.
        xlabel: what is measured, with ↓ or ↑ for better.
        lines: name -> value.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; the axis begins at 0.
    Raises:
        ValueError: a row is empty, or a number is negative or not finite.
    First met in: notebook 12.
    """
    rows = {name: np.asarray(numbers, dtype=float) for name, numbers in values.items()}
    if not rows or any(v.ndim != 1 or not len(v) or not np.isfinite(v).all() or (v < 0).any() for v in rows.values()):
        raise ValueError("values must hold for each kind one number a GAN, finite and at least 0")
    fig, ax = style.figure_of(ax, size=(7.0, 0.5 * len(rows) + 1.3))
    for at, numbers in enumerate(rows.values()):
        up = np.resize([0.0, 0.16, -0.16], len(numbers))  # equal ones would hide each other
        ax.plot(numbers, at + up, "x", color=COLOURS["fake"], markersize=7, linestyle="none")
    for name, value in (lines or {}).items():
        ax.axvline(value, color=COLOURS["neutral"], linestyle=":", zorder=0)
        ax.annotate(name, (value, -0.62), (3, 0), textcoords="offset points", va="bottom", fontsize=10)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.tick_params(axis="y", length=0)
    right = 1.12 * max([*(float(numbers.max()) for numbers in rows.values()), *(lines or {}).values()])
    ax.set(ylim=(len(rows) - 0.5, -0.95), xlim=(0, right), xlabel=xlabel)
    return fig


def walk(images: Tensor, clear: Tensor, shares: Mapping[str, Sequence[float]], *, ends: tuple[str, str]) -> Figure:
    """Draw walks from one class to another: images above, and below what a judge sees on average along the way.

    An image that is no clear one of either class has a frame.

    Args:
        images: shape (Z, P, 1, H, W): P places on the way for each of Z latent vectors, -1 black and 1 white.
        clear: which of them are clear, shape (Z, P), true or false.
        shares: at most three, name -> share at each place, shape (P,), from 0 to 1.
        ends: what is asked for at the left and at the right end.
    Returns:
        The figure.
    Raises:
        ValueError: shapes do not fit, a share is no share, or there are too many.
    First met in: notebook 12.
    """
    if images.ndim != 5 or images.shape[1] < 2:
        raise ValueError(f"images must have shape (Z, P, 1, H, W) with at least two places, got {tuple(images.shape)}")
    if clear.shape != images.shape[:2]:
        raise ValueError(f"clear must have shape {tuple(images.shape[:2])} as the images, got {tuple(clear.shape)}")
    count = images.shape[1]
    lines = {name: np.asarray(values, dtype=float) for name, values in shares.items()}
    if not 1 <= len(lines) <= 3 or any(
        line.shape != (count,) or not ((line >= 0) & (line <= 1)).all() for line in lines.values()
    ):
        raise ValueError(f"shares must hold one to three lines of {count} shares from 0 to 1")
    width = 7.2
    tall = width * images.shape[0] / count
    fig, (top, below) = style.figure(1, 2, size=(width, tall + 2.5), gridspec_kw={"height_ratios": [tall, 2.1]})
    pictures.image_grid(images.flatten(0, 1), rows=images.shape[0], columns=count, ax=top)
    for row, column in (~clear.bool()).nonzero().tolist():
        pictures.mark(top, row, column, images.shape[3:])
    looks = ((COLOURS["fake"], "--", "x"), (_SECOND, "-.", "s"), (COLOURS["neutral"], ":", "o"))
    for (name, line), (colour, dashes, mark) in zip(lines.items(), looks, strict=False):
        below.plot(range(count), line, dashes, color=colour, marker=mark, markersize=5, label=name)
    below.set(xlim=(-0.5, count - 0.5), ylim=(-0.04, 1.04), ylabel="share of samples")
    below.set_xticks([0, (count - 1) / 2, count - 1], [ends[0], "half of each", ends[1]])
    below.legend(loc="upper center", bbox_to_anchor=(0.5, 1.24), ncols=len(lines), frameon=False)
    return fig
