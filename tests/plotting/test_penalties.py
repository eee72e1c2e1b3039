"""What the pictures of a gradient penalty show is what was handed in."""

import numpy as np
import pytest
import torch

from gancourse.plotting import penalties, style
from gancourse.plotting.style import COLOURS

REAL = torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, -0.5]])
FAKE = torch.tensor([[0.2, 0.1], [-0.3, 0.4], [0.5, -0.6], [0.7, 0.9]])
LOSSES, DISTANCES = [5.0, 3.0, 1.0], [1000.0, 90.0, 40.0]


def lines(ax, **wanted):
    return [line for line in ax.lines if all(getattr(line, f"get_{key}")() == value for key, value in wanted.items())]


def test_each_pair_is_joined_by_a_line():
    fig = penalties.pairs(REAL, FAKE, [3, 0, 2], at=[[0.1, 0.2]], title="pairs")
    (ax,) = fig.axes
    joined = [np.array(line.get_xydata()) for line in lines(ax, color=COLOURS["neutral"])]
    wanted = [torch.stack([REAL[i], FAKE[j]]).numpy() for i, j in enumerate([3, 0, 2])]
    assert len(joined) == 3
    for line, ends in zip(joined, wanted, strict=True):
        np.testing.assert_allclose(line, ends)
    for colour, marker, points in (("real", "o", REAL), ("fake", "x", FAKE), ("gradient", ".", [[0.1, 0.2]])):
        (drawn,) = lines(ax, color=COLOURS[colour], marker=marker)
        np.testing.assert_allclose(drawn.get_xydata(), np.asarray(points))
    assert ax.get_title() == "pairs" and len(ax.get_legend().get_texts()) == 3


def test_pairs_without_places_has_no_third_cloud():
    (ax,) = penalties.pairs(REAL, FAKE, torch.tensor([0, 1, 2])).axes
    assert not lines(ax, color=COLOURS["gradient"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["real", "fake"]


@pytest.mark.parametrize(
    "given, words",
    [
        ((REAL[:, 0], FAKE, [0, 1, 2]), "real must be points"),
        ((REAL, FAKE[:0], [0, 1, 2]), "fake must be points"),
        ((REAL, FAKE * float("nan"), [0, 1, 2]), "8 NaN"),
        ((REAL, FAKE, [0, 1]), "one index for each of the 3"),
        ((REAL, FAKE, [0.0, 1.0, 2.0]), "one index"),
        ((REAL, FAKE, [0, 1, 4]), "from 0 to 3"),
        ((REAL, FAKE, [0, 1, -1]), "from 0 to 3"),
    ],
)
def test_pairs_refuses(given, words):
    with pytest.raises(ValueError, match=words):
        penalties.pairs(*given)


def test_a_run_is_a_path_with_a_hollow_start_and_a_large_end():
    fig = penalties.gap_against_quality({"one": (LOSSES, DISTANCES), "two": (DISTANCES, LOSSES)}, xlabel="x", title="t")
    (ax,) = fig.axes
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "x" and ax.get_title() == "t"
    path, start, end = ax.lines[:3]
    np.testing.assert_allclose(path.get_xydata(), np.column_stack([LOSSES, DISTANCES]))
    np.testing.assert_allclose(start.get_xydata(), [[5.0, 1000.0]])
    np.testing.assert_allclose(end.get_xydata(), [[1.0, 40.0]])
    assert start.get_markerfacecolor() == "white" and end.get_markerfacecolor() != "white"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert ax.lines[0].get_color() != ax.lines[3].get_color()


def test_the_loss_has_a_logarithmic_axis_if_asked():
    runs = {"one": ([12.0, 3.0, 0.4], [1600.0, 300.0, 40.0])}
    (ax,) = penalties.gap_against_quality(runs, log=True).axes
    assert ax.get_xscale() == ax.get_yscale() == "log"
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [12.0, 3.0, 0.4])
    fig = ax.figure
    style.arrange(fig)
    written = {label.get_text() for label in (*ax.get_xticklabels(which="both"), *ax.get_yticklabels(which="both"))}
    assert {"0.5", "10", "50", "1000"} <= written and not any("10^" in text for text in written)
    (plain,) = penalties.gap_against_quality(runs).axes
    assert plain.get_xscale() == "linear"
    with pytest.raises(ValueError, match="'two' has a loss of -0.5"):
        penalties.gap_against_quality({**runs, "two": ([1.0, -0.5], [2.0, 1.0])}, log=True)


def test_a_run_can_be_drawn_on_axes_that_are_there():
    fig, (left, right) = style.figure(2)
    assert penalties.gap_against_quality({"one": (LOSSES, DISTANCES)}, ax=right) is fig
    assert not left.lines and len(right.lines) == 3
    assert penalties.pairs(REAL, FAKE, [0, 1, 2], ax=left) is fig


@pytest.mark.parametrize(
    "runs, words",
    [
        ({}, "1 to 4"),
        ({str(i): (LOSSES, DISTANCES) for i in range(5)}, "1 to 4"),
        ({"one": (LOSSES, DISTANCES[:2])}, "as many losses"),
        ({"one": ([1.0], [1.0])}, "two or more"),
        ({"one": ([1.0, float("nan")], [1.0, 2.0])}, "finite losses"),
        ({"one": ([1.0, 2.0], [1.0, 0.0])}, "above 0"),
    ],
)
def test_gap_against_quality_refuses(runs, words):
    with pytest.raises(ValueError, match=words):
        penalties.gap_against_quality(runs)
