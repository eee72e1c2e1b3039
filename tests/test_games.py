"""Two-number games: fields against gradients worked out by hand, steps against closed forms and eigenvalues."""

import cmath
import math

import numpy as np
import pytest
import torch

from gancourse import games
from gancourse.losses import LOSSES

XY = games.bilinear()
STATE = torch.tensor([[0.7, -0.4], [2.0, 3.0], [-1.5, 0.25], [0.0, 1.0]], dtype=torch.float64)
ETAS = [0.05, 0.2, 0.7, 1.3]


def sizes(matrix):
    return torch.linalg.eigvals(matrix).abs()


def rate(step):
    return float(games.spectral_radius(games.update_matrix(step)))


def sigmoid(t):
    return 1 / (1 + math.exp(-t))


# ---------------------------------------------------------------- games


def test_the_field_of_xy_stands_at_a_right_angle():
    v = games.field(XY, STATE)
    assert torch.equal(v, torch.stack([-STATE[:, 1], STATE[:, 0]], -1))
    assert v.dtype == torch.float64


@pytest.mark.parametrize("theta, psi", STATE.tolist())
def test_fields_of_the_dirac_gan_by_hand(theta, psi):
    """Larger logit = more real: with psi > 0, D calls the right side real, so G moves to the right."""
    s = theta * psi
    wanted = {
        "minimax": (psi * sigmoid(s), -theta * sigmoid(s)),
        "non_saturating": (psi * sigmoid(-s), -theta * sigmoid(s)),
        "wasserstein": (psi, -theta),
    }
    assert set(wanted) == set(games.DIRAC_LOSSES)
    for loss, (v_theta, v_psi) in wanted.items():
        assert games.field(games.dirac_gan(loss), (theta, psi)).tolist() == pytest.approx([v_theta, v_psi], abs=1e-12)
        braked = games.field(games.dirac_gan(loss, r1=0.6, gradient_penalty=0.3), (theta, psi))
        pull = -0.6 * psi - 0.6 * (abs(psi) - 1) * np.sign(psi)
        assert braked.tolist() == pytest.approx([v_theta, v_psi + pull], abs=1e-12)


@pytest.mark.parametrize("loss", games.DIRAC_LOSSES)
def test_dirac_losses_are_those_of_the_course(loss):
    theta, psi = STATE.unbind(-1)
    g_loss, d_loss = games.dirac_gan(loss).losses(theta, psi)
    for i in range(len(STATE)):
        real, fake = (psi[i] * 0).reshape(1), (psi[i] * theta[i]).reshape(1)
        assert torch.equal(d_loss[i], LOSSES[loss].discriminator(real_logits=real, fake_logits=fake))
        assert torch.equal(g_loss[i], LOSSES[loss].generator(fake_logits=fake))


def test_instance_noise_is_the_mean_over_gaussian_noise():
    """Against a plain Riemann sum, away from the equilibrium."""
    noise = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    weight = torch.exp(-(noise**2) / 2)
    weight = weight / weight.sum()
    for std in (0.3, 1.5):
        for theta, psi in ((0.8, -1.3), (-1.1, 0.6)):
            fake, real = psi * (theta + std * noise), psi * std * noise
            v_theta = float((weight * psi * torch.sigmoid(fake)).sum())
            pull = (theta + std * noise) * torch.sigmoid(fake) - std * noise * torch.sigmoid(-real)
            got = games.field(games.dirac_gan(instance_noise=std), (theta, psi))
            assert got.tolist() == pytest.approx([v_theta, -float((weight * pull).sum())], abs=1e-7)
    assert torch.equal(
        games.field(games.dirac_gan("wasserstein", instance_noise=0.0), STATE),
        games.field(games.dirac_gan("wasserstein"), STATE),
    )


@pytest.mark.parametrize("std", [0.2, 1.0, math.sqrt(2), 2.0])
def test_near_the_equilibrium_noise_is_a_penalty(std):
    noisy = games.jacobian(games.dirac_gan(instance_noise=std))
    assert torch.allclose(noisy, games.jacobian(games.dirac_gan(r1=std**2 / 2)), atol=1e-12)


def test_consensus_shortens_the_field():
    """Its field is v - weight J^T v."""
    for game in (XY, games.dirac_gan("non_saturating", r1=0.3)):
        v, J = games.field(game, STATE), games.jacobian(game, STATE)
        wanted = v - 0.7 * (J.transpose(-1, -2) @ v.unsqueeze(-1)).squeeze(-1)
        assert torch.allclose(games.field(games.consensus(game, 0.7), STATE), wanted, atol=1e-12)
    assert torch.allclose(
        games.jacobian(games.consensus(XY, 0.3)), torch.tensor([[-0.3, -1.0], [1.0, -0.3]], dtype=torch.float64)
    )


@pytest.mark.parametrize("gamma", [0.0, 0.4, 1.0, 1.7])
def test_eigenvalues_of_the_braked_dirac_gan(gamma):
    """-gamma/2 ± sqrt(gamma^2/4 - 1/4): the promise of the notebook."""
    found = sorted(
        torch.linalg.eigvals(games.jacobian(games.dirac_gan(r1=gamma))).tolist(), key=lambda z: (z.real, z.imag)
    )
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
    wanted = sorted([-gamma / 2 + root, -gamma / 2 - root], key=lambda z: (z.real, z.imag))
    assert np.allclose(found, wanted, atol=1e-7)


def test_jacobians_by_finite_differences():
    for game in (
        games.dirac_gan(r1=0.3),
        games.dirac_gan("non_saturating", instance_noise=0.5),
        games.consensus(XY, 0.2),
    ):
        J, h = games.jacobian(game, STATE), 1e-5
        for column in (0, 1):
            shift = torch.zeros(2, dtype=torch.float64)
            shift[column] = h
            slope = (games.field(game, STATE + shift) - games.field(game, STATE - shift)) / (2 * h)
            assert torch.allclose(J[..., column], slope, atol=1e-8)


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("eta", ETAS)
def test_simultaneous_steps_multiply_the_squared_distance(eta):
    squared = games.run(games.simultaneous(XY, step_size=eta), STATE, num_steps=9).square().sum(-1)
    assert torch.allclose(squared[1:] / squared[:-1], torch.full_like(squared[1:], 1 + eta**2))


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("first, sign", [("generator", -1), ("discriminator", 1)])
def test_alternating_steps_keep_an_ellipse(eta, first, sign):
    x, y = games.run(games.alternating(XY, step_size=eta, first=first), STATE, num_steps=60).unbind(-1)
    form = x**2 + sign * eta * x * y + y**2
    assert torch.allclose(form, form[:1].expand_as(form))
    wrong = x**2 - sign * eta * x * y + y**2
    assert not torch.allclose(wrong, wrong[:1].expand_as(wrong), rtol=1e-3)


def test_from_step_size_two_alternating_play_runs_off():
    for eta, away in ((1.99, False), (2.01, True)):
        path = games.run(games.alternating(XY, step_size=eta), (1.0, 0.3), num_steps=400)
        assert (float(path.norm(dim=-1).max()) > 1e4) == away


def test_one_alternating_step_by_hand():
    x, y = 0.7, -0.4
    got = games.run(games.alternating(XY, step_size=(0.3, 0.5)), (x, y), num_steps=1)[-1]
    x = x - 0.3 * y
    assert got.tolist() == pytest.approx([x, y + 0.5 * x])
    x, y = 0.7, -0.4
    twice = games.alternating(XY, step_size=(0.3, 0.5), first="discriminator", d_steps_per_g_step=2)
    y = y + 0.5 * x + 0.5 * x
    assert games.run(twice, (0.7, -0.4), num_steps=1)[-1].tolist() == pytest.approx([x - 0.3 * y, y])


def test_momentum_by_hand():
    beta, eta, (x, y) = 0.4, 0.2, (0.7, -0.4)
    m, n = 0.0, 0.0
    for _ in range(3):
        m, n = beta * m - y, beta * n + x
        x, y = x + eta * m, y + eta * n
    path = games.run(games.simultaneous(XY, step_size=eta, momentum=beta), (0.7, -0.4), num_steps=3)
    assert path[-1].tolist() == pytest.approx([x, y])
    (x, y), m, n = (0.7, -0.4), 0.0, 0.0
    for _ in range(3):
        m = beta * m - y
        x = x + eta * m
        n = beta * n + x
        y = y + eta * n
    path = games.run(games.alternating(XY, step_size=eta, momentum=beta), (0.7, -0.4), num_steps=3)
    assert path[-1].tolist() == pytest.approx([x, y])


def test_momentum_is_that_of_torch():
    theta, psi = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (0.7, -0.4))
    optimizers = [torch.optim.SGD([number], lr=0.2, momentum=0.6) for number in (theta, psi)]
    loss = LOSSES["non_saturating"]
    for _ in range(5):
        for player in (1, 0):
            optimizers[player].zero_grad()
            logits = psi * theta
            d_loss = loss.discriminator(real_logits=psi * 0, fake_logits=logits)
            (d_loss if player else loss.generator(fake_logits=logits)).backward()
            optimizers[player].step()
    game = games.dirac_gan("non_saturating")
    step = games.alternating(game, step_size=0.2, momentum=0.6, first="discriminator")
    path = games.run(step, (0.7, -0.4), num_steps=5)
    assert path[-1].tolist() == pytest.approx([theta.item(), psi.item()], abs=1e-14)


@pytest.mark.parametrize("eta", ETAS)
def test_looking_ahead(eta):
    assert rate(games.extragradient(XY, step_size=eta)) == pytest.approx(math.sqrt(1 - eta**2 + eta**4))
    game = games.dirac_gan("non_saturating")
    ahead = STATE + eta * games.field(game, STATE)
    wanted = STATE + eta * games.field(game, ahead)
    assert torch.allclose(games.run(games.extragradient(game, step_size=eta), STATE, num_steps=1)[-1], wanted)


def test_optimism_by_hand():
    step = games.optimistic(XY, step_size=0.3)
    s0 = STATE
    s1 = s0 + 0.3 * games.field(XY, s0)  # at first there is no past: a plain step
    s2 = s1 + 0.6 * games.field(XY, s1) - 0.3 * games.field(XY, s0)
    assert torch.allclose(games.run(step, STATE, num_steps=2), torch.stack([s0, s1, s2]))
    assert rate(games.optimistic(XY, step_size=0.99 / math.sqrt(3))) < 1 < rate(games.optimistic(XY, step_size=0.6))


def test_a_clip_holds_after_every_move_of_the_discriminator():
    for make in (games.simultaneous, games.alternating, games.extragradient, games.optimistic):
        path = games.run(make(games.dirac_gan("wasserstein", clip=0.4), step_size=0.3), (1.5, 0.0), num_steps=80)
        assert float(path[:, 1].abs().max()) == pytest.approx(0.4)
        assert float(path[:, 0].abs().max()) > 1


# ---------------------------------------------------------------- eigenvalues and what the notebook derives


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("eta", [0.1, 0.8])
def test_update_matrices_of_the_dirac_gan(gamma, eta):
    game = games.dirac_gan(r1=gamma)
    J, eye = games.jacobian(game), torch.eye(2, dtype=torch.float64)
    assert torch.allclose(games.update_matrix(games.simultaneous(game, step_size=eta)), eye + eta * J)
    in_turn = torch.tensor([[1, eta / 2], [-eta / 2, 1 - eta * gamma - eta**2 / 4]], dtype=torch.float64)
    assert torch.allclose(games.update_matrix(games.alternating(game, step_size=eta)), in_turn)
    orders = [games.alternating(game, step_size=eta, first=first) for first in ("generator", "discriminator")]
    assert rate(orders[0]) == pytest.approx(rate(orders[1]), abs=1e-7)


@pytest.mark.parametrize("eta", [0.2, 0.4, 0.8, 1.2])
def test_critical_damping(eta):
    """At once at gamma = 1, in turn at 1 - eta/4; in both cases the factor is 1 - eta/2, and worse beside it."""
    for make, gamma in ((games.simultaneous, 1.0), (games.alternating, 1 - eta / 4)):
        best = rate(make(games.dirac_gan(r1=gamma), step_size=eta))
        assert best == pytest.approx(1 - eta / 2, abs=1e-6)
        assert rate(make(games.dirac_gan(r1=gamma - 0.05), step_size=eta)) > best + 1e-3
        assert rate(make(games.dirac_gan(r1=gamma + 0.05), step_size=eta)) > best + 1e-3


def test_the_brake_has_to_beat_the_step():
    for eta in (0.2, 1.0):
        for make, border in ((games.simultaneous, eta / 4), (games.alternating, 0.0)):
            if border:
                assert rate(make(games.dirac_gan(r1=0.95 * border), step_size=eta)) > 1
            assert rate(make(games.dirac_gan(r1=border + 0.02), step_size=eta)) < 1


@pytest.mark.parametrize("beta", [0.9, 0.5, -0.3, -0.5, -0.8])
def test_the_sign_of_the_momentum_decides_in_turn(beta):
    delta = 0.002
    settings = {"step_size": delta * (1 - beta), "momentum": beta}
    in_turn = (rate(games.alternating(XY, **settings)) ** 2 - 1) / delta**2
    at_once = (rate(games.simultaneous(XY, **settings)) ** 2 - 1) / delta**2
    assert in_turn == pytest.approx(2 * beta / (1 - beta), rel=0.02)
    assert at_once == pytest.approx((1 + beta) / (1 - beta), rel=0.02)


def test_paths_near_the_equilibrium_obey_the_eigenvalues():
    """Ten settings; the factor per step over many turns, from 30 directions at once."""
    angle = torch.linspace(0, 2 * math.pi, 31, dtype=torch.float64)[:-1]
    starts = 1e-4 * torch.stack([angle.cos(), angle.sin()], -1)
    for loss in ("minimax", "non_saturating"):
        for gamma in (0.0, 0.2, 0.5, 0.9, 1.5):
            step = games.simultaneous(games.dirac_gan(loss, r1=gamma), step_size=0.2)
            path = games.run(step, starts, num_steps=400)
            seen = (path[-1].norm(dim=-1).max() / path[50].norm(dim=-1).max()) ** (1 / 350)
            assert float(seen) == pytest.approx(rate(step), abs=2e-3)


def test_the_non_saturating_limit_cycle():
    """Radius sqrt(2 eta), from inside and from outside."""
    starts = torch.tensor([[0.3, 0.0], [1.6, 0.2]], dtype=torch.float64)
    step = games.simultaneous(games.dirac_gan("non_saturating"), step_size=0.3)
    radius = games.run(step, starts, num_steps=900)[-150:].norm(dim=-1).mean(0)
    assert radius.tolist() == pytest.approx([math.sqrt(0.6)] * 2, rel=0.01)


@pytest.mark.parametrize("n", [1, 4])
def test_a_clipped_critic_leaves_a_loop_of_c_over_root_n(n):
    game = games.dirac_gan("wasserstein", clip=torch.tensor([0.5, 1.0], dtype=torch.float64))
    step = games.alternating(game, step_size=0.1, first="discriminator", d_steps_per_g_step=n)
    path = games.run(step, torch.tensor([[1.5, 0.0]] * 2), num_steps=260)
    assert path[-100:, :, 0].abs().amax(0).tolist() == pytest.approx([0.5 / n**0.5, 1 / n**0.5], rel=0.02)


@pytest.mark.parametrize("weight, n, rests", [(0.3, 1, False), (0.3, 5, False), (1.2, 1, True), (0.6, 5, True)])
def test_under_a_gradient_penalty_the_fake_is_driven_out(weight, n, rests):
    """To 2 lambda and beyond; from lambda sqrt(n) = 1 on it stops there, with a flat critic."""
    game = games.dirac_gan("wasserstein", gradient_penalty=weight)
    step = games.alternating(game, step_size=0.1, first="discriminator", d_steps_per_g_step=n)
    theta, psi = games.run(step, (1.5, 0.0), num_steps=700)[-80:].unbind(-1)
    assert float(theta.abs().max()) > 0.999 * 2 * weight
    assert (float(theta.abs().min()) > 0.9 * 2 * weight and float(psi.abs().max()) < 0.1) == rests


def test_averages_help_bounded_play_only():
    T = 500
    path = games.run(games.simultaneous(XY, step_size=0.1), (0.3, 0.4), num_steps=T - 1)
    mu, z = 1 + 0.1j, 0.3 + 0.4j
    wanted = z * (mu**T - 1) / (T * (mu - 1))
    average = games.running_average(path)
    assert average[-1].tolist() == pytest.approx([wanted.real, wanted.imag])
    assert torch.equal(average[0], path[0])
    bounded = games.running_average(games.run(games.alternating(XY, step_size=0.1), (0.3, 0.4), num_steps=T - 1))
    assert float(bounded[-1].norm()) < 0.03 < 0.1 < float(average[-1].norm())


# ---------------------------------------------------------------- side by side


def test_games_side_by_side_are_the_single_games():
    gammas, etas = torch.tensor([0.0, 0.4, 1.3]), torch.tensor([0.1, 0.3, 0.2])
    starts = torch.tensor([[1.0, 0.0], [0.3, -0.8], [-1.2, 0.4]])
    for make in (games.simultaneous, games.alternating):
        together = games.run(
            make(games.dirac_gan("non_saturating", r1=gammas), step_size=etas, momentum=torch.tensor([0.0, 0.5, -0.4])),
            starts,
            num_steps=12,
        )
        for i, beta in enumerate((0.0, 0.5, -0.4)):
            single = make(
                games.dirac_gan("non_saturating", r1=gammas[i].item()), step_size=etas[i].item(), momentum=beta
            )
            assert torch.allclose(games.run(single, starts[i], num_steps=12), together[:, i], atol=1e-6)


def test_running_leaves_no_graph_and_no_random_number():
    before = torch.get_rng_state()
    start = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    with torch.no_grad():  # as in the callback of a panel
        path = games.run(games.alternating(games.dirac_gan(), step_size=0.1), start, num_steps=3)
        J = games.jacobian(XY)
    assert not path.requires_grad and not J.requires_grad and start.grad is None
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(J, torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64))


def test_fields_can_be_differentiated():
    state = STATE.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: games.field(games.dirac_gan(r1=0.2), s), state)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: games.dirac_gan("hinge"),
            ValueError,
            "loss must be one of minimax, non_saturating, wasserstein, got 'hinge'",
        ),
        (lambda: games.dirac_gan(r1=-1), ValueError, "r1 must be finite and at least 0, got -1"),
        (lambda: games.dirac_gan(r1=math.nan), ValueError, "r1 must be finite and at least 0, got nan"),
        (lambda: games.dirac_gan(r1="1"), TypeError, "r1 must be a number, got '1'"),
        (lambda: games.dirac_gan(r1=True), TypeError, "r1 must be a number, got True"),
        (lambda: games.dirac_gan(r1=torch.tensor([0.1, -0.1])), ValueError, "r1 must be finite and at least 0"),
        (lambda: games.dirac_gan(gradient_penalty=-2), ValueError, "gradient_penalty must be finite and at least 0"),
        (lambda: games.dirac_gan(instance_noise=math.inf), ValueError, "instance_noise must be finite"),
        (lambda: games.dirac_gan(clip=0.0), ValueError, "clip must be finite and positive, got 0.0"),
        (lambda: games.consensus(XY, -0.5), ValueError, "weight must be finite and at least 0"),
        (lambda: games.simultaneous(XY, step_size=0), ValueError, "step_size must be finite and positive, got 0"),
        (
            lambda: games.simultaneous(XY, step_size=(0.1, -1)),
            ValueError,
            "step_size must be finite and positive, got -1",
        ),
        (lambda: games.simultaneous(XY, step_size=(1, 2, 3)), ValueError, "step_size must be one number or a pair"),
        (lambda: games.alternating(XY, step_size=0.1, momentum=1), ValueError, "momentum must lie strictly between"),
        (lambda: games.alternating(XY, step_size=0.1, momentum=None), TypeError, "momentum must be a number, got None"),
        (lambda: games.alternating(XY, step_size=0.1, first="x"), ValueError, "first must be 'generator' or"),
        (
            lambda: games.alternating(XY, step_size=0.1, d_steps_per_g_step=0),
            ValueError,
            "d_steps_per_g_step must be a whole number, at least 1, got 0",
        ),
        (lambda: games.field(XY, [1.0, 2.0, 3.0]), ValueError, "state must have shape (..., 2)"),
        (lambda: games.field(XY, "12"), TypeError, "state must be a tensor or a pair of numbers, got '12'"),
        (lambda: games.field(XY, [1.0, math.nan]), ValueError, "state must be finite"),
        (lambda: games.field(XY, torch.zeros(0, 2)), ValueError, "state is empty"),
        (lambda: games.field(XY, torch.zeros(2, dtype=torch.complex64)), TypeError, "state must hold real numbers"),
        (lambda: games.jacobian(XY, 3.0), ValueError, "at must have shape (..., 2)"),
        (lambda: games.running_average(torch.zeros(2)), ValueError, "path must have shape (T, ..., 2)"),
        (lambda: games.spectral_radius(torch.zeros(2, 3)), ValueError, "matrix must be a square matrix"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_bad_runs_are_named():
    step = games.simultaneous(XY, step_size=0.2)
    for num_steps in (0, 2.5, True):
        with pytest.raises(ValueError, match="num_steps must be a whole number, at least 1"):
            games.run(step, (1.0, 0.0), num_steps=num_steps)
    with pytest.raises(ValueError, match="start must be finite"):
        games.run(step, (math.inf, 0.0), num_steps=1)
    with pytest.raises(ArithmeticError, match="after 3 steps of 'simultaneous' a number is no longer finite"):
        games.run(games.simultaneous(XY, step_size=1e120), (1.0, 0.0), num_steps=5)


def test_one_state_for_many_games_is_refused_rather_than_summed():
    """Summing over games would give one state the gradient of all of them."""
    many = games.dirac_gan(r1=torch.tensor([0.1, 0.2, 0.3]))
    with pytest.raises(ValueError, match=r"state must have one pair of numbers for each game"):
        games.field(many, (1.0, 0.5))
    with pytest.raises(ValueError, match=r"start must have one state for each game, shape \(3,\)"):
        games.run(games.simultaneous(XY, step_size=torch.tensor([0.1, 0.2, 0.3])), (1.0, 0.5), num_steps=2)
    with pytest.raises(ValueError, match="at must have one state for each game"):
        games.update_matrix(games.simultaneous(XY, step_size=torch.tensor([0.1, 0.2, 0.3])))


def test_a_loss_that_is_a_mean_is_refused():
    with pytest.raises(ValueError, match="a loss of 'mean' has shape"):
        games.field(games.Game("mean", lambda x, y: ((x * y).mean(), -x * y)), STATE)
    with pytest.raises(ValueError, match="a loss of 'none' has NoneType"):
        games.field(games.Game("none", lambda x, y: (None, -x * y)), STATE)
