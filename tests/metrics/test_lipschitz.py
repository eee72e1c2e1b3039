"""Slopes of critics whose slopes are known, and refusals."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.metrics import lipschitz
from gancourse.models import mlp

W = torch.tensor([0.6, -1.2, 2.0], dtype=torch.float64)


def linear(points):
    return points @ W


def bent(points):
    """|x|^2 / 2, whose slope at x is |x|."""
    return 0.5 * points.square().flatten(1).sum(1)


def cloud(n=40, seed=0, dim=3):
    return torch.randn(n, dim, generator=runtime.generator(seed), dtype=torch.float64)


def test_a_linear_critic_has_one_slope():
    steep = math.sqrt(5.8)
    torch.testing.assert_close(lipschitz.slopes(linear, cloud()), torch.full((40,), steep, dtype=torch.float64))
    assert lipschitz.largest_slope(linear, cloud()) == pytest.approx(steep)
    assert lipschitz.mean_slope(linear, cloud(), cloud(seed=1)) == pytest.approx(steep)
    along = torch.stack([torch.zeros(3, dtype=torch.float64), W])
    assert lipschitz.steepest_pair(linear, torch.cat([cloud(), along])) == pytest.approx(steep)
    assert lipschitz.steepest_pair(linear, cloud()) < steep  # no pair lies exactly along W


def test_slopes_are_one_norm_per_point_over_all_its_axes():
    x = cloud(6, dim=8).reshape(6, 1, 2, 4)
    torch.testing.assert_close(lipschitz.slopes(bent, x), x.flatten(1).norm(dim=1))
    assert lipschitz.largest_slope(bent, x) == pytest.approx(float(x.flatten(1).norm(dim=1).max()))


def test_the_mean_is_taken_between_real_and_fake():
    real, fake = cloud(seed=1), 10 + cloud(seed=2)
    got = lipschitz.mean_slope(bent, real, fake, generator=runtime.generator(7))
    e = torch.rand(40, 1, generator=runtime.generator(7), dtype=torch.float64)
    assert got == pytest.approx(float((e * real + (1 - e) * fake).norm(dim=1).mean()))


def test_pairs_see_a_jump_that_gradients_do_not():
    def step(points):
        return (points[:, 0] > 0).double() + 0 * points[:, 0]

    x = torch.tensor([[-1.0], [-0.25], [0.25], [2.0]], dtype=torch.float64)
    assert lipschitz.largest_slope(step, x) == 0
    assert lipschitz.steepest_pair(step, x) == pytest.approx(2.0)


def test_equal_points_make_no_slope():
    x = torch.tensor([[1.0], [1.0], [3.0]])
    assert lipschitz.steepest_pair(lambda p: 2 * p[:, 0], x) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="two different points"):
        lipschitz.steepest_pair(lambda p: p[:, 0], torch.ones(3, 1))


def test_looking_leaves_the_critic_and_the_points_alone():
    critic = mlp.Discriminator(data_dim=3, hidden=8)
    x = torch.randn(5, 3)
    for critic_in_use in (critic, critic.requires_grad_(False)):
        slopes = lipschitz.slopes(critic_in_use, x)
        lipschitz.steepest_pair(critic_in_use, x)
        assert not slopes.requires_grad and not x.requires_grad and x.grad is None
        assert all(parameter.grad is None for parameter in critic.parameters())
    with torch.no_grad():
        torch.testing.assert_close(lipschitz.slopes(critic, x), slopes)


def test_a_network_is_as_steep_as_finite_differences_say():
    with runtime.seeded(3):
        critic = mlp.Discriminator(data_dim=1, hidden=16).double()
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)[:, None]
    with torch.no_grad():
        rises = critic(x).diff().abs() / 0.01
    assert lipschitz.largest_slope(critic, x) == pytest.approx(float(rises.max()), rel=1e-2)
    assert lipschitz.steepest_pair(critic, x) == pytest.approx(float(rises.max()), rel=1e-9)


X = torch.ones(3, 2)
REFUSED = {
    "list": (lambda: lipschitz.slopes(linear, [1.0]), TypeError, "points must be a tensor"),
    "int": (lambda: lipschitz.slopes(linear, X.long()), TypeError, "points must hold floating-point"),
    "line": (lambda: lipschitz.slopes(linear, X[0]), ValueError, r"points must have shape \(N, ...\).*\(2,\)"),
    "empty": (lambda: lipschitz.steepest_pair(linear, X[:0]), ValueError, "points must have shape.*at least one"),
    "nan": (lambda: lipschitz.slopes(linear, X * math.nan), ValueError, "points must be finite, got 6"),
    "no critic": (lambda: lipschitz.slopes(3, X), TypeError, "critic must be a module or a function, got int"),
    "pair, no critic": (lambda: lipschitz.steepest_pair(3, X), TypeError, "critic must be a module or a function"),
    "column": (lambda: lipschitz.slopes(lambda x: x[:, :1], X), ValueError, r"got \(3, 1\); use .squeeze\(1\)"),
    "not scalar": (lambda: lipschitz.steepest_pair(lambda x: x, X), ValueError, r"one score per point.*got \(3, 2\)"),
    "one number": (lambda: lipschitz.slopes(lambda x: x.sum(), X), ValueError, r"shape \(3,\), got \(\)"),
    "ignores": (lambda: lipschitz.slopes(lambda x: torch.zeros(3), X), ValueError, "critic's scores do not depend"),
    "ignores, with weights": (
        lambda: lipschitz.largest_slope(lambda x: torch.zeros(3, requires_grad=True) * 2, X),
        ValueError,
        "critic's scores do not depend",
    ),
    "unlike": (
        lambda: lipschitz.mean_slope(linear, X, X[:2]),
        ValueError,
        r"fake must have the shape of real, \(3, 2\)",
    ),
    "real": (lambda: lipschitz.mean_slope(linear, [1.0], X), TypeError, "real must be a tensor"),
    "fake": (lambda: lipschitz.mean_slope(linear, X, X * math.inf), ValueError, "fake must be finite"),
    "many": (
        lambda: lipschitz.steepest_pair(linear, torch.ones(4001, 1)),
        ValueError,
        "at most 4,000 points, got 4,001",
    ),
}


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(act, kind, says):
    with pytest.raises(kind, match=says):
        act()
