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
FEW = [row("none", [0, 3, 25], [0.2, 0.4, 0.3], 1.0), row("R1", [25, 25, 25], [0.7, 0.9, 0.8], 9.0)]
GROUPS = {"penalties": ["R1"], "the rest": ["worse"]}


def match(tables=None, groups=GROUPS, **further):
    tables = {"ring": ROWS} if tables is None else tables
    return cures.cure_match(tables, {"ring": 8, "grid": 25}, groups=groups, **further)


def dots(ax):
    """Every dot of a panel as (label of its row, modes covered)."""
    first = ax.figure.axes[0]
    names = {at: label.get_text() for at, label in zip(first.get_yticks(), first.get_yticklabels(), strict=True)}
    places = [xy for line in ax.lines if line.get_marker() == "o" for xy in zip(*line.get_data(), strict=True)]
    return sorted((names[min(names, key=lambda at: abs(at - y))], x) for x, y in places)


def said(ax):
    """The words of a panel in each row, from left to right."""
    rows = {}
    for text in sorted(ax.texts, key=lambda text: text.get_position()[0]):
        rows.setdefault(text.get_position()[1], []).append(text.get_text())
    return [rows[place] for place in sorted(rows)]


def test_every_seed_is_a_dot_and_the_control_comes_first():
    ring, _ = match().axes
    assert [label.get_text() for label in ring.get_yticklabels()] == ["none", "penalties", "R1", "the rest", "worse"]
    none, r1, worse = [("none", 1), ("none", 1), ("none", 2)], [("R1", 7), ("R1", 8), ("R1", 8)], [("worse", 0)] * 3
    assert dots(ring) == sorted(none + r1 + worse)
    assert ring.get_ylim()[0] > ring.get_ylim()[1], "the control is on top"
    assert len({tuple(xy) for line in ring.lines for xy in np.transpose(line.get_data())}) >= 9, "no dot hides another"
    assert "of 8 ↑" in ring.get_title(loc="left") and ring.get_title(loc="left").startswith("ring")


def test_a_row_says_its_median_quality_and_its_word():
    words = {"ring": {"R1": "cures", "worse": "–"}}
    ring, cost = match(words=words).axes
    assert said(ring) == [["90%", ""], ["60%", "cures"], ["diverged", "–"]]
    bold = [text.get_text() for text in ring.texts if text.get_fontweight() == "bold"]
    assert bold == ["cures"]
    assert [text.get_text() for text in cost.texts] == ["1.0×", "1.4×", "6.0×"]
    assert [bar.get_width() for bar in cost.patches if getattr(bar, "get_height", float)() == 0.5] == [1.0, 1.4, 6.0]


def test_problems_stand_side_by_side_and_what_was_not_run_says_so():
    ring, grid, cost = match({"ring": ROWS, "grid": FEW}).axes
    assert dots(grid)[:3] == [("R1", 25)] * 3 and said(grid)[-1] == ["not run"]
    assert list(grid.get_xticks()) == [0, 5, 10, 15, 20, 25] and list(ring.get_xticks()) == [0, 2, 4, 6, 8]
    assert [text.get_text() for text in cost.texts] == ["1.0×", "1.4×", "6.0×"], "the first problem's costs"
    other = match({"grid": FEW, "ring": ROWS}).axes[-1]
    assert [text.get_text() for text in other.texts] == ["1.0×", "9.0×", "6.0×"], "or the next that has the row"


def test_the_controls_median_runs_down_through_each_panel():
    panels = match({"ring": ROWS, "grid": FEW}).axes[:2]
    dashed = [[line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] for ax in panels]
    assert dashed == [[1.0], [3.0]]


def test_all_modes_and_some_look_different_in_shape_too():
    ring = match().axes[0]
    faces = {line.get_xdata()[0]: line.get_markerfacecolor() for line in ring.lines if line.get_marker() == "o"}
    assert faces[8] == style.COLOURS["real"] and faces[7] == faces[1] == "white"


def test_many_seeds_at_one_count_stay_inside_their_row():
    ring = match({"ring": [row("none", [8] * 40), row("R1", [1]), row("worse", [1])]}).axes[0]
    heights = [y for line in ring.lines if len(line.get_xdata()) == 40 for y in line.get_ydata()]
    assert len(set(heights)) == 40 and max(map(abs, heights)) < 0.5


@pytest.mark.parametrize(
    "rows, control, message",
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
def test_what_is_no_table_is_refused(rows, control, message):
    with pytest.raises(ValueError, match=message):
        match({"ring": rows}, control=control)


@pytest.mark.parametrize("groups", [{"a": ["R1"]}, {"a": ["R1", "worse", "R1"]}, {"a": ["R1", "worse", "none"]}])
def test_groups_hold_each_row_once(groups):
    with pytest.raises(ValueError, match="groups must hold each row but 'none' once"):
        match(groups=groups)


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
    assert fig.axes[0].get_xlim() == pytest.approx((-1.25, 1.25))
    wide = cures.samples_by_seed(clouds, ring, reach=3.0).axes
    assert {(ax.get_xlim(), ax.get_ylim()) for ax in wide} == {((-3.0, 3.0), (-3.0, 3.0))}


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
