"""Pictures of a GAN on the line: what it makes, what its discriminator believes, how far it has come.

Every function takes numbers (tensors, arrays or lists), computes nothing but what it draws, and
returns the figure. Real is green and filled, generated purple and dashed, D blue; exact answers
are dotted and grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from gancourse.plotting import style, training
from gancourse.plotting.style import COLOURS

__all__ = ["distance", "film", "generated", "judged", "latent_line", "latent_maps", "one_loss", "races", "traces"]

EXACT = {"color": "#222222", "linestyle": (0, (1, 1.4)), "linewidth": 2.0}
"""How an exact answer is drawn next to a learnt one."""


def generated(
    x,
    p,
    q,
    *,
    samples=None,
    pushes=None,
    ax: Axes | None = None,
    title: str = "",
    top: float | None = None,
    legend: str | None = None,
) -> Figure:
    """Draw the real density p (green, filled) and the generated density q (purple, dashed), counted in bins.

    Args:
        x: middles of the bins, shape (N,), evenly spaced.
        p, q: densities there, shape (N,).
        samples: some generated points, shape (M,), drawn as crosses below the axis.
        pushes: how far and which way to draw an arrow from each of them, shape (M,), in units of x.
        ax: where to draw; a new figure if not given.
        title: what the axes say on top.
        top: upper limit of the density axis; by default what p needs. A taller q is cut off, and said to be.
        legend: where to put a legend, such as "upper left"; None for none.
    First met in: notebook 02.
    """
    x, p, q = _lines(x=x, p=p, q=q)
    fig, ax = style.figure_of(ax)
    top = 1.9 * p.max() if top is None else top
    ax.fill_between(x, p, color=COLOURS["real"], alpha=0.28, linewidth=0)
    ax.plot(x, p, color=COLOURS["real"], label="data p")
    ax.plot(x, q, color=COLOURS["generator"], linestyle=(0, (4, 1.5)), linewidth=2.0, label="generated q")
    below = 0.0
    if samples is not None:
        (samples,) = _lines(samples=samples)
        below = -0.3 * top
        heights = rows(len(samples), below)
        if pushes is not None:
            (_, pushes) = _lines(samples=samples, pushes=pushes)
            arrows(ax, samples, pushes, heights)
        ax.plot(samples, heights, "x", color=COLOURS["fake"], markersize=6, label="some fakes")
        ax.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    if q.max() > top:
        cut = x[q > top]
        left = cut[0] - x[0] > x[-1] - cut[-1]  # write where there is more room
        ax.annotate(
            f"up to {q.max():.1f} " if left else f" up to {q.max():.1f}",
            (cut[0] if left else cut[-1], top),
            xytext=(-5 if left else 5, -3),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            color=COLOURS["generator"],
        )
    ax.set(xlim=(x[0], x[-1]), ylim=(below, top), xlabel="x", ylabel="density", title=title)
    if below:
        ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= top])  # a density is not negative
    if legend:
        ax.legend(loc=legend, frameon=False)
    return fig


def rows(count: int, depth: float) -> np.ndarray:
    """Return a height for each of ``count`` samples between 0 and ``depth``, neighbours well apart."""
    return depth * (0.12 + 0.76 * (np.arange(count) * 0.6180339887 % 1))


def arrows(ax: Axes, samples, pushes, heights, **kwargs: Any):
    """Draw a magenta arrow from each sample along its push, at its height, and return the arrows."""
    return ax.quiver(
        *(samples, heights, pushes, np.zeros(len(samples))),
        **{"angles": "xy", "scale_units": "xy", "scale": 1, "color": COLOURS["gradient"], "width": 0.006},
        **{"headwidth": 4, "headlength": 4, "headaxislength": 3.6, "minlength": 0.5, "zorder": 3, **kwargs},
    )


def judged(
    x,
    d,
    d_star=None,
    *,
    samples=None,
    ax: Axes | None = None,
    title: str = "",
    best: str = "D* for this G",
    legend: str | None = None,
) -> Figure:
    """Draw D(x), the probability that x is real (blue), and the best answer D* (dotted) where it is known.

    Args:
        x: places, shape (N,).
        d: D there, from 0 to 1, shape (N,).
        d_star: the best answer there, shape (N,); NaN where neither density has mass draws nothing.
        samples: some generated points, shape (M,), drawn as crosses on D's curve.
        ax: where to draw; a new figure if not given.
        title: what the axes say on top.
        best: what the dotted line is called.
        legend: as in :func:`generated`.
    First met in: notebook 02.
    """
    x, d = _lines(x=x, d=d)
    fig, ax = style.figure_of(ax)
    ax.axhline(0.5, color=COLOURS["neutral"], linewidth=0.8)
    if d_star is not None:
        ax.plot(x, np.asarray(d_star, dtype=float), **EXACT, label=best)
    ax.plot(x, d, color=COLOURS["discriminator"], linewidth=2.2, label="D")
    ax.set(xlim=(x[0], x[-1]), ylim=(-0.04, 1.04), xlabel="x", ylabel="D(x)", title=title)
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    if samples is not None:
        (samples,) = _lines(samples=samples)
        on_curve = np.interp(samples, x, d)
        ax.plot(samples, on_curve, "x", color=COLOURS["fake"], markersize=9, markeredgewidth=2, label="fakes")
    if legend:
        ax.legend(loc=legend, frameon=False)
    return fig


def film(x, p, frames: Mapping[str, tuple], *, top: float | None = None) -> Figure:
    """Draw moments of a run side by side: densities above, the discriminator below.

    Args:
        x: middles of the bins, shape (N,).
        p: the real density there, shape (N,).
        frames: title -> (q, d, d_star), each of shape (N,); d_star may hold NaN, or be None.
        top: as in :func:`generated`.
    Raises:
        ValueError: there is no frame.
    First met in: notebook 02.
    """
    if not frames:
        raise ValueError("frames is empty: at least one moment is needed")
    count = len(frames)
    fig, axes = style.figure(
        count, 2, size=(max(2.55 * count, 6.0), 4.7), sharex=True, sharey="row", height_ratios=[5, 4], squeeze=False
    )
    for column, (title, (q, d, d_star)) in enumerate(frames.items()):
        generated(x, p, q, ax=axes[0, column], title=title, top=top)
        judged(x, d, d_star, ax=axes[1, column])
        axes[0, column].set_xlabel("")
        if column:
            axes[0, column].set_ylabel("")
            axes[1, column].set_ylabel("")
    handles = [handle for row in axes for handle in row[0].get_legend_handles_labels()[0]]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def distance(
    steps,
    w1,
    *,
    floor: float | None = None,
    ax: Axes | None = None,
    title: str = "W1 to the data",
    marks: Mapping[int, str] | None = None,
) -> Figure:
    """Draw the Wasserstein distance to the data over steps, on a logarithmic axis, above the floor of the ruler.

    Args:
        steps: when it was measured, shape (N,).
        w1: the distances, shape (N,), above 0.
        floor: the distance between two samples of the data itself, which a perfect generator reads on average.
        ax: where to draw; a new figure if not given.
        title: what the axes say on top.
        marks: step -> what happened there, as a vertical line.
    First met in: notebook 02.
    """
    steps, w1 = _lines(steps=steps, w1=w1)
    fig, ax = style.figure_of(ax)
    ax.plot(steps, w1, color=COLOURS["generator"], linewidth=1.6)
    lowest = float(w1.min())
    if floor is not None:
        _lines(floor=[floor])
        ax.axhline(floor, **EXACT)
        _name_level(ax, "two real samples", floor)
        lowest = min(lowest, floor)
    for step, text in (marks or {}).items():
        ax.axvline(step, color=COLOURS["neutral"], linewidth=1, linestyle="--")
        ax.annotate(
            text,
            (step, 0.97),
            (4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            fontsize=10,
        )
    _logarithmic(ax, lowest, float(w1.max()))
    ax.set(title=title, xlabel="step", ylabel="W1 (in units of x)")
    return fig


def one_loss(
    values,
    *,
    player: str,
    lines: Mapping[str, float] | None = None,
    smooth: int = 25,
    ax: Axes | None = None,
    title: str = "",
) -> Figure:
    """Draw one player's loss over steps, pale, with a running mean, and named levels that theory gives.

    Args:
        values: the loss at each step, shape (N,).
        player: "discriminator" or "generator".
        lines: name -> level, dotted.
        smooth: width of the running mean; 1 where a sudden change is to be seen when it happens.
        ax: where to draw; a new figure if not given.
        title: what the axes say on top.
    Raises:
        ValueError: the player is neither.
    First met in: notebook 02.
    """
    if player not in ("discriminator", "generator"):
        raise ValueError(f"player must be 'discriminator' or 'generator', got {player!r}")
    (values,) = _lines(values=values)
    fig, ax = style.figure_of(ax)
    steps, smooth = np.arange(1, len(values) + 1), training.running_mean(torch.from_numpy(values), smooth)
    dashes = "-" if player == "discriminator" else "--"
    ax.plot(steps, values, color=COLOURS[player], alpha=0.25, linewidth=0.8)
    ax.plot(steps, smooth, dashes, color=COLOURS[player])
    for name, level in (lines or {}).items():
        _lines(lines=[level])
        ax.axhline(level, **EXACT)
        _name_level(ax, name, level, above=level >= smooth.mean())
    ax.margins(y=0.14)  # room for the names of the lowest and the highest level
    ax.set(title=title, xlabel="step", ylabel=f"{player[0]}_loss")
    return fig


def races(steps, panels: Mapping[str, Mapping[str, object]]) -> Figure:
    """Draw many runs of two losses: the distance to the data over steps, one line a seed, one panel an optimiser.

    Args:
        steps: when it was measured, shape (T,).
        panels: title -> {name of the loss: distances of shape (seeds, T)}; two losses at most.
    First met in: notebook 02.
    """
    (steps,) = _lines(steps=steps)
    looks = (
        {"color": COLOURS["warning"], "linestyle": "-."},
        {"color": COLOURS["generator"], "linestyle": "--"},
    )
    fig, axes = style.figure(len(panels), size=(4.9 * len(panels), 3.6), sharey=True, squeeze=False)
    fig.get_layout_engine().set(wspace=0.06)  # the last step of one panel beside the first of the next
    for ax, (title, losses) in zip(axes[0], panels.items(), strict=True):
        if len(losses) > len(looks):
            raise ValueError(f"races draws at most {len(looks)} losses a panel, got {len(losses)}")
        for (name, runs), look in zip(losses.items(), looks, strict=False):
            for seed, run in enumerate(runs):
                _, line = _lines(steps=steps, run=run)
                ax.plot(steps, line, **look, linewidth=1.2, alpha=0.75, label=None if seed else name)
        ax.set(title=title, xlabel="step", xlim=(steps[0], steps[-1]))
        ax.set_ylim(bottom=0)
    axes[0, 0].set_ylabel("W1 to the data")
    handles = axes[0, 0].get_legend_handles_labels()[0]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def traces(runs: Mapping[str, tuple], *, floor: float | None = None, top: float = 4.0) -> Figure:
    """Draw what a learner sees of several runs: both losses above, the distance to the data below.

    Args:
        runs: title -> (history with "d_loss" and "g_loss", steps of the distances, distances).
        floor: as in :func:`distance`.
        top: upper limit of the axis of losses.
    First met in: notebook 02.
    """
    count = len(runs)
    fig, axes = style.figure(count, 2, size=(3.1 * count, 5.0), sharex=True, sharey="row", squeeze=False)
    for column, (title, (history, steps, w1)) in enumerate(runs.items()):
        upper, lower = axes[:, column]
        last = column == count - 1
        training.losses(history, ax=upper, title=title, smooth=15)
        upper.get_legend().remove()
        if not last:
            for note in list(upper.texts):
                note.remove()
        distance(steps, w1, floor=floor, ax=lower, title="")
        upper.set(xlabel="", ylim=(-0.1, top))
        if column:
            upper.set_ylabel("")
            lower.set_ylabel("")
            for note in list(lower.texts):
                note.remove()
        else:
            lower.set_ylabel("W1 to the data")
    lows = [float(np.min(_lines(w1=w1)[0])) for _, _, w1 in runs.values()] + ([floor] if floor else [])
    _logarithmic(axes[1, 0], min(lows), max(float(np.max(_lines(w1=w1)[0])) for _, _, w1 in runs.values()))
    handles = axes[0, 0].get_legend_handles_labels()[0]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def latent_line(z, x, density, places, p) -> Figure:
    """Draw a generator of one latent number as a curve: z and its density to the right, x and its density upwards.

    Args:
        z: latent numbers, rising, shape (N,).
        x: what the generator makes of each, shape (N,).
        density: density of z, shape (N,).
        places: places on the x axis, shape (M,).
        p: density of the data there, shape (M,).
    First met in: notebook 02.
    """
    z, x, density = _lines(z=z, x=x, density=density)
    places, p = _lines(places=places, p=p)
    fig, axes = style.figure(
        2, 2, size=(6.4, 5.2), width_ratios=[3, 1.1], height_ratios=[1, 3], sharex="col", sharey="row"
    )
    axes[0, 1].remove()
    axes[0, 0].fill_between(z, density, color=COLOURS["neutral"], alpha=0.3, linewidth=0)
    axes[0, 0].set(ylabel="density of z", ylim=(0, None), yticks=[])
    curve = axes[1, 0]
    curve.plot(z, x, color=COLOURS["generator"], linestyle="--", linewidth=2.4)
    curve.set(xlabel="z, the latent number", ylabel="x = G(z)", xlim=(z[0], z[-1]), ylim=(places[0], places[-1]))
    for number in (-1.5, -0.5, 0.5, 1.5):
        made = float(np.interp(number, z, x))
        curve.plot([number, number, z[-1]], [places[0], made, made], color=COLOURS["neutral"], linewidth=0.8)
    axes[1, 1].fill_betweenx(places, p, color=COLOURS["real"], alpha=0.28, linewidth=0)
    axes[1, 1].plot(p, places, color=COLOURS["real"])
    axes[1, 1].set(xlabel="density of x", xlim=(0, None), xticks=[])
    return fig


def latent_maps(clouds: Mapping[str, object]) -> Figure:
    """Draw points of the plane made by several generators, side by side on the same scale.

    Args:
        clouds: title -> points, shape (N, 2).
    First met in: notebook 02.
    """
    fig, axes = style.figure(len(clouds), size=(3.4 * len(clouds), 3.3), sharex=True, sharey=True, squeeze=False)
    for ax, (title, points) in zip(axes[0], clouds.items(), strict=True):
        points = np.asarray(points, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"clouds must hold points of shape (N, 2), got {points.shape} for {title!r}")
        ax.plot(points[:, 0], points[:, 1], "x", color=COLOURS["fake"], markersize=3, alpha=0.6)
        ax.set(title=title, xlabel="first coordinate")
    axes[0, 0].set_ylabel("second coordinate")
    return fig


# ---------------------------------------------------------------- helpers


def _name_level(ax: Axes, name: str, level: float, *, above: bool = True) -> None:
    """Write what a horizontal line means, at its right end, on a white ground."""
    ax.annotate(
        name,
        (1, level),
        (0, 4 if above else -4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        fontsize=10,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
    )


def _logarithmic(ax: Axes, low: float, high: float) -> None:
    """Make the vertical axis logarithmic, with plain numbers on it."""
    ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    ax.set_yscale("log")
    ax.set_ylim(0.75 * low, 1.4 * high)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())


def _lines(**values: object) -> list[np.ndarray]:
    """Return float64 arrays of one shape (N,), or refuse by name."""
    lines: list[np.ndarray] = []
    first = ""
    for name, value in values.items():
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        try:
            line = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} must hold numbers, got {type(value).__name__}") from error
        if line.ndim != 1 or line.size == 0:
            raise ValueError(f"{name} must have shape (N,), at least one number, got {line.shape}")
        if not np.isfinite(line).all():
            raise ValueError(f"{name} must be finite, got {int((~np.isfinite(line)).sum())} NaN or infinite value(s)")
        if lines and line.shape != lines[0].shape:
            raise ValueError(f"{name} must have the shape of {first}, {lines[0].shape}, got {line.shape}")
        first = first or name
        lines.append(line)
    return lines
