"""Pictures of flows, quality against time, and arms show every number they are given, and refuse what does not fit."""

import numpy as np
import pytest
import torch

from gancourse.plotting import standing

NOISE, IMAGES = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([-1.0, 1.0, 1.0])
PATH = torch.tensor([[0.2, -0.4], [0.5, -0.3], [1.0, -1.0]])


def walks(ax):
    return [line for line in ax.lines if line.get_linestyle() in ("-", "--")]


def test_lines_go_from_noise_to_image_and_paths_through_every_place():
    left, right = standing.lines_and_paths(NOISE, IMAGES, PATH).axes
    for line, start, end in zip(walks(left), NOISE, IMAGES, strict=True):
        assert np.allclose(line.get_xydata(), [(0, start), (1, end)])
    for line, path in zip(walks(right), PATH.T, strict=True):
        assert np.allclose(line.get_xdata(), [0, 0.5, 1]) and np.allclose(line.get_ydata(), path)
    looks = {(line.get_ydata()[-1] > 0, line.get_color(), line.get_linestyle()) for line in walks(left) + walks(right)}
    assert len(looks) == 2 and len({colour for _, colour, _ in looks}) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES[:2]}, r"images must have the shape of noise, \(3,\), got \(2,\)"),
        ({"noise": NOISE[None]}, "noise must have 1 axis"),
        ({"path": PATH[0]}, "path must have 2 axis"),
        ({"path": PATH[:1]}, "a row for time 0 and one for time 1"),
        ({"path": PATH / 0}, "path must be finite, got 6"),
    ],
)
def test_paths_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        standing.lines_and_paths(**{"noise": NOISE, "images": IMAGES, "path": PATH} | change)


CURVES = {"GAN": [(0.05, [40.0, 60.0, 50.0], "one step")], "flow": [(0.3, [900.0], "2"), (5.0, [200.0, 180.0], "32")]}


def test_every_seed_has_a_mark_and_medians_are_joined():
    (ax,) = standing.quality_and_time(CURVES, floor=4.7).axes
    drawn = {line.get_label(): line for line in ax.lines}
    assert np.allclose(drawn["GAN"].get_xydata(), [(0.05, 50)])
    assert np.allclose(drawn["flow"].get_xydata(), [(0.3, 900), (5, 190)])
    assert set(drawn["real images"].get_ydata()) == {4.7}
    small = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"]
    assert np.allclose(small[0], [(0.05, 40), (0.05, 60), (0.05, 50)]) and np.allclose(small[2], [(5, 200), (5, 180)])
    assert [(text.get_text(), text.xy) for text in ax.texts] == [
        ("one step", (0.05, 50)),
        ("2", (0.3, 900)),
        ("32", (5.0, 190)),
    ]
    assert ax.get_xscale() == ax.get_yscale() == "log"


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "must hold 1 to 6 names"),
        (dict.fromkeys("abcdefg", CURVES["GAN"]), "must hold 1 to 6 names"),
        ({"a": []}, "with a point at least"),
        ({"a": [(0.0, [1.0], "")]}, r"curves\['a'\] must hold finite numbers above 0"),
        ({"a": [(1.0, [-1.0], "")]}, r"curves\['a'\] must hold finite numbers above 0"),
        ({"a": [(1.0, [], "")]}, r"curves\['a'\] must hold finite numbers above 0"),
    ],
)
def test_curves_that_do_not_fit_are_refused(curves, message):
    with pytest.raises(ValueError, match=message):
        standing.quality_and_time(curves)


ARMS = {"ours": [40.0, 60.0, 50.0], "theirs": [100.0, 2000.0, 120.0]}


def test_arms_show_every_seed_the_median_and_who_failed():
    (ax,) = standing.arms(ARMS, failed={"theirs": [False, True, False]}, reference="ours").axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ours", "theirs · 1 of 3 failed"]
    good = [line.get_xydata() for line in ax.lines if line.get_marker() == "o"]
    bad = [line.get_xydata() for line in ax.lines if line.get_marker() == "X"]
    assert np.allclose(good[0], [(40, 0), (60, 0), (50, 0)]) and np.allclose(good[1], [(100, 1), (120, 1)])
    assert len(bad[0]) == 0 and np.allclose(bad[1], [(2000, 1)])
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_color() == "black"]
    assert medians == [50, 120]
    (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert set(dotted.get_xdata()) == {50} and ax.get_ylim() == (1.5, -0.5)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        *("50", "70", "100", "150", "200", "300", "500", "700", "1,000", "1,500", "2,000")
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": {}}, "must hold one arm at least"),
        ({"values": {"ours": []}}, "each with a value"),
        ({"values": {"ours": [0.0]}}, r"values\['ours'\] must hold finite numbers above 0"),
        ({"reference": "nobody"}, "must name arms of values, got 'nobody'"),
        ({"failed": {"nobody": [True]}}, "must name arms of values, got 'nobody'"),
        ({"failed": {"ours": [True]}}, r"failed\['ours'\] must say it for each of 3 seeds, got 1"),
    ],
)
def test_arms_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        standing.arms(**{"values": ARMS} | change)
