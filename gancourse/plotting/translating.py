"""Pictures of translations: which of the possible maps did many small GANs find?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["count_maps", "maps_found"]

_NO_MAP = "none of them"


def count_maps(maps: Tensor) -> list[int]:
    """Return how many GANs found each one-to-one map, in the order of ``itertools.permutations``, and how many none.

    Args:
        maps: which of C clouds of B each of C clouds of A goes to, int64 of shape (K, C); -1 for none.
    Returns:
        C! + 1 counts that sum to K; the first is that of the map 0, 1, …, C − 1, the last that of no one-to-one map.
    Raises:
        ValueError: ``maps`` is something else.
    First met in: notebook 14.
    """
    if not isinstance(maps, Tensor) or maps.ndim != 2 or maps.dtype != torch.int64 or not len(maps):
        got = f"{maps.dtype} of shape {tuple(maps.shape)}" if isinstance(maps, Tensor) else type(maps).__name__
        raise ValueError(f"maps must be int64 of shape (K, C) with K from 1 on, got {got}")
    if int(maps.min()) < -1 or int(maps.max()) >= maps.shape[1]:
        raise ValueError(
            f"maps must hold -1 to {maps.shape[1] - 1}, got {int(maps.min())} to {int(maps.max())}: "
            "there are as many clouds in B as in A"
        )
    found = [tuple(row) for row in maps.tolist()]
    counts = [found.count(map_) for map_ in itertools.permutations(range(maps.shape[1]))]
    return [*counts, len(found) - sum(counts)]


def maps_found(found: Mapping[str, Tensor], a: Tensor, b: Tensor, *, ax: Axes | None = None) -> Figure:
    """Draw a table: a row for each recipe, a column for each one-to-one map, and in it how many GANs found that map.

    Over each column the map is drawn: where the three colours of A, on top, go to in B, below.

    Args:
        found: name of a recipe -> which cloud of B each cloud of A goes to, int64 of shape (K, 3); -1 for none.
        a, b: the colours of the clouds in [-1, 1], shape (3, 3) each; the right map is the first, row by row.
        ax: where to draw; a new figure if None.
    Returns:
        The figure; the column of the right map is green, the others purple.
    Raises:
        ValueError: there is no recipe, or something has another shape.
    First met in: notebook 14.
    """
    if not found:
        raise ValueError("found must have at least one recipe, got none")
    for name, colours in (("a", a), ("b", b)):
        if tuple(colours.shape) != (3, 3) or float(colours.abs().max()) > 1:
            raise ValueError(f"{name} must be three colours in [-1, 1], shape (3, 3), got {tuple(colours.shape)}")
    counts = {name: count_maps(maps) for name, maps in found.items()}
    if any(len(row) != 7 for row in counts.values()):
        raise ValueError("found must hold maps of three clouds, shape (K, 3)")
    rows = len(found)
    figure, ax = style.figure_of(ax, size=(7.4, 1.35 + 0.42 * rows))
    for row, (name, numbers) in enumerate(counts.items()):
        for column, number in enumerate(numbers):
            _cell(ax, column, row, number, sum(numbers))
        ax.text(-0.62, row, name, ha="right", va="center")
    for column, map_ in enumerate(itertools.permutations(range(3))):
        _map(ax, column, map_, a, b)
    ax.text(0, -2.0, "the right map", ha="center", va="bottom", color=COLOURS["real"], fontsize=10)
    ax.text(6.15, -0.62, _NO_MAP, ha="center", va="bottom", color=COLOURS["neutral"], fontsize=10)
    ax.set(xlim=(-0.6, 6.7), ylim=(rows - 0.45, -2.3))
    ax.set_axis_off()
    return figure


def _cell(ax: Axes, column: int, row: int, number: int, whole: int) -> None:
    """Write a count, on a ground that is the darker the larger it is."""
    base = COLOURS["real"] if column == 0 else COLOURS["neutral"] if column == 6 else COLOURS["fake"]
    shade = LinearSegmentedColormap.from_list("", ["#f4f4f4", base])((number / whole) ** 0.6)
    left = column + (0.15 if column == 6 else 0)
    ax.fill([left - 0.47, left + 0.47, left + 0.47, left - 0.47], np.repeat([row - 0.44, row + 0.44], 2), color=shade)
    light = number / whole > 0.4
    ax.text(left, row, str(number), ha="center", va="center", color="white" if light else "#222222")


def _map(ax: Axes, column: int, map_: tuple[int, ...], a: Tensor, b: Tensor) -> None:
    """Draw where the three colours go: dots on top, dots below, a line between."""
    across, top, foot = (column + 0.26 * (np.arange(3) - 1)), -1.75, -0.75
    for start, end in enumerate(map_):
        ax.plot([across[start], across[end]], [top, foot], color=COLOURS["neutral"], linewidth=1.2, zorder=1)
    for colours, height in ((a, top), (b, foot)):
        shown = ((colours.double() + 1) / 2).numpy()
        ax.scatter(across, np.full(3, height), c=shown, s=75, edgecolors="#222222", linewidths=0.8, zorder=2)
