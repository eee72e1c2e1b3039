"""The panel of the inbox: counts, long run and picture agree with the scores it was given."""

import math

import pytest
import torch

from gancourse.labs import inbox

SCORES = {
    "one": {"real": [-3.0, -2.0, -1.0, 1.0], "known": [2.0, 3.0, 0.5, -0.5], "other": [-2.0, -1.0, 0.5, 2.0]},
    "four": {"real": [-3.0, -2.0, -1.0, -0.5], "known": [1.0, 1.0, 1.0, -1.0], "other": [1.0, 1.0, -1.0, -1.0]},
}


@pytest.fixture
def made():
    return inbox.Inbox(SCORES, seed=1)


def test_rates_are_counted_above_the_threshold(made):
    assert made.rates() == (0.75, 0.25)
    made.threshold = 1.0  # the score 1 is not above it
    assert made.rates() == (0.5, 0.0)
    made.generator, made.detector, made.threshold = "other", "four", 0.0
    assert made.rates() == (0.5, 0.0)


def test_the_long_run_is_bayes_by_hand(made):
    assert made.expected() == pytest.approx(0.75)  # 1 in 2: 0.75 / (0.75 + 0.25)
    made.base = "1 in 100"
    assert made.expected() == pytest.approx(0.0075 / (0.0075 + 0.99 * 0.25))
    made.threshold = 8.0
    assert math.isnan(made.expected())


def test_what_arrives_comes_near_to_the_long_run(made):
    made.base = "1 in 10"
    made.reset()
    for _ in range(60):
        made.step()
    assert made.arrived == 60_000 and made.fakes == pytest.approx(6_000, rel=0.05)
    assert made.caught == pytest.approx(0.75 * made.fakes, rel=0.05)
    assert made.false == pytest.approx(0.25 * (made.arrived - made.fakes), rel=0.05)
    assert made.caught / (made.caught + made.false) == pytest.approx(made.expected(), rel=0.05)
    assert len(made._alarms) == 400


def test_the_picture_shows_the_latest_alarms(made):
    made.step()
    figure = made.draw()
    crosses, dots = made._crosses.get_xdata(), made._wrong.get_xdata()
    assert len(crosses) == sum(made._alarms) and len(dots) == len(made._alarms) - sum(made._alarms)
    assert list(made._cut.get_xdata()) == [0, 0]
    heights = made._lines[1].get_ydata()[:-1]
    assert heights.sum() == pytest.approx(1) and heights.max() == 0.25
    made.threshold = 2.5
    made.reset()
    assert made.draw() is figure and len(made._crosses.get_xdata()) == 0 and made._cut.get_xdata()[0] == 2.5


def test_the_same_seed_brings_the_same(made):
    other = inbox.Inbox(SCORES, seed=1)
    third = inbox.Inbox(SCORES, seed=2)
    for one in (made, other, third):
        one.step()
    assert made.status() == other.status() != third.status()


@pytest.mark.parametrize(
    "scores", [{}, {"a": {"real": [1.0]}}, {"a": {"x": [1.0], "y": [1.0]}}, {"a": SCORES["one"], "b": {"real": [0.0]}}]
)
def test_scores_without_both_kinds_are_refused(scores):
    with pytest.raises(ValueError, match="the same kinds, 'real' and a generator"):
        inbox.Inbox(scores)


def test_other_numbers_and_names_are_refused(made):
    with pytest.raises(ValueError, match=r"scores\['a'\]\['real'\] must be finite"):
        inbox.Inbox({"a": {"real": [math.nan], "x": [1.0]}})
    for name, value in (("base", "often"), ("generator", "real"), ("detector", "none"), ("threshold", "high")):
        before = getattr(made, name)
        setattr(made, name, value)
        with pytest.raises(ValueError, match=f"{name} must be"):
            made.reset()
        setattr(made, name, before)


def test_every_control_of_the_panel_changes_what_is_said():
    panel = inbox.panel(SCORES)
    try:
        assert panel.live and panel.alert_text == "" and "Nothing has arrived yet" in panel.status_text
        panel.advance(3)
        words = panel.status_text
        assert "3,000 images arrived" in words and "(in the long run 75%)" in words
        for attribute, value in (
            ("base", "1 in 1,000"),
            ("generator", "other"),
            ("detector", "four"),
            ("threshold", 2.0),
        ):
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and panel.status_text != words, attribute
            panel.advance(3)
            words = panel.status_text
        assert "3,000 images arrived" in words and "0 alarms." in words
    finally:
        panel.close()


def test_the_stored_scores_are_of_both_detectors():
    scores = inbox.stored_scores()
    made = inbox.Inbox(scores)
    assert list(scores) == ["one generator", "four generators"] and len(made.generators) >= 3
    assert made.rates()[0] > made.rates()[1]
    assert all(bool(torch.tensor(row).isfinite().all()) for sets in scores.values() for row in sets.values())
