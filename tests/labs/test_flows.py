"""The panel of flows: both learn the ring, the exact flow is exact, and words and picture follow every control."""

import math

import pytest
import torch

from gancourse.data import toy
from gancourse.labs import flows, ring
from gancourse.metrics import modes


@pytest.fixture
def made():
    return flows.Beside(seed=1)


def test_the_gan_is_the_one_of_the_ring_panel_bit_for_bit(made):
    alone = ring.Ring(1)
    for stepper in (made, alone):
        for _ in range(5):
            stepper.step()
    noise = torch.randn(20, 2, generator=torch.Generator().manual_seed(3))
    assert torch.equal(made.generated(noise), alone.G(noise).detach())


def test_one_call_goes_to_the_mean_and_many_exact_ones_to_the_ring(made):
    """The mean of a ring is its middle, where no point lies; many exact steps draw from the ring itself."""
    noise = torch.randn(2_000, 2, generator=torch.Generator().manual_seed(4))
    made.kind, made.calls = "exact", 1
    assert made.path(noise)[-1].abs().max() < 1e-6
    made.calls = 32
    ends, target = made.path(noise)[-1], toy.ring()
    assert modes.covered(ends, target) == 8 and modes.quality(ends, target) > 0.95
    shares = modes.histogram(ends, target)[:8]
    assert (shares - 1 / 8).abs().max() < 0.03


def test_the_learned_flow_comes_nearer_to_the_exact_one(made):
    noise, t = torch.randn(500, 2, generator=torch.Generator().manual_seed(5)), torch.full((500,), 0.5)
    target, g = toy.ring(), torch.Generator().manual_seed(6)
    x = 0.5 * noise + 0.5 * target.sample(500, g)

    def error():
        with torch.no_grad():
            return float((made._guess(x, t) - made._exact(x, t)).square().mean())

    before = error()
    for _ in range(300):
        made.step()
    assert error() < 0.2 * before and made.steps_done == 300


def test_the_way_begins_at_the_noise_and_has_a_point_for_each_call(made):
    for made.calls in flows.CALLS:
        way = made.path(made.marked())
        assert way.shape == (made.calls + 1, 1, 2) and torch.equal(way[0], made.marked())
    made.angle = 90
    assert torch.allclose(made.marked(), torch.tensor([[0.0, 1.5]]), atol=1e-6)


def test_the_picture_shows_the_points(made):
    made.kind, made.calls, made.angle = "exact", 4, 45
    figure = made.draw()
    ends = made.path(made._noise)[-1]
    assert torch.allclose(torch.tensor(made._clouds[0].get_xydata()), ends[:200].double())
    assert torch.allclose(torch.tensor(made._clouds[1].get_xydata()), made.generated(made._noise)[:200].double())
    mine = made.path(made.marked())[:, 0]
    assert torch.allclose(torch.tensor(made._ways[0].get_xydata()), mine.double())
    assert torch.allclose(torch.tensor(made._ways[1].get_xydata()[0]), made.marked()[0].double())
    assert figure.axes[0].get_title() == "flow (exact), 4 calls" and made.draw() is figure


def test_the_same_seed_draws_the_same_and_another_one_not(made):
    other, third = flows.Beside(1), flows.Beside(2)
    for stepper in (made, other, third):
        for _ in range(3):
            stepper.step()
    assert made.status() == other.status()
    assert not torch.equal(made.path(made._noise), third.path(made._noise))
    words = made.status()
    made.reset()
    assert made.steps_done == 0 and made.status() != words
    for _ in range(3):
        made.step()
    assert made.status() == words


@pytest.mark.parametrize(("attribute", "value"), [("kind", "magic"), ("calls", 3)])
def test_what_is_not_offered_is_refused(made, attribute, value):
    setattr(made, attribute, value)
    with pytest.raises(ValueError, match=f"{attribute} must be one of"):
        made.status()


def test_every_control_of_the_panel_changes_what_is_said():
    panel = flows.panel()
    try:
        assert panel.live and panel.alert_text == ""
        panel.advance(2)
        words = panel.status_text
        assert words.startswith("Step 2. Flow (learned), 8 calls a sample: ")
        for attribute, value in (("calls", 1), ("angle", 180), ("kind", "exact"), ("calls", 32)):
            panel.controls[attribute].value = value
            assert panel.alert_text == "" and panel.status_text != words, attribute
            words = panel.status_text
        assert "Flow (exact), 32 calls a sample: 8 of 8 blobs" in words and "at 180°" in words
    finally:
        panel.close()


def test_the_circle_of_marked_noises_is_a_likely_place():
    """Half of all noises lie within 1.18 of the middle, and two in three within 1.5."""
    assert 1 - math.exp(-(flows._RADIUS**2) / 2) == pytest.approx(0.675, abs=0.01)
