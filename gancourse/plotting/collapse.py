"""Pictures of failures in the plane: where the samples are, and what the losses of the same run look like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS, WARNING_TEXT
from gancourse.plotting.training import running_mean

__all__ = ["Run", "clouds", "runs", "tracks"]

_SHOWN, _FEW = 250, 30


class Run(NamedTuple):
    """What is shown of one run: generated points, shape (N, 2), and both losses at every step, shape (T,)."""

    points: Tensor
    d_loss: Tensor
    g_loss: Tensor


def clouds(
    generated: Mapping[str, Tensor],
    real: Tensor | Mapping[str, Tensor],
    *,
    notes: Sequence[str] | None = None,
    limit: float = 1.5,
) -> Figure:
    """Draw clouds of generated points side by side, each over the real ones, in equal windows.

    Args:
        generated: title -> points, shape (N, 2); the first 250 are drawn. Those outside the window are counted.
        real: points, shape (M, 2), the same for all, or one cloud for each title.
        notes: what to write under each.
        limit: half the side of the windows.
    Returns:
        The figure.
    Raises:
        ValueError: there is no cloud, the lengths differ, or points have another shape.
    First met in: notebook 04.
    """
    if not generated:
        raise ValueError("generated must hold at least one cloud, got none")
    if notes is not None and len(notes) != len(generated):
        raise ValueError(f"notes must have one entry for each of the {len(generated)} clouds, got {len(notes)}")
    fig, axes = style.figure(len(generated), size=(2.3 * len(generated), 3.2 if notes else 2.9), dpi=80, squeeze=False)
    for i, (ax, (title, points)) in enumerate(zip(axes[0], generated.items(), strict=True)):
        _cloud(ax, title, points, real[title] if isinstance(real, Mapping) else real, limit)
        if notes is not None:
            ax.set_xlabel(notes[i], fontsize=10)
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2, frameon=False, markerscale=2)
    return fig


def runs(
    shown: Mapping[str, Run], real: Tensor | Mapping[str, Tensor], *, limit: float = 1.5, width: int = 25
) -> Figure:
    """Draw what several runs made, and under it the losses of each, with the values at equilibrium.

    Args:
        shown: title -> :class:`Run`.
        real: as in :func:`clouds`.
        limit: half the side of the windows.
        width: the losses are smoothed over so many steps.
    Returns:
        The figure. All axes of losses have the same limits, 0 to 3; what leaves them is drawn at the edge.
    Raises:
        ValueError: there is no run, or points have another shape.
    First met in: notebook 04.
    """
    if not shown:
        raise ValueError("shown must hold at least one run, got none")
    size = (2.3 * len(shown), 4.5)
    fig, axes = style.figure(len(shown), 2, size=size, dpi=80, squeeze=False, height_ratios=(1.5, 1))
    for column, (title, run) in enumerate(shown.items()):
        upper, lower = axes[:, column]
        _cloud(upper, title, run.points, real[title] if isinstance(real, Mapping) else real, limit)
        for name, line, values, fair in (
            ("discriminator", "-", run.d_loss, 2 * math.log(2)),
            ("generator", "--", run.g_loss, math.log(2)),
        ):
            smooth = running_mean(torch.as_tensor(values).double().nan_to_num(nan=9.0).clamp(-9, 9), width)
            lower.plot(range(1, len(smooth) + 1), smooth.clamp(0, 3), line, color=COLOURS[name], linewidth=1.3,
                       label=f"{name}'s loss")  # fmt: skip
            lower.axhline(fair, color=COLOURS["neutral"], linestyle=":", linewidth=1)
        lower.set(ylim=(-0.08, 3.08), yticks=[0, 1, 2, 3] if column == 0 else [], xticks=[0, len(run.d_loss)])
        lower.tick_params(labelsize=9)
    handles = [*axes[0, 0].get_legend_handles_labels()[0], *axes[1, 0].get_legend_handles_labels()[0]]
    fig.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return fig


def tracks(steps: Sequence[int], shares: Tensor, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw, over training, which part of the samples each mode gets: one row of axes, one axes a GAN.

    A GAN that covers all modes shows even grey; a collapsed one, a single dark line; a rotating one, a line that jumps.

    Args:
        steps: when it was counted, shape (T,).
        shares: from ``metrics.modes.histogram`` at each of these steps, shape (T, K, modes).
        titles: over each of the K axes.
    Returns:
        The figure.
    Raises:
        ValueError: the shapes do not fit.
    First met in: notebook 04.
    """
    table = np.asarray(shares, dtype=float)
    if table.ndim != 3 or len(table) != len(steps):
        raise ValueError(f"shares must have shape ({len(steps)}, K, modes), got {table.shape}")
    if titles is not None and len(titles) != table.shape[1]:
        raise ValueError(f"titles must have one entry for each of the {table.shape[1]} GANs, got {len(titles)}")
    fig, axes = style.figure(table.shape[1], size=(2.6 * table.shape[1], 2.6), dpi=80, squeeze=False, sharey=True)
    for k, ax in enumerate(axes[0]):
        image = ax.imshow(table[:, k].T, aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=0.5,
                          extent=(steps[0], steps[-1], -0.5, table.shape[2] - 0.5))  # fmt: skip
        ax.set_xlabel("step")
        ax.set_title("" if titles is None else titles[k])
    axes[0, 0].set_ylabel("mode")
    bar = fig.colorbar(image, ax=axes[0, -1], label="share of samples", ticks=[0, 0.25, 0.5])
    bar.ax.set_yticklabels(["0", "25 %", "≥ 50 %"])
    return fig


def _cloud(ax: Axes, title: str, points: Tensor, real: Tensor, limit: float) -> None:
    points, real = (torch.as_tensor(cloud).detach().cpu() for cloud in (points, real))
    for name, cloud in (("generated", points), ("real", real)):
        if cloud.ndim != 2 or cloud.shape[1] != 2:
            raise ValueError(f"{name} points of {title!r} must have shape (N, 2), got {tuple(cloud.shape)}")
    size = 2.2 if len(real) > _FEW else 6.0
    ax.plot(*real[:_SHOWN].T, "o", markersize=size, color=COLOURS["real"], label="real")
    ax.plot(*points[:_SHOWN].T, "x", markersize=3.6, markeredgewidth=0.9, color=COLOURS["fake"], label="generated")
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal", title=title)
    ax.title.set_fontsize(11)
    inside = ((points.abs() <= limit).all(1)).double().mean()  # NaN counts as outside
    if inside < 0.995:
        ax.text(0.5, 0.03, f"{1 - inside:.0%} outside", transform=ax.transAxes, ha="center", fontsize=9,
                color=WARNING_TEXT)  # fmt: skip
