"""The GAN of notebook 02's panel: whose turn it is, what is drawn beside it, and what it says."""

import math

import pytest
import torch
import torch.nn.functional as F

from gancourse.labs import one_dimension as lab
from gancourse.labs.panel import Diverged
from gancourse.losses import LOSSES
from gancourse.plotting import style


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()


def after(steps, **settings):
    run = lab.OneDimension(**settings)
    for _ in range(steps):
        run.step()
    return run


def test_the_players_take_turns_and_each_moves_only_itself():
    run = lab.OneDimension(seed=3)
    for turn in range(4):
        d, g = weights(run.D), weights(run.G)
        run.step()
        d_moved, g_moved = not torch.equal(weights(run.D), d), not torch.equal(weights(run.G), g)
        assert (d_moved, g_moved) == ((True, False) if turn % 2 == 0 else (False, True))
    assert (run.steps_done, run.d_steps, run.g_steps) == (4, 2, 2)


@pytest.mark.parametrize(("who", "d_steps"), [("discriminator", 3), ("generator", 0)])
def test_one_player_alone(who, d_steps):
    run = lab.OneDimension(who=who)
    d, g = weights(run.D), weights(run.G)
    for _ in range(3):
        run.step()
    assert (run.d_steps, run.g_steps) == (d_steps, 3 - d_steps)
    assert torch.equal(weights(run.D), d) == (who == "generator")
    assert torch.equal(weights(run.G), g) == (who == "discriminator")


def test_the_learning_rates_are_those_of_the_sliders():
    slow, fast = (after(2, lr_g=rate, lr_d=3 * rate) for rate in (1e-4, 1e-2))
    fresh = lab.OneDimension()
    for player in ("G", "D"):
        moves = [
            float((weights(getattr(run, player)) - weights(getattr(fresh, player))).norm()) for run in (slow, fast)
        ]
        assert moves[1] / moves[0] == pytest.approx(100, rel=0.05)  # Adam's first step is the rate, whatever the loss


def test_looking_never_changes_the_run():
    left_alone = after(12, seed=1)
    watched = lab.OneDimension(seed=1)
    for _ in range(12):
        watched.draw()
        watched.status()
        watched.pushes()
        watched.step()
    assert torch.equal(weights(left_alone.G), weights(watched.G))
    assert torch.equal(weights(left_alone.D), weights(watched.D))
    watched.reset()
    for _ in range(12):
        watched.step()
    assert torch.equal(weights(left_alone.G), weights(watched.G))


def test_looking_never_changes_the_run_of_a_paired_loss():
    """Its push needs real numbers too: they come from those kept for looking."""
    left_alone = after(6, loss="relativistic")
    watched = lab.OneDimension(loss="relativistic")
    for _ in range(6):
        watched.draw()
        watched.step()
    assert torch.equal(weights(left_alone.G), weights(watched.G))


def test_it_learns():
    run = lab.OneDimension(seed=0)
    at_first = run.distance()
    for _ in range(800):
        run.step()
    assert run.distance() < 0.5 * at_first
    assert "400 updates of D, 400 of G" in run.status()


# ---------------------------------------------------------------- the truth beside it


def test_q_is_the_density_of_the_fakes_and_d_star_is_p_over_p_plus_q():
    run = after(60)
    q, d, best = run.frame()
    fakes = run.fakes().flatten()
    inside = ((fakes >= -4) & (fakes <= 4)).double().mean()
    assert float(q.sum()) * 0.1 == pytest.approx(float(inside), abs=1e-6)
    middle = int((fakes.mean() + 4) / 0.1)
    low = -4 + 0.1 * middle
    share = float(((fakes >= low) & (fakes < low + 0.1)).double().mean())
    assert float(q[middle]) == pytest.approx(share / 0.1, abs=0.02)
    x = (torch.linspace(-4, 3.9, 80, dtype=torch.float64) + 0.05)[:, None]
    p = lab.DATA.log_prob(x).exp()
    somewhere = p + q > 0.01
    torch.testing.assert_close(best[somewhere], (p / (p + q))[somewhere], rtol=1e-4, atol=1e-5)
    assert best[~somewhere].isnan().all()
    torch.testing.assert_close(d, torch.sigmoid(run.D(x.float())).detach().double())


def test_the_best_answer_is_that_of_the_loss():
    assert after(2, loss="wasserstein").frame()[2] is None
    assert after(2, loss="relativistic").frame()[2] is None
    hinge = after(2, loss="hinge").frame()[2]
    assert set(hinge[~hinge.isnan()].tolist()) == {0.0, 1.0}
    run = after(2, loss="least_squares")
    x = (torch.linspace(-4, 3.9, 80) + 0.05)[:, None]
    torch.testing.assert_close(run.frame()[1], run.D(x).detach().double(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["least_squares", "hinge"])
def test_d_alone_finds_that_best_answer(loss):
    run = after(400, loss=loss, who="discriminator")
    q, d, best = run.frame()
    weight = torch.where(best.isnan(), 0.0, run._p + q)
    before = lab.OneDimension(loss=loss).frame()[1]
    errors = [float(((curve - best.nan_to_num()).abs() * weight).sum() / weight.sum()) for curve in (before, d)]
    assert errors[1] < 0.35 * errors[0]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_and_pushes_fakes_uphill_on_d(loss):
    run = after(30, loss=loss, who="discriminator")
    x, pushes = run.pushes(16)
    step = 1e-2
    with torch.no_grad():
        slope = (run.D(x[:, None] + step) - run.D(x[:, None] - step)) / (2 * step)
    clear = slope.abs() > 0.05
    assert clear.any()
    assert (pushes[clear].sign() == slope[clear].sign()).all()
    run.who = "both"
    run.step()
    run.step()
    assert run.draw() is run.draw()


def test_a_push_is_minus_the_slope_of_one_fakes_own_loss():
    run = after(40, who="discriminator")
    for loss, terms in (
        ("non_saturating", lambda logit: F.softplus(-logit)),
        ("minimax", lambda logit: -F.softplus(logit)),
    ):
        run.loss = loss
        x, pushes = run.pushes(8)
        with torch.no_grad():
            step = 1e-3
            run.D.double()
            up, down = terms(run.D(x[:, None].double() + step)), terms(run.D(x[:, None].double() - step))
            run.D.float()
        torch.testing.assert_close(pushes.double(), -(up - down) / (2 * step), rtol=1e-2, atol=1e-3)


def test_the_saturating_push_is_smaller_by_the_factor_of_the_text():
    run = after(150, far=True, who="discriminator", loss="minimax")
    x, saturating = run.pushes(10)
    assert "far away, outside the picture" in run.status() and "hardly any push" in run.status()
    run.loss = "non_saturating"
    kept = run.pushes(10)[1]
    logits = run.D(x[:, None]).detach()
    torch.testing.assert_close(kept / saturating, (-logits).exp(), rtol=1e-3, atol=0)
    assert "hardly any push" not in run.status()


# ---------------------------------------------------------------- words, panel, film


def test_the_status_says_where_the_fakes_are(monkeypatch):
    run = lab.OneDimension()
    for numbers, words in (
        (lab.DATA.sample(4_000, torch.Generator().manual_seed(5)), "close to the data"),
        (lab.DATA.sample(4_000, torch.Generator().manual_seed(5)) + 0.3, "near the data, not yet in its shape"),
        (torch.full((4_000, 1), 1.0), "all in (almost) one place"),
        (torch.randn(4_000, 1) + 2.0, "not where the data is"),
        (torch.randn(4_000, 1) + 9.0, "far away, outside the picture"),
    ):
        monkeypatch.setattr(run, "fakes", lambda numbers=numbers: numbers)
        assert words in run.status(), run.status()


def test_the_panel_shows_sets_and_restarts():
    panel = lab.panel(4)
    assert panel.stepper.seed == 4 and panel.png.startswith(b"\x89PNG")
    assert list(panel.controls) == ["who", "lr_g", "lr_d", "loss", "far"]
    panel.advance(4)
    assert "2 updates of D, 2 of G" in panel.status_text
    panel.controls["who"].value = "discriminator"
    panel.controls["loss"].value = "minimax"
    panel.play.value += 1
    assert panel.stepper.d_steps > 2 and panel.stepper.g_steps == 2 and panel.alert_text == ""
    panel.controls["far"].value = True
    assert panel.stepper.steps_done == 0 and panel.stepper.distance() > 5
    assert panel.stepper.who == "discriminator" and panel.stepper.loss == "minimax"
    panel.close()


def test_the_title_says_who_has_just_moved():
    run = lab.OneDimension()
    titles = [run.draw().axes[0].get_title()]
    for _ in range(2):
        run.step()
        titles.append(run.draw().axes[0].get_title())
    assert titles == ["before the first update", "D has just moved", "G has just moved"]


def test_divergence_is_said():
    run = lab.OneDimension(loss="wasserstein", who="discriminator")
    run.lr_d = 1e30
    with pytest.raises(Diverged, match="d_loss became"):
        for _ in range(20):
            run.step()


def test_the_film_has_a_column_for_each_moment():
    run = lab.OneDimension()
    figure = lab.film(run, (0, 3, 5))
    assert run.steps_done == 10
    titles = [ax.get_title() for ax in figure.axes]
    assert [title.split(":")[0] for title in titles[:3]] == ["step 0", "step 3", "step 5"]
    assert len(style.png(figure)) > 10_000
    for steps in ([], [-1, 3], [3, 3], [5, 2]):
        with pytest.raises(ValueError, match="steps must be rising"):
            lab.film(run, steps)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "bce"}, "loss must be one of minimax"),
        ({"who": "D"}, "who must be one of both"),
        ({"far": 6.0}, "far must be True or False"),
        ({"lr_g": 0}, "lr_g must be a positive learning rate"),
        ({"lr_d": math.inf}, "lr_d must be a positive learning rate"),
        ({"lr_d": "fast"}, "lr_d must be a positive learning rate"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_settings_are_refused_by_name(settings, words):
    with pytest.raises(ValueError, match=words):
        lab.OneDimension(**settings)
