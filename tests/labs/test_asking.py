"""The panel that is asked for a digit: what it asks the generator for, what it says, and what it draws."""

import pytest
import torch

from gancourse.data import digits
from gancourse.labs import asking
from gancourse.labs._quick_judge import quick_judge


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=8)


@pytest.fixture
def made(data):
    return asking.Asking(asking.StandIn(data), quick_judge(data), seed=1)


def test_the_stand_in_draws_the_mean_at_zero_and_mixes_classes(data):
    draw = asking.StandIn(data, directions=3)
    weights = torch.zeros(2, 10)
    weights[0, 4], weights[1, 4], weights[1, 9] = 1, 0.25, 0.75
    images = draw(torch.zeros(2, 3), weights)
    fours, nines = (data.images[data.labels == label].mean(dim=0) for label in (4, 9))
    assert torch.allclose(images[0], fours, atol=1e-5)
    assert torch.allclose(images[1], 0.25 * fours + 0.75 * nines, atol=1e-5)
    moved = draw(torch.tensor([[0.0, 0.0, 0.5]]), weights[:1])[0]
    assert 0 < float((moved - fours).norm()) < float((nines - fours).norm())
    assert float(draw(9 * torch.ones(1, 3), weights[:1]).abs().max()) <= 1


def test_what_is_asked_for(made):
    made.first, made.second, made.between = 3, 8, 0.25
    assert made.weights(0.25).tolist() == [0, 0, 0, 0.75, 0, 0, 0, 0, 0.25, 0]
    made.second = 3
    assert made.weights(0.25)[3] == 1


def test_the_judge_agrees_at_the_ends(made):
    for label in range(10):
        made.first, made.second, made.between = label, (label + 1) % 10, 0.0
        assert int(made.opinion().argmax()) == label
        assert made.status().startswith(f"Asked for a {label}, latent vector 1. The judge ")
    made.between = 1.0
    assert made.status().startswith("Asked for a 0, ")
    made.between, made.second = 0.4, 5
    assert "60% of a 9 and 40% of a 5" in made.status()


def test_the_picture_follows_the_wish(made):
    made.first, made.second, made.between, made.z = 2, 6, 0.5, 3
    figure = made.draw()
    large, bars, walk = figure.axes
    assert [round(bar.get_width(), 4) for bar in bars.patches] == [round(p, 4) for p in made.opinion().tolist()]
    pictures = [pixels.get_array() for pixels in walk.images]
    assert len(pictures) == 11 and (pictures[5] == large.images[0].get_array()).all()
    assert not (pictures[0] == pictures[10]).all()
    purple = [label for label, bar in enumerate(bars.patches) if bar.get_facecolor() == bars.patches[2].get_facecolor()]
    assert purple == [2, 6]
    before = pictures[0].copy()
    made.z = 4
    assert made.draw() is figure and not (walk.images[0].get_array() == before).all()


def test_what_does_not_fit_is_refused(data, made):
    with pytest.raises(TypeError, match="have a latent_dim"):
        asking.Asking(lambda z, weights: z, quick_judge(data))
    with pytest.raises(TypeError, match="outside must come from judge.load"):
        asking.Asking(asking.StandIn(data), None)
    with pytest.raises(ValueError, match="given together"):
        asking.panel(asking.StandIn(data))


def test_the_panel_moves_with_its_controls():
    panel = asking.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        seen = {panel.png}
        for name, value in (("first", 5), ("second", 0), ("between", 0.5), ("z", 40)):
            panel.controls[name].value = value
            assert panel.alert_text == ""
            seen.add(panel.png)
        assert len(seen) == 5 and "50% of a 5 and 50% of a 0, latent vector 40" in panel.status_text
    finally:
        panel.close()
