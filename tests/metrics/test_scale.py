"""A metric scales as it should: with unit and place of the points and masses, in any order, in both precisions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics import image_sets, transport

A = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
B = 0.5 + torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
COV_A, COV_B = torch.cov(A.T), torch.cov(B.T)


def sliced(a, b):
    return transport.sliced_wasserstein(a, b, directions=8, generator=runtime.generator(0))


def gaussians(a, b):
    return transport.gaussian_w2(a.mean(0), torch.cov(a.T), b.mean(0), torch.cov(b.T))


# name -> (distance of two clouds, power of the unit it grows with)
DISTANCES = {
    "by_assignment": (transport.wasserstein_by_assignment, 1),
    "by_programme": (transport.wasserstein_by_programme, 1),
    "sliced": (sliced, 1),
    "on a line": (lambda a, b: transport.wasserstein_1d(a[:, 0], b[:, 0]), 1),
    "gaussian_w2": (gaussians, 1),
    "frechet": (image_sets.frechet_distance, 2),
    "nearest": (lambda a, b: float(image_sets.nearest(a, b).distances.mean()), 1),
}
distances = pytest.mark.parametrize("name", DISTANCES)


@distances
@given(power=st.integers(-12, 12))
@settings(max_examples=10, deadline=None)
def test_a_distance_grows_with_the_unit(name, power):
    distance, grows = DISTANCES[name]
    unit = 10.0**power
    assert distance(unit * A, unit * B) == pytest.approx(unit**grows * distance(A, B), rel=1e-9)


@distances
@given(shift=st.floats(-1000, 1000))
@settings(max_examples=10, deadline=None)
def test_a_distance_does_not_depend_on_the_origin(name, shift):
    distance, _ = DISTANCES[name]
    assert distance(A + shift, B + shift) == pytest.approx(distance(A, B), rel=1e-9)


@distances
def test_a_distance_does_not_depend_on_the_order(name):
    distance, _ = DISTANCES[name]
    order = torch.randperm(20, generator=torch.Generator().manual_seed(2))
    assert distance(A[order], B) == pytest.approx(distance(A, B), rel=1e-9)
    assert distance(A, B[order]) == pytest.approx(distance(A, B), rel=1e-9)


@distances
def test_float32_loses_what_float32_must_and_no_more(name):
    distance, _ = DISTANCES[name]
    assert distance((A + 10).float(), (B + 10).float()) == pytest.approx(distance(A, B), rel=1e-4)


@given(power=st.integers(-15, 15))
@settings(max_examples=10, deadline=None)
def test_transport_does_not_depend_on_the_units_of_mass_and_cost(power):
    supply, demand = torch.tensor([1.0, 2.0, 3.0]).double(), torch.tensor([2.5, 3.5]).double()
    costs = torch.tensor([[1.0, 4.0], [2.0, 1.0], [5.0, 3.0]]).double()
    plain, unit = transport.transport(supply, demand, costs), 10.0**power
    heavy = transport.transport(unit * supply, unit * demand, costs)
    assert plain.cost == pytest.approx(1 + 1.5 * 2 + 0.5 * 1 + 3 * 3)  # by hand
    assert heavy.cost == pytest.approx(unit * plain.cost, rel=1e-9)
    assert torch.allclose(heavy.plan, unit * plain.plan, rtol=1e-9, atol=0)
    dear = transport.transport(supply, demand, unit * costs)
    assert dear.cost == pytest.approx(unit * plain.cost, rel=1e-9)
    assert torch.allclose(dear.potential, unit * plain.potential, rtol=1e-9, atol=1e-12 * unit)
    moved = transport.transport(supply, demand, costs + 1e3)
    assert moved.cost == pytest.approx(plain.cost + 6e3, rel=1e-12) and torch.allclose(moved.plan, plain.plan)
    equal = transport.transport(supply, demand, torch.full((3, 2), unit, dtype=torch.float64))
    assert equal.cost == pytest.approx(6 * unit, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_is_no_covariance_is_refused_in_any_unit(unit):
    mean = torch.zeros(2).double()
    crooked = unit * torch.tensor([[1.0, 0.1], [0.0, 1.0]]).double()
    hollow = unit * torch.tensor([[1.0, 0.0], [0.0, -0.1]]).double()
    for cov, words in ((crooked, "symmetric"), (hollow, "negative eigenvalue")):
        with pytest.raises(ValueError, match=f"cov_q must .*{words}"):
            transport.gaussian_w2(mean, unit * COV_A, mean, cov)
    assert transport.gaussian_w2(mean, 0 * COV_A, mean, 0 * COV_B) == 0


# ---------------------------------------------------------------- neighbours


def test_copies_are_found_though_they_lie_close_together_and_far_out():
    line = 1000 + torch.arange(26.0)[:, None] / 64
    found = image_sets.nearest(line, line)
    assert torch.equal(found.indices, torch.arange(26)) and float(found.distances.max()) == 0


def test_each_output_of_a_collapsed_generator_finds_itself():
    random = torch.Generator().manual_seed(0)
    images = torch.randn(1, 784, generator=random) + 5e-4 * torch.randn(300, 784, generator=random)
    found = image_sets.nearest(images, images)
    assert torch.equal(found.indices, torch.arange(300)) and float(found.distances.max()) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread, offset", [(1, 0), (1e-3, 1), (1, 1e4), (1e-6, 0)])
def test_the_neighbour_is_the_one_that_a_plain_search_finds(dtype, spread, offset):
    random = torch.Generator().manual_seed(3)
    queries, pool = (offset + spread * torch.randn(n, 5, generator=random, dtype=dtype) for n in (70, 900))
    found = image_sets.nearest(queries, pool)
    apart = torch.cdist(queries.double(), pool.double(), compute_mode="donot_use_mm_for_euclid_dist")
    chosen = apart.gather(1, found.indices[:, None]).squeeze(1)
    assert torch.equal(chosen, apart.min(1).values)
    assert torch.allclose(found.distances.double(), chosen, rtol=1e-6, atol=0)
    assert not math.isnan(float(found.distances.sum()))
