"""Divergences by quadrature against closed forms, scipy's adaptive quadrature and inequalities."""

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.data import toy
from gancourse.metrics import divergences as dv
from gancourse.metrics.transport import wasserstein_1d

P, Q = toy.gaussian(0.3, 0.7), toy.gaussian(-0.8, 1.3)  # asymmetric on purpose
LOW, HIGH = -15.0, 15.0
LOG2 = math.log(2)
means, stds = st.floats(-3, 3), st.floats(0.3, 2)


def gaussian_kl(m0, s0, m1, s1):
    return math.log(s1 / s0) + (s0**2 + (m0 - m1) ** 2) / (2 * s1**2) - 0.5


@settings(max_examples=50, deadline=None)
@given(m0=means, s0=stds, m1=means, s1=stds)
def test_kl_of_gaussians_is_the_closed_form(m0, s0, m1, s1):
    p, q = toy.gaussian(m0, s0), toy.gaussian(m1, s1)
    assert dv.kl(p, q, -20, 20) == pytest.approx(gaussian_kl(m0, s0, m1, s1), rel=1e-9, abs=1e-11)


def test_kl_is_not_symmetric():
    assert dv.kl(P, Q, LOW, HIGH) == pytest.approx(gaussian_kl(0.3, 0.7, -0.8, 1.3), rel=1e-10)
    assert dv.kl(Q, P, LOW, HIGH) == pytest.approx(gaussian_kl(-0.8, 1.3, 0.3, 0.7), rel=1e-10)
    assert abs(dv.kl(P, Q, LOW, HIGH) - dv.kl(Q, P, LOW, HIGH)) > 0.5


def test_js_is_scipys_quadrature():
    p, q = scipy.stats.norm(0.3, 0.7), scipy.stats.norm(-0.8, 1.3)

    def integrand(x):
        a, b = p.pdf(x), q.pdf(x)
        return 0.5 * (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b)))

    wanted, _ = scipy.integrate.quad(integrand, -9, 9, epsabs=1e-12, limit=200)
    assert dv.js(P, Q, LOW, HIGH) == pytest.approx(wanted, rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(m0=means, s0=stds, m1=means, s1=stds)
def test_js_is_symmetric_bounded_and_half_of_each_kl_at_most(m0, s0, m1, s1):
    p, q = toy.gaussian(m0, s0), toy.gaussian(m1, s1)
    js = dv.js(p, q, -20, 20)
    assert -1e-12 <= js <= LOG2 + 1e-12
    assert dv.js(q, p, -20, 20) == pytest.approx(js, abs=1e-12)
    assert js <= 0.25 * (dv.kl(p, q, -20, 20) + dv.kl(q, p, -20, 20)) + 1e-9


def test_js_flattens_at_log_2_while_wasserstein_grows():
    for shift in (10.0, 20.0, 100.0):
        p, q = toy.gaussian(0, 1), toy.gaussian(shift, 1)
        assert dv.js(p, q, -10, shift + 10) == pytest.approx(LOG2, abs=1e-6)
        assert dv.wasserstein_1d_densities(p, q, -10, shift + 10) == pytest.approx(shift, rel=1e-9)
        assert dv.kl(p, q, -10, shift + 10) == pytest.approx(shift**2 / 2, rel=1e-9)


def test_tails_where_densities_underflow_are_stable():
    p, q = toy.gaussian(0, 0.05), toy.gaussian(8, 0.05)
    assert dv.kl(p, q, -1, 9) == pytest.approx(gaussian_kl(0, 0.05, 8, 0.05), rel=1e-9)
    assert dv.js(p, q, -1, 9) == pytest.approx(LOG2, abs=1e-12)
    assert dv.minimax_value(p, q, -1, 9) == pytest.approx(0, abs=1e-12)


def test_value_at_the_optimum_is_two_js_minus_log_four():
    for p, q in ((P, Q), (Q, P), (P, toy.mixture([-1, 2], [0.5, 0.4], [3, 1])), (P, P)):
        wanted = 2 * dv.js(p, q, LOW, HIGH) - math.log(4)
        assert dv.minimax_value(p, q, LOW, HIGH) == pytest.approx(wanted, abs=1e-10)
    assert dv.minimax_value(P, P, LOW, HIGH) == pytest.approx(-math.log(4), abs=1e-12)


def test_value_of_a_constant_discriminator():
    """D = sigmoid(1.5) everywhere: V = log D + log(1 - D), whatever the densities."""
    wanted = math.log(1 / (1 + math.exp(-1.5))) + math.log(1 / (1 + math.exp(1.5)))
    got = dv.minimax_value(P, Q, LOW, HIGH, logits=lambda x: torch.full_like(x[:, 0], 1.5))
    assert got == pytest.approx(wanted, rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(slope=st.floats(-2, 2), bias=st.floats(-2, 2))
def test_no_discriminator_beats_the_optimal_one(slope, bias):
    best = dv.minimax_value(P, Q, LOW, HIGH)
    assert dv.minimax_value(P, Q, LOW, HIGH, logits=lambda x: slope * x[:, 0] + bias) <= best
    wobbly = dv.minimax_value(
        P, Q, LOW, HIGH, logits=lambda x: dv.optimal_logits(P, Q, x) + slope * torch.sin(3 * x[:, 0] + bias)
    )
    assert wobbly <= best + 1e-12


def test_value_is_the_mean_over_samples():
    g = runtime.generator(0)
    real, fake = P.sample(400_000, g).double(), Q.sample(400_000, g).double()
    d_real, d_fake = (torch.sigmoid(dv.optimal_logits(P, Q, x)) for x in (real, fake))
    by_samples = float(d_real.log().mean() + (1 - d_fake).log().mean())
    assert dv.minimax_value(P, Q, LOW, HIGH) == pytest.approx(by_samples, abs=0.01)


def test_optimal_logits_are_the_log_density_ratio():
    x = torch.tensor([[-1.0], [0.2], [2.5]], dtype=torch.float64)
    p, q = P.log_prob(x).exp(), Q.log_prob(x).exp()
    assert torch.allclose(torch.sigmoid(dv.optimal_logits(P, Q, x)), p / (p + q), atol=1e-12)
    plane = dv.optimal_logits(toy.ring(), toy.grid(), torch.zeros(2, 3, 2))
    assert plane.shape == (2, 3)
    inside, outside = toy.uniform(0, 1), toy.uniform(1.5, 2)
    x = torch.tensor([[0.5], [1.7], [1.2]])
    left, right, neither = dv.optimal_logits(inside, outside, x).tolist()
    assert left == math.inf and right == -math.inf and math.isnan(neither)


def test_densities_with_edges():
    a, b = toy.uniform(0, 1), toy.uniform(0.5, 1.5)
    assert dv.kl(a, b, -1, 2) == math.inf
    assert dv.js(a, b, -1, 2) == pytest.approx(0.5 * LOG2, abs=1e-4)
    assert dv.wasserstein_1d_densities(a, b, -1, 2) == pytest.approx(0.5, abs=1e-4)
    assert dv.kl(toy.uniform(0, 1), toy.uniform(-1, 3), -1, 3) == pytest.approx(math.log(4), abs=1e-3)
    assert dv.minimax_value(toy.uniform(0, 1), toy.uniform(2, 3), -1, 4) == pytest.approx(0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(m0=means, s0=stds, m1=means, s1=stds)
def test_wasserstein_is_the_area_between_scipys_cdfs(m0, s0, m1, s1):
    x = np.linspace(-20, 20, 40_001)
    gap = np.abs(scipy.stats.norm(m0, s0).cdf(x) - scipy.stats.norm(m1, s1).cdf(x))
    got = dv.wasserstein_1d_densities(toy.gaussian(m0, s0), toy.gaussian(m1, s1), -20, 20)
    assert got == pytest.approx(scipy.integrate.trapezoid(gap, x), abs=2e-6)


def test_wasserstein_of_densities_is_that_of_large_samples():
    p, q = toy.mixture([-1.5, 1.5], 0.3), toy.gaussian(0.4, 0.6)
    g = runtime.generator(2)
    by_samples = wasserstein_1d(p.sample(200_000, g), q.sample(150_000, g))
    assert dv.wasserstein_1d_densities(p, q, -6, 6) == pytest.approx(by_samples, abs=0.01)


FUNCTIONS = [dv.kl, dv.js, dv.minimax_value, dv.wasserstein_1d_densities]
REFUSED = {
    "p tensor": ((torch.zeros(3), Q, LOW, HIGH), TypeError, "p must be a distribution with log_prob and dim"),
    "q plane": ((P, toy.ring(), LOW, HIGH), ValueError, r"q must be a density on the line \(dim 1\), got dim 2"),
    "q points": ((P, toy.empirical(torch.ones(3, 1)), LOW, HIGH), ValueError, "3 points has no density"),
    "order": ((P, Q, 3.0, -3.0), ValueError, "low must be below high"),
    "low text": ((P, Q, "-3", 3.0), TypeError, "low must be a number, got str"),
    "high inf": ((P, Q, -3.0, math.inf), ValueError, "high must be finite, got inf"),
    "too narrow": ((P, Q, -3.0, 4.0), ValueError, "q must integrate to 1 between low = -3 and high = 4, got 0.95"),
    "too fine": ((toy.gaussian(0.3, 1e-4), Q, LOW, HIGH), ValueError, "p must integrate to 1"),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("args", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(function, args, kind, says):
    with pytest.raises(kind, match=says):
        function(*args)


@pytest.mark.parametrize("points", [100, 2.5, True])
def test_bad_number_of_points_is_refused(points):
    with pytest.raises(ValueError, match="points must be a whole number, at least 101"):
        dv.js(P, Q, LOW, HIGH, points=points)


def test_bad_discriminators_are_refused():
    with pytest.raises(TypeError, match="logits must be a function"):
        dv.minimax_value(P, Q, LOW, HIGH, logits=0.5)
    with pytest.raises(ValueError, match=r"one logit per point, shape \(20001,\), got shape \(20001, 1\)"):
        dv.minimax_value(P, Q, LOW, HIGH, logits=lambda x: x)
    with pytest.raises(ValueError, match="logits returned 20001 NaN"):
        dv.minimax_value(P, Q, LOW, HIGH, logits=lambda x: x[:, 0] * math.nan)
    with pytest.raises(ValueError, match="q must have the dim of p, 1, got 2"):
        dv.optimal_logits(P, toy.ring(), torch.zeros(3, 1))
