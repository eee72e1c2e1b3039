"""The map of the course: which notebook leads to which."""

from __future__ import annotations

import itertools
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from gancourse.plotting import style

__all__ = ["NOTEBOOKS", "ROUTES", "TO_COME", "course_map"]

NOTEBOOKS: tuple[tuple[str, str, str], ...] = (
    ("00", "Start here", "The game"),
    ("01", "Play the minimax game on paper", "The game"),
    ("02", "Train a GAN on a single number", "The game"),
    ("03", "See why the game goes round in circles", "What goes wrong"),
    ("04", "Make a GAN collapse", "What goes wrong"),
    ("05", "Cure it, and prove it", "What goes wrong"),
    ("06", "Make your first images", "Images"),
    ("07", "Build a DCGAN", "Images"),
    ("08", "Measure distance with a critic", "Distance"),
    ("09", "Train a WGAN with gradient penalty", "Distance"),
    ("10", "Judge a generator", "Judge"),
    ("11", "Diagnose a sick GAN", "Judge"),
    ("12", "Ask for what you want", "Ask and change"),
    ("13", "Restore images", "Ask and change"),
    ("14", "Translate images", "Ask and change"),
    ("15", "Encode images", "Look inside"),
    ("16", "Grow a style", "Look inside"),
    ("17", "Make sound", "Beyond images"),
    ("18", "Make text, or why it is hard", "Beyond images"),
    ("19", "Help, or harm", "In the world"),
    ("20", "Attack and defend", "In the world"),
    ("21", "Small, fast, large", "In the world"),
    ("22", "Where GANs stand", "Where it stands"),
)
"""The one list of the course's notebooks: number, title, part of the course.

The site is made from it, and `make lint` holds to it the notebooks, README's table and the plans for teachers.
"""

TO_COME: tuple[tuple[str, str, str], ...] = ()
"""The notebooks that are planned, in the same form: the map shows them in grey. A finished one moves to NOTEBOOKS."""

ROUTES: dict[str, tuple[str, ...]] = {
    "the idea": ("00", "01", "02", "03", "04", "08"),
    "the engineer": ("00", "01", "02", "04", "05", "07"),
    "the images": ("00", "01", "02", "06", "07"),
}
"""Ways through the course for those who have a day rather than a week; each notebook's needs come before it."""

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 1.18, 0.72, 1.32, 0.9
_COLUMNS, _BAND = 5, 3.25  # columns in a band, and from one band down to the next
_ABOVE, _BESIDE = 0.89, 0.1  # where an arrow to the next band runs: above its titles, left of its boxes
_BLACK, _GREY, _FAINT, _FAINT_EDGE = "#222222", "#6b6b6b", "#f4f4f4", "#cccccc"
_MARKS = {"the idea": ("o", "#0575b0"), "the engineer": ("s", "#d95f02"), "the images": ("^", "#008837")}


def course_map(here: str | None = None, *, ax: Axes | None = None) -> Figure:
    """Draw the notebooks in reading order, one column for each part; those to come in grey.

    Marks on the edge of a box say which of the three :data:`ROUTES` lead through it.

    Args:
        here: number of the notebook the reader is in, such as "00"; it is filled.
        ax: where to draw; a new figure if None.
    Returns:
        The figure.
    Raises:
        ValueError: there is no notebook with this number.
    First met in: notebook 00.
    """
    numbers = [number for number, *_ in NOTEBOOKS]
    if here is not None and here not in numbers:
        raise ValueError(f"here must be one of {', '.join(numbers)} or None, got {here!r}")
    every = sorted((*NOTEBOOKS, *TO_COME))
    fig, ax = style.figure_of(ax, size=(11.0, 6.3), dpi=80)
    place: dict[str, tuple[float, float]] = {}
    for at, part in enumerate(dict.fromkeys(part for _, _, part in every)):
        members = [notebook for notebook in every if notebook[2] == part]
        left, top = (at % _COLUMNS) * _ACROSS, -(at // _COLUMNS) * _BAND
        there = any(number in numbers for number, *_ in members)
        colour = _BLACK if there else _GREY
        ax.text(left, top + 0.6, part, ha="center", va="center", fontsize=13, fontweight="bold", color=colour)
        for row, (number, title, _) in enumerate(members):
            place[number] = (left, top - row * _DOWN)
            _box(ax, place[number], number, title, filled=number == here, there=number in numbers)
    for before, after in itertools.pairwise(numbers):
        _arrow(ax, place[before], place[after])
    _routes(fig, ax, place)
    ax.set(xlim=(-0.76, (_COLUMNS - 1) * _ACROSS + 0.64), ylim=(-_BAND - 2 * _DOWN - 0.4, 0.72))
    ax.set_axis_off()
    return fig


def _routes(fig: Figure, ax: Axes, place: dict[str, tuple[float, float]]) -> None:
    """Mark the boxes of each route, and say under the map which mark is which."""
    handles = []
    for at, (route, numbers) in enumerate(ROUTES.items()):
        mark, colour = _MARKS[route]
        look = {"linestyle": "none", "marker": mark, "markersize": 7, "color": colour, "markeredgecolor": "white"}
        for number in numbers:
            x, y = place[number]
            ax.plot(x + _WIDTH / 2 - 0.1 - 0.11 * (len(ROUTES) - 1 - at), y + _HEIGHT / 2, zorder=5, **look)
        handles.append(Line2D([], [], label=f"{route}: {' '.join(numbers)}", **look))
    if TO_COME:
        handles.append(FancyBboxPatch((0, 0), 1, 1, facecolor=_FAINT, edgecolor=_FAINT_EDGE, label="to come"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=11)


def _box(ax: Axes, centre: tuple[float, float], number: str, title: str, *, filled: bool, there: bool) -> None:
    colour = _BLACK if there else _GREY
    ax.add_patch(
        FancyBboxPatch(
            (centre[0] - _WIDTH / 2, centre[1] - _HEIGHT / 2),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=colour if filled else "white" if there else _FAINT,
            edgecolor=colour if there else _FAINT_EDGE,
            linewidth=2.0 if there else 1.2,
        )
    )
    lines = [f"{number} · here" if filled else number, *textwrap.wrap(title, 21)]
    words = "white" if filled else colour
    ax.text(*centre, "\n".join(lines), ha="center", va="center", color=words, fontsize=11, linespacing=1.25)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Point from one box to the next, between all others.

    In a column the way is straight down. To the next column it leads from a foot over to a head. To the next band it
    leads through the gap above that band's titles, and round to its first column from the left.
    """
    low, high, edge = start[1] - _HEIGHT / 2, end[1] + _HEIGHT / 2, end[0] - _WIDTH / 2
    if start[0] == end[0]:
        way = [(start[0], low), (end[0], high)]
    elif start[0] < end[0]:
        between = (start[0] + end[0]) / 2
        way = [(start[0] + _WIDTH / 2, start[1]), (between, start[1]), (between, end[1]), (edge, end[1])]
    else:
        gap, beside = end[1] + _ABOVE, edge - _BESIDE
        way = [(start[0], low), (start[0], gap), (beside, gap), (beside, end[1]), (edge, end[1])]
    look = {"color": style.COLOURS["neutral"], "linewidth": 1.4}
    if len(way) > 2:
        ax.plot(*zip(*way[:-1], strict=True), **look)
    tip = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 1, **look}
    ax.annotate("", way[-1], way[-2], annotation_clip=False, arrowprops=tip)
