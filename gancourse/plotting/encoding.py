"""Pictures of codes: how sure an encoder is, books of words, and a lattice on its way through an encoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["books", "certainties", "lattices"]


def certainties(panels: Mapping[str, tuple[Tensor, Tensor, Tensor, Tensor]]) -> Figure:
    """Draw what some points' codes are, exactly and after an encoder: an ellipse each, of one standard deviation.

    Args:
        panels: title -> exact mean, exact standard deviation, the encoder's mean and its standard deviation, each of
            shape (N, 2).
    Returns:
        The figure: the exact ones green and filled, the encoder's purple and dashed.
    Raises:
        ValueError: there is no panel, a shape does not fit, a number is not finite, or a deviation is not above 0.
    First met in: notebook 15.
    """
    if not panels:
        raise ValueError("panels must hold one title at least, got none")
    figure, axes = style.figure(len(panels), size=(3.7 * len(panels), 3.4), squeeze=False, sharex=True, sharey=True)
    for ax, (title, parts) in zip(axes[0], panels.items(), strict=True):
        if len(parts) != 4:
            raise ValueError(f"panels[{title!r}] must hold four tensors, got {len(parts)}")
        names = ("exact mean", "exact deviation", "mean", "deviation")
        exact_mean, exact_width, mean, width = (
            _pairs(f"panels[{title!r}], {name}", part, like=parts[0]) for name, part in zip(names, parts, strict=True)
        )
        if min(exact_width.min(), width.min()) <= 0:
            raise ValueError(
                f"panels[{title!r}]: deviations must be above 0, got {min(exact_width.min(), width.min())}"
            )
        for middle, size in zip(exact_mean, exact_width, strict=True):
            ax.add_patch(Ellipse(middle, *(2 * size), facecolor=COLOURS["real"], alpha=0.55, linewidth=0))
        for middle, size in zip(mean, width, strict=True):
            ax.add_patch(
                Ellipse(middle, *(2 * size), fill=False, edgecolor=COLOURS["fake"], linestyle="--", linewidth=1.6)
            )
        ax.plot(*exact_mean.T, ".", color=COLOURS["real"], markersize=4)
        ax.plot(*mean.T, "x", color=COLOURS["fake"], markersize=4)
        ax.set(title=title, xlabel="first number of the code", aspect="equal")
    axes[0, 0].set_ylabel("second number of the code")
    look = {"linestyle": "none", "markersize": 11}
    handles = [
        axes[0, 0].plot([], [], "o", color=COLOURS["real"], alpha=0.55, label="exact", **look)[0],
        axes[0, 0].plot([], [], "o", markerfacecolor="none", markeredgecolor=COLOURS["fake"], label="encoder", **look)[
            0
        ],
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def books(points: Tensor, panels: Mapping[str, Tensor]) -> Figure:
    """Draw books of words in the plane over the points that they have to stand for.

    Args:
        points: shape (N, 2): green dots.
        panels: title -> words, shape (K, 2): a purple cross for a word that is some point's nearest, a hollow grey ring
            for a dead one.
    Returns:
        The figure; each panel says how many words are used.
    Raises:
        ValueError: there is no panel, a shape does not fit, or a number is not finite.
    First met in: notebook 15.
    """
    if not panels:
        raise ValueError("panels must hold one title at least, got none")
    data = _pairs("points", points)
    figure, axes = style.figure(len(panels), size=(2.9 * len(panels), 3.0), squeeze=False, sharex=True, sharey=True)
    for ax, (title, book) in zip(axes[0], panels.items(), strict=True):
        words = _pairs(f"panels[{title!r}]", book)
        far = ((data[:, None] - words) ** 2).sum(axis=2)
        used = np.isin(np.arange(len(words)), far.argmin(axis=1))
        ax.plot(*data.T, "o", color=COLOURS["real"], markersize=2, alpha=0.35, label="points")
        ax.plot(*words[~used].T, "o", color=COLOURS["neutral"], markerfacecolor="none", markersize=6, label="dead word")
        ax.plot(*words[used].T, "x", color=COLOURS["fake"], markersize=7, markeredgewidth=2, label="word in use")
        ax.set(title=f"{title}\n{int(used.sum())} of {len(words)} words in use", xticks=[], yticks=[], aspect="equal")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, markerscale=1.3)
    return figure


def lattices(panels: Mapping[str, Tensor]) -> Figure:
    """Draw what becomes of a square lattice of codes on its way through a map.

    Args:
        panels: title -> where the lattice's nodes come out, shape (R, C, 2): along the rows the first number of the
            code changes, along the columns the second.
    Returns:
        The figure: lines of equal second number are blue and solid, those of equal first number orange and dashed; a
        dot marks the corner at which both numbers are largest.
    Raises:
        ValueError: there is no panel, a shape does not fit, or a number is not finite.
    First met in: notebook 15.
    """
    if not panels:
        raise ValueError("panels must hold one title at least, got none")
    figure, axes = style.figure(len(panels), size=(2.5 * len(panels), 3.0), squeeze=False, sharex=True, sharey=True)
    for ax, (title, nodes) in zip(axes[0], panels.items(), strict=True):
        if nodes.ndim != 3 or nodes.shape[2] != 2 or min(nodes.shape[:2]) < 2:
            raise ValueError(f"panels[{title!r}] must have shape (R, C, 2), got {tuple(nodes.shape)}")
        grid = _pairs(f"panels[{title!r}]", nodes.flatten(0, 1)).reshape(nodes.shape)
        ax.plot(grid[:, :, 0], grid[:, :, 1], "-", color=COLOURS["discriminator"], linewidth=1.3)
        ax.plot(grid[:, :, 0].T, grid[:, :, 1].T, "--", color=COLOURS["warning"], linewidth=1.3)
        ax.plot(*grid[-1, -1], "o", color="black", markersize=7)
        ax.set(title=title, aspect="equal")
    return figure


def _pairs(name: str, values: Tensor, like: Tensor | None = None) -> np.ndarray:
    if values.ndim != 2 or values.shape[1] != 2 or len(values) == 0 or (like is not None and len(values) != len(like)):
        wanted = "(N, 2)" if like is None else str((len(like), 2))
        raise ValueError(f"{name} must have shape {wanted}, got {tuple(values.shape)}")
    array = values.detach().cpu().double().numpy()
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} value(s) that are not")
    return array
