"""The GAN on a ring behind the live panel of notebook 00."""

import pytest
import torch

from gancourse.labs import ring
from gancourse.labs.panel import Diverged
from gancourse.losses import LOSSES


def run(steps, **settings):
    stepper = ring.Ring(**settings)
    for _ in range(steps):
        stepper.step()
    return stepper


def test_nothing_is_trained_until_somebody_steps_and_no_global_random_number_is_drawn():
    before = torch.get_rng_state()
    panel = ring.panel()
    assert panel.stepper.steps_done == 0
    panel.once.click()
    assert torch.equal(torch.get_rng_state(), before)
    panel.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_ring_is_covered(seed):
    # 20 of 20 seeds cover all eight at 1,500 steps; at 700 none was seen below 6
    blobs, share = run(700, seed=seed).covered()
    assert blobs >= 6 and share > 0.3


def test_a_slow_discriminator_loses_most_blobs():
    # 10 of 10 seeds end on two blobs or fewer at 500 steps
    blobs, _ = run(500, seed=100, lr_d=3e-4).covered()
    assert blobs <= 3


def test_a_run_repeats_and_looking_does_not_change_it():
    plain, watched = run(20, seed=3), ring.Ring(3)
    for _ in range(20):
        watched.step()
        watched.draw()
        watched.status()
    for one, other in zip(plain.G.parameters(), watched.G.parameters(), strict=True):
        assert torch.equal(one, other)
    watched.reset()
    assert watched.steps_done == 0 and not torch.equal(watched.fakes(), plain.fakes())
    assert torch.equal(watched.fakes(), ring.Ring(3).fakes())
    assert not torch.equal(run(20, seed=4).fakes(), plain.fakes())


def test_settings_hold_from_the_next_step_and_survive_a_reset():
    stepper = run(3)
    stepper.lr_g, stepper.d_steps_per_g_step = 0.0, 3
    frozen = [p.clone() for p in stepper.G.parameters()]
    moving = [p.clone() for p in stepper.D.parameters()]
    stepper.step()
    assert all(torch.equal(p, q) for p, q in zip(stepper.G.parameters(), frozen, strict=True))
    assert not any(torch.equal(p, q) for p, q in zip(stepper.D.parameters(), moving, strict=True))
    assert stepper.opt_d.state[next(iter(stepper.D.parameters()))]["step"] == 3 + 3
    stepper.reset()
    assert stepper.lr_g == 0.0 and stepper.d_steps_per_g_step == 3


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains(loss):
    stepper = run(5, loss=loss)
    assert stepper.steps_done == 5 and stepper.fakes().isfinite().all()


def test_covered_counts_blobs_and_points():
    stepper = ring.Ring()
    centres = stepper.data.modes.float()
    on = torch.cat([centres[:6].repeat(150, 1), centres[6:7].repeat(24, 1), torch.zeros(76, 2)])  # 24 is too few
    stepper.fakes = lambda: on
    assert stepper.covered() == (6, pytest.approx(0.924))
    on[-76] = centres[6] + torch.tensor([0.149 / 2**0.5, 0.149 / 2**0.5])  # one more, just within 3 std
    assert stepper.covered() == (7, pytest.approx(0.925))
    on[-76] = centres[6] + torch.tensor([0.11, 0.11])  # just outside
    assert stepper.covered() == (6, pytest.approx(0.924))
    assert "6 of 8 blobs covered, 92% of the generated points" in stepper.status()


def test_divergence_is_noticed_by_the_step_that_brings_it():
    stepper = run(2)
    with torch.no_grad():
        next(iter(stepper.G.parameters())).fill_(float("nan"))
    with pytest.raises(Diverged, match="at step 3, d_loss became not a number"):
        stepper.step()


def test_the_picture_shows_where_d_believes_what():
    stepper = ring.Ring()
    figure = stepper.draw()
    surface = figure.axes[0].images[0]
    left, right, low, high = surface.get_extent()
    with torch.no_grad():
        corners = stepper.D(torch.tensor([[left, low], [right, low], [left, high], [right, high]]))
    grid = surface.get_array()
    assert torch.allclose(torch.tensor([grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]]), corners)
    assert stepper.draw() is figure


def test_title_and_legend_of_the_panel_are_inside_the_picture():
    panel = ring.panel()
    figure = panel.stepper.draw()
    for part in (figure.axes[0].title, figure.legends[0]):
        extent = part.get_window_extent()
        assert extent.x0 >= 0 and extent.y0 >= 0 and extent.x1 <= figure.bbox.x1 and extent.y1 <= figure.bbox.y1
    panel.close()


def test_film_shows_the_steps_it_is_asked_for():
    figure = ring.film((0, 3), seed=5)
    assert [ax.get_title() for ax in figure.axes] == ["step 0", "step 3"]
    last = figure.axes[1].lines[-1].get_xydata()
    assert torch.allclose(torch.as_tensor(last).float(), run(3, seed=5).fakes()[: len(last)])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ring.Ring(loss="vanilla"), "loss must be one of minimax, non_saturating, .*, got 'vanilla'"),
        (lambda: ring.Ring(d_steps_per_g_step=0), "d_steps_per_g_step must be a positive whole number, got 0"),
        (lambda: ring.Ring(lr_g=-1), "lr_g must be a positive learning rate, got -1"),
        (lambda: ring.Ring(lr_d=float("nan")), "lr_d must be a positive learning rate, got nan"),
        (lambda: ring.Ring(seed=-1), "seed must be a whole number"),
        (lambda: ring.film(()), r"steps must be rising numbers from 0 on, got \[\]"),
        (lambda: ring.film((5, 3)), r"steps must be rising numbers from 0 on, got \[5, 3\]"),
    ],
)
def test_bad_settings_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_control_of_the_panel_changes_what_the_status_says():
    panel = ring.panel(seed=2)
    assert len(panel.controls) <= 5
    for attribute, value in {"lr_g": 1e-2, "lr_d": 3e-4, "d_steps_per_g_step": 5, "loss": "hinge"}.items():
        before = panel.status_text
        panel.controls[attribute].value = value
        assert getattr(panel.stepper, attribute) == value and panel.status_text != before
    panel.play.value += 1
    assert 1 <= panel.stepper.steps_done <= 5 and panel.alert_text == ""
    panel.close()
