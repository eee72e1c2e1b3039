"""Pictures of restorers: their answers on a line, and the plane of error against likeness to real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["line_answers", "plane"]

_SHADES = (COLOURS["fake"], "#40004b", "#b07cc6", "#5e4fa2", "#c994c7", "#8c6bb1", "#4d004b")
_MARKS = ("X", "s", "D", "P", "^", "v", "p")


def line_answers(
    questions: Tensor,
    truth: Tensor,
    answers: Mapping[str, Tensor],
    *,
    exact: Mapping[str, tuple[Tensor, str]] | None = None,
    xlabel: str = "question x",
    ylabel: str = "answer y",
) -> Figure:
    """Draw what restorers answer on a line: a panel each, with the true answers as green dots behind.

    Args:
        questions: shape (N,).
        truth: a true answer to each, shape (N,).
        answers: name -> the restorer's answer to each question, shape (N,): purple crosses.
        exact: name -> the exact best answer to each question, shape (N,), and what it is called: a dotted line,
            broken where it jumps.
        xlabel, ylabel: what is on the axes.
    Returns:
        The figure.
    Raises:
        ValueError: there is no answer, a shape does not fit, a number is not finite, or ``exact`` has another name.
    First met in: notebook 13.
    """
    exact = exact or {}
    if not answers or set(exact) - set(answers):
        raise ValueError(f"answers must not be empty and hold every name of exact, got {list(answers)}, {list(exact)}")
    x = _numbers("questions", questions, questions)
    order = np.argsort(x)
    figure, axes = style.figure(len(answers), size=(3.0 * len(answers) + 0.5, 3.2), sharey=True, squeeze=False)
    for ax, (name, values) in zip(axes[0], answers.items(), strict=True):
        ax.plot(
            x, _numbers("truth", truth, questions), "o", color=COLOURS["real"], markersize=3, alpha=0.35, label="truth"
        )
        mine = _numbers(f"answers[{name!r}]", values, questions)
        ax.plot(x, mine, "x", color=COLOURS["fake"], markersize=5, markeredgewidth=1.4, label="answers")
        if name in exact:
            line = _numbers(f"exact[{name!r}]", exact[name][0], questions)[order]
            jumps = np.flatnonzero(np.abs(np.diff(line)) > 0.5) + 1
            broken = [np.insert(v.astype(float), jumps, np.nan) for v in (x[order], line)]
            ax.plot(*broken, ":", color="black", linewidth=2.2, label=exact[name][1])
        ax.set(title=name, xlabel=xlabel, ylim=(-1.7, 1.7))
        handles, labels = ax.get_legend_handles_labels()
        if name in exact:
            ax.legend(handles[2:], labels[2:], loc="upper left")
    axes[0, 0].set_ylabel(ylabel)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles[:2], labels[:2], loc="outside upper center", ncols=2, markerscale=1.4)
    return figure


def plane(
    points: Mapping[str, Sequence[tuple[float, float]]],
    *,
    joined: Sequence[str] = (),
    floor: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw the perception-distortion plane: how near to the truth against how much like real images, a mark for a run.

    The best corner is at the bottom on the right.

    Args:
        points: name -> (PSNR in dB, Fréchet distance) of each run; at most seven names.
        joined: names of which the middles are joined by a line, in this order: one recipe with rising weight.
        floor: the Fréchet distance of real images: a dotted green line.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; the distance is drawn in powers of ten.
    Raises:
        ValueError: there are no points or too many names, a number is not finite, or a distance is not above 0.
    First met in: notebook 13.
    """
    if not 1 <= len(points) <= len(_MARKS) or not all(points.values()):
        raise ValueError(f"points must hold 1 to {len(_MARKS)} names with a run at least, got {list(points)}")
    runs = {name: np.asarray(pairs, dtype=float) for name, pairs in points.items()}
    for name, pairs in runs.items():
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all() or (pairs[:, 1] <= 0).any():
            raise ValueError(f"points[{name!r}] must hold finite pairs (PSNR, distance above 0), got {pairs.tolist()}")
    if unknown := [name for name in joined if name not in runs]:
        raise ValueError(f"joined must hold names of points, got {unknown[0]!r}")
    figure, ax = style.figure_of(ax, size=(6.6, 4.4))
    ax.set_yscale("log")
    middles = {
        name: np.array([np.median(pairs[:, 0]), np.exp(np.median(np.log(pairs[:, 1])))]) for name, pairs in runs.items()
    }
    if joined:
        ax.plot(
            *np.array([middles[name] for name in joined]).T, "--", color=COLOURS["neutral"], linewidth=1.2, zorder=1
        )
    lowest = min(joined, key=lambda name: middles[name][1], default=None)
    for (name, pairs), colour, mark in zip(runs.items(), _SHADES, _MARKS, strict=False):
        ax.plot(*pairs.T, mark, color=colour, markersize=8, markeredgecolor="white", linestyle="none", zorder=3)
        (left, low), (right, high), (across, down) = pairs.min(0), pairs.max(0), middles[name]
        if name == lowest:
            at, shift, side, height = (across, low), (0, -8), "center", "top"
        elif name in joined[-1:]:
            at, shift, side, height = (across, high), (0, 8), "center", "bottom"
        elif name in joined:  # towards the empty corner, where the line does not go
            at, shift, side, height = (right, down), (10, -1), "left", "center"
        else:
            at, shift, side, height = (left, down), (-10, 0), "right", "center"
        look = {"color": colour, "fontsize": 10, "ha": side, "va": height}
        ax.annotate(name, at, shift, textcoords="offset points", **look)
    if floor is not None:
        ax.axhline(floor, linestyle=":", color=COLOURS["real"], linewidth=2)
        ax.annotate(
            "real digits", (0.01, floor), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
            color=COLOURS["real"], fontsize=10,
        )  # fmt: skip
    every = np.concatenate(list(runs.values()))
    low, high = every[:, 0].min(), every[:, 0].max()
    room = 0.16 * max(high - low, 0.5)
    ax.set_xlim(low - room, high + 2 * room)  # words stand at the right
    ax.set_ylim(min(every[:, 1].min(), floor or np.inf) / 1.6, every[:, 1].max() * 2.2)
    ax.annotate(
        "near and like real digits:\nnobody is here", (0.985, 0.18), xycoords="axes fraction", ha="right", va="bottom",
        color=COLOURS["neutral"], fontsize=10, fontstyle="italic",
    )  # fmt: skip
    ax.set(xlabel="nearer to the truth →\nPSNR in dB ↑", ylabel="← more like real digits\nFréchet distance ↓")
    if title:
        ax.set_title(title)
    return figure


def _numbers(name: str, values: Tensor, like: Tensor) -> np.ndarray:
    if values.ndim != 1 or values.shape != like.shape:
        raise ValueError(f"{name} must have shape {tuple(like.shape)} with one axis, got {tuple(values.shape)}")
    array = values.detach().cpu().double().numpy()
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} value(s) that are not")
    return array
