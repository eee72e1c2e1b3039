"""The panel of holes: what is hidden stays unknown, the best matches are the best, and words and numbers agree."""

import pytest
import torch

from gancourse.data import digits
from gancourse.labs import holes
from gancourse.metrics import restoration


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=8)


@pytest.fixture
def made(data):
    return holes.Holes(data, seed=1)


def test_the_hole_goes_where_it_is_told(made):
    made.side, made.down, made.across = 0.5, 1.0, 0.0
    assert made.hole() == ((4, 8), (0, 4))
    made.down, made.across = 0.0, 1.0
    assert made.hole() == ((0, 4), (4, 8))
    made.side, made.down = 1.0, 0.3
    assert made.hole() == ((0, 8), (0, 8))
    made.side = 0.0
    assert made.hole()[0][1] - made.hole()[0][0] == 2


def test_the_best_matches_agree_best_outside_of_the_hole(made):
    made.side, made.down, made.across = 0.5, 1.0, 0.5
    (top, bottom), (left, right) = made.hole()
    found = made.look_up()
    pool = made._pool.view(-1, 8, 8)
    for question in (0, 57):
        truth = made._truth[question, 0]
        off = (pool - truth).square()
        off[:, top:bottom, left:right] = 0
        order = off.sum(dim=(1, 2)).sort().indices[:3]
        assert torch.equal(found[question, :3, 0], pool[order][:, top:bottom, left:right])


def test_nothing_of_the_hidden_pixels_is_used(made, data):
    made.side, made.down, made.across, made.count = 0.6, 0.5, 0.5, 5
    before, (rows, columns) = made.look_up().clone(), made.hole()
    other = holes.Holes(data, seed=1)
    other.side, other.down, other.across = 0.6, 0.5, 0.5
    other._truth[..., slice(*rows), slice(*columns)] *= -1
    assert torch.equal(other.look_up(), before)


def test_each_answer_is_what_its_name_says(made):
    made.side, made.count = 0.5, 5
    inside = made.look_up()[:, :5]
    (rows, columns), answers = made.hole(), {}
    for made.answer in holes.ANSWERS:
        restored = made.restored()
        answers[made.answer] = restored[..., slice(*rows), slice(*columns)]
        outside = torch.ones(8, 8, dtype=torch.bool)
        outside[slice(*rows), slice(*columns)] = False
        assert torch.equal(restored[..., outside], made._truth[..., outside])
        assert made.psnr == restoration.psnr(answers[made.answer], made._goal)
        assert made.sharpness == restoration.sharpness(answers[made.answer], made._goal)
    assert torch.allclose(answers["their mean"], inside.sum(dim=1) / 5)
    assert torch.equal(answers["their median"], inside.sort(dim=1).values[:, 2])
    same = (answers["one of them"][:, None] == inside).flatten(2).all(dim=2)
    assert same.any(dim=1).all() and len(set(same.int().argmax(dim=1).tolist())) > 1


def test_of_one_digit_all_three_are_the_same_and_the_mean_of_many_is_nearer_and_softer(made):
    made.count, found = 1, []
    for made.answer in holes.ANSWERS:
        found.append((made.psnr, made.sharpness))
    assert len(set(found)) == 1
    made.answer, made.count = "their mean", 9
    assert made.psnr > found[0][0] + 0.5 and made.sharpness < found[0][1] - 0.03
    made.answer = "one of them"
    assert made.psnr < found[0][0] + 0.5


def test_the_smallest_hole_hides_some_ink_wherever_it_is():
    panel = holes.panel()
    try:
        panel.controls["side"].value = holes.SMALLEST
        for panel.controls["down"].value in (0.0, 0.5, 1.0):
            for panel.controls["across"].value in (0.0, 0.5, 1.0):
                assert panel.alert_text == "" and "Hidden: 5 by 5 pixels" in panel.status_text
    finally:
        panel.close()


def test_what_is_no_answer_or_no_data_is_refused(made):
    made.answer = "a guess"
    with pytest.raises(ValueError, match="answer must be one of one of them"):
        made.restored()
    with pytest.raises(TypeError, match=r"digits\.load, got NoneType"):
        holes.Holes(None)


def test_the_panel_moves_with_its_controls():
    panel = holes.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        before, words = panel.png, panel.status_text
        assert "the mean of the 17 best matches" in words
        for answer in holes.ANSWERS:
            panel.controls["answer"].value = answer
            assert panel.alert_text == "" and panel.status_text != words
            words = panel.status_text
        for attribute in ("side", "down", "across"):
            for value in (0.3, 1.0):
                panel.controls[attribute].value = value
                assert panel.alert_text == "", (attribute, value)
        panel.controls["count"].value = 1
        assert "the median of the best match:" in panel.status_text and panel.png != before
        stepper = panel.stepper
        assert stepper._cross.get_xydata()[0] == pytest.approx([stepper.psnr, stepper.sharpness])
        for answer, curve in stepper._drawn.items():
            assert curve.get_xydata()[0] == pytest.approx([stepper.psnr, stepper.sharpness]), answer
            assert len(curve.get_xydata()) == len(holes.COUNTS)
    finally:
        panel.close()
