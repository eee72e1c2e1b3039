"""The decision surface of the ring and of the collapse lab: what matplotlib draws, sooner."""

import numpy as np
import pytest
from matplotlib.colors import BoundaryNorm

from gancourse.labs._surface import FADED, Surface
from gancourse.plotting import style

LEVELS = [-4, -1.5, -0.5, -0.15, -0.05, 0.05, 0.15, 0.5, 1.5, 4]


def drawn(make, logits, limit=1.45):
    figure, ax = style.figure(size=(3, 3))
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    image = make(ax, limit)
    image.set_data(logits)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def ours(ax, limit):
    return Surface(ax, 41, limit, LEVELS)


def matplotlibs(ax, limit):
    import matplotlib

    colours = matplotlib.colormaps[style.DECISION_MAP].resampled(len(LEVELS) + 1)
    return ax.imshow(
        np.zeros((41, 41)), extent=(-limit, limit, -limit, limit), origin="lower", cmap=colours,
        norm=BoundaryNorm(LEVELS, colours.N, extend="both"), interpolation="bilinear", interpolation_stage="data",
        alpha=FADED,
    )  # fmt: skip


@pytest.mark.parametrize(
    "logits",
    [
        np.add.outer(np.linspace(-3, 3, 41), np.zeros(41)),  # rows count from below
        np.add.outer(np.zeros(41), np.linspace(-3, 3, 41)),
        np.sin(np.add.outer(np.arange(41) / 3, -np.arange(41) / 5)) * 5,
        np.random.default_rng(0).normal(size=(41, 41)),
    ],
)
def test_it_is_the_picture_of_matplotlib_but_for_pixels_on_a_level(logits):
    """Matplotlib interpolates with 8 bits, so a pixel whose logit is nearly a level may have the next colour."""
    one, other = drawn(ours, logits), drawn(matplotlibs, logits)
    step = np.abs(one - other).max(axis=2)
    assert (step > 0).mean() < 0.1 and step.max() < 60
    assert np.unique(one.reshape(-1, 3), axis=0).shape[0] > 5


def test_each_band_has_the_colour_of_its_level():
    for value in (-9.0, -1.0, 0.0, 0.3, 9.0):
        one, other = (drawn(make, np.full((41, 41), value)) for make in (ours, matplotlibs))
        assert np.array_equal(one, other)


def test_the_square_can_be_moved():
    logits = np.add.outer(np.linspace(-3, 3, 41), np.zeros(41))

    def moved(ax, limit):
        surface = Surface(ax, 41, 1.0, LEVELS)
        surface.set_extent((-limit, limit, -limit, limit))
        ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
        return surface

    assert np.array_equal(drawn(moved, logits), drawn(ours, logits))
