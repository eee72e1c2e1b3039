"""Pictures of speed show every number they are given, in its place, and refuse what does not fit."""

import numpy as np
import pytest

from gancourse.plotting import speed, style

ROWS = {
    "whole": {"1 image": (1.0, 1.0, 1.0), "500 images": (1.0, 1.0, 1.0)},
    "half": {"1 image": (0.7, 0.65, 0.8), "500 images": (0.5, 0.45, 0.52)},
}


def test_a_row_has_a_mark_at_each_median_and_a_line_between_the_quartiles():
    (ax,) = speed.ratios(ROWS).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["whole", "half"]
    marks = [line.get_xydata()[0] for line in ax.lines if line.get_marker() in "Xo"]
    assert [mark[0] for mark in marks] == [1, 1, 0.7, 0.5]
    assert all(abs(mark[1] - row) < 0.4 for mark, row in zip(marks, (0, 0, 1, 1), strict=True))
    assert marks[0][1] < marks[1][1]
    whiskers = [line.get_xydata() for line in ax.lines if line.get_linewidth() == 2.2]
    assert np.allclose(whiskers[2], [(0.65, marks[2][1]), (0.8, marks[2][1])])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["1 image", "500 images"]
    assert [text.get_text() for text in ax.texts] == ["1.00", "1.00", "0.70", "0.50"]
    (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert set(dotted.get_xdata()) == {1} and ax.get_xscale() == "log"
    assert "0.5" in [label.get_text() for label in ax.get_xticklabels()]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "must hold networks"),
        ({"whole": {}}, "must hold networks"),
        ({**ROWS, "other": {"1 image": (1.0, 1.0, 1.0)}}, "with the same things timed"),
        ({"whole": {"1 image": (1.0, 1.1, 1.2)}}, r"rows\['whole'\]\['1 image'\] must be median and quartiles"),
        ({"whole": {"1 image": (1.0, 0.0, 1.2)}}, "must be median and quartiles"),
    ],
)
def test_ratios_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        speed.ratios(rows)


BATCHES, MS = (1, 10, 100), {"whole": [0.5, 1.4, 10.4], "tiny": [0.25, 0.3, 0.8]}
LINES = {"whole": (0.4, 0.1), "tiny": (0.24, 0.006)}


def test_times_are_marks_and_fits_are_curves():
    (ax,) = speed.batch_times(BATCHES, MS, LINES).axes
    drawn = {line.get_label().split(":")[0]: line for line in ax.lines if not line.get_label().startswith("_")}
    assert np.allclose(drawn["whole"].get_xydata(), list(zip(BATCHES, MS["whole"], strict=True)))
    assert drawn["tiny"].get_label() == "tiny: 0.24 + 0.006 · images"
    curves = [line for line in ax.lines if line.get_linestyle() == "-"]
    x, y = curves[1].get_data()
    assert np.allclose(y, 0.24 + 0.006 * x) and x[0] == 1 and np.isclose(x[-1], 100)
    assert ax.get_xscale() == ax.get_yscale() == "log"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": (1,)}, "two or more ascending numbers"),
        ({"batches": (1, 1, 2)}, "ascending"),
        ({"batches": (0, 1, 2)}, "above 0"),
        ({"ms": {}}, "the same 1 to 6 networks"),
        ({"lines": {"whole": (0.4, 0.1)}}, "the same 1 to 6 networks"),
        ({"ms": MS | {"tiny": [1.0, 2.0]}}, r"ms\['tiny'\] must hold 3 finite numbers"),
        ({"ms": MS | {"whole": [1.0, 2.0, 0.0]}}, r"ms\['whole'\] must hold 3 finite numbers above 0"),
    ],
)
def test_times_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        speed.batch_times(**{"batches": BATCHES, "ms": MS, "lines": LINES} | change)


@pytest.mark.parametrize("machines", [2, 3, 4])
def test_a_shared_batch_has_a_row_for_each_machine_and_no_word_outside_its_box(machines):
    figure = speed.shared_batch(machines)
    style.png(figure)
    (ax,) = figure.axes
    said = [text.get_text() for text in ax.texts]
    assert sum(words.startswith("machine ") for words in said) == said.count("the same step") == machines
    assert said.count(f"{64 // machines} images") == said.count("gradient") == machines
    boxes = [patch.get_window_extent() for patch in ax.patches if type(patch).__name__ == "FancyBboxPatch"]
    assert len(boxes) == 3 * machines + 2 and all(figure.bbox.contains(box.x0, box.y0) for box in boxes)
    for text in ax.texts:
        extent = text.get_window_extent()
        inside = [box for box in boxes if box.contains((extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2)]
        if text.get_text() != "gradient":
            (box,) = inside
            assert box.x0 < extent.x0 and extent.x1 < box.x1 and box.y0 < extent.y0 and extent.y1 < box.y1
        else:
            assert not inside and not any(box.overlaps(extent) for box in boxes)


@pytest.mark.parametrize("machines", [1, 5, 2.5])
def test_other_numbers_of_machines_are_refused(machines):
    with pytest.raises(ValueError, match="machines must be 2, 3 or 4"):
        speed.shared_batch(machines)


def test_two_costs_share_the_axis_of_quality_and_have_round_ticks():
    points = [(1e5, [110.0, 130.0, 80.0], "half"), (4e5, [100.0, 90.0, 98.0], "whole")]
    figure = speed.two_costs({"nets": points}, {"PyTorch": [(0.4, [100.0], "whole")], "ONNX": [(0.1, [100.0], "")]})
    left, right = figure.axes
    (curve,) = [line for line in left.lines if line.get_label() == "nets"]
    assert np.allclose(curve.get_xydata(), [(1e5, 110), (4e5, 98)])
    assert {line.get_label() for line in right.lines} >= {"PyTorch", "ONNX"}
    assert left.get_ylim() == right.get_ylim() and (left.get_xlabel(), right.get_ylabel()) == ("weights ↓", "")
    ticks = [label.get_text() for label in left.get_xticklabels()]
    assert {"100,000", "200,000", "400,000"} <= set(ticks) and len(ticks) < 12
    assert "100" in [label.get_text() for label in left.get_yticklabels()]
    with pytest.raises(ValueError, match="must hold 1 to 6 names"):
        speed.two_costs({}, {"PyTorch": points})
