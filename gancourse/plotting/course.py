"""The map of the course: which notebook leads to which."""

from __future__ import annotations

import itertools
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from gancourse.plotting import style

__all__ = ["NOTEBOOKS", "course_map"]

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
)
"""The one list of the course's notebooks: number, title, part of the course.

The site is made from it, and `make lint` holds to it the notebooks, README's table and the plans for teachers.
"""

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 1.12, 0.66, 1.32, 0.92


def course_map(here: str | None = None, *, ax: Axes | None = None) -> Figure:
    """Draw the notebooks in reading order, one column for each part.

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
    parts = list(dict.fromkeys(part for _, _, part in NOTEBOOKS))
    fig, ax = style.figure_of(ax, size=(9.4, 3.6))
    place: dict[str, tuple[float, float]] = {}
    for column, part in enumerate(parts):
        ax.text(column * _ACROSS, 0.62, part, ha="center", va="center", fontsize=13, fontweight="bold")
        for row, (number, title, _) in enumerate(n for n in NOTEBOOKS if n[2] == part):
            place[number] = (column * _ACROSS, -row * _DOWN)
            _box(ax, place[number], number, title, filled=number == here)
    for before, after in itertools.pairwise(numbers):
        _arrow(ax, place[before], place[after])
    ax.set(xlim=(-0.62, (len(parts) - 1) * _ACROSS + 0.62), ylim=(-2 * _DOWN - 0.45, 0.8))
    ax.set_axis_off()
    return fig


def _box(ax: Axes, centre: tuple[float, float], number: str, title: str, *, filled: bool) -> None:
    black = "#222222"
    ax.add_patch(
        FancyBboxPatch(
            (centre[0] - _WIDTH / 2, centre[1] - _HEIGHT / 2),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=black if filled else "white",
            edgecolor=black,
            linewidth=2.0,
        )
    )
    colour = "white" if filled else black
    here = "  (you are here)" if filled else ""
    lines = [f"{number}{here}", *textwrap.wrap(title, 21)]
    ax.text(*centre, "\n".join(lines), ha="center", va="center", color=colour, fontsize=11, linespacing=1.25)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Point from one box to the next: straight down in a column, or from its foot over to the next column's head."""
    arrow = {"arrowstyle": "-|>", "color": style.COLOURS["neutral"], "linewidth": 1.4, "shrinkA": 0, "shrinkB": 1}
    if start[0] == end[0]:
        ax.annotate(
            "",
            (end[0], end[1] + _HEIGHT / 2),
            (start[0], start[1] - _HEIGHT / 2),
            annotation_clip=False,
            arrowprops=arrow,
        )
        return
    between = (start[0] + end[0]) / 2
    ax.plot(
        [start[0] + _WIDTH / 2, between, between],
        [start[1], start[1], end[1]],
        color=style.COLOURS["neutral"],
        linewidth=1.4,
    )
    ax.annotate("", (end[0] - _WIDTH / 2, end[1]), (between, end[1]), annotation_clip=False, arrowprops=arrow)
