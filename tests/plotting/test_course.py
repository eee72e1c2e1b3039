"""The map of the course; `make lint` holds the notebooks to its list."""

import itertools

import numpy as np
import pytest

from course import ROOT
from gancourse.plotting import course, style

EVERY = tuple(sorted((*course.NOTEBOOKS, *course.TO_COME)))
NEEDS = {  # what "You need" of each notebook names
    "01": "00", "02": "01", "03": "02", "04": "01 02", "05": "02 04", "06": "00 02", "07": "00 02", "08": "02 04",
    "09": "05 07 08",
}  # fmt: skip


def boxes(ax):
    return [patch for patch in ax.patches if type(patch).__name__ == "FancyBboxPatch"]


def test_numbers_rise_and_parts_stand_together():
    assert [number for number, *_ in EVERY] == [f"{i:02d}" for i in range(23)]
    parts = [part for _, _, part in EVERY]
    assert parts == sorted(parts, key=parts.index)


def test_a_notebook_that_is_there_is_not_to_come():
    there = {path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there == {number for number, *_ in course.NOTEBOOKS}


def test_every_title_is_drawn_inside_its_box_and_no_two_texts_overlap():
    figure = course.course_map("00")
    style.png(figure)
    ax = figure.axes[0]
    places = [patch.get_window_extent() for patch in boxes(ax)]
    texts = [text for text in ax.texts if text.get_text()]
    drawn = " ".join(" ".join(text.get_text().split()) for text in texts)
    assert len(places) == len(EVERY)
    for _, title, part in EVERY:
        assert title in drawn
        assert part in drawn
    extents = [text.get_window_extent() for text in texts]
    assert all(text.get_fontsize() >= 11 for text in texts)
    for text, extent in zip(texts, extents, strict=True):
        assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1, text.get_text()
    inside = [e for e in extents if any(b.contains((e.x0 + e.x1) / 2, (e.y0 + e.y1) / 2) for b in places)]
    assert len(inside) == len(places)
    assert all(any(b.x0 < e.x0 and e.x1 < b.x1 and b.y0 < e.y0 and e.y1 < b.y1 for b in places) for e in inside)
    heads = [extent for extent in extents if extent not in inside]
    assert all(not one.overlaps(other) for i, one in enumerate(heads) for other in heads[i + 1 :])
    assert all(not head.overlaps(place) for head in heads for place in places)


def test_the_way_runs_between_boxes_and_titles():
    figure = course.course_map("00")
    style.png(figure)
    ax = figure.axes[0]
    obstacles = [patch.get_window_extent().padded(-2) for patch in boxes(ax)]
    obstacles += [text.get_window_extent() for text in ax.texts if text.get_text()]
    ways = [line for line in ax.lines if line.get_linestyle() == "-"]
    assert ways
    for line in ways:
        corners = ax.transData.transform(line.get_xydata())
        for start, end in itertools.pairwise(corners):
            for point in np.linspace(start, end, 200):
                assert not any(box.contains(*point) for box in obstacles), (line.get_xydata(), point)


def test_what_is_to_come_is_grey():
    ax = course.course_map("03").axes[0]
    edges = [patch.get_edgecolor()[0] for patch in boxes(ax)]
    there = [notebook in course.NOTEBOOKS for notebook in EVERY]
    assert [edge < 0.2 for edge in edges] == there and [edge > 0.7 for edge in edges] == [not here for here in there]
    (filled,) = [i for i, patch in enumerate(boxes(ax)) if patch.get_facecolor()[0] < 0.2]
    assert filled == 3


def test_routes_are_short_and_bring_what_each_notebook_needs():
    assert len(course.ROUTES) == 3
    for route in course.ROUTES.values():
        assert len(route) <= 6 and list(route) == sorted(set(route)) and route[0] == "00"
        assert set(route) <= {number for number, *_ in course.NOTEBOOKS}
        for at, number in enumerate(route):
            assert set(NEEDS.get(number, "").split()) <= set(route[:at]), number


def test_every_stop_of_a_route_has_its_mark_and_no_mark_touches_a_word():
    figure = course.course_map()
    style.png(figure)
    ax = figure.axes[0]
    marks = [line for line in ax.lines if line.get_marker() in "os^"]
    assert len(marks) == sum(map(len, course.ROUTES.values()))
    words = [text.get_window_extent() for text in ax.texts]
    for mark in marks:
        (x,), (y,) = mark.get_data()
        centre = ax.transData.transform((x, y))
        assert any(patch.get_window_extent().padded(2).contains(*centre) for patch in boxes(ax))
        assert not any(word.contains(*centre) for word in words)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    to_come = ["to come"] if course.TO_COME else []
    assert said == [f"{name}: {' '.join(route)}" for name, route in course.ROUTES.items()] + to_come


def test_a_notebook_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="here must be one of 00, 01.*got '42'"):
        course.course_map("42")


def test_what_is_planned_is_grey_and_no_place_to_be(monkeypatch):
    monkeypatch.setattr(course, "NOTEBOOKS", course.NOTEBOOKS[:-1])
    monkeypatch.setattr(course, "TO_COME", EVERY[-1:])
    figure = course.course_map("03")
    assert boxes(figure.axes[0])[-1].get_edgecolor()[0] > 0.7
    assert figure.legends[0].get_texts()[-1].get_text() == "to come"
    with pytest.raises(ValueError, match="here must be one of"):
        course.course_map(EVERY[-1][0])  # planned, and not there yet


def test_the_map_draws_on_given_axes():
    figure, axes = style.figure(2)
    assert course.course_map(ax=axes[1]) is figure
