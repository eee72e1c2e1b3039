"""A panel's picture: the figure, drawn again and again, and what is stored of it in a notebook."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gancourse.labs._png import Packer
from gancourse.plotting import style

__all__ = ["Camera", "to_store"]


def to_store(png: bytes) -> str:
    """Return a picture as a notebook stores it: in few colours, as text."""
    return base64.b64encode(style.in_few_colours(png)).decode("ascii")


class Camera:
    """Turns one figure into PNG bytes, again and again.

    What is costly (arranging, ticks, labels, legends) is done once and kept until limits or labels
    change; what lies on the axes is drawn every time.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        style.arrange(figure)
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            for label in axis.get_ticklabels()[:1]:  # so that new ticks need no look set for the whole process
                axis.set_tick_params(labelsize=label.get_size())
        if (engine := figure.get_layout_engine()) is not None:
            if any(ax.get_aspect() != "auto" for ax in figure.axes):
                engine.execute(figure)  # the second time it settles
            figure.set_layout_engine("none")  # frames must not jump
        self.canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
        self._packer = Packer()
        self._looks: Any = None
        self._kept: Any = None

    def png(self) -> bytes:
        """Return the figure as it is now."""
        if any(ax.name != "rectilinear" or ax.child_axes for ax in self.figure.axes):
            self.canvas.draw()  # maps, insets and three dimensions: better slow than wrong
        else:
            self._draw_on_kept_axes()
        return self._packer.png(np.asarray(self.canvas.buffer_rgba()))

    def _draw_on_kept_axes(self) -> None:
        kept, looks = self._axes_and_legends()
        artists = [artist for artist in self._in_order() if artist not in kept]
        if looks != self._looks:
            for artist in artists:
                artist.set_animated(True)  # canvas.draw leaves these out
            self.canvas.draw()
            for artist in artists:
                artist.set_animated(False)
            self._looks, self._kept = looks, self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._kept)
        for artist in artists:
            artist.draw(self.canvas.get_renderer())

    def _axes_and_legends(self) -> tuple[set[Artist], list[Any]]:
        """Return what is kept, and what it looks like."""
        legends = [*self.figure.legends, *filter(None, (ax.get_legend() for ax in self.figure.axes))]
        kept: set[Artist] = {self.figure.patch, *self.figure.axes}
        kept |= {legend for legend in legends if not legend.get_frame_on()}  # a frame would hide what is under it
        looks: list[Any] = [[text.get_text() for text in legend.get_texts()] for legend in legends]
        for ax in self.figure.axes:
            kept |= {ax.patch, ax.xaxis, ax.yaxis} | (set() if ax.axison else set(ax.spines.values()))
            looks += [ax, ax.get_visible(), ax.axison, ax.get_position().bounds]
            looks += [ax.get_xlim(), ax.get_ylim(), ax.get_xscale(), ax.get_yscale(), ax.get_xlabel(), ax.get_ylabel()]
        return kept, looks

    def _in_order(self) -> list[Artist]:
        """Return everything on the axes, then everything on the figure, each from back to front."""
        visible = sorted((ax for ax in self.figure.axes if ax.get_visible()), key=_zorder)
        on_axes = [artist for ax in visible for artist in sorted(ax.get_children(), key=_zorder)]
        return on_axes + sorted(self.figure.get_children(), key=_zorder)


def _zorder(artist: Artist) -> float:
    return artist.zorder
