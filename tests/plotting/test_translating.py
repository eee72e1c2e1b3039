"""The table of maps counts every GAN once, under the map that it found, and refuses what is no map."""

import pytest
import torch
from matplotlib.colors import to_hex

from gancourse.plotting import style, translating

A = 2 * torch.eye(3) - 1
FOUND = torch.tensor([[0, 1, 2], [0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 0, 1], [-1, 1, 2], [0, 1, 2]])


def test_each_gan_is_counted_once():
    assert translating.count_maps(FOUND) == [3, 0, 0, 1, 0, 1, 2]
    assert translating.count_maps(torch.tensor([[1, 0], [1, 1]])) == [0, 1, 1]


def test_the_table_has_the_counts_under_their_maps():
    figure = translating.maps_found({"one": FOUND, "other": FOUND[:1]}, A, -A)
    (ax,) = figure.axes
    said = {(round(t.get_position()[0]), t.get_position()[1]): t.get_text() for t in ax.texts if t.get_text().isdigit()}
    assert [said[column, 0] for column in range(7)] == ["3", "0", "0", "1", "0", "1", "2"]
    assert [said[column, 1] for column in range(7)] == ["1", "0", "0", "0", "0", "0", "0"]
    assert {"one", "other", "the right map"} <= {text.get_text() for text in ax.texts}


def test_each_column_shows_its_map_in_its_colours():
    (ax,) = translating.maps_found({"one": FOUND}, A, -A).axes
    third = [line.get_xdata() - 3 for line in ax.lines[9:12]]
    assert [[round(float(x) / 0.26) + 1 for x in line] for line in third] == [[0, 1], [1, 2], [2, 0]]
    tops, feet = ax.collections[:2]
    assert [to_hex(colour) for colour in tops.get_facecolors()] == ["#ff0000", "#00ff00", "#0000ff"]
    assert [to_hex(colour) for colour in feet.get_facecolors()] == ["#00ffff", "#ff00ff", "#ffff00"]
    assert len({tuple(tops.get_offsets()[:, 1]), tuple(feet.get_offsets()[:, 1])}) == 2


def test_the_right_map_is_green_and_more_is_darker():
    (ax,) = translating.maps_found({"one": FOUND}, A, -A).axes
    shades = [patch.get_facecolor() for patch in ax.patches]
    assert len(shades) == 7
    assert shades[1] == shades[2] and shades[3] == shades[5] != shades[1]
    assert shades[0][1] > max(shades[0][0], shades[0][2]), "the right map, green"
    full = translating.maps_found({"all": FOUND[:2]}, A, -A).axes[0].patches[0]
    assert to_hex(full.get_facecolor()) == style.COLOURS["real"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "at least one recipe"),
        ({"x": FOUND[0]}, r"shape \(K, C\)"),
        ({"x": FOUND.float()}, "int64"),
        ({"x": FOUND + 1}, "hold -1 to 2, got 0 to 3"),
        ({"x": FOUND[:, :2] * 0}, "three clouds"),
        ({"x": FOUND[:0]}, "K from 1 on"),
        ({"x": "maps"}, "got str"),
    ],
)
def test_what_is_no_map_is_refused(found, message):
    with pytest.raises(ValueError, match=message):
        translating.maps_found(found, A, -A)


def test_what_is_no_colour_is_refused():
    with pytest.raises(ValueError, match=r"a must be three colours"):
        translating.maps_found({"x": FOUND}, A[:2], -A)
    with pytest.raises(ValueError, match=r"b must be three colours"):
        translating.maps_found({"x": FOUND}, A, 2 * A)
