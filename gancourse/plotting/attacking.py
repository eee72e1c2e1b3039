"""Pictures of attacks: images with what a net reads in them, shares over the limit, and one mark for each attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from gancourse.data.digits import check_images
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["answered", "by_attack", "sweep"]

_GAP, _WORDS = 3, 9  # pixels between images, and below a row for its answers, of a side of 28
_LOOKS = (  # colour, line, mark
    (COLOURS["neutral"], ":", "o"),
    (COLOURS["gradient"], "--", "^"),
    (COLOURS["warning"], "-", "X"),
    (COLOURS["discriminator"], "-", "s"),
    ("black", "-.", "D"),
    ("#a6761d", "--", "v"),
    (COLOURS["fake"], ":", "P"),
)


def answered(
    rows: Mapping[str, Tensor | tuple[Tensor, Tensor]],
    labels: Tensor,
    *,
    width: float = 7.4,
    ax: Axes | None = None,
) -> Figure:
    """Show rows of images, -1 black and +1 white, with the digit that a net reads under each; wrong ones are framed.

    Args:
        rows: name -> images, shape (N, 1, S, S), or a pair of images and the classes that were read, shape (N,).
        labels: the true classes, shape (N,).
        width: of the images together, in inches.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        TypeError, ValueError: there are no rows, a row is no such batch, or the numbers of images and answers differ.
    First met in: notebook 20.
    """
    if not rows:
        raise ValueError("rows must hold one row of images at least, got none")
    pairs = {name: row if isinstance(row, tuple) else (row, None) for name, row in rows.items()}
    for name, (images, reads) in pairs.items():
        check_images(images, name=f"rows[{name!r}]", channels=1)
        if len(images) != len(labels) or (reads is not None and reads.shape != labels.shape):
            got = len(images), None if reads is None else tuple(reads.shape)
            raise ValueError(f"rows[{name!r}] must have {len(labels)} images, and as many answers, got {got}")
    count, side = len(labels), next(iter(pairs.values()))[0].shape[-1]
    scale = side / 28
    gap, words = _GAP * scale, _WORDS * scale
    wide = count * (side + gap) - gap
    heights = [side + gap + (words if reads is not None else 0) for _, reads in pairs.values()]
    inches = width / wide
    size = (width + 0.085 * max(map(len, pairs)) + 0.1, sum(heights) * inches + 0.1)
    fig, ax = style.figure_of(ax, size=size)
    top, places = 0.0, []
    for (images, reads), height in zip(pairs.values(), heights, strict=True):
        for at, image in enumerate(images.detach().cpu().float().numpy()):
            left = at * (side + gap)
            extent = (left, left + side, top + side, top)
            ax.imshow(image[0], cmap="gray", vmin=-1, vmax=1, extent=extent, interpolation="nearest")
            if reads is None:
                continue
            wrong = int(reads[at]) != int(labels[at])
            look = {"color": style.WARNING_TEXT, "fontweight": "bold"} if wrong else {"color": "#222222"}
            ax.text(left + side / 2, top + side + words / 2, str(int(reads[at])), ha="center", va="center", **look)
            if wrong:
                border = {"edgecolor": COLOURS["warning"], "facecolor": "none", "linewidth": 2.2}
                ax.add_patch(Rectangle((left, top), side, side, **border))
        places.append(top + side / 2)
        top += height
    ax.set(xlim=(-1, wide + 1), ylim=(top - gap / 2, -1), aspect="equal", xticks=[])
    ax.set_yticks(places, list(pairs))
    ax.tick_params(axis="y", length=0)
    ax.set_anchor("W")
    for spine in ax.spines.values():
        spine.set_visible(False)
    return fig


def sweep(
    epsilons: Sequence[float],
    curves: Mapping[str, Sequence[float] | Sequence[Sequence[float]]],
    *,
    ylabel: str = "read right ↑",
    level: float | None = None,
    level_label: str = "",
    trained: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw numbers over the limit of an attack: a line each, and a band from the smallest to the largest of several.

    Args:
        epsilons: limits, shares of black to white, rising, shape (T,).
        curves: name -> numbers, shape (T,), or (K, T) for K seeds, of which the line is the median; at most seven.
        ylabel: what the numbers are.
        level: where to draw a dotted level line; None draws none.
        level_label: what stands at it.
        trained: limit that a hardened net was trained with, marked by an upright line; None draws none.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there are no curves or too many, the limits do not rise, or a shape or number does not fit.
    First met in: notebook 20.
    """
    x = np.asarray(epsilons, dtype=float)
    if x.ndim != 1 or len(x) < 2 or not (np.diff(x) > 0).all():
        raise ValueError(f"epsilons must hold at least two rising numbers, got {x.tolist()}")
    if not 1 <= len(curves) <= len(_LOOKS):
        raise ValueError(f"curves must hold 1 to {len(_LOOKS)} names, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(6.8, 3.8))
    for (name, values), (colour, dashes, mark) in zip(curves.items(), _LOOKS, strict=False):
        y = np.atleast_2d(np.asarray(values, dtype=float))
        if y.ndim != 2 or y.shape[1] != len(x) or not np.isfinite(y).all():
            raise ValueError(f"curves[{name!r}] must hold finite numbers of shape (T,) or (K, T), got {y.shape}")
        if len(y) > 1:
            ax.fill_between(x, y.min(0), y.max(0), color=colour, alpha=0.15, linewidth=0)
        middle = np.median(y, axis=0)
        ax.plot(x, middle, dashes, color=colour, marker=mark, markersize=5.5, markeredgecolor="white", label=name)
    if level is not None:
        ax.axhline(level, color="#999999", linestyle=":", linewidth=1.2, zorder=0)
        ax.annotate(level_label, (x[0], level), (0, -13), textcoords="offset points", color="#666666")
    if trained is not None:
        ax.axvline(trained, color="#999999", linestyle="--", linewidth=1.2, zorder=0)
        at = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "color": "#666666", "va": "top"}
        ax.annotate("hardened for this", (trained, 1.0), (4, 0), **at)
    ax.set(xlabel="ε, as a share of black to white", ylabel=ylabel)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def by_attack(
    shares: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    last: str = "worst of all",
    xlabel: str = "read right ↑",
    ax: Axes | None = None,
) -> Figure:
    """Draw for each attack how many images a net still reads rightly: a small mark for each seed, a large one between.

    Args:
        shares: name of a net -> attack -> shares in [0, 1], one a seed; the same attacks in the same order for all
            nets, of which there are at most seven.
        last: the attack under which a line is drawn off: what counts.
        xlabel: what the shares are.
        ax: where to draw; a new figure if None.
    Returns:
        The figure, with the attacks from top to bottom.
    Raises:
        ValueError: the nets do not have the same attacks, or something is no share.
    First met in: notebook 20.
    """
    if not 1 <= len(shares) <= len(_LOOKS):
        raise ValueError(f"shares must hold 1 to {len(_LOOKS)} nets, got {list(shares)}")
    attacks = list(next(iter(shares.values())))
    if not attacks or any(list(row) != attacks for row in shares.values()):
        raise ValueError(f"shares must have the same attacks for every net, got {[list(r) for r in shares.values()]}")
    figure, ax = style.figure_of(ax, size=(7.0, 0.9 + 0.38 * len(attacks)))
    apart = np.linspace(-0.17, 0.17, len(shares)) if len(shares) > 1 else [0.0]
    for (net, row), (colour, _, mark), shift in zip(shares.items(), _LOOKS[2:] + _LOOKS[:2], apart, strict=False):
        for place, (attack, values) in enumerate(row.items()):
            values = np.asarray(values, dtype=float)
            if values.ndim != 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"shares[{net!r}][{attack!r}] must hold shares in [0, 1], got {values.tolist()}")
            y = place + shift
            ax.plot(values, [y] * len(values), mark, color=colour, markersize=4, alpha=0.55, linestyle="none")
            label = net if place == 0 else None
            look = {"markersize": 9, "markeredgecolor": "white", "linestyle": "none", "label": label}
            ax.plot(np.median(values), y, mark, color=colour, zorder=3, **look)
    if last in attacks:
        ax.axhline(attacks.index(last) - 0.5, color="#999999", linewidth=1.2)
    ax.set_yticks(range(len(attacks)), attacks)
    for name, text in zip(attacks, ax.get_yticklabels(), strict=True):
        text.set_fontweight("bold" if name == last else "normal")
    ax.grid(axis="y", color="#eeeeee", zorder=0)
    ax.set(xlim=(-0.02, 1.02), ylim=(len(attacks) - 0.5, -0.5), xlabel=xlabel)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
