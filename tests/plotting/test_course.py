"""The map of the course; `make lint` holds the notebooks to its list."""

import pytest

from gancourse.plotting import course, style


def test_numbers_rise_and_parts_stand_together():
    assert [number for number, *_ in course.NOTEBOOKS] == [f"{i:02d}" for i in range(len(course.NOTEBOOKS))]
    parts = [part for _, _, part in course.NOTEBOOKS]
    assert parts == sorted(parts, key=parts.index)


def test_every_title_is_drawn_inside_its_box_and_no_two_texts_overlap():
    figure = course.course_map("00")
    style.png(figure)
    ax = figure.axes[0]
    boxes = [patch.get_window_extent() for patch in ax.patches if type(patch).__name__ == "FancyBboxPatch"]
    texts = [text for text in ax.texts if text.get_text()]
    drawn = " ".join(" ".join(text.get_text().split()) for text in texts)
    assert len(boxes) == len(course.NOTEBOOKS)
    for _, title, part in course.NOTEBOOKS:
        assert title in drawn
        assert part in drawn
    extents = [text.get_window_extent() for text in texts]
    assert all(text.get_fontsize() >= 11 for text in texts)
    for text, extent in zip(texts, extents, strict=True):
        assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1, text.get_text()
    inside = [e for e in extents if any(b.contains((e.x0 + e.x1) / 2, (e.y0 + e.y1) / 2) for b in boxes)]
    assert len(inside) == len(boxes)
    assert all(any(b.x0 < e.x0 and e.x1 < b.x1 and b.y0 < e.y0 and e.y1 < b.y1 for b in boxes) for e in inside)


def test_a_notebook_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="here must be one of 00, 01.*got '42'"):
        course.course_map("42")


def test_the_map_draws_on_given_axes():
    figure, axes = style.figure(2)
    assert course.course_map(ax=axes[1]) is figure
