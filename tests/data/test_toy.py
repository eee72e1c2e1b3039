"""Toy distributions: the density is a density, and the samples are drawn from it."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.data import toy

LINE = {
    "gaussian": toy.gaussian(0.7, 0.4),
    "mixture": toy.mixture([-2.0, 1.0], [0.3, 0.8], [0.2, 0.8]),
    "uniform": toy.uniform(-0.5, 2.0),
}
PLANE = {
    "gaussian": toy.gaussian([0.7, -0.2], 0.4),
    "mixture": toy.mixture([[-2.0, 0.5], [1.0, 0.0], [0.0, 2.0]], [0.3, 0.8, 0.5], [1, 5, 2]),
    "uniform": toy.uniform([-0.5, 0.0], [2.0, 0.5]),
    "ring": toy.ring(8, 1.0, 0.1),
    "grid": toy.grid(3, 1.0, 0.1),
    "moons": toy.two_moons(0.1),
    "spiral": toy.spiral(0.08),
}
MAKERS = {f"{dim}-{name}": d for dim, group in ((1, LINE), (2, PLANE)) for name, d in group.items()}
everything = pytest.mark.parametrize("density", MAKERS.values(), ids=MAKERS)


def lattice(density, per_axis):
    """Midpoints of equal cells over the support, (cells, dim), and the volume of a cell."""
    axes, volume = [], 1.0
    for low, high in density.support:
        width = (high - low) / per_axis
        axes.append(low + width * (torch.arange(per_axis, dtype=torch.float64) + 0.5))
        volume *= width
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, density.dim), volume


@everything
def test_density_integrates_to_one(density):
    x, volume = lattice(density, 4000 if density.dim == 1 else 250)
    assert float(density.log_prob(x).exp().sum() * volume) == pytest.approx(1, abs=1e-6)


@everything
def test_samples_have_the_moments_of_the_density(density):
    x, volume = lattice(density, 4000 if density.dim == 1 else 250)
    weight = density.log_prob(x).exp() * volume
    mean = weight @ x
    variance = weight @ (x - mean).square()
    drawn = density.sample(200_000, runtime.generator(3)).double()
    assert torch.allclose(drawn.mean(0), mean, atol=float(5 * (variance / 200_000).sqrt().max()))
    assert torch.allclose(drawn.var(0), variance, rtol=0.03)


@everything
def test_samples_fall_in_cells_as_often_as_the_density_says(density):
    cells = 40 if density.dim == 1 else 8
    fine = 100 if density.dim == 1 else 40
    x, volume = lattice(density, cells * fine)
    axes = [np.linspace(low, high, cells + 1) for low, high in density.support]
    weight = (density.log_prob(x).exp() * volume).numpy()
    expected, _ = np.histogramdd(x.numpy(), bins=axes, weights=weight)
    drawn = density.sample(100_000, runtime.generator(4)).double().numpy()
    seen, _ = np.histogramdd(drawn, bins=axes)
    assert seen.sum() >= 99_990
    wanted = expected.ravel() * 100_000
    big = wanted >= 5
    pooled_seen = np.append(seen.ravel()[big], 100_000 - seen.ravel()[big].sum())
    pooled_wanted = np.append(wanted[big], 100_000 - wanted[big].sum())
    chi2 = ((pooled_seen - pooled_wanted) ** 2 / np.maximum(pooled_wanted, 1)).sum()
    assert scipy.stats.chi2.sf(chi2, big.sum()) > 1e-4


@everything
def test_samples_are_float32_repeatable_and_inside_the_support(density):
    first = density.sample(5000, runtime.generator(5))
    assert first.shape == (5000, density.dim) and first.dtype == torch.float32
    assert torch.equal(first, density.sample(5000, runtime.generator(5)))
    assert not torch.equal(first, density.sample(5000, runtime.generator(6)))
    low, high = torch.tensor(density.support).T
    assert bool(((first >= low) & (first <= high)).all())


def test_sampling_leaves_the_global_stream_alone():
    with runtime.seeded(1):
        before = torch.get_rng_state()
        toy.ring().sample(10, runtime.generator(0))
        toy.uniform().sample(10, runtime.generator(0))
        toy.empirical(torch.ones(3, 1)).sample(10, runtime.generator(0))
        assert torch.equal(before, torch.get_rng_state())


@everything
def test_log_prob_keeps_shape_and_dtype(density):
    x = density.sample(6, runtime.generator(0))
    assert density.log_prob(x.reshape(2, 3, density.dim)).shape == (2, 3)
    assert density.log_prob(x).dtype == torch.float32
    assert density.log_prob(x.double()).dtype == torch.float64
    assert torch.allclose(density.log_prob(x).double(), density.log_prob(x.double()), atol=2e-4)


def test_gaussian_is_scipys():
    x = torch.linspace(-4, 5, 50, dtype=torch.float64)
    wanted = scipy.stats.norm(0.7, 0.4).logpdf(x.numpy())
    assert np.allclose(LINE["gaussian"].log_prob(x[:, None]).numpy(), wanted, rtol=1e-12)
    points = torch.randn(40, 3, generator=runtime.generator(0), dtype=torch.float64)
    wanted = scipy.stats.multivariate_normal([1, -2, 0.5], 0.6**2 * np.eye(3)).logpdf(points.numpy())
    assert np.allclose(toy.gaussian([1, -2, 0.5], 0.6).log_prob(points).numpy(), wanted, rtol=1e-12)


def test_mixture_is_the_weighted_sum_of_its_parts():
    x = torch.linspace(-4, 5, 50, dtype=torch.float64)
    wanted = 0.2 * scipy.stats.norm(-2, 0.3).pdf(x) + 0.8 * scipy.stats.norm(1, 0.8).pdf(x)
    assert np.allclose(LINE["mixture"].log_prob(x[:, None]).exp().numpy(), wanted, rtol=1e-10)


def test_tails_are_finite_and_exact():
    far = torch.tensor([[40.0]], dtype=torch.float64)
    wanted = math.log(0.8) + scipy.stats.norm(1, 0.8).logpdf(40.0)
    assert float(LINE["mixture"].log_prob(far)) == pytest.approx(wanted, rel=1e-12)


def test_uniform_has_level_and_edges():
    box = PLANE["uniform"]
    x = torch.tensor([[0.0, 0.25], [-0.5, 0.0], [2.0, 0.5], [2.1, 0.25], [0.0, -0.1]], dtype=torch.float64)
    assert box.log_prob(x).tolist() == pytest.approx([-math.log(1.25)] * 3 + [-math.inf] * 2)


def test_modes_and_their_spread():
    assert torch.allclose(
        toy.ring(4, 2.0).modes, torch.tensor([[2.0, 0], [0, 2], [-2, 0], [0, -2]]).double(), atol=1e-9
    )
    assert toy.ring(std=0.03).mode_std == 0.03
    square = toy.grid(2, spacing=3.0)
    assert sorted(square.modes.tolist()) == [[-1.5, -1.5], [-1.5, 1.5], [1.5, -1.5], [1.5, 1.5]]
    assert len(toy.grid().modes) == 25 and float(toy.grid().modes.abs().max()) == 4.0
    assert LINE["mixture"].mode_std is None and LINE["mixture"].modes.tolist() == [[-2.0], [1.0]]
    assert toy.mixture([0, 1, 5], 0.2).mode_std == 0.2
    for without in (LINE["uniform"], PLANE["moons"], PLANE["spiral"]):
        assert without.modes is None and without.mode_std is None


def test_two_moons_are_scikit_learns_centred():
    from sklearn.datasets import make_moons

    curve = torch.from_numpy(make_moons(400, noise=None)[0]) - torch.tensor([0.5, 0.25])
    chain = toy.two_moons(0.02).means
    assert float(torch.cdist(curve, chain).min(1).values.max()) < 0.02 / 4 + 1e-4
    assert float(torch.cdist(chain, curve).min(1).values.max()) < 0.02
    assert chain.mean(0).tolist() == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize("maker", [toy.two_moons, toy.spiral])
def test_curve_density_does_not_show_its_chain(maker):
    """Along the middle of the curve the density is flat: no ripple from one point of the chain to the next."""
    density = maker(noise=0.03)
    chain = density.means[40:100]
    gap = (chain[1:] - chain[:-1]).norm(dim=1)
    assert float(gap.max()) <= 0.5 * 0.03 * 1.001 and float(gap.max() / gap.min()) < 1.02
    middle = (chain[1:] + chain[:-1]) / 2
    at_points, between = density.log_prob(chain[:-1]), density.log_prob(middle)
    assert float((at_points - between).abs().max()) < 2e-3


def test_spiral_has_its_ends_and_turns():
    chain = toy.spiral(0.02, turns=1.25).means
    assert chain[0].tolist() == pytest.approx([0.1, 0.0], abs=1e-9)
    assert chain[-1].tolist() == pytest.approx([0.0, 1.0], abs=1e-9)


def test_empirical_draws_its_points_only():
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    source = toy.empirical(points)
    drawn = source.sample(3000, runtime.generator(0))
    counts = [int((drawn == row).all(1).sum()) for row in points]
    assert sum(counts) == 3000 and min(counts) > 900
    assert source.support == ((1.0, 5.0), (2.0, 7.0)) and source.dim == 2 and source.modes is None
    points[0] = 99.0
    assert source.support[0] == (1.0, 5.0)
    with pytest.raises(ValueError, match=r"3 points has no density, so log_prob does not exist"):
        source.log_prob(points)


@settings(max_examples=40, deadline=None)
@given(
    means=st.lists(st.floats(-5, 5), min_size=1, max_size=5),
    std=st.floats(0.1, 3),
    shift=st.floats(-10, 10),
)
def test_moving_a_mixture_moves_its_density(means, std, shift):
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    here = toy.mixture(means, std).log_prob(x)
    there = toy.mixture([m + shift for m in means], std).log_prob(x + shift)
    assert torch.allclose(here, there, atol=1e-9)


def test_gradient_of_log_prob_is_the_score():
    x = torch.tensor([[0.3], [2.0]], dtype=torch.float64, requires_grad=True)
    toy.gaussian(0.7, 0.4).log_prob(x).sum().backward()
    assert torch.allclose(x.grad, -(x.detach() - 0.7) / 0.4**2)


X = torch.zeros(4, 2)
REFUSED = {
    "mean text": (lambda: toy.gaussian("0"), TypeError, "mean must be a number or a sequence of numbers, got str"),
    "mean nan": (lambda: toy.gaussian(math.nan), ValueError, "mean must be finite, got nan"),
    "mean bool": (lambda: toy.gaussian(True), TypeError, "mean must be a number"),
    "std 0": (lambda: toy.gaussian(0, 0), ValueError, "std must be above 0, got 0"),
    "std list": (lambda: toy.gaussian(0, [1, 2]), ValueError, "std must be one number"),
    "means empty": (lambda: toy.mixture([], 1), ValueError, "means is empty"),
    "means number": (lambda: toy.mixture(3.0, 1), ValueError, "means must hold one entry per component"),
    "means ragged": (lambda: toy.mixture([[1.0], [1.0, 2.0]], 1), TypeError, "means must be a number or a sequence"),
    "means cube": (lambda: toy.mixture(torch.zeros(2, 2, 2), 1), ValueError, r"means must have shape \(K,\)"),
    "stds length": (lambda: toy.mixture([0, 1], [1, 1, 1]), ValueError, "stds must have one entry for each of the 2"),
    "stds negative": (lambda: toy.mixture([0, 1], [1, -1]), ValueError, "stds must be above 0, got -1"),
    "weights length": (lambda: toy.mixture([0, 1], 1, [1.0]), ValueError, "weights must have one entry"),
    "weights zero": (lambda: toy.mixture([0, 1], 1, [1, 0]), ValueError, "weights must be above 0, got 0"),
    "uniform order": (lambda: toy.uniform(1, 0), ValueError, "low must be below high"),
    "uniform axes": (lambda: toy.uniform([0, 0], 1), ValueError, "one number per axis"),
    "ring 0": (lambda: toy.ring(0), ValueError, "modes must be at least 1, got 0"),
    "ring float": (lambda: toy.ring(8.0), TypeError, "modes must be a whole number, got float"),
    "ring radius": (lambda: toy.ring(radius=-1), ValueError, "radius must be above 0, got -1"),
    "grid side": (lambda: toy.grid(0), ValueError, "side must be at least 1"),
    "grid spacing": (lambda: toy.grid(spacing=math.inf), ValueError, "spacing must be finite"),
    "moons fine": (lambda: toy.two_moons(0.001), ValueError, "noise must lie between 0.005 and 1, got 0.001"),
    "spiral turns": (lambda: toy.spiral(turns=9), ValueError, "turns must lie between 0.25 and 5, got 9"),
    "points list": (lambda: toy.empirical([[1.0]]), TypeError, "points must be a tensor"),
    "points flat": (lambda: toy.empirical(torch.ones(3)), ValueError, r"points must have shape \(N, dim\)"),
    "points empty": (lambda: toy.empirical(torch.ones(0, 2)), ValueError, "points is empty"),
    "points int": (lambda: toy.empirical(torch.ones(3, 2).long()), TypeError, "points must be float32 or float64"),
    "points nan": (lambda: toy.empirical(torch.full((2, 2), math.nan)), ValueError, "points must be finite, got 4"),
    "x list": (lambda: toy.ring().log_prob([[0.0, 1.0]]), TypeError, "x must be a tensor of points, got list"),
    "x int": (lambda: toy.ring().log_prob(X.long()), TypeError, "x must be float32 or float64, got torch.int64"),
    "x half": (lambda: toy.ring().log_prob(X.half()), TypeError, "x must be float32 or float64, got torch.float16"),
    "x dim": (lambda: toy.ring().log_prob(X[:, :1]), ValueError, r"x must have shape \(\.\.\., 2\), got \(4, 1\)"),
    "x flat": (lambda: toy.gaussian().log_prob(torch.zeros(4)), ValueError, r"write x\[:, None\]"),
    "x empty": (lambda: toy.ring().log_prob(X[:0]), ValueError, "x is empty"),
    "x nan": (lambda: toy.uniform([0, 0], [1, 1]).log_prob(X / 0), ValueError, "x must be finite, got 8 NaN"),
    "n 0": (lambda: toy.ring().sample(0, runtime.generator(0)), ValueError, "n must be at least 1, got 0"),
    "n bool": (lambda: toy.uniform().sample(True, runtime.generator(0)), TypeError, "n must be a whole number"),
    "generator": (lambda: toy.ring().sample(3, 0), TypeError, "generator must be a torch.Generator"),
}


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(act, kind, says):
    with pytest.raises(kind, match=says):
        act()
