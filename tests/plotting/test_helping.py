"""Pictures of help and harm show every number they are given, and refuse what does not fit."""

import math

import numpy as np
import pytest
import torch

from gancourse.metrics.intervals import mean_interval
from gancourse.plotting import helping, style

PANELS = {
    "50": {"better": [0.1, 0.12, 0.11], "worse": [-0.1, -0.12, -0.11], "neither": [-0.1, 0.1, 0.02]},
    "200": {"better": [0.2, 0.1, 0.3]},
}


def test_an_arm_has_its_runs_its_mean_and_its_interval():
    axes = helping.arms(PANELS, xlabel="difference of AUC").axes
    assert [ax.get_title() for ax in axes] == ["50", "200"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["better", "worse", "neither"]
    for ax, panel in zip(axes, PANELS.values(), strict=True):
        drawn = [line for line in ax.lines if not np.allclose(line.get_xdata(), 0)]
        for at, values in enumerate(panel.values()):
            bar, dots, mean = drawn[3 * at : 3 * at + 3]
            low, middle, high = mean_interval(values)
            assert np.allclose(bar.get_xdata(), [low, high]) and np.allclose(dots.get_xdata(), values)
            assert np.allclose(mean.get_xdata(), middle)


def test_the_mark_says_on_which_side_of_the_reference_the_interval_lies():
    def marks(**kwargs):
        ax = helping.arms({"50": PANELS["50"]}, xlabel="x", **kwargs).axes[0]
        return [line.get_marker() for line in ax.lines if line.get_marker() in "^vo"]

    assert marks() == ["^", "v", "o"]
    assert marks(reference=0.2) == ["v", "v", "o"]
    assert marks(reference=None) == ["o", "o", "o"] and marks(intervals=False) == ["o", "o", "o"]


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "panels must be 1 to 4"),
        ({"a": {}}, "panels must be 1 to 4"),
        ({letter: {"x": [1, 2]} for letter in "abcde"}, "panels must be 1 to 4"),
        ({"a": {"x": [1.0]}}, r"panels\['a'\]\['x'\] must be 2 number"),
        ({"a": {"x": [1.0, math.inf]}}, r"panels\['a'\]\['x'\] must be finite, got 1"),
    ],
)
def test_arms_that_do_not_fit_are_refused(panels, message):
    with pytest.raises(ValueError, match=message):
        helping.arms(panels, xlabel="x")


def test_groups_have_a_dot_for_each_score_a_median_and_the_threshold():
    scores = {"seen": torch.tensor([3.0, 1.0, 2.0]), "unseen": torch.tensor([0.0, 0.5])}
    axes = helping.groups_of_scores({"A": scores, "B": scores}, xlabel="logit", thresholds={"A": 0.7}).axes
    for ax in axes:
        clouds = [line for line in ax.lines if line.get_linestyle() == "None"]
        assert [list(cloud.get_xdata()) for cloud in clouds] == [[3, 1, 2], [0, 0.5]]
        assert all((abs(cloud.get_ydata() - row) < 0.5).all() for row, cloud in enumerate(clouds))
        bars = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "-"]
        assert bars == [2, 0.25]
    dashed = [[line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] for ax in axes]
    assert dashed == [[0.7], []]


@pytest.mark.parametrize(
    ("panels", "message"),
    [
        ({}, "panels must be 1 to 3"),
        ({"A": dict.fromkeys("abcd", torch.ones(2))}, "with 1 to 3 groups"),
        ({"A": {"a": torch.ones(2)}, "B": {"b": torch.ones(2)}}, r"panels\['B'\] must have the groups \['a'\]"),
        ({"A": {"a": torch.ones(2, 2)}}, "must be 1 number"),
        ({"A": {"a": torch.tensor([math.nan])}}, "must be finite"),
    ],
)
def test_groups_that_do_not_fit_are_refused(panels, message):
    with pytest.raises(ValueError, match=message):
        helping.groups_of_scores(panels, xlabel="x")


def test_a_minority_is_drawn_at_its_shares_and_none_on_the_shelf():
    shares = {"clear": [(0.5, [0.3]), (0.1, [0.0, 0.02])], "argmax": [(0.1, [0.05])]}
    ax = helping.minority(shares, least=1e-3).axes[0]
    for name, wanted in (("clear", [0.3, 1e-3, 0.02]), ("argmax", [0.05])):
        (line,) = [line for line in ax.lines if line.get_label() == name]
        assert np.allclose(line.get_ydata(), wanted)
        assert np.allclose(line.get_xdata(), [x for x, values in shares[name] for _ in values], rtol=0.2)
    (equal,) = [line for line in ax.lines if line.get_label() == "as in the training set"]
    assert np.allclose(equal.get_xdata(), equal.get_ydata())
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10 %", "50 %"]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "shares must hold 1 to 4"),
        ({"a": []}, "shares must hold 1 to 4"),
        ({"a": [(0.0, [0.1])]}, "must be between 0 and 1"),
        ({"a": [(0.1, [1.2])]}, "must be between 0 and 1"),
        ({"a": [(0.1, [])]}, "must be 1 number"),
    ],
)
def test_shares_that_are_none_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        helping.minority(shares)


def test_a_reliability_curve_leaves_empty_bins_out():
    ax = helping.reliability({"own": ([0.1, 0.5, 0.9], [0.0, 0.0, 1.0], [30, 0, 10])}).axes[0]
    (line,) = [line for line in ax.lines if line.get_label() == "own"]
    assert np.allclose(line.get_xydata(), [(0.1, 0), (0.9, 1)])
    (areas,) = (points.get_sizes() for points in ax.collections)
    assert areas[0] - 20 == pytest.approx(3 * (areas[1] - 20))


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "curves must hold 1 to 4"),
        ({"a": ([0.1], [0.1, 0.2], [1])}, "three rows of one length"),
        ({"a": ([0.1], [0.1], [0])}, "in a bin at least"),
        ({"a": ([1.1], [0.1], [2])}, "shares between 0 and 1"),
    ],
)
def test_curves_that_are_none_are_refused(curves, message):
    with pytest.raises(ValueError, match=message):
        helping.reliability(curves)


def test_the_marks_are_not_told_apart_by_colour_alone():
    assert len({mark for _, mark in helping._VERDICTS.values()}) == 3
    assert (
        len({(mark, face) for mark, face, _ in helping._GROUPS}) == 3 and style.COLOURS["fake"] == helping._GROUPS[2][1]
    )
