"""Pictures of cures show every seed, put the control first, and refuse what is no table."""

import math

import numpy as np
import pytest
import torch

from gancourse.data import toy
from gancourse.plotting import cures, style


def row(name, modes, quality=None, cost=1.0):
    return {"name": name, "modes": modes, "quality": quality or [0.9] * len(modes), "cost": cost}


ROWS = [
    row("R1", [8, 8, 7], [0.5, 0.6, 0.9], 1.4),
    row("none", [1, 2, 1], [1.0, 0.8, 0.9], 1.0),
    row("worse", [0, 0, 0], [None, None, None], 6.0),
]


def dots(ax):
    """Every dot of the left panel as (row, modes covered)."""
    places = [xy for line in ax.lines if line.get_marker() == "o" for xy in zip(*line.get_data(), strict=True)]
    return sorted((round(y), x) for x, y in places)


def test_every_seed_is_a_dot_and_the_control_comes_first():
    modes, quality, cost = cures.cure_table(ROWS, 8).axes
    assert [label.get_text() for label in modes.get_yticklabels()] == ["none", "R1", "worse"]
    assert dots(modes) == [(0, 1), (0, 1), (0, 2), (1, 7), (1, 8), (1, 8), (2, 0), (2, 0), (2, 0)]
    assert modes.get_ylim()[0] > modes.get_ylim()[1], "the control is on top"
    assert len({tuple(xy) for line in modes.lines for xy in np.transpose(line.get_data())}) >= 9, "no dot hides another"
    ticks = {round(line.get_ydata()[0]): sorted(line.get_xdata()) for line in quality.lines if line.get_marker() == "|"}
    assert ticks == {0: [0.8, 0.9, 1.0], 1: [0.5, 0.6, 0.9]}
    medians = {line.get_ydata()[0]: line.get_xdata()[0] for line in quality.lines if line.get_marker() == "D"}
    assert medians == {0: 0.9, 1: 0.6}
    assert [text.get_text() for text in quality.texts] == ["diverged"]
    assert [bar.get_width() for bar in cost.patches if bar.get_height() == 0.5] == [1.0, 1.4, 6.0]
    assert [text.get_text() for text in cost.texts] == ["1.0×", "1.4×", "6.0×"]
    assert "of 8" in modes.get_xlabel()


def test_the_controls_medians_run_down_through_all_rows():
    panels = cures.cure_table(ROWS, 8).axes
    dashed = [[line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] for ax in panels]
    assert dashed == [[1.0], [0.9], [1.0]]


def test_all_modes_and_some_look_different_in_shape_too():
    modes = cures.cure_table(ROWS, 8).axes[0]
    faces = {line.get_xdata()[0]: line.get_markerfacecolor() for line in modes.lines if line.get_marker() == "o"}
    assert faces[8] == style.COLOURS["real"] and faces[7] == faces[1] == "white"


def test_many_seeds_at_one_count_stay_inside_their_row():
    modes = cures.cure_table([row("none", [8] * 40)], 8).axes[0]
    heights = [y for line in modes.lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert len(set(heights)) == 40 and max(map(abs, heights)) < 0.5


def test_notes_stand_at_their_row():
    cost = cures.cure_table(ROWS, 8, notes={"R1": "helps"}, title="ring").axes[2]
    assert [(text.get_text(), text.xy[1]) for text in cost.texts][-1] == ("helps", 1)


@pytest.mark.parametrize(
    "rows, control, said",
    [
        (ROWS, "nothing", "control must be the name of a row"),
        ([*ROWS, ROWS[0]], "none", "each name may come once"),
        ([row("none", [9])], "none", "modes of 'none' must be counts from 0 to 8"),
        ([row("none", [])], "none", "modes of 'none' must be counts"),
        ([row("none", [1, 2], [0.5])], "none", "quality of 'none' must have one number"),
        ([row("none", [1], [math.nan])], "none", "quality of 'none' must be shares"),
        ([row("none", [1], [1.5])], "none", "quality of 'none' must be shares"),
    ],
)
def test_what_is_no_table_is_refused(rows, control, said):
    with pytest.raises(ValueError, match=said):
        cures.cure_table(rows, 8, control=control)


def test_samples_have_a_row_per_recipe_and_a_column_per_seed():
    ring = toy.ring()
    clouds = {"none": torch.rand(3, 20, 2), "R1": -torch.rand(3, 20, 2)}
    fig = cures.samples_by_seed(clouds, ring, labels={"R1": ["a", "b", "c"]}, columns=["1", "2", "3"])
    assert len(fig.axes) == 6
    crosses = [next(line for line in ax.lines if line.get_marker() == "x") for ax in fig.axes]
    for index, line in enumerate(crosses):
        cloud = clouds["none" if index < 3 else "R1"][index % 3]
        assert np.allclose(np.transpose(line.get_data()), cloud.numpy())
    assert [ax.get_title() for ax in fig.axes] == ["", "", "", "a", "b", "c"]
    assert [ax.get_ylabel() for ax in fig.axes] == ["none", "", "", "R1", "", ""]
    assert [ax.get_xlabel() for ax in fig.axes] == ["", "", "", "1", "2", "3"]
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in fig.axes}) == 1, "compared on the same limits"
    assert all(len(ax.lines[0].get_xdata()) == 8 for ax in fig.axes), "the modes"


@pytest.mark.parametrize(
    "samples, labels, said",
    [
        ({}, None, "samples must hold points"),
        ({"a": torch.rand(5, 2)}, None, r"shape \(seeds, N, 2\)"),
        ({"a": torch.rand(2, 5, 2), "b": torch.rand(3, 5, 2)}, None, "as many seeds"),
        ({"a": torch.rand(2, 5, 2)}, {"a": ["x"]}, r"labels\['a'\] must have one entry for each of the 2 seeds"),
        ({"a": torch.rand(2, 5, 2)}, {"b": ["x", "y"]}, r"labels\['b'\]"),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples, labels, said):
    with pytest.raises(ValueError, match=said):
        cures.samples_by_seed(samples, toy.ring(), labels=labels)
