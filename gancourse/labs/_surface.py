"""What a discriminator says over a square of the plane, in bands of colours, drawn quickly enough for every frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import BoundaryNorm
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox, IdentityTransform, TransformedBbox

from gancourse.plotting import style

__all__ = ["FADED", "Surface"]

FADED = 0.45
"""How much of the colours is seen, so that points can be seen on them."""


class Surface(AxesImage):
    """Logits on a square grid, bilinear between its points, in one colour from each level to the next.

    The same picture as matplotlib makes of an image with ``interpolation="bilinear"``, in a fifth of its time: the two
    sides are interpolated by a small matrix each, and a pixel's band is the number of levels below it. The colours are
    laid on white once, when it is made, so that a frame copies pixels instead of mixing them.

    Args:
        ax: where to draw; linear, both ways.
        side: points a side of the grid.
        limit: the square goes from -limit to limit.
        levels: logits at which the colour changes, rising.
    """

    def __init__(self, ax: Axes, side: int, limit: float, levels: Sequence[float]) -> None:
        colours = colormaps[style.DECISION_MAP].resampled(len(levels) + 1)
        super().__init__(
            ax,
            extent=(-limit, limit, -limit, limit),
            origin="lower",
            cmap=colours,
            norm=BoundaryNorm(levels, colours.N, extend="both"),
            interpolation="bilinear",
            interpolation_stage="data",
        )
        self._levels = np.asarray(levels, np.float32)
        between = [levels[0] - 1, *((low + high) / 2 for low, high in pairwise(levels))]
        rgba = self.to_rgba([*between, levels[-1] + 1], bytes=True)
        rgba[:, 3] = int(255 * FADED)
        self._colours = _on_white(rgba).view(np.uint32)[:, 0]
        self.set_data(np.zeros((side, side)))
        self.set_clip_path(ax.patch)
        ax.add_image(self)

    def make_image(
        self, renderer: Any, magnification: float = 1.0, unsampled: bool = False
    ) -> tuple[np.ndarray, float, float, IdentityTransform]:
        """Return the pixels, bottom row first, and where their corner lies; matplotlib asks for them."""
        left, right, low, high = self.get_extent()
        box = TransformedBbox(Bbox.from_extents(left, low, right, high), self.get_transform())
        logits = np.asarray(self.get_array(), np.float32)
        up, across = (
            _between(points, math.ceil(size * magnification))
            for points, size in zip(logits.shape, (box.height, box.width), strict=True)
        )
        logits = up @ logits @ across.T
        band = np.zeros(logits.shape, np.uint8)
        for level in self._levels:
            band += (logits >= level).view(np.uint8)
        pixels = np.take(self._colours, band).view(np.uint8).reshape(*band.shape, 4)
        return pixels, box.x0, box.y0, IdentityTransform()


def _on_white(rgba: np.ndarray) -> np.ndarray:
    """Return what colours look like on white, as Agg mixes them, shape (colours, 4)."""
    paper = RendererAgg(len(rgba), 1, 72)
    looks = np.asarray(paper.buffer_rgba())
    looks[:] = 255
    paper.draw_image(paper.new_gc(), 0, 0, np.ascontiguousarray(rgba[None]))
    return looks[0].copy()


@lru_cache(maxsize=8)
def _between(points: int, pixels: int) -> np.ndarray:
    """Return how much each of the points counts in each pixel of a side, shape (pixels, points)."""
    places = ((np.arange(pixels) + 0.5) * points / pixels - 0.5).clip(0, points - 1)
    return np.maximum(1 - np.abs(places[:, None] - np.arange(points)), 0).astype(np.float32)
