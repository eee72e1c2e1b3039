"""The panel of notebook 01: its numbers, its words and its picture, without a browser."""

import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.labs import minimax
from gancourse.metrics import divergences


def far(**settings):
    return minimax.Minimax(**({"p_gap": 0, "q_gap": 0, "q_width": 0.6} | settings))


def test_two_single_humps_follow_the_closed_forms():
    numbers = far(q_place=2.0, q_width=1.2).numbers()
    assert numbers["KL(p ‖ q)"] == pytest.approx(math.log(2) + (0.36 + 4) / (2 * 1.44) - 0.5, rel=1e-6)
    assert numbers["KL(q ‖ p)"] == pytest.approx(-math.log(2) + (1.44 + 4) / (2 * 0.36) - 0.5, rel=1e-6)
    assert numbers["V"] == pytest.approx(2 * numbers["JS"] - math.log(4), abs=1e-9)
    assert far(q_place=3.0).numbers()["W1"] == pytest.approx(3.0, rel=1e-6)


def test_moving_away_sticks_js_but_not_w1():
    near, away = far(q_place=4.0).numbers(), far(q_place=5.0).numbers()
    assert away["JS"] - near["JS"] < 2e-3 and abs(away["V"]) < 1e-3
    assert away["W1"] - near["W1"] == pytest.approx(1.0, rel=1e-6)


def test_w1_is_least_in_the_valley_where_js_is_highest():
    """What the notebook lets the learner find: the rulers disagree about the way from hump to hump."""
    at = {
        place: minimax.Minimax(p_gap=4.0, q_place=place, q_width=0.6, q_gap=0.0).numbers() for place in (-2.0, 0.0, 2.0)
    }
    assert at[2.0]["W1"] == pytest.approx(at[-2.0]["W1"]) == pytest.approx(2.0, abs=0.01)
    assert at[0.0]["W1"] == pytest.approx(2 - 0.6 * math.sqrt(2 / math.pi), abs=0.01)  # each half of q has its hump


def test_rulers_disagree_about_the_valley_between_two_humps():
    valley, hump = minimax.Minimax(q_place=0.0).numbers(), minimax.Minimax(q_place=2.0).numbers()
    for name in ("V", "JS", "KL(q ‖ p)"):
        assert valley[name] > hump[name]
    for name in ("KL(p ‖ q)", "W1"):
        assert valley[name] < hump[name]
    assert hump == pytest.approx(minimax.Minimax(q_place=-2.0).numbers(), abs=1e-9)


def test_each_kl_complains_about_its_own_mistake():
    one_hump, wide = minimax.Minimax(q_place=2.0).numbers(), minimax.Minimax(q_place=0.0, q_width=1.5).numbers()
    assert one_hump["KL(p ‖ q)"] > 5 * one_hump["KL(q ‖ p)"]
    assert wide["KL(p ‖ q)"] < 0.7 * wide["KL(q ‖ p)"]


def test_every_corner_of_the_sliders_has_finite_numbers():
    sliders = {control.attribute: (control.low, control.high) for control in minimax.CONTROLS}
    stepper = minimax.Minimax()
    for corner in itertools.product(*sliders.values()):
        for attribute, value in zip(sliders, corner, strict=True):
            setattr(stepper, attribute, value)
        numbers = stepper.numbers()
        assert all(math.isfinite(number) for number in numbers.values()), corner
        assert -math.log(4) - 1e-6 <= numbers["V"] <= 1e-9 and numbers["JS"] <= math.log(2) + 1e-9


def test_the_integrals_reach_past_the_farthest_mass():
    stepper = minimax.Minimax(p_gap=0.0, q_place=5.0, q_width=2.0, q_gap=5.0)
    p, q = stepper.densities()
    numbers, wide = stepper.numbers(), (-60, 60)
    assert numbers["KL(q ‖ p)"] == pytest.approx(divergences.kl(q, p, *wide), rel=1e-6)
    assert numbers["W1"] == pytest.approx(divergences.wasserstein_1d_densities(p, q, *wide), rel=1e-6)


def test_status_says_what_is_seen():
    same = minimax.Minimax(p_gap=3.0, q_gap=3.0, q_place=0.0, q_width=0.6).status()
    assert "answers 1/2 wherever there is data" in same and "1.386" in same and "KL" not in same
    assert "stuck at log 2" in far(q_place=5.0).status() and "5.00" in far(q_place=5.0).status()
    assert "q leaves out places where p has data" in minimax.Minimax(q_place=2.0).status()
    assert "q puts mass where p has none" in minimax.Minimax(q_place=0.0, q_width=2.0).status()
    assert "in doubt" in far(q_place=0.8).status()
    assert "tells most fakes" in far(q_place=1.8).status()


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def test_drawing_reuses_the_figure_and_follows_every_setting():
    stepper = minimax.Minimax()
    figure = stepper.draw()
    before, artists = pixels(figure), len(figure.findobj())
    for attribute, value in (("q_place", 0.5), ("q_width", 1.1), ("q_gap", 2.0), ("p_gap", 1.0)):
        setattr(stepper, attribute, value)
        assert stepper.draw() is figure
        after = pixels(figure)
        assert (after != before).any()
        before = after
    assert len(figure.findobj()) == artists


def test_curves_are_the_densities_and_the_best_discriminator():
    stepper = minimax.Minimax(q_place=1.0, q_width=0.9)
    stepper.draw()
    p, q = stepper.densities()
    points = stepper._x[:, None]
    drawn = {name: torch.as_tensor(line.get_ydata()) for name, line in stepper._lines.items()}
    assert torch.allclose(drawn["p"], p.log_prob(points).exp()) and torch.allclose(drawn["q"], q.log_prob(points).exp())
    assert torch.allclose(drawn["D"], torch.sigmoid(divergences.optimal_logits(p, q, points)))
    corners = stepper._areas["q"].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx(float(drawn["q"].max()))


def test_gauges_show_the_numbers():
    stepper = minimax.Minimax()
    stepper.draw()
    numbers = stepper.numbers()
    assert stepper._readings["W1"].get_text() == f"{numbers['W1']:.3f}"
    assert stepper._readings["V"].get_text().startswith("−")
    assert stepper._bars["JS"].get_width() == pytest.approx(numbers["JS"] / math.log(2))
    assert stepper._bars["KL(p ‖ q)"].get_width() == 1.0  # off the scale: full, never longer


def test_panel_moves_and_resets():
    shown = minimax.panel()
    try:
        assert not shown.live and shown.play is None and set(shown.controls) == {"q_place", "q_width", "q_gap", "p_gap"}
        start = shown.status_text
        shown.controls["q_place"].value = -5.0
        assert shown.alert_text == "" and shown.stepper.q_place == -5.0 and shown.status_text != start
        shown.restart.click()
        assert shown.stepper.q_place == 2.0 and shown.status_text == start
        assert Image.open(io.BytesIO(shown.png)).width == pytest.approx(8.6 * 96, abs=1)
    finally:
        shown.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"q_width": 0.0}, "q_width must lie between 0.3 and 2, got 0"),
        ({"q_place": math.nan}, "q_place must lie between -5 and 5, got nan"),
        ({"p_gap": "4"}, "p_gap must be a number, got str"),
        ({"q_gap": True}, "q_gap must be a number, got bool"),
    ],
)
def test_settings_out_of_range_are_refused(settings, says):
    with pytest.raises((TypeError, ValueError), match=says):
        minimax.Minimax(**settings)
