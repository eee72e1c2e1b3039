"""Pictures of codes draw what they are given: sizes, places, words in use, and the lines of a lattice."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Ellipse

from gancourse.plotting import encoding


def four(count=3):
    random = torch.Generator().manual_seed(1)
    means, widths = torch.randn(2, count, 2, generator=random), torch.rand(2, count, 2, generator=random) + 0.1
    return means[0], widths[0], means[1], widths[1]


def test_an_ellipse_is_one_deviation_to_each_side():
    exact_mean, exact_width, mean, width = four()
    figure = encoding.certainties({"a": (exact_mean, exact_width, mean, width), "b": four(2)})
    first, second = figure.axes
    drawn = [patch for patch in first.patches if isinstance(patch, Ellipse)]
    assert len(drawn) == 6 and len(second.patches) == 4 and first.get_title() == "a"
    filled = [patch for patch in drawn if patch.get_fill()]
    dashed = [patch for patch in drawn if not patch.get_fill()]
    for patches, centre, size in ((filled, exact_mean, exact_width), (dashed, mean, width)):
        for patch, middle, deviation in zip(patches, centre, size, strict=True):
            assert patch.get_center() == pytest.approx(tuple(middle.tolist()), abs=1e-6)
            assert (patch.width, patch.height) == pytest.approx(tuple((2 * deviation).tolist()), abs=1e-6)


def test_a_book_shows_which_words_are_nearest_to_nothing():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.1, 0.1]])
    figure = encoding.books(points, {"mine": torch.tensor([[0.1, 0.0], [9.0, 9.0], [1.0, 0.1]])})
    (ax,) = figure.axes
    assert "2 of 3 words in use" in ax.get_title()
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert lines["dead word"].tolist() == [[9.0, 9.0]]
    assert lines["word in use"] == pytest.approx(np.array([[0.1, 0.0], [1.0, 0.1]]))
    assert len(lines["points"]) == 3


def test_a_lattice_has_a_line_for_each_row_and_column_and_its_corner_marked():
    rows, columns = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    nodes = torch.stack([rows, 10 * columns], dim=2)
    (ax,) = encoding.lattices({"z": nodes}).axes
    solid = [line for line in ax.lines if line.get_linestyle() == "-"]
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert len(solid) == 4 and len(dashed) == 3
    assert all(len(set(line.get_ydata())) == 1 for line in solid)  # an equal second number
    assert all(len(set(line.get_xdata())) == 1 for line in dashed)
    assert ax.lines[-1].get_xydata().tolist() == [[2.0, 30.0]]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="one title at least"):
        encoding.certainties({})
    with pytest.raises(ValueError, match="four tensors, got 2"):
        encoding.certainties({"a": four()[:2]})
    with pytest.raises(ValueError, match=r"mean must have shape \(3, 2\), got \(2, 2\)"):
        encoding.certainties({"a": (*four()[:2], *four(2)[2:])})
    mean, width, *others = four()
    with pytest.raises(ValueError, match="above 0"):
        encoding.certainties({"a": (mean, width * 0, *others)})
    with pytest.raises(ValueError, match="one title at least"):
        encoding.books(torch.zeros(3, 2), {})
    with pytest.raises(ValueError, match=r"points must have shape \(N, 2\), got \(3, 3\)"):
        encoding.books(torch.zeros(3, 3), {"a": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match="finite, got 1 value"):
        encoding.books(torch.zeros(3, 2), {"a": torch.tensor([[0.0, torch.nan]])})
    with pytest.raises(ValueError, match="one title at least"):
        encoding.lattices({})
    with pytest.raises(ValueError, match=r"shape \(R, C, 2\), got \(4, 2\)"):
        encoding.lattices({"a": torch.zeros(4, 2)})
