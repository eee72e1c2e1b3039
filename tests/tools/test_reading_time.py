"""How words, lines, exercises and minutes of a notebook are counted."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

import reading_time


def test_words_are_those_one_reads():
    assert reading_time.words("Don't count **this** [link](http://a.b/c), 3.5 times.\n\n    more") == 7
    assert reading_time.words("$a + b$ is one, $$c\n+ d$$ too, <b>bold</b> as `x = 1` <!-- not this -->") == 8


def test_core_and_deeper_are_counted_apart():
    folded = {"jupyter": {"source_hidden": True}}
    cells = [
        new_markdown_cell("word " * 130),
        new_code_cell("set up\n" * 9, id="setup"),
        new_code_cell("a = 1\n\n" * 16),
        new_code_cell("b = 1\n" * 40, metadata=folded),
        new_code_cell("c = 1\n" * 4, metadata=folded | {"tags": ["solution"]}),
        new_markdown_cell("## Deeper · Why\n\n" + "word " * 63, metadata={"tags": ["deeper"]}),
        new_code_cell("d = 1\n" * 8, metadata={"tags": ["deeper"]}),
    ]
    core, deeper = reading_time.lengths(cells, "03")
    assert (core.words, core.lines, core.exercises) == (130, 16, 1)
    assert core.minutes == pytest.approx(130 / 65 + 16 / 8 + 5)
    assert (deeper.words, deeper.lines, deeper.exercises) == (65, 8, 0)
    opening, _ = reading_time.lengths(cells, "00")
    assert opening.minutes == pytest.approx(core.minutes * 2 / 3)


def test_the_minutes_are_those_of_the_reader_they_are_fitted_to():
    """Words, lines, exercises and the reader's minutes of the ten notebooks as they were then."""
    read = {
        "00": (2627, 141, 4, 50),
        "01": (3769, 235, 6, 110),
        "02": (3783, 392, 5, 125),
        "03": (4502, 292, 5, 160),
        "04": (3169, 231, 3, 100),
        "05": (3838, 243, 4, 130),
        "06": (4621, 305, 6, 140),
        "07": (5010, 454, 5, 170),
        "08": (4167, 306, 4, 135),
        "09": (4232, 290, 3, 140),
    }
    for number, (words, lines, exercises, minutes) in read.items():
        share = reading_time.OPENING_SHARE if number == reading_time.OPENING else 1
        assert reading_time.Length(words, lines, exercises, share).minutes == pytest.approx(minutes, rel=0.2)


def test_a_heading_of_the_same_level_ends_what_is_deeper():
    tagged = {"tags": ["deeper"]}
    cells = [
        new_markdown_cell("## Deeper · One", metadata=tagged),
        new_markdown_cell("### Inside", metadata=tagged),
        new_markdown_cell("text"),
        new_markdown_cell("## Deepest", metadata=tagged),
        new_markdown_cell("### Deeper · Two"),
        new_markdown_cell("### Core again"),
    ]
    assert list(reading_time.wrongly_tagged(cells)) == [(2, True), (3, False), (4, True)]
