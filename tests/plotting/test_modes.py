"""Pictures of coverage show the numbers they were given, on axes that say what they are."""

import math

import pytest
import torch
from matplotlib.figure import Figure

from gancourse.plotting import modes, style


def texts(ax):
    return [text.get_text() for text in ax.texts]


def colour_of(ax, index):
    return ax.patches[index].get_facecolor()


# ---------------------------------------------------------------- counts per seed


def test_mode_counts_shows_every_seed():
    counts = {"no penalty": [1, 2, 1], "R1 + R2": torch.tensor([8, 8, 7])}
    fig = modes.mode_counts(counts, 8)
    (ax,) = fig.axes
    assert texts(ax) == ["1", "2", "1", "8", "8", "7"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["no penalty", "R1 + R2"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first recipe is on top"
    assert colour_of(ax, 0) == colour_of(ax, 2) != colour_of(ax, 3)
    assert colour_of(ax, 3) == modes.COVERAGE_MAP(1.0)
    assert "modes of 8" in ax.get_xlabel() and "good samples" not in ax.get_xlabel()


def test_mode_counts_with_quality():
    fig = modes.mode_counts({"a": [1, 0]}, 8, quality={"a": [0.955, math.nan]})
    assert texts(fig.axes[0]) == ["1", "96%", "0", "–"]
    assert "share of good samples" in fig.axes[0].get_xlabel()


def test_mode_counts_refuses():
    with pytest.raises(ValueError, match="counts must hold at least one recipe"):
        modes.mode_counts({}, 8)
    with pytest.raises(ValueError, match="a must hold counts from 0 to 8, got 1 to 9"):
        modes.mode_counts({"a": [1, 9]}, 8)
    with pytest.raises(ValueError, match=r"quality\['a'\] must have one number for each of counts\['a'\]"):
        modes.mode_counts({"a": [1, 2]}, 8, quality={"a": [0.5]})
    with pytest.raises(ValueError, match=r"quality\['b'\]"):
        modes.mode_counts({"a": [1, 2]}, 8, quality={"b": [0.5, 0.5]})
    with pytest.raises(ValueError, match="of must be a positive whole number, got 0"):
        modes.mode_counts({"a": [1]}, 0)


# ---------------------------------------------------------------- the phase diagram


def test_phase_diagram_puts_numbers_in_their_places():
    table = torch.tensor([[0, 1, 2], [8, 7, 6]])
    fig = modes.phase_diagram(table, 8, rows=("lr_g", [1e-4, 1e-3]), columns=("lr_d", [1e-4, 1e-3, 1e-2]))
    (ax,) = fig.axes
    assert texts(ax) == ["0", "1", "2", "8", "7", "6"]
    assert [text.get_position() for text in ax.texts][3] == (0, 1)
    assert ax.get_ylim()[0] < ax.get_ylim()[1], "rows grow upwards"
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("lr_g", "lr_d")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.0001", "0.001", "0.01"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.0001", "0.001"]
    assert colour_of(ax, 3) == modes.COVERAGE_MAP(1.0) and colour_of(ax, 0) == modes.COVERAGE_MAP(0.0)


def test_phase_diagram_marks_collapse_and_divergence():
    table = torch.tensor([[1, 1], [0, 8]])
    fig = modes.phase_diagram(
        table, 8, rows=("a", [1, 2]), columns=("b", [1, 2]),
        collapsed=torch.tensor([[True, False], [False, False]]), diverged=[[False, False], [True, False]],
    )  # fmt: skip
    (ax,) = fig.axes
    assert texts(ax) == ["1", "1", "×", "8"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines] == [(0, 0)]


def test_phase_diagram_names_fewer_ticks_when_there_are_many():
    values = torch.logspace(-4, -2, 16).tolist()
    fig = modes.phase_diagram(torch.zeros(16, 16), 8, rows=("a", values), columns=("b", values))
    assert len(fig.axes[0].get_xticklabels()) == 8
    assert fig.axes[0].get_xticks().tolist() == list(range(0, 16, 2))


def test_phase_diagram_refuses():
    axes = {"rows": ("a", [1, 2]), "columns": ("b", [1, 2])}
    with pytest.raises(ValueError, match=r"counts must have shape \(2, 2\), one cell .* got \(2, 3\)"):
        modes.phase_diagram(torch.zeros(2, 3), 8, **axes)
    with pytest.raises(ValueError, match="counts must hold counts from 0 to 8"):
        modes.phase_diagram(torch.full((2, 2), 9), 8, **axes)
    with pytest.raises(ValueError, match=r"collapsed must have the shape of counts, \(2, 2\), got \(4,\)"):
        modes.phase_diagram(torch.zeros(2, 2), 8, **axes, collapsed=[True] * 4)


# ---------------------------------------------------------------- time


def test_counts_over_steps_draws_seeds_and_median():
    fig = modes.counts_over_steps([0, 10, 20], {"many": [[0, 2, 4], [1, 2, 8], [8, 8, 8]], "one": [0, 1, 2]}, 8)
    (ax,) = fig.axes
    named = {line.get_label(): line for line in ax.lines}
    assert named["many"].get_ydata().tolist() == [2, 2, 8]
    assert named["one"].get_ydata().tolist() == [0, 1, 2]
    assert named["many"].get_linestyle() != named["one"].get_linestyle(), "never colour alone"
    assert len(ax.lines) == 3 + 1 + 1 + 1  # three seeds, two thick lines, the reference
    with pytest.raises(ValueError, match=r"counts\['a'\] must have one row for each of the 2 steps"):
        modes.counts_over_steps([0, 1], {"a": [1, 2, 3]}, 8)
    with pytest.raises(ValueError, match="counts must hold at least one recipe"):
        modes.counts_over_steps([0, 1], {}, 8)


def test_all_draw_on_given_axes():
    fig, axes = style.figure(columns=3)
    assert modes.mode_counts({"a": [1]}, 8, ax=axes[0]) is fig
    assert modes.phase_diagram([[1]], 8, rows=("a", [1]), columns=("b", [1]), ax=axes[1]) is fig
    assert modes.counts_over_steps([0, 1], {"a": [1, 2]}, 8, ax=axes[2]) is fig
    assert isinstance(fig, Figure)
    assert style.png(fig)[:4] == b"\x89PNG"
