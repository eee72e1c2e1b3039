"""Sums over the grid give the likelihood, the posterior and the bound of a linear decoder, which are known."""

import math

import pytest
import torch

from gancourse import codes, runtime
from gancourse.data.bent import bent_plane
from gancourse.metrics.likelihood import Quadrature

MAP = torch.tensor([[1.2, -0.4], [0.3, 0.8]])
SHIFT, NOISE = torch.tensor([0.5, -1.0]), 0.4


def linear(z):
    return z @ MAP.T + SHIFT


def points():
    return linear(torch.randn(30, 2, generator=runtime.generator(0))) + 0.3


def known():
    """A linear decoder makes x a Gaussian, and z given x another: means and covariances in closed form."""
    covariance = (MAP @ MAP.T + NOISE**2 * torch.eye(2)).double()
    posterior = torch.linalg.inv(torch.eye(2) + MAP.T @ MAP / NOISE**2).double()
    means = (points() - SHIFT).double() @ MAP.double() @ posterior / NOISE**2
    return torch.distributions.MultivariateNormal(SHIFT.double(), covariance), means, posterior


def test_a_linear_decoder_has_the_likelihood_of_a_gaussian():
    exact, _, _ = known()
    assert torch.allclose(Quadrature(linear, NOISE).log_prob(points()), exact.log_prob(points().double()), atol=1e-5)


def test_moments_and_density_of_the_code_given_the_point():
    grid, (_, means, covariance) = Quadrature(linear, NOISE), known()
    found = grid.moments(points())
    assert torch.allclose(found.mean, means, atol=1e-5)
    assert torch.allclose(found.variance, covariance.diagonal().expand(30, 2), atol=1e-5)
    density, cell = grid.density(points()[:3]), float(grid.line[1] - grid.line[0]) ** 2
    assert density.sum((1, 2)).tolist() == pytest.approx([1 / cell] * 3)
    # z1 runs down, z2 across
    first = (density.sum(2) * cell) @ grid.line.double()
    assert torch.allclose(first, means[:3, 0], atol=1e-5)


def test_the_bound_and_what_it_misses_in_closed_form():
    grid, (exact, means, covariance) = Quadrature(linear, NOISE), known()
    x = points()
    mean = means.float() + torch.tensor([0.1, -0.2])
    log_variance = torch.tensor([[-1.0, -2.0]]).expand(30, 2)
    bound = grid.bound(x, mean, log_variance)
    # KL of a diagonal Gaussian from the full one
    spread = torch.diag(log_variance[0].double().exp())
    off = (mean - means).double()
    inverse = torch.linalg.inv(covariance)
    apart = 0.5 * (
        (inverse @ spread).trace()
        - 2
        + torch.logdet(covariance)
        - torch.logdet(spread)
        + ((off @ inverse) * off).sum(1)
    )
    assert torch.allclose(bound.divergence, apart, atol=1e-4)
    assert torch.allclose(bound.log_prob, exact.log_prob(x.double()), atol=1e-4)
    # E log N(x; Az + b, s^2) - KL(q || prior), by hand
    centre = (linear(mean) - x).double().square().sum(1) + (MAP.double().square() * spread.diagonal()).sum()
    fit = -centre / (2 * NOISE**2) - math.log(2 * math.pi * NOISE**2)
    assert torch.allclose(bound.elbo, fit - codes.kl_to_normal(mean, log_variance).double(), atol=1e-4)
    assert torch.allclose(bound.log_prob, bound.elbo + bound.divergence, atol=1e-4)


def test_the_bound_agrees_with_draws_on_the_bent_plane():
    world, random = bent_plane(), runtime.generator(3)
    x = world.sample(20, random)
    mean, log_variance = world.code(x) + 0.05, torch.tensor([[-4.0, -3.0]]).expand(20, 2)
    z = torch.stack([codes.draw(mean, log_variance, random) for _ in range(20_000)])
    fit = -(world.place(z) - x).square().sum(2) / (2 * world.noise**2) - math.log(2 * math.pi * world.noise**2)
    by_draws = fit.mean(0) - codes.kl_to_normal(mean, log_variance)
    bound = Quadrature(world.place, world.noise).bound(x, mean, log_variance)
    assert torch.allclose(bound.elbo.float(), by_draws, atol=0.1)
    assert bool((bound.divergence > 0).all())


def test_more_points_than_a_piece_come_in_order():
    grid, x = Quadrature(linear, NOISE, side=30), points().repeat(8, 1)
    assert torch.allclose(grid.log_prob(x)[:30], grid.log_prob(x)[-30:])
    assert torch.equal(grid.log_prob(x)[95:105], grid.log_prob(x[95:105]))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: Quadrature(linear, 0.0), "noise must be a finite number"),
        (lambda: Quadrature(linear, NOISE, side=3), "side must be a whole number from 20 on"),
        (lambda: Quadrature(lambda z: z[:, :1], NOISE), r"decode must return shape \(25600, 2\)"),
        (lambda: Quadrature(lambda z: z * math.nan, NOISE), "what decode returns must be finite"),
        (lambda: Quadrature(linear, NOISE).log_prob(torch.zeros(3, 1)), r"x must have shape \(N, 2\)"),
        (
            lambda: Quadrature(linear, NOISE).bound(points(), points()[:4], points()),
            "mean must have the shape of x",
        ),
        (
            lambda: Quadrature(linear, NOISE).bound(points(), points(), torch.full((30, 2), -9.0)),
            "too narrow or too far out for side=160",
        ),
        (
            lambda: Quadrature(linear, NOISE).bound(points(), points() + 5, torch.zeros(30, 2)),
            "too narrow or too far out",
        ),
    ],
)
def test_others_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
