"""Gaussians over codes: draws, their price in nats, and the Gaussian fitted to codes, beside PyTorch's and by hand."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from gancourse import codes, runtime


def some(count=7, size=3, seed=0):
    random = runtime.generator(seed)
    return [torch.randn(count, size, generator=random, dtype=torch.float64) for _ in range(2)]


def test_the_price_of_a_code_by_hand():
    """One number: mean 3, variance e^2: (9 + e^2 - 1 - 2) / 2 nats; the second row is the prior itself."""
    mean, log_variance = torch.tensor([[3.0], [0.0]]), torch.tensor([[2.0], [0.0]])
    assert codes.kl_to_normal(mean, log_variance).tolist() == pytest.approx([(6 + math.exp(2)) / 2, 0], rel=1e-6)
    assert codes.BITS * math.log(8) == pytest.approx(3)


def test_the_divergence_agrees_with_pytorch_s():
    mean, log_variance = some()
    ours = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
    assert torch.allclose(codes.kl_to_normal(mean, log_variance), kl_divergence(ours, prior))


def test_many_encoders_at_once_are_summed_over_the_last_axis_alone():
    mean = torch.ones(2, 5, 3)
    assert codes.kl_to_normal(mean, torch.zeros(2, 5, 3)).tolist() == [[1.5] * 5] * 2


def test_a_draw_has_the_mean_and_the_spread_that_were_asked_for():
    mean, log_variance = torch.tensor([[1.0, -2.0]]).expand(40_000, 2), torch.tensor([[0.0, 2 * math.log(3)]])
    drawn = codes.draw(mean, log_variance.expand(40_000, 2), runtime.generator(0))
    assert drawn.mean(0).tolist() == pytest.approx([1, -2], abs=0.06)
    assert drawn.std(0).tolist() == pytest.approx([1, 3], rel=0.02)


def test_gradients_reach_both_through_a_draw():
    mean, log_variance = some()
    mean.requires_grad_(), log_variance.requires_grad_()
    drawn = codes.draw(mean, log_variance, runtime.generator(3))
    drawn.sum().backward()
    assert torch.equal(mean.grad, torch.ones_like(mean))
    assert torch.allclose(log_variance.grad, ((drawn - mean) / 2).detach())


def test_a_fitted_gaussian_has_the_codes_moments_and_draws_them():
    random = runtime.generator(1)
    made = torch.randn(500, 3, generator=random) @ torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.1]]) + 4
    fitted = codes.fit_gaussian(made)
    assert torch.allclose(fitted.mean, made.mean(0), atol=1e-5)
    assert torch.allclose(fitted.covariance, made.T.cov(), atol=1e-4)
    drawn = fitted.sample(50_000, runtime.generator(2))
    assert drawn.dtype == torch.float32
    assert torch.allclose(drawn.mean(0), fitted.mean, atol=0.05)
    assert torch.allclose(drawn.T.cov(), fitted.covariance, atol=0.08)


def test_codes_that_do_not_vary_in_a_direction_can_be_fitted():
    flat = torch.randn(100, 1, generator=runtime.generator(0)) * torch.tensor([[1.0, -1.0]])
    drawn = codes.fit_gaussian(flat).sample(50, runtime.generator(1))
    assert float((drawn.sum(1)).abs().max()) < 1e-2
    one = codes.fit_gaussian(torch.arange(4.0).unsqueeze(1))
    assert one.covariance.shape == (1, 1) and float(one.covariance) == pytest.approx(5 / 3)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: codes.kl_to_normal([1], torch.zeros(1, 1)), TypeError, "mean must be a tensor"),
        (lambda: codes.kl_to_normal(torch.zeros(3), torch.zeros(3)), ValueError, r"mean must have shape \(N, C\)"),
        (lambda: codes.kl_to_normal(torch.zeros(3, 2), torch.zeros(3, 1)), ValueError, "log_variance must have the sh"),
        (lambda: codes.kl_to_normal(torch.zeros(3, 2).long(), torch.zeros(3, 2)), TypeError, "mean must hold floating"),
        (lambda: codes.draw(torch.zeros(3, 2), torch.zeros(2, 2), runtime.generator(0)), ValueError, "log_variance"),
        (lambda: codes.fit_gaussian(torch.zeros(1, 2)), ValueError, "N at least 2"),
        (lambda: codes.fit_gaussian(torch.full((3, 2), math.nan)), ValueError, "codes must be finite"),
        (lambda: codes.fit_gaussian(torch.eye(3)).sample(0, runtime.generator(0)), ValueError, "n must be a whole num"),
    ],
)
def test_other_inputs_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
