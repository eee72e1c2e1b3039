"""Pictures of attacks show every image, answer and share they are given, and refuse what does not fit."""

import numpy as np
import pytest
import torch

from gancourse.plotting import attacking

IMAGES = torch.linspace(-1, 1, 3 * 16).view(3, 1, 4, 4)
LABELS = torch.tensor([3, 5, 8])


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_every_image_has_its_answer_and_wrong_ones_a_frame():
    rows = {"clean": (IMAGES, LABELS), "change": 0.1 * IMAGES, "attacked": (-IMAGES, torch.tensor([3, 6, 0]))}
    (ax,) = attacking.answered(rows, LABELS).axes
    assert len(ax.images) == 9 and all(shown.get_clim() == (-1, 1) for shown in ax.images)
    for shown, image in zip(ax.images, torch.cat([IMAGES, 0.1 * IMAGES, -IMAGES]), strict=True):
        assert np.allclose(shown.get_array(), image[0])
    assert [text.get_text() for text in ax.texts] == ["3", "5", "8", "3", "6", "0"]
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert bold == ["6", "0"] and len(ax.patches) == 2
    left, right, low, top = ax.images[7].get_extent()
    assert ax.patches[0].get_xy() == (left, top) and right - left == 4 and low - top == 4
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(rows)
    places = [text.get_position()[1] for text in ax.texts]
    assert places[0] == places[2] < top < places[3]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({}, ValueError, "one row of images at least"),
        ({"a": IMAGES[:2]}, ValueError, r"rows\['a'\] must have 3 images"),
        ({"a": (IMAGES, LABELS[:2])}, ValueError, r"as many answers, got \(3, \(2,\)\)"),
        ({"a": 255 * IMAGES}, ValueError, r"rows\['a'\]"),
        ({"a": "images"}, TypeError, r"rows\['a'\]"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, error, message):
    with pytest.raises(error, match=message):
        attacking.answered(rows, LABELS)


def test_a_sweep_draws_medians_bands_and_levels():
    seeds = [[1.0, 0.5, 0.1], [0.9, 0.2, 0.0], [0.8, 0.4, 0.3]]
    curves = {"noise": [0.9, 0.8, 0.7], "PGD": seeds}
    (ax,) = attacking.sweep([0.0, 0.1, 0.2], curves, level=0.0, level_label="misread", trained=0.2).axes
    assert np.allclose(line(ax, "noise").get_ydata(), curves["noise"])
    assert np.allclose(line(ax, "PGD").get_xydata(), [(0, 0.9), (0.1, 0.4), (0.2, 0.1)])
    (band,) = ax.collections
    at = band.get_paths()[0].vertices
    assert (at[np.isclose(at[:, 0], 0.1), 1].min(), at[np.isclose(at[:, 0], 0.1), 1].max()) == (0.2, 0.5)
    assert line(ax, "noise").get_linestyle() != line(ax, "PGD").get_linestyle()
    assert line(ax, "noise").get_marker() != line(ax, "PGD").get_marker()
    assert {text.get_text() for text in ax.texts} == {"misread", "hardened for this"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"curves": {}}, "must hold 1 to 7 names"),
        ({"epsilons": [0.1, 0.1]}, "two rising numbers"),
        ({"curves": {"a": [1.0]}}, r"curves\['a'\] must hold finite numbers"),
        ({"curves": {"a": [1.0, float("nan")]}}, r"curves\['a'\] must hold finite numbers"),
    ],
)
def test_a_sweep_that_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        attacking.sweep(**{"epsilons": [0.0, 0.1], "curves": {"a": [1.0, 0.5]}} | change)


SHARES = {
    "projected": {"PGD": [0.9, 0.8, 0.7], "worst of all": [0.5, 0.6, 0.4]},
    "hardened": {"PGD": [0.7, 0.75, 0.6], "worst of all": [0.65, 0.7, 0.6]},
}


def test_each_attack_has_a_row_and_each_seed_a_mark():
    (ax,) = attacking.by_attack(SHARES).axes
    small = [drawn.get_xdata() for drawn in ax.lines if len(drawn.get_xdata()) == 3]
    assert np.allclose(small, [v for row in SHARES.values() for v in row.values()])
    large = [drawn.get_xydata()[0] for drawn in ax.lines if drawn.get_markersize() == 9]
    assert np.allclose([x for x, _ in large], [0.8, 0.5, 0.7, 0.65])
    assert all(abs(y - place) < 0.3 for (_, y), place in zip(large, (0, 1, 0, 1), strict=True))
    labels = {text.get_text(): text.get_fontweight() for text in ax.get_yticklabels()}
    assert labels == {"PGD": "normal", "worst of all": "bold"} and ax.get_ylim() == (1.5, -0.5)
    assert any(np.allclose(drawn.get_ydata(), 0.5) and drawn.get_linestyle() == "-" for drawn in ax.lines)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "must hold 1 to 7 nets"),
        ({"a": {}}, "the same attacks for every net"),
        ({"a": {"x": [0.1]}, "b": {"y": [0.1]}}, "the same attacks for every net"),
        ({"a": {"x": [1.1]}}, r"shares\['a'\]\['x'\] must hold shares"),
        ({"a": {"x": []}}, r"shares\['a'\]\['x'\] must hold shares"),
    ],
)
def test_shares_that_do_not_fit_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        attacking.by_attack(shares)
