"""The panel that is asked for a digit: what it asks the generator for, what it says, and what it draws."""

import pytest
import torch

from gancourse.data import digits, spoils
from gancourse.labs import asking
from gancourse.labs._quick_judge import quick_judge
from gancourse.metrics import asked


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
    images = draw(torch.zeros(2, 4), weights)
    fours, nines = (data.images[data.labels == label].mean(dim=0) for label in (4, 9))
    assert torch.allclose(images[0], fours, atol=1e-5)
    assert torch.allclose(images[1], 0.25 * fours + 0.75 * nines, atol=1e-5)
    moved = draw(torch.tensor([[0.0, 0.0, 0.5, 0.0]]), weights[:1])[0]
    assert 0 < float((moved - fours).norm()) < float((nines - fours).norm())
    assert float(draw(9 * torch.ones(1, 4), weights[:1]).abs().max()) <= 1
    ends = [draw(torch.tensor([[0.0, 0.0, 0.0, end]]).repeat(10, 1), torch.eye(10)) for end in (-1.0, 1.0)]
    left, right = (asked.moments(images).slant for images in ends)
    assert bool((right > left + 0.1).all())


def test_what_is_asked_for(made):
    made.first, made.second, made.between = 3, 8, 0.25
    assert made.weights(0.25).tolist() == [0, 0, 0, 0.75, 0, 0, 0, 0, 0.25, 0]
    made.second = 3
    assert made.weights(0.25)[3] == 1


def test_the_judge_agrees_at_the_ends(made):
    for label in range(10):
        made.first, made.second, made.between = label, (label + 1) % 10, 0.0
        assert int(made.opinion().argmax()) == label
        assert made.status().startswith(f"Asked for a {label}, latent vector 1, slant +0. The judge ")
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


class Leaning:
    """A stroke that leans by the third number of z, more under odd digits: the first two numbers change nothing."""

    latent_dim = 3

    def __call__(self, z, weights):
        base = weights @ (torch.arange(10) % 2).float()
        upright = torch.full((len(z), 1, 16, 16), -1.0)
        upright[:, :, 2:14, 7:9] = 1
        leans = (0.2 * z[:, 2] + 0.3 * base).clamp(-1, 1)
        return torch.cat([spoils.slant(one[None], float(lean)) for one, lean in zip(upright, leans, strict=True)])


def test_the_way_of_the_slant_is_found_and_taken(data):
    way = asking.slanting(Leaning(), seed=1)
    assert way.norm() == pytest.approx(1) and float(way[2]) > 0.99
    made = asking.Asking(asking.StandIn(data), quick_judge(data), seed=1)
    for first, z in ((7, 1), (0, 5), (4, 9)):
        made.first, made.z, found = first, z, []
        for made.slant in (-2.0, 0.0, 2.0):
            before, after = made.leans()
            found.append(after)
            said = f"slant {made.slant:+g}. The judge "
            assert said in made.status() and f"It leans by {after:+.2f}" in made.status()
            assert (f"and by {before:+.2f} without the slant" in made.status()) == (made.slant != 0)
        assert found[0] < found[1] - 0.05 < found[1] + 0.05 < found[2] and before == found[1]


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
        said = {panel.status_text}
        for name, value in (("first", 5), ("second", 0), ("between", 0.5), ("z", 40), ("slant", -1.5)):
            panel.controls[name].value = value
            assert panel.alert_text == ""
            seen.add(panel.png)
            said.add(panel.status_text)
        assert len(seen) == len(said) == 6
        assert "50% of a 5 and 50% of a 0, latent vector 40, slant -1.5. The judge" in panel.status_text
    finally:
        panel.close()
