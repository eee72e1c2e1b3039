"""Colours and figures: one look for the whole course.

Figures are made without pyplot, so none is left open, nothing is drawn twice in a notebook, and
they can be drawn from any thread. A cell shows a figure by ending with it.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLOURS", "DECISION_MAP", "WARNING_TEXT", "arrange", "figure", "figure_of", "in_few_colours", "png"]

COLOURS = {
    "real": "#008837",
    "fake": "#7b3294",
    "generator": "#7b3294",
    "discriminator": "#0575b0",
    "gradient": "#c414db",
    "neutral": "#555555",
    "warning": "#d95f02",
}
"""What each colour means, everywhere. A second cue goes with it: real filled dots, fake crosses;
discriminator solid lines, generator dashed."""

WARNING_TEXT = "#a84800"
"""The warning orange, darker: for words, which the orange itself leaves too pale to read on white."""

DECISION_MAP = "PRGn"
"""Colour map of decision surfaces, centred on logit 0: green = real, purple = fake."""

_RC: dict[str, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": "#222222",
    "axes.labelcolor": "#222222",
    "axes.edgecolor": "#555555",
    "xtick.color": "#222222",
    "ytick.color": "#222222",
    "font.size": 11.0,
    "axes.titlesize": 12.0,
    "axes.labelsize": 11.0,
    "legend.fontsize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
}


class CourseFigure(Figure):
    """A matplotlib figure that shows itself in any notebook front end, with no back end chosen."""

    def _repr_png_(self) -> bytes:
        return png(self, palette=True)


def figure(
    columns: int = 1, rows: int = 1, *, size: tuple[float, float] | None = None, dpi: int = 96, **subplots: Any
) -> tuple[CourseFigure, Any]:
    """Return a new figure in the course's style and its axes.

    Args:
        columns, rows: number of axes; with one of each, a single ``Axes`` comes back, else an array.
        size: width and height in inches; by default 4.6 by 3.4 an axes.
        dpi: dots per inch of the stored picture.
        subplots: passed to ``Figure.subplots``, e.g. ``sharey=True``.
    Returns:
        The figure, and an ``Axes`` or an array of them.
    """
    with matplotlib.rc_context(_RC):
        made = CourseFigure(figsize=size or (4.6 * columns, 3.4 * rows), dpi=dpi, layout="constrained")
        FigureCanvasAgg(made)
        axes = made.subplots(rows, columns, **subplots)
    return made, axes


def figure_of(ax: Axes | None, **kwargs: Any) -> tuple[Figure, Axes]:
    """Return the figure and axes to draw on: those of ``ax``, or new ones (see :func:`figure`)."""
    if ax is None:
        return figure(**kwargs)
    if not isinstance(ax, Axes):
        what = "an array of axes; choose one" if isinstance(ax, np.ndarray) else type(ax).__name__
        raise TypeError(f"ax must be a matplotlib Axes or None, got {what}")
    return ax.figure, ax


def png(fig: Figure, *, compress_level: int = 6, palette: bool = False) -> bytes:
    """Return the figure as PNG bytes on a white face, whatever theme surrounds it.

    Args:
        fig: any matplotlib figure.
        compress_level: 0 (fast, large) to 9; panels use 1.
        palette: keep 256 colours chosen for this picture. The eye sees no difference, and a stored
            notebook is three times smaller: so notebooks show figures this way.
    """
    buffer = io.BytesIO()
    with matplotlib.rc_context(_RC):
        fig.savefig(buffer, format="png", dpi=fig.dpi, pil_kwargs={"compress_level": compress_level})
    return in_few_colours(buffer.getvalue()) if palette else buffer.getvalue()


def in_few_colours(picture: bytes) -> bytes:
    """Return a PNG again with 256 colours chosen for it: a third of the bytes, and no difference to the eye."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    reduced = image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours, corner = reduced.getpalette(), 3 * reduced.getpixel((0, 0))
    colours[corner : corner + 3] = image.getpixel((0, 0))  # the face stays exactly white
    reduced.putpalette(colours)
    small = io.BytesIO()
    reduced.save(small, format="png", optimize=True)
    return small.getvalue()


def arrange(fig: Figure) -> None:
    """Give text and axes their places, in the course's look, without making a picture."""
    with matplotlib.rc_context(_RC):
        fig.draw_without_rendering()
