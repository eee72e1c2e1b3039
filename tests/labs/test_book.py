"""The panel of words: pieces come back whole, each is written with its nearest word, and words and numbers agree."""

import pytest
import torch

from gancourse.data import digits
from gancourse.labs import book


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=8)


@pytest.fixture(scope="module")
def made(data):
    return book.Words(data, seed=1)


@pytest.fixture(autouse=True)
def as_it_was(made):
    made.grid, made.bits, made.swapped, made.drawn = "4 by 4", 3, 0.0, 1


@pytest.mark.parametrize("side", [8, 16, 28])
def test_a_side_is_cut_into_equal_parts(side):
    panel = book.Words(digits.load("embedded", image_size=side))
    parts = [panel.parts(grid) for grid in book.GRIDS]
    assert parts == [1, 2, 4, 7 if side == 28 else 8]


def test_pieces_come_back_whole_and_lie_where_they_were(made):
    images = torch.arange(2 * 64.0).view(2, 1, 8, 8)
    for parts in (1, 2, 4, 8):
        pieces = made._cut(images, parts)
        assert pieces.shape == (2, parts, parts, 64 // parts**2)
        assert torch.equal(made._join(pieces), images)
    assert made._cut(images, 4)[1, 2, 3].tolist() == images[1, 0, 4:6, 6:8].flatten().tolist()


def test_a_book_has_two_to_its_bits_words_from_black_to_bright_and_each_piece_gets_the_nearest(made):
    for bits in (1, 4):
        found = made.book(bits=bits)
        assert found.shape == (2**bits, 4)
        assert (found.mean(dim=1).diff() >= 0).all()
        numbers = made.write(made._truth[:5], bits=bits)
        piece = made._truth[3, 0, 2:4, 4:6].flatten()
        assert int(numbers[3, 1, 2]) == int(((found - piece) ** 2).sum(dim=1).argmin())


def test_more_words_lose_less_and_the_error_is_that_of_the_copies(made):
    errors = []
    for made.bits in book.DOUBLINGS:
        again = made.read(made.write(made._truth))
        errors.append(made.error)
        assert made.error == pytest.approx(float(((again - made._truth) ** 2).mean()))
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 3


def test_lower_rows_come_from_the_next_digit(made):
    whole = made.copied()
    made.swapped = 0.5
    mixed = made.copied()
    assert made.rows_swapped() == 2
    assert torch.equal(mixed[:, :2], whole[:, :2]) and torch.equal(mixed[:-1, 2:], whole[1:, 2:])
    made.swapped = 1.0
    assert torch.equal(made.copied(), whole.roll(-1, 0))


def test_words_by_lot_come_from_their_place_and_not_from_one_digit(made):
    numbers, drawn = made.write(made._pool), made.by_lot()
    for row in range(4):
        for column in range(4):
            assert set(drawn[:, row, column].tolist()) <= set(numbers[:, row, column].tolist())
    flat = {tuple(digit) for digit in numbers.flatten(1).tolist()}
    assert sum(tuple(digit) in flat for digit in drawn.flatten(1).tolist()) < 4
    made.drawn = 2
    assert not torch.equal(made.by_lot(), drawn)
    made.grid = "one word"
    alone = {tuple(digit) for digit in made.write(made._pool).flatten(1).tolist()}
    assert {tuple(digit) for digit in made.by_lot().flatten(1).tolist()} <= alone


def test_what_is_no_grid_or_no_data_is_refused(made):
    made.grid = "3 by 3"
    with pytest.raises(ValueError, match="grid must be one of one word"):
        made.copied()
    with pytest.raises(TypeError, match=r"digits\.load, got NoneType"):
        book.Words(None)


def test_the_panel_moves_with_its_controls():
    panel = book.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        assert "16 words a digit from a book of 32: 80 bits" in panel.status_text
        for attribute, value, said in (
            ("grid", "one word", "1 word a digit from a book of 32: 5 bits"),
            ("bits", 6, "book of 64"),
            ("grid", "2 by 2", "24 bits"),
            ("swapped", 0.5, "1 of 2 rows from the next digit"),
            ("swapped", 1.0, "2 of 2 rows"),
            ("drawn", 20, "draw 20"),
        ):
            before, line = panel.png, panel.status_text
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and said in panel.status_text, (attribute, value)
            assert panel.status_text != line and panel.png != before
        stepper = panel.stepper
        assert stepper._cross.get_xydata()[0] == pytest.approx([24, stepper.error])
    finally:
        panel.close()
