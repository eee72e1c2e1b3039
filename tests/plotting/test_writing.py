"""Pictures of writers show every number they are given, and refuse what does not fit."""

import numpy as np
import pytest
import torch

from gancourse.plotting import writing

X = torch.linspace(-1, 1, 5)


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_the_staircase_draws_each_score_over_its_place():
    scores = {"picked": torch.sign(X), "mean": X, "shares": 2 * X}
    (ax,) = writing.staircase(X, scores, xlabel="bias of a").axes
    for name, values in scores.items():
        assert np.allclose(line(ax, name).get_xdata(), X) and np.allclose(line(ax, name).get_ydata(), values)
    looks = {(drawn.get_color(), drawn.get_linestyle()) for drawn in ax.lines}
    assert len(looks) == 3 and ax.get_xlabel() == "bias of a"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {}}, "must hold 1 to 3 names"),
        ({"scores": dict.fromkeys("abcd", X)}, "must hold 1 to 3 names"),
        ({"scores": {"a": X[:3]}}, r"scores\['a'\] must have shape \(5,\)"),
        ({"places": X[:, None], "scores": {"a": X[:, None]}}, "places must have shape"),
        ({"scores": {"a": X / 0}}, r"scores\['a'\] must be finite, got 5"),
    ],
)
def test_a_staircase_that_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        writing.staircase(**{"places": X, "scores": {"a": X}, "xlabel": "x"} | change)


POINTS = {"REINFORCE": [(0.02, 1.0), (0.04, 1.8), (0.0, 1.2)], "straight-through 1": [(0.5, 0.3)], "2": [(0.8, 0.15)]}


def test_estimators_have_a_mark_for_each_network_and_a_name_at_the_middle():
    (ax,) = writing.bias_and_spread(POINTS, joined=[["straight-through 1", "2"]]).axes
    names = {text.get_text(): text.xy for text in ax.texts}
    assert list(names) == list(POINTS) and np.allclose(names["REINFORCE"], (1.2, 0.02))
    drawn = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"]
    small = [xy for xy in drawn if len(xy) == 3]
    assert np.allclose(small[0][:, ::-1], POINTS["REINFORCE"]) and len(drawn) == 6
    (joining,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert np.allclose(joining.get_xydata(), [(0.3, 0.5), (0.15, 0.8)])
    for arc in (line for line in ax.lines if line.get_linestyle() == ":"):
        radii = np.hypot(*arc.get_xydata().T)
        assert np.allclose(radii, radii[0]) and radii[0] % 0.5 == pytest.approx(0, abs=1e-9)
    assert ax.get_xlim()[1] > 1.8 and ax.get_ylim()[0] < 0 and ax.get_ylim()[1] > 0.8 and ax.get_aspect() == 1
    assert "spread" in ax.get_xlabel() and "bias" in ax.get_ylabel()


def test_the_lines_of_a_race_have_no_colour_that_a_group_has():
    names = ("straight-through", "likelihood", "REINFORCE")
    (raced,) = writing.race({name: ([1.0], [[1.0]]) for name in names}).axes
    groups = [["REINFORCE"], ["straight-through 1", "2"]]
    (ax,) = writing.bias_and_spread(POINTS, joined=groups).axes
    told = {text.get_text(): text.get_color() for text in ax.texts}
    assert told["straight-through 1"] == told["2"] != told["REINFORCE"]
    assert {drawn.get_color() for drawn in ax.lines if drawn.get_linestyle() == "None"} == set(told.values())
    assert not set(told.values()) & {line(raced, name).get_color() for name in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": {}}, "must hold 1 to 8 names"),
        ({"points": {"a": []}}, "with a pair at least"),
        ({"points": {"a": [(0.1, float("nan"))]}}, "finite pairs"),
        ({"points": {"a": [(-0.1, 1.0)]}}, "from 0 on"),
        ({"points": {"a": [(0.1, 1.0)]}, "joined": [["a"], ["a"], ["a"]]}, "at most 2 groups, got 3"),
        ({"points": {"a": [(0.1, 1.0)]}, "joined": [["b"]]}, "joined must hold names of points, got 'b'"),
    ],
)
def test_estimators_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        writing.bias_and_spread(**change)


def test_the_race_draws_the_median_and_a_band():
    seconds, rows = [1.0, 2.0, 4.0], [[4.0, 2.0, 1.0], [5.0, 3.0, 0.5], [9.0, 2.5, 0.7]]
    (ax,) = writing.race({"A": (seconds, rows), "B": ([1.0], [[0.1]])}).axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert np.allclose(line(ax, "A").get_ydata(), [5.0, 2.5, 0.7]) and np.allclose(line(ax, "A").get_xdata(), seconds)
    band = ax.collections[0].get_paths()[0].vertices
    for x, low, high in zip(seconds, (4, 2, 0.5), (9, 3, 1.0), strict=True):
        heights = band[np.isclose(band[:, 0], x), 1]
        assert (heights.min(), heights.max()) == (low, high)
    assert [text.get_text() for text in ax.texts] == ["A", "B"] and ax.get_xlim()[1] > 4
    assert line(ax, "A").get_marker() != line(ax, "B").get_marker()


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "must hold 1 to 8 names"),
        ({"a": ([1.0, 2.0], [[1.0]])}, r"shapes \(T,\) and \(K, T\), got \(2,\) and \(1, 1\)"),
        ({"a": ([1.0], [[0.0]])}, "finite numbers above 0"),
        ({"a": ([0.0], [[1.0]])}, "finite numbers above 0"),
        ({"a": ([1.0], [[float("inf")]])}, "finite numbers above 0"),
    ],
)
def test_a_race_that_does_not_fit_is_refused(curves, message):
    with pytest.raises(ValueError, match=message):
        writing.race(curves)


def test_temperatures_mark_one_and_name_the_ends():
    curves = {"likelihood": [(0.5, 0.99, 1.0), (1.0, 0.98, 0.02), (1.5, 0.8, 0.4)], "other": [(1.0, 0.9, 0.2)]}
    (ax,) = writing.temperatures(curves).axes
    assert np.allclose(line(ax, "likelihood").get_xydata(), [row[1:] for row in curves["likelihood"]])
    large = [drawn.get_xydata()[0] for drawn in ax.lines if drawn.get_markersize() > 10]
    assert np.allclose(large, [(0.98, 0.02), (0.9, 0.2)])
    assert [text.get_text() for text in ax.texts] == ["T = 0.5", "T = 1.5"]
    assert ax.get_yscale() == "log" and ax.get_legend().get_title().get_text() == "large mark: T = 1"


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "must hold 1 to 8 names"),
        ({"a": [(1.0, 0.9)]}, "finite triples"),
        ({"a": [(1.0, 0.9, 0.0)]}, "y above 0"),
        ({"a": [(1.0, float("nan"), 1.0)]}, "finite triples"),
    ],
)
def test_temperatures_that_do_not_fit_are_refused(curves, message):
    with pytest.raises(ValueError, match=message):
        writing.temperatures(curves)
