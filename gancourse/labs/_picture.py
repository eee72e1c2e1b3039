"""A panel's picture: the figure, drawn again and again, and what is stored of it in a notebook."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import Collection, LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import get_path_collection_extents
from matplotlib.spines import Spine
from matplotlib.text import Text
from matplotlib.transforms import BboxBase, IdentityTransform

from gancourse.labs._png import Packer
from gancourse.plotting import style

__all__ = ["Camera", "to_store"]

_Box = tuple[float, float, float, float]
_NOTHING: _Box = (0.0, 0.0, 0.0, 0.0)
_MEASURED = (Text, Line2D, Patch, AxesImage, Legend)
_DRAWN_AS_PATHS = (PolyCollection, LineCollection)
_KNOWN = (*_MEASURED, Collection)
"""Kinds of artists that tell when they are touched. Others are drawn every time."""


def to_store(png: bytes) -> str:
    """Return a picture as a notebook stores it: in few colours, as text."""
    return base64.b64encode(style.in_few_colours(png)).decode("ascii")


class Camera:
    """Turns one figure into PNG bytes, again and again.

    What rests is drawn once and kept: the axes with their ticks and labels, and each artist that nobody touches and
    that no touched one reaches from below. The others are drawn every time on top of that, from back to front. That an
    artist was touched, matplotlib says itself (its ``stale_callback``), and from then on it is drawn every time. All is
    drawn anew when limits, ticks or places change, or when artists come or go.
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
        self._looks: list[Any] = []
        self._kept: Any = None
        self._bells: dict[Artist, Callable[[Artist, bool], None]] = {}
        self._touched: set[Artist] = set()
        self._loose: set[Artist] = set()  # drawn every time
        self._boxes: dict[Artist, _Box] = {}  # what each covers
        self._clips: dict[BboxBase, _Box] = {}
        self._stamps: dict[Artist, tuple[int, int, np.ndarray]] = {}  # corner and pixels of words as they are

    def png(self) -> bytes:
        """Return the figure as it is now."""
        if any(ax.name != "rectilinear" or ax.child_axes for ax in self.figure.axes):
            self.canvas.draw()  # maps, insets and three dimensions: better slow than wrong
        else:
            self._draw_on_what_rests()
        return self._packer.png(np.asarray(self.canvas.buffer_rgba()))

    def _draw_on_what_rests(self) -> None:
        ground = self._ground()
        artists = [artist for artist in self._in_order() if artist not in ground]
        self._watch(ground, artists)
        looks = [*artists, *self._looks_of_axes()]
        anew = looks != self._looks or not self._touched <= self._loose
        if looks != self._looks:
            for ax in self.figure.axes:
                ax.get_position()  # whoever asks has its aspect applied, to its place or to its limits
            looks = [*artists, *self._looks_of_axes()]
            self._boxes.clear()
            self._clips.clear()
            self._stamps.clear()
        for artist in self._touched:
            self._boxes.pop(artist, None)
        self._loose |= self._touched
        if self._lift(artists) or anew:
            self._keep(artists)
            self._looks = looks
        self.canvas.restore_region(self._kept)
        touched = set(self._touched)
        for artist in artists:
            if artist in touched:
                self._stamps.pop(artist, None)
            if artist in self._loose:
                self._draw(artist, stamped=isinstance(artist, Text | Legend) and artist not in touched)
        self._touched.clear()  # drawing touches as well

    def _draw(self, artist: Artist, *, stamped: bool) -> None:
        """Draw an artist, or lay on what it looked like alone: letters are slow to draw."""
        renderer = self.canvas.get_renderer()
        if not stamped:
            artist.draw(renderer)
            return
        if artist not in self._stamps:
            width, height = renderer.get_canvas_width_height()
            left, low, right, high = self._boxes[artist] if artist in self._boxes else self._box(artist)
            left, low = max(math.floor(left), 0), max(math.floor(low), 0)
            right, high = min(math.ceil(right), int(width)), min(math.ceil(high), int(height))
            alone = RendererAgg(width, height, self.figure.dpi)
            artist.draw(alone)
            looks = np.asarray(alone.buffer_rgba())[int(height) - high : int(height) - low, left:right]
            self._stamps[artist] = left, low, looks[::-1].copy()
        left, low, looks = self._stamps[artist]
        if looks.size:
            renderer.draw_image(renderer.new_gc(), left, low, looks)

    def _ground(self) -> set[Artist]:
        """Return what is always kept: the axes but for what lies on them."""
        ground: set[Artist] = {self.figure.patch, *self.figure.axes}
        for ax in self.figure.axes:
            ground |= {ax.patch, ax.xaxis, ax.yaxis, ax.xaxis.label, ax.yaxis.label}
            ground |= set() if ax.axison else set(ax.spines.values())
        return ground

    def _looks_of_axes(self) -> list[Any]:
        looks: list[Any] = []
        for ax in self.figure.axes:
            looks += [ax, ax.get_visible(), ax.axison, ax.get_xlim(), ax.get_ylim()]
            looks += [ax.get_position(original=True).bounds, ax.get_aspect(), ax.get_box_aspect(), ax.get_anchor()]
            for axis in (ax.xaxis, ax.yaxis):
                looks += [axis.get_scale(), axis.get_major_locator(), axis.get_major_formatter()]
        return looks

    def _in_order(self) -> list[Artist]:
        """Return everything on the axes, then everything on the figure, each from back to front."""
        visible = sorted((ax for ax in self.figure.axes if ax.get_visible()), key=_zorder)
        on_axes = [artist for ax in visible for artist in sorted(ax.get_children(), key=_zorder)]
        return on_axes + sorted(self.figure.get_children(), key=_zorder)

    def _watch(self, ground: set[Artist], artists: list[Artist]) -> None:
        """See to it that whoever touches an artist, or a part of one, rings its bell."""
        containers = {*self.figure.axes} | {axis for ax in self.figure.axes for axis in (ax.xaxis, ax.yaxis)}
        for artist in [*(ground - containers), *artists]:
            if artist.stale_callback is self._bells.get(artist, self):
                continue
            parts = artist.findobj()
            if isinstance(artist, Text) and (frame := artist.get_bbox_patch()) is not None:
                parts.append(frame)
            for part in parts:
                part.stale_callback = self._bells[part] = partial(self._ring, artist, part.stale_callback)
            if not isinstance(artist, _KNOWN) or artist.get_animated():
                self._loose.add(artist)

    def _ring(self, artist: Artist, told: Callable[[Artist, bool], None] | None, part: Artist, stale: bool) -> None:
        self._touched.add(artist)
        if told is not None:
            told(part, stale)

    def _lift(self, artists: list[Artist]) -> bool:
        """Count as loose what lies over something loose, and say whether there is more of it than before."""
        before, below = len(self._loose), []
        for ax in {artist.axes for artist in self._touched if artist.axes and self._clip(artist) is not None}:
            self._loose.update(ax.spines.values())  # or they come one by one, and each time all is drawn anew
        for artist in artists:
            if artist not in self._boxes:
                if artist in self._loose and self._adds_nothing(artist, below):
                    continue
                self._boxes[artist] = self._box(artist)
            left, low, right, high = self._boxes[artist]
            if artist not in self._loose:
                if not any(left < b[2] and b[0] < right and low < b[3] and b[1] < high for b in below):
                    continue
                self._loose.add(artist)
            below.append(self._boxes[artist])
        return len(self._loose) > before

    def _adds_nothing(self, artist: Artist, below: list[_Box]) -> bool:
        """Say whether one of these boxes holds whatever an artist can paint: then nobody needs to measure it."""
        if (clip := self._clip(artist)) is None:
            return False
        left, low, right, high = clip
        return any(b[0] <= left and b[1] <= low and right <= b[2] and high <= b[3] for b in below)

    def _clip(self, artist: Artist) -> _Box | None:
        """Return where an artist may paint at most, if it is cut at its axes."""
        if not artist.get_clip_on() or (clip := artist.get_clip_box()) is None:
            return None
        if clip not in self._clips:
            left, low, right, high = map(float, clip.extents)
            self._clips[clip] = left - 1, low - 1, right + 1, high + 1
        return self._clips[clip]

    def _box(self, artist: Artist) -> _Box:
        """Return left, lower, right and upper end of what an artist can paint, in pixels; rather too much than less."""
        if not artist.get_visible() or (isinstance(artist, Text) and not artist.get_text()):
            return _NOTHING
        box = self.figure.bbox.extents
        if isinstance(artist, _MEASURED):
            own = artist.get_window_extent(self.canvas.get_renderer()).extents
        elif (
            isinstance(artist, _DRAWN_AS_PATHS) and artist.get_transform().is_affine and not artist.get_offsets().any()
        ):
            own = get_path_collection_extents(
                artist.get_transform().frozen(), artist.get_paths(), [], np.zeros((1, 2)), IdentityTransform()
            ).extents
        else:
            own = box
        if np.isfinite(own).all():
            far = self._sticks_out(artist)
            box = own + np.array((-far, -far, far, far))
        left, low, right, high = map(float, box)
        if (clip := self._clip(artist)) is not None:
            left, low, right, high = max(left, clip[0]), max(low, clip[1]), min(right, clip[2]), min(high, clip[3])
        return left, low, right, high

    def _sticks_out(self, artist: Artist) -> float:
        """Return by how many pixels letters, edges and corners may stick out of what matplotlib says."""
        width = 0.0
        if isinstance(artist, Line2D):
            width = artist.get_linewidth() + artist.get_markeredgewidth()
        elif isinstance(artist, Patch):
            width = artist.get_linewidth() * (1 if isinstance(artist, Rectangle | Spine) else 2)  # sharp corners
        elif isinstance(artist, Collection):
            width = 2 * max(artist.get_linewidth(), default=0)
        return (1 if isinstance(artist, Line2D | Patch) else 2) + width * self.figure.dpi / 72

    def _keep(self, artists: list[Artist]) -> None:
        """Draw what rests, and remember it."""
        hidden = [artist for artist in artists if artist in self._loose and not artist.get_animated()]
        try:
            for artist in hidden:
                artist.set_animated(True)  # canvas.draw leaves these out
            self.canvas.draw()
        finally:
            for artist in hidden:
                artist.set_animated(False)
        self._kept = self.canvas.copy_from_bbox(self.figure.bbox)


def _zorder(artist: Artist) -> float:
    return artist.zorder
