"""Pictures of restorers show every answer and every run, and refuse what does not fit."""

import math

import numpy as np
import pytest
import torch

from gancourse.plotting import restoring, style

X = torch.tensor([0.5, -0.5, 0.1, -0.2])
Y = torch.tensor([1.0, -1.0, 1.0, 1.0])


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_each_restorer_has_a_panel_with_truth_and_answers():
    answers = {"squares": X, "a sample": -Y}
    exact = {"squares": (torch.sign(X), "the median")}
    figure = restoring.line_answers(X, Y, answers, exact=exact)
    left, right = figure.axes
    assert [ax.get_title() for ax in figure.axes] == list(answers)
    for ax, name in ((left, "squares"), (right, "a sample")):
        assert np.allclose(line(ax, "truth").get_ydata(), Y) and np.allclose(line(ax, "truth").get_xdata(), X)
        assert np.allclose(line(ax, "answers").get_ydata(), answers[name])
        assert (line(ax, "truth").get_marker(), line(ax, "answers").get_marker()) == ("o", "x")
    x, y = line(left, "the median").get_data()
    assert np.allclose(x, [-0.5, -0.2, np.nan, 0.1, 0.5], equal_nan=True), "in order, and broken at the jump"
    assert np.allclose(y, [-1, -1, np.nan, 1, 1], equal_nan=True)
    assert len(right.lines) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": {}}, "must not be empty"),
        ({"answers": {"a": X[:3]}}, r"answers\['a'\] must have shape \(4,\)"),
        ({"answers": {"a": X[:, None]}}, r"answers\['a'\] must have shape"),
        ({"truth": Y / 0}, "truth must be finite, got 4"),
        ({"exact": {"b": (X, "mean")}}, "hold every name of exact"),
    ],
)
def test_answers_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        restoring.line_answers(**{"questions": X, "truth": Y, "answers": {"a": X}} | change)


POINTS = {"squares": [(17.5, 700.0), (17.4, 650.0), (17.6, 720.0)], "mixed": [(16.5, 25.0)], "other": [(14.0, 30.0)]}


def test_the_plane_has_a_mark_for_each_run_and_joins_the_middles():
    (ax,) = restoring.plane(POINTS, joined=["squares", "mixed"], floor=4.0, title="half a digit").axes
    assert ax.get_yscale() == "log" and ax.get_title() == "half a digit"
    joined, *marks, floor = ax.lines
    for drawn, pairs in zip(marks, POINTS.values(), strict=True):
        assert np.allclose(drawn.get_xydata(), pairs)
    assert len({drawn.get_marker() for drawn in marks}) == len({drawn.get_color() for drawn in marks}) == 3
    assert np.allclose(joined.get_xydata(), [(17.5, 700), (16.5, 25)])
    assert floor.get_ydata()[0] == 4 and floor.get_color() == style.COLOURS["real"]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < 14.0 and right > 17.6 and bottom < 4.0 and top > 720
    words = [text.get_text() for text in ax.texts]
    assert words[:3] == list(POINTS) and "real digits" in words and "nobody is here" in words[-1]
    assert "PSNR in dB ↑" in ax.get_xlabel() and "Fréchet distance ↓" in ax.get_ylabel()


def test_the_words_of_seven_recipes_lie_apart_and_inside():
    walk = {"squares": (17.5, 700), "+ 0.01 adversarial": (17.3, 180), "+ 0.05 adversarial": (16.55, 29)}
    walk |= {"+ 0.25 adversarial": (15.9, 11.7), "adversarial alone": (14.45, 25)}
    points = {name: [(x - 0.05, y * 0.85), (x + 0.05, y * 1.2)] for name, (x, y) in walk.items()}
    points |= {"absolute": [(16.5, 64), (16.6, 61)], "perceptual": [(16.26, 23), (16.37, 25)]}
    figure = restoring.plane(points, joined=list(walk), floor=3.2)
    figure.draw_without_rendering()
    (ax,), whole = figure.axes, figure.bbox
    boxes = {text.get_text(): text.get_window_extent() for text in ax.texts}
    for name, box in boxes.items():
        assert ax.bbox.x0 <= box.x0 and box.x1 <= whole.x1 and box.y0 >= ax.bbox.y0, name
        assert not [other for other in boxes if other != name and box.overlaps(boxes[other])], name
        for recipe, pairs in points.items():
            assert not any(box.contains(*ax.transData.transform(pair)) for pair in pairs), (name, recipe)


def test_the_plane_draws_one_run_on_given_axes():
    _, ax = style.figure()
    restoring.plane({"alone": [(20.0, 5.0)]}, ax=ax)
    assert len(ax.lines) == 1 and all(map(math.isfinite, (*ax.get_xlim(), *ax.get_ylim())))


@pytest.mark.parametrize(
    ("points", "joined", "message"),
    [
        ({}, (), "1 to 7 names"),
        ({"a": []}, (), "1 to 7 names"),
        ({str(n): [(1.0, 1.0)] for n in range(8)}, (), "1 to 7 names"),
        ({"a": [(1.0, 0.0)]}, (), "distance above 0"),
        ({"a": [(math.inf, 1.0)]}, (), "finite pairs"),
        ({"a": [(1.0, 1.0, 1.0)]}, (), "finite pairs"),
        ({"a": [(1.0, 1.0)]}, ("b",), "joined must hold names of points, got 'b'"),
    ],
)
def test_a_plane_that_cannot_be_drawn_is_refused(points, joined, message):
    with pytest.raises(ValueError, match=message):
        restoring.plane(points, joined=joined)
