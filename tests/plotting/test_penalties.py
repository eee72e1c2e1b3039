"""What the pictures of a gradient penalty show is what was handed in."""

import numpy as np
import pytest
import torch

from gancourse.plotting import penalties, style
from gancourse.plotting.style import COLOURS

REAL = torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, -0.5]])
FAKE = torch.tensor([[0.2, 0.1], [-0.3, 0.4], [0.5, -0.6], [0.7, 0.9]])
STEPS, GAPS, DISTANCES = [100, 200, 300], [5.0, 3.0, 1.0], [1000.0, 90.0, 40.0]


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


def test_gap_and_distance_are_drawn_over_the_same_steps():
    runs = {"one": (STEPS, GAPS, DISTANCES), "two": (STEPS, DISTANCES, GAPS)}
    fig = penalties.gap_and_distance(runs, gap="g", distance="d", title="t")
    above, below = fig.axes
    assert above.get_yscale() == "linear" and below.get_yscale() == "log"
    assert (above.get_ylabel(), below.get_ylabel(), above.get_title(), below.get_xlabel()) == ("g", "d", "t", "step")
    for ax, values in ((above, [GAPS, DISTANCES]), (below, [DISTANCES, GAPS])):
        for line, wanted in zip(ax.lines, values, strict=False):
            np.testing.assert_allclose(line.get_xydata(), np.column_stack([STEPS, wanted]))
    assert above.lines[0].get_color() == below.lines[0].get_color() != above.lines[1].get_color()
    assert above.lines[0].get_marker() != above.lines[1].get_marker()
    np.testing.assert_allclose(above.lines[2].get_ydata(), 0)
    assert [text.get_text() for text in below.get_legend().get_texts()] == ["one", "two"]


def test_one_run_needs_no_legend_and_the_distance_has_plain_numbers():
    fig = penalties.gap_and_distance({"one": ([1, 2, 3], [12.0, -3.0, 0.4], [1600.0, 300.0, 40.0])})
    above, below = fig.axes
    assert above.get_legend() is None and below.get_legend() is None
    style.arrange(fig)
    written = {label.get_text() for label in below.get_yticklabels(which="both")}
    assert {"50", "200", "1000"} <= written and not any("10^" in text for text in written)


def test_runs_can_be_drawn_on_axes_that_are_there():
    fig, (left, middle, right) = style.figure(3)
    assert penalties.gap_and_distance({"one": (STEPS, GAPS, DISTANCES)}, axes=(middle, right)) is fig
    assert not left.lines and len(middle.lines) == 2 and len(right.lines) == 1
    assert penalties.pairs(REAL, FAKE, [0, 1, 2], ax=left) is fig


@pytest.mark.parametrize(
    "runs, words",
    [
        ({}, "1 to 4"),
        ({str(i): (STEPS, GAPS, DISTANCES) for i in range(5)}, "1 to 4"),
        ({"one": (STEPS, GAPS, DISTANCES[:2])}, "as many gaps and distances"),
        ({"one": ([1], [1.0], [1.0])}, "two or more"),
        ({"one": ([1, 2], [1.0, float("nan")], [1.0, 2.0])}, "finite steps and gaps"),
        ({"one": ([1, 2], [1.0, 2.0], [1.0, 0.0])}, "above 0"),
    ],
)
def test_gap_and_distance_refuses(runs, words):
    with pytest.raises(ValueError, match=words):
        penalties.gap_and_distance(runs)
