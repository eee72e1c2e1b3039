"""Pictures of a latent space: which factors a direction moves, and what shortening the codes costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["shares_of_factors", "trade_off"]

_SHADES = LinearSegmentedColormap.from_list("shares", ["white", COLOURS["fake"]])
_FULL = 0.75  # the share with the full colour; more is rare
_DARK = 0.42  # from this share on, black words would not be read
_LOOKS = ((COLOURS["fake"], "-", "X"), ("#40004b", "--", "s"), ("#b07cc6", "-.", "D"))


def shares_of_factors(effects: Mapping[str, Tensor], factors: Sequence[str]) -> Figure:
    """Draw which share of its change each direction spends on each factor: a table of shades for each set.

    A direction that moves one factor only has one dark square in its row; one that moves all has a grey row.

    Args:
        effects: name of a set -> how much each of its directions moves each factor, shape (K, F), not negative, as
            ``metrics.directions.effects`` gives it; at most four sets.
        factors: names of the factors.
    Returns:
        The figure, a row for each direction, the rows numbered from 1 in the order of the set.
    Raises:
        ValueError: there is no set or too many, a shape does not fit, a number is negative or not finite, or a
            direction moves nothing.
    First met in: notebook 16.
    """
    if not 1 <= len(effects) <= 4:
        raise ValueError(f"effects must hold one to four sets of directions, got {list(effects)}")
    tables = {name: _shares(name, moved, len(factors)) for name, moved in effects.items()}
    deep = max(len(table) for table in tables.values())
    figure, axes = style.figure(len(tables), size=(2.9 * len(tables) + 0.4, 0.5 * deep + 1.5), squeeze=False)
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        ax.imshow(table, cmap=_SHADES, vmin=0, vmax=_FULL, aspect="auto")
        for (row, column), share in np.ndenumerate(table):
            colour = "white" if share > _DARK else "black"
            ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=10)
        ax.set_xticks(range(len(factors)), list(factors), fontsize=10)
        ax.set_yticks(range(len(table)), [str(row + 1) for row in range(len(table))])
        ax.tick_params(length=0)
        ax.set_title(name)
    axes[0, 0].set_ylabel("direction")
    figure.supxlabel("share of the direction's change, in %", fontsize=11)
    return figure


def _shares(name: str, moved: Tensor, factors: int) -> np.ndarray:
    array = moved.detach().cpu().double().numpy()
    if array.ndim != 2 or array.shape[1] != factors or not len(array):
        raise ValueError(f"effects[{name!r}] must have shape (K, {factors}), got {tuple(array.shape)}")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"effects[{name!r}] must be finite and not negative")
    total = array.sum(1, keepdims=True)
    if (total == 0).any():
        raise ValueError(f"effects[{name!r}]: direction {int((total == 0).argmax()) + 1} moves nothing")
    return array / total


def trade_off(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    psi: Sequence[float],
    *,
    real: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Figure:
    """Draw precision against recall while codes are shortened: a curve for each way, psi written at its marks.

    The best corner is at the top on the right.

    Args:
        curves: name -> (recall, precision) at each psi, all in [0, 1]; at most three names.
        psi: shortening of each mark; 1 is none.
        real: (recall, precision) of real images against others, a green dot.
        title: over the picture.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there is no curve or too many, lengths differ, or a number is not in [0, 1].
    First met in: notebook 16.
    """
    if not 1 <= len(curves) <= len(_LOOKS):
        raise ValueError(f"curves must hold one to {len(_LOOKS)} names, got {list(curves)}")
    figure, ax = style.figure_of(ax, size=(5.6, 4.2))
    for at, ((name, curve), (colour, dashes, mark)) in enumerate(zip(curves.items(), _LOOKS, strict=False)):
        recall, precision = (_rates(f"curves[{name!r}]", values, len(psi)) for values in curve)
        ax.plot(recall, precision, dashes, color=colour, marker=mark, markersize=8, markeredgecolor="white", label=name)
        for x, y, share in zip(recall, precision, psi, strict=True):
            shift = (7, 5) if at == 0 else (-7, -12)
            ax.annotate(
                f"{share:g}", (x, y), shift, textcoords="offset points", color=colour, fontsize=10,
                ha="left" if at == 0 else "right",
            )  # fmt: skip
    if real is not None:
        x, y = _rates("real", real, 2)
        ax.plot(x, y, "o", color=COLOURS["real"], markersize=9, linestyle="none", label="real digits")
    ax.set(
        xlim=(0, 1.03), xlabel="recall ↑: share of real digits that are covered", ylabel="precision ↑: share like real"
    )
    low, _ = ax.get_ylim()
    ax.set_ylim(low - 0.03, 1.03)  # room for the number under the lowest mark
    ax.legend(loc="lower left", title="marks: psi")
    if title:
        ax.set_title(title)
    return figure


def _rates(name: str, values: Sequence[float], count: int) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.shape != (count,) or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(f"{name} must hold {count} numbers from 0 to 1, got {array.tolist()}")
    return array
