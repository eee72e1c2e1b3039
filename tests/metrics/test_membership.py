"""The membership game by hand, and what differential privacy promises against simulations and closed forms."""

import math

import pytest
import torch
from scipy.stats import norm

from gancourse import runtime
from gancourse.metrics import detection, membership


def test_the_game_by_hand():
    found = membership.game(torch.tensor([3.0, 2.0, 0.0]), torch.tensor([1.0, 2.0]))
    # pairs: 3 beats both, 2 beats one and ties one, 0 beats none: (2 + 1.5 + 0) / 6
    assert found.auc == pytest.approx(3.5 / 6)
    assert found.advantage == pytest.approx(1 / 3) and found.threshold in (2.5, 3.0)
    sure = membership.game(torch.ones(5), torch.zeros(7))
    assert sure == (1.0, 1.0, 1.0)


def test_whoever_saw_nothing_wins_nothing():
    random = runtime.generator(0)
    found = membership.game(torch.randn(4_000, generator=random), torch.randn(4_000, generator=random))
    assert found.auc == pytest.approx(0.5, abs=0.02) and found.advantage < 0.04


def test_nearness_is_minus_the_distance_of_the_nearest_sample():
    samples = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    images = torch.tensor([[0.0, 1.0], [3.0, 4.0], [30.0, 44.0]])
    assert membership.by_nearness(samples, images).tolist() == pytest.approx([-1, 0, -math.hypot(27, 40)])


def test_logits_are_those_of_the_network_piece_by_piece(monkeypatch):
    monkeypatch.setattr(membership, "_PIECE", 3)
    images, labels = torch.arange(8.0).reshape(8, 1, 1, 1), torch.arange(8)
    assert membership.by_logit(lambda x: 2 * x.flatten(), images).tolist() == [2.0 * k for k in range(8)]
    told = membership.by_logit(lambda x, y: x.flatten() * y, images, labels)
    assert told.tolist() == [float(k * k) for k in range(8)]


# ---------------------------------------------------------------- differential privacy


def test_randomised_response_reaches_the_bound():
    """Telling the truth with probability e^eps / (1 + e^eps) is eps-private, and its answer is the best guess."""
    for epsilon in (0.0, 0.1, 1.0, 3.0):
        truth = math.exp(epsilon) / (1 + math.exp(epsilon))
        assert membership.most_advantage(epsilon) == pytest.approx(truth - (1 - truth))
    assert membership.most_advantage(0, 0.3) == pytest.approx(0.3)  # with delta everything is given away
    assert membership.most_advantage(2_000) == 1


def test_no_pair_that_the_inequalities_allow_lies_above_the_bound():
    epsilon, delta = 0.7, 0.02
    grid = torch.linspace(0, 1, 801, dtype=torch.float64)
    true, false = torch.meshgrid(grid, grid, indexing="ij")
    growth = math.exp(epsilon)
    allowed = (true <= growth * false + delta + 1e-9) & (1 - false <= growth * (1 - true) + delta + 1e-9)
    assert float((true - false)[allowed].max()) == pytest.approx(membership.most_advantage(epsilon, delta), abs=0.003)


def test_mu_of_all_images_in_every_step_is_that_of_a_sum_of_normals():
    """T draws of N(0, s) against T of N(1, s): the best statistic is the sum, a gap of sqrt(T) / s deviations."""
    assert membership.gaussian_mu(2.0, 100) == pytest.approx(5)
    random = runtime.generator(2)
    draws = 3.0 * torch.randn(2, 20_000, 9, generator=random)
    draws[1] += 1
    scores, was_in = draws.sum(dim=2).flatten(), torch.arange(40_000) >= 20_000
    mu = membership.gaussian_mu(3.0, 9)
    assert detection.roc_auc(scores, was_in) == pytest.approx(membership.most_auc(mu), abs=0.006)
    assert membership.most_auc(mu) == pytest.approx(norm.cdf(mu / math.sqrt(2)))
    assert membership.most_auc(0) == 0.5


def test_a_share_hides_and_the_formula_is_that_of_the_paper():
    assert membership.gaussian_mu(0.8, 1_000, 0.01) == pytest.approx(0.01 * math.sqrt(1_000 * (math.exp(1 / 0.64) - 1)))
    assert membership.gaussian_mu(0.8, 1_000, 0.01) < membership.gaussian_mu(0.8, 1_000)
    assert membership.gaussian_mu(0.3, 50, 0.9) == membership.gaussian_mu(0.3, 50)  # never more than without
    assert math.isfinite(membership.gaussian_mu(0.01, 50, 0.5))


def test_epsilon_for_a_mu_is_where_the_region_of_two_normals_leaves_delta():
    """For N(0, 1) against N(mu, 1) the set {x > mu / 2 + eps / mu} has P - e^eps Q = delta, and no set has more."""
    assert membership.epsilon_for(1.0, 1e-5) == pytest.approx(4.37718, abs=1e-4)
    for mu, delta in ((0.3, 1e-3), (1.0, 1e-5), (3.0, 0.01), (9.9, 1e-5)):
        epsilon = membership.epsilon_for(mu, delta)
        x = epsilon / mu + mu / 2 + torch.linspace(-1, 1, 2_001, dtype=torch.float64).numpy()
        given_away = norm.sf(x - mu) - math.exp(epsilon) * norm.sf(x)
        assert given_away.max() == pytest.approx(delta, rel=1e-4) and abs(given_away.argmax() - 1_000) < 3
    assert membership.epsilon_for(0, 0.1) == 0 == membership.epsilon_for(0.1, 0.2)
    assert membership.epsilon_for(2, 1e-5) > membership.epsilon_for(2, 1e-3) > membership.epsilon_for(1, 1e-3)


@pytest.mark.parametrize("steps, share", [(250, 1.0), (1_100, 64 / 60_000), (400, 0.2)])
def test_the_noise_for_a_mu_gives_that_mu(steps, share):
    for mu in (0.2, 0.358, 2.0):
        assert membership.gaussian_mu(membership.noise_for(mu, steps, share), steps, share) == pytest.approx(mu)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: membership.most_advantage(-1), "epsilon"),
        (lambda: membership.most_advantage(1, 1.2), "delta"),
        (lambda: membership.gaussian_mu(0, 10), "above 0"),
        (lambda: membership.gaussian_mu(1, 0), "num_steps"),
        (lambda: membership.gaussian_mu(1, 10, 1.5), "share"),
        (lambda: membership.noise_for(0, 10), "above 0"),
        (lambda: membership.noise_for(1, 10, 0), "above 0"),
        (lambda: membership.most_auc(-0.1), "mu"),
        (lambda: membership.epsilon_for(-1, 0.1), "mu"),
        (lambda: membership.epsilon_for(1, 0), "delta must be above 0"),
        (lambda: membership.epsilon_for(1, 1.0), "below 1"),
        (lambda: membership.game(torch.ones(3), torch.ones(0)), "both"),
    ],
)
def test_wrong_numbers_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
