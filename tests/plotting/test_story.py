"""The pictures that join 01 to 05 to the digits of 00 show what is stored, and what their words say is in it."""

import numpy as np
import pytest
import torch

from gancourse import measured
from gancourse.plotting import story, style

ROWS = {row["name"]: row for row in measured.load("story")["rows"]}
LOOKS = {name: {look["step"]: look for look in row["looks"]} for name, row in ROWS.items()}


def texts(figure):
    style.png(figure)
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


def pictures(figure):
    return [np.asarray(image.get_array()) for ax in figure.axes for image in ax.images]


@pytest.mark.parametrize("draw", [getattr(story, name) for name in story.__all__], ids=story.__all__)
def test_nothing_is_trained_and_every_word_is_inside(draw, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "__call__", lambda *_: pytest.fail("a network was run"))
    figure = draw()
    style.png(figure)
    for text in figure.findobj(lambda artist: hasattr(artist, "get_window_extent") and hasattr(artist, "get_text")):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, text.get_text()
            assert figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1, text.get_text()


def test_a_sheet_is_read_image_by_image():
    look = LOOKS["notebook 00"][2_200]
    sheet = story._sheet(look)
    assert sheet.shape == (24, 1, 28, 28) and sheet.min() == -1 and sheet.max() <= 1
    assert len(set(sheet.unique().tolist())) <= 16
    assert story._sheet(look, "average_").shape == (6, 1, 28, 28)


def test_verdicts_stand_over_their_own_forgeries():
    figure = story.verdicts()
    for ax, step in zip(figure.axes, story._VERDICTS_AT, strict=True):
        look = LOOKS["notebook 00"][step]
        assert [float(text.get_text()) for text in ax.texts] == pytest.approx(
            [float(p) for p in look["d_shown"].split()[:6]], abs=0.0051
        )
        assert f"real {look['d_real']:.2f}\nfake {look['d_fake']:.2f}" in ax.get_ylabel()


def test_first_told_apart_and_in_the_end_near_one_half():
    early, _, last = (LOOKS["notebook 00"][step] for step in story._VERDICTS_AT)
    assert early["d_real"] > 0.9 and early["d_fake"] < 0.3
    assert 0 < last["d_real"] - last["d_fake"] < 0.15
    assert abs(last["d_real"] - 0.5) < 0.2 and abs(last["d_fake"] - 0.5) < 0.2


def test_curves_are_nearly_flat_while_digits_become_clear():
    row = ROWS["notebook 00"]
    later = [np.array([float(x) for x in row[term].split()])[20:] for term in ("d_loss", "g_loss")]
    assert all(len(losses) == 200 and losses.min() > 0.5 and losses.max() < 1.8 for losses in later)
    clear = [LOOKS["notebook 00"][step]["clear"] for step in story._SHEETS_AT]
    assert clear == sorted(clear) and clear[0] < 0.05 and clear[-1] > 0.7
    figure = story.curves()
    assert len(pictures(figure)) == 4
    d_loss, g_loss = (line for line in figure.axes[-1].lines if line.get_label() in ("d_loss", "g_loss"))
    assert d_loss.get_ydata().tolist() == [float(x) for x in row["d_loss"].split()]
    assert g_loss.get_xdata()[0] == 5 and g_loss.get_xdata()[-1] == 2_195


def test_the_average_changes_its_mind_less_often():
    looks = LOOKS["notebook 00"]
    own, average = (np.mean([looks[s][f"{who}changed"] for s in story._MOVING_AT[1:]]) for who in ("", "average_"))
    assert own > 3 * average
    words = " ".join(texts(story.moving()))
    assert f"{own:.0%} change" in words and f"{average:.0%} change" in words


def test_kinds_come_and_go_where_g_runs_ahead():
    said = texts(story.collapsed())
    for step in story._COLLAPSED_AT:
        look = LOOKS["G runs ahead"][step]
        assert any(f"{step:,}\n{look['clear']:.0%} clear:\n{look['kinds']} kind" in text for text in said)


def test_cured_says_what_is_stored():
    said = " ".join(texts(story.cured()))
    for name in ("G runs ahead", "with the brake R1", "with a quicker D"):
        row = ROWS[name]
        assert f"{story._kinds(row['looks'][-1])}, {row['clear'][0][-1]:.0%} clear" in said
        assert f"on {len(row['seeds'])} seeds: {', '.join(str(kinds[-1]) for kinds in row['kinds'])}" in said


def test_a_quicker_d_cures_and_the_brake_does_not():
    last = {name: [kinds[-1] for kinds in row["kinds"]] for name, row in ROWS.items()}
    assert max(last["G runs ahead"]) <= 3 and max(last["with the brake R1"]) <= 3
    assert last["with a quicker D"] == [10, 10, 10]
