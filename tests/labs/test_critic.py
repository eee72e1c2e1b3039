"""The critic of notebook 08's panel: how it is trained, what is measured beside it, and what it says."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import toy
from gancourse.labs import critic as lab
from gancourse.labs.panel import Diverged
from gancourse.metrics import divergences
from gancourse.metrics.transport import wasserstein_1d


def weights(run):
    return torch.nn.utils.parameters_to_vector(run.f.parameters()).detach().clone()


def after(steps, seed=0, **settings):
    run = lab.Critic(seed, **settings)
    for _ in range(steps):
        run.step()
    return run


def linear(run, slope):
    """Give the panel's critic a known slope everywhere."""
    run.f = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Flatten(0))
    with torch.no_grad():
        run.f[0].weight.fill_(slope)
        run.f[0].bias.fill_(5.0)
    return run


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("brake", lab.BRAKES.values())
def test_every_brake_learns_that_p_is_on_the_left(brake):
    run = after(60, brake=brake, weight=1.0)
    estimate, steepest = run.measure()
    assert estimate > 0 and steepest > 0
    assert run.steps_done == len(run.trace) == 60


def test_clipping_keeps_the_weights_in_and_follows_the_slider():
    run = after(40, brake="clipping", clip=0.1)
    assert float(weights(run).abs().max()) == pytest.approx(0.1)
    run.clip = 0.03
    run.step()
    assert float(weights(run).abs().max()) == pytest.approx(0.03)
    run.brake = "none"
    for _ in range(20):
        run.step()
    assert float(weights(run).abs().max()) > 0.05


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_the_penalty_overshoots_by_what_the_formula_says(weight):
    """In one dimension the mean slope between real and fake is 1 + W / (2 lambda)."""
    run = after(250, brake="penalty", weight=weight, lr=5e-3)
    estimate, _ = run.measure()
    assert estimate == pytest.approx(3 * (1 + 3 / (2 * weight)), rel=0.06)


def test_without_a_brake_the_estimate_grows_without_end():
    estimates = [estimate for _, estimate, _ in after(150, brake="none").trace]
    assert estimates[-1] > 20 * 3 and estimates[-1] > 4 * estimates[49]


def test_looking_never_changes_the_run():
    left_alone, watched = after(8, seed=3), lab.Critic(3)
    for _ in range(8):
        watched.draw()
        watched.status()
        watched.step()
    assert torch.equal(weights(left_alone), weights(watched))
    watched.reset()
    assert watched.steps_done == 0 and not watched.trace
    for _ in range(8):
        watched.step()
    assert torch.equal(weights(left_alone), weights(watched))
    assert not torch.equal(weights(left_alone), weights(after(8, seed=4)))


def test_divergence_is_said():
    run = lab.Critic(brake="none")
    with torch.no_grad():
        next(run.f.parameters()).fill_(math.nan)
    with pytest.raises(Diverged, match="at step 1, d_loss became not a number"):
        run.step()


# ---------------------------------------------------------------- the truth beside it


@pytest.mark.parametrize("place, width", [(3.0, 0.5), (0.0, 1.5), (1.3, 0.2)])
def test_the_exact_distance_and_the_best_critic_agree(place, width):
    run = lab.Critic(place=place, width=width)
    p, q = toy.gaussian(0.0, 0.5), toy.gaussian(place, width)
    assert run.exact() == pytest.approx(divergences.wasserstein_1d_densities(p, q, -12.0, 12.0), abs=1e-4)
    g = runtime.generator(0)
    assert run.exact() == pytest.approx(wasserstein_1d(p.sample(20_000, g), q.sample(20_000, g)), abs=0.04)
    best, (p, q) = run.best(), run.densities()
    x = run.x.double().flatten()
    assert float((best.diff() / x.diff()).abs().max()) == pytest.approx(1.0)
    worth = float(torch.trapezoid(best * (p - q), x))
    assert worth == pytest.approx(run.exact(), abs=0.05)  # some of a wide q lies outside the picture


def test_equal_densities_have_no_best_critic():
    run = lab.Critic(place=0.0, width=0.5)
    assert run.exact() == 0 and float(run.best().abs().max()) == 0
    assert "there is nothing to find" in run.status()


@pytest.mark.parametrize("slope", [-1.0, -0.25, 2.0])
def test_what_is_measured_of_a_known_critic(slope):
    run = linear(lab.Critic(place=2.0), slope)
    estimate, steepest = run.measure()
    assert estimate == pytest.approx(-2 * slope, abs=1e-3)
    assert steepest == pytest.approx(abs(slope), abs=1e-6)
    said = run.status()
    assert "exact W1 2.00" in said
    assert ("upside down" in said) == (slope > 0)
    assert ("the ratio is nearly the distance" in said) == (slope < 0)


def test_the_trace_holds_exact_estimate_and_ratio():
    run = after(30)
    exact, estimate, ratio = run.trace[-1]
    assert (estimate, exact) == (run.measure()[0], run.exact())
    assert ratio == pytest.approx(estimate / run.measure()[1])
    run.place = 1.0
    run.step()
    assert run.trace[-1][0] == 1.0 and run.trace[-2][0] == 3.0


def test_the_picture_shows_the_trace_and_is_drawn_on_one_figure():
    run = after(20)
    figure = run.draw()
    upper, _, lower = figure.axes
    by_label = {line.get_label(): line for line in lower.lines}
    assert by_label["exact W1"].get_ydata()[-1] == pytest.approx(3.0)
    assert by_label["what the critic says"].get_ydata()[-1] == pytest.approx(run.trace[-1][1])
    assert by_label["the same / its steepest slope"].get_ydata()[-20:] == pytest.approx([row[2] for row in run.trace])
    assert math.isnan(by_label["exact W1"].get_ydata()[-21])
    q = next(line for line in upper.lines if line.get_label() == "generated q")
    run.place = 0.5
    assert run.draw() is figure
    assert run.x[int(q.get_ydata().argmax())].item() == pytest.approx(0.5, abs=0.03)


def test_a_dead_critic_is_drawn_and_described():
    run = linear(lab.Critic(), 0.0)
    run.draw()
    assert "its steepest slope is 0.00, the ratio of the two 0.00" in run.status()


# ---------------------------------------------------------------- panel and still


def test_the_panel_sets_what_its_sliders_say():
    panel = lab.panel(1)
    assert set(panel.controls) == {"brake", "clip", "weight", "place", "width"}
    panel.controls["place"].value = 1.5
    assert panel.stepper.place == 1.5 and "exact W1 1.50" in panel.status_text
    panel.controls["brake"].value = "penalty"
    panel.more.click()
    assert panel.stepper.brake == "penalty" and panel.stepper.steps_done == 50
    panel.close()


def test_the_still_trains_each_brake_from_one_start():
    (ax,) = lab.film(("clipping", "penalty"), num_steps=20).axes
    by_label = {line.get_label(): line.get_ydata() for line in ax.lines}
    run = after(20, brake="penalty")
    assert list(by_label["brake: penalty"]) == pytest.approx([row[1] for row in run.trace])
    assert len(by_label["brake: clipping"]) == 20


REFUSED = {
    "brake": (lambda: lab.Critic(brake="clip"), "brake must be one of none, clipping, penalty, got 'clip'"),
    "clip": (lambda: lab.Critic(clip=0.0), "clip must be a finite number above 0, got 0.0"),
    "clip below": (lambda: lab.Critic(clip=-1), "clip must be a finite number above 0"),
    "weight": (lambda: lab.Critic(weight=math.inf), "weight must be a finite number above 0"),
    "width": (lambda: lab.Critic(width=True), "width must be a finite number above 0"),
    "lr": (lambda: lab.Critic(lr="fast"), "lr must be a finite number above 0"),
    "place": (lambda: lab.Critic(place=7.0), "place must be a number from 0 to 6, got 7.0"),
    "steps": (lambda: lab.film(num_steps=301), "num_steps must be a whole number from 1 to 300, got 301"),
}


@pytest.mark.parametrize(("act", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_settings_are_refused_by_name(act, says):
    with pytest.raises(ValueError, match=says):
        act()
