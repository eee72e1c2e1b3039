"""Transport by a linear programme, in slices and in closed form: against each other, by sorting, and by hand."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics.transport import (
    gaussian_w1,
    gaussian_w2,
    sliced_wasserstein,
    transport,
    wasserstein_1d,
    wasserstein_by_assignment,
    wasserstein_by_programme,
)

number = st.floats(-100, 100, allow_subnormal=False)
plane = st.lists(st.tuples(number, number), min_size=1, max_size=6)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def points(n, seed, dim=2):
    return torch.randn(n, dim, generator=runtime.generator(seed), dtype=torch.float64)


def ways(a, b):
    return (tensor(a)[:, None] - tensor(b)[None, :]).abs()


# ---------------------------------------------------------------- the programme


def test_piles_by_hand():
    """Two units at 0 and one at 3; wanted: one at 1, two at 4. One unit goes 0 -> 1, one 0 -> 4, one 3 -> 4."""
    answer = transport(tensor([2.0, 1.0]), tensor([1.0, 2.0]), ways([0.0, 3.0], [1.0, 4.0]))
    assert answer.cost == pytest.approx(6.0)
    torch.testing.assert_close(answer.plan.sum(1), tensor([2.0, 1.0]))
    torch.testing.assert_close(answer.plan.sum(0), tensor([1.0, 2.0]))


def test_the_only_best_plan_is_found():
    answer = transport(tensor([0.5, 0.5]), tensor([0.25, 0.75]), tensor([[0.0, 2.0], [7.0, 1.0]]))
    torch.testing.assert_close(answer.plan, tensor([[0.25, 0.25], [0.0, 0.5]]))
    assert answer.cost == pytest.approx(0.25 * 2 + 0.5 * 1)


def test_costs_need_not_be_distances_nor_square():
    supply, demand = tensor([1.0, 2.0, 0.0]), tensor([3.0])
    answer = transport(supply, demand, tensor([[4.0], [-1.0], [9.0]]))
    assert answer.cost == pytest.approx(4.0 - 2.0)
    assert answer.plan.shape == (3, 1) and answer.potential.shape == (1,) and answer.origin.shape == (3,)


def test_a_rounded_sum_is_no_other_sum():
    supply, demand = tensor([1e3, 2e3]), tensor([2e3, 1e3]) * (1 + 5e-7)
    assert transport(supply, demand, ways([0.0, 1.0], [0.0, 1.0])).cost == pytest.approx(1e3)


@pytest.mark.parametrize("seed", range(4))
def test_prices_prove_the_plan_cheapest(seed):
    """No route pays, and the worth of all demand minus that of all supply is the whole cost: strong duality."""
    g = runtime.generator(seed)
    supply, demand = (torch.rand(n, generator=g).double() for n in (5, 7))
    demand = demand * supply.sum() / demand.sum()
    costs = torch.rand(5, 7, generator=g).double()
    answer = transport(supply, demand, costs)
    gap = answer.potential[None, :] - answer.origin[:, None]
    assert bool((gap <= costs + 1e-9).all())
    worth = float((demand * answer.potential).sum() - (supply * answer.origin).sum())
    assert worth == pytest.approx(answer.cost, abs=1e-9)
    used = answer.plan > 1e-9
    torch.testing.assert_close(gap[used], costs[used])
    assert float(answer.potential.mean()) == pytest.approx(0, abs=1e-12)


def test_on_shared_places_the_potential_is_a_critic_of_slope_at_most_1():
    x = tensor([0.0, 1.0, 2.5, 3.0, 5.0])
    p, q = tensor([3.0, 1.0, 0.0, 4.0, 2.0]) / 10, tensor([0.0, 5.0, 2.0, 1.0, 2.0]) / 10
    answer = transport(p, q, (x[:, None] - x[None, :]).abs())
    f = answer.potential
    assert bool((f.diff().abs() <= x.diff() + 1e-9).all())
    assert float((f * (q - p)).sum()) == pytest.approx(answer.cost)
    assert answer.cost == pytest.approx(float(((p - q).cumsum(0).abs()[:-1] * x.diff()).sum()))  # area between F's


@settings(max_examples=40, deadline=None)
@given(a=st.lists(number, min_size=1, max_size=7), b=st.lists(number, min_size=1, max_size=7))
def test_on_the_line_it_is_sorting_for_any_sizes(a, b):
    got = wasserstein_by_programme(tensor(a)[:, None], tensor(b)[:, None])
    assert got == pytest.approx(wasserstein_1d(tensor(a), tensor(b)), abs=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_sorting_assignment_and_programme_agree_on_the_same_samples(dim):
    a, b = points(60, 0, dim), 1.5 * points(60, 1, dim) + 0.3
    by_programme = wasserstein_by_programme(a, b)
    assert by_programme == pytest.approx(wasserstein_by_assignment(a, b), abs=1e-6)
    if dim == 1:
        assert by_programme == pytest.approx(wasserstein_1d(a, b), abs=1e-6)


def test_a_point_given_twice_weighs_twice():
    a, b = points(4, 0), points(3, 1)
    twice = a[[0, 0, 1, 1, 2, 2, 3, 3]]
    assert wasserstein_by_programme(twice, b) == pytest.approx(wasserstein_by_programme(a, b), abs=1e-9)


DISTANCES = {
    "programme": lambda a, b: wasserstein_by_programme(a, b),
    "sliced": lambda a, b: sliced_wasserstein(a, b, directions=7, generator=runtime.generator(0)),
}


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
@settings(max_examples=25, deadline=None)
@given(a=plane, b=plane, c=plane, shift=st.tuples(number, number), scale=st.floats(-3, 3))
def test_is_a_distance_and_has_the_unit_of_the_data(distance, a, b, c, shift, scale):
    a, b, c, shift = tensor(a), tensor(b), tensor(c), tensor(shift)
    ab = distance(a, b)
    assert ab >= 0 and distance(a, a) == pytest.approx(0, abs=1e-6)
    assert distance(b, a) == pytest.approx(ab, abs=1e-6)
    assert ab <= distance(a, c) + distance(c, b) + 1e-6
    assert distance(a + shift, b + shift) == pytest.approx(ab, abs=1e-6)
    assert distance(scale * a, scale * b) == pytest.approx(abs(scale) * ab, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(a=plane, b=plane)
def test_between_the_means_and_the_slices(a, b):
    a, b = tensor(a), tensor(b)
    w1 = wasserstein_by_programme(a, b)
    assert w1 >= float((a.mean(0) - b.mean(0)).norm()) - 1e-6
    assert sliced_wasserstein(a, b, directions=20, generator=runtime.generator(1)) <= w1 + 1e-6


# ---------------------------------------------------------------- slices


def test_the_slices_of_a_shift_in_the_plane_are_two_over_pi_of_it():
    a = points(50, 0)
    got = sliced_wasserstein(a, a + tensor([3.0, 4.0]), directions=20_000, generator=runtime.generator(2))
    assert got == pytest.approx(5 * 2 / math.pi, rel=0.01)


def test_on_the_line_there_is_one_slice():
    a, b = points(40, 0, 1), points(30, 1, 1)
    assert sliced_wasserstein(a, b, directions=3) == pytest.approx(wasserstein_1d(a, b), rel=1e-12)
    assert sliced_wasserstein(a[:30], b, directions=3) == pytest.approx(wasserstein_1d(a[:30], b), rel=1e-12)


def test_directions_come_from_the_generator_alone():
    a, b = points(20, 0), points(20, 1)
    state = torch.random.get_rng_state()
    first, again = (sliced_wasserstein(a, b, directions=5, generator=runtime.generator(3)) for _ in range(2))
    assert first == again != sliced_wasserstein(a, b, directions=5, generator=runtime.generator(4))
    assert torch.equal(torch.random.get_rng_state(), state)


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("p, q", [((0.0, 1.0), (1.7, 1.0)), ((0.4, 0.3), (-1.0, 2.0)), ((1.0, 0.0), (1.0, 2.0))])
def test_gaussians_on_the_line(p, q):
    z = torch.special.ndtri((torch.arange(400_000, dtype=torch.float64) + 0.5) / 400_000)
    wanted = float(((p[0] - q[0]) + (p[1] - q[1]) * z).abs().mean())  # the plan that keeps the order, by quadrature
    assert gaussian_w1(*p, *q) == pytest.approx(wanted, abs=1e-4)
    assert gaussian_w1(*q, *p) == pytest.approx(gaussian_w1(*p, *q), rel=1e-12)
    n, g = 40_000, runtime.generator(0)
    a, b = (mean + std * torch.randn(n, generator=g) for mean, std in (p, q))
    assert gaussian_w1(*p, *q) == pytest.approx(wasserstein_1d(a, b), abs=0.04)


def test_gaussians_in_space_by_hand():
    """With commuting covariances W2 is |difference of means|^2 plus the squared differences of the axes."""
    p, q = torch.diag(tensor([4.0, 1.0])), torch.diag(tensor([1.0, 9.0]))
    got = gaussian_w2(tensor([0.0, 0.0]), p, tensor([3.0, -1.0]), q)
    assert got**2 == pytest.approx(9 + 1 + (2 - 1) ** 2 + (1 - 3) ** 2)
    turn = torch.linalg.qr(points(2, 5))[0]
    turned = gaussian_w2(tensor([0.0, 0.0]), turn @ p @ turn.T, turn @ tensor([3.0, -1.0]), turn @ q @ turn.T)
    assert turned == pytest.approx(got)


def test_gaussians_that_do_not_commute():
    """The best map is linear, A = P^(-1/2) (P^(1/2) Q P^(1/2))^(1/2) P^(-1/2): send a sample through it."""
    a, b = points(3, 0, 3), points(3, 1, 3)
    p, q = a @ a.T + 0.2 * torch.eye(3), b @ b.T + 0.2 * torch.eye(3)
    assert not torch.allclose(p @ q, q @ p)

    def root(matrix, power=0.5):
        values, vectors = torch.linalg.eigh(matrix)
        return vectors @ torch.diag(values**power) @ vectors.T

    way = root(p, -0.5) @ root(root(p) @ q @ root(p)) @ root(p, -0.5)
    torch.testing.assert_close(way @ p @ way.T, q)
    moved = torch.eye(3) - way
    wanted = math.sqrt(float((moved @ p @ moved.T).trace()))
    zero = torch.zeros(3, dtype=torch.float64)
    assert gaussian_w2(zero, p, zero, q) == pytest.approx(wanted, rel=1e-9)
    assert gaussian_w2(zero, q, zero, p) == pytest.approx(wanted, rel=1e-9)
    assert gaussian_w2(zero, p, zero, p) == pytest.approx(0, abs=1e-6)


def test_w2_is_at_least_w1():
    for p, q in itertools.combinations([(0.0, 1.0), (1.0, 0.2), (-2.0, 3.0)], 2):
        w2 = gaussian_w2(tensor([p[0]]), tensor([[p[1] ** 2]]), tensor([q[0]]), tensor([[q[1] ** 2]]))
        assert w2**2 == pytest.approx((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2)
        assert w2 >= gaussian_w1(*p, *q)


# ---------------------------------------------------------------- bad input

TWO, COSTS, EYE = torch.ones(2), torch.ones(2, 2), torch.eye(2)
REFUSED = {
    "supply list": (lambda: transport([1.0], TWO, COSTS), TypeError, "supply must be a tensor"),
    "demand int": (lambda: transport(TWO, TWO.long(), COSTS), TypeError, "demand must hold floating-point"),
    "supply shape": (lambda: transport(COSTS, TWO, COSTS), ValueError, r"supply must have shape \(N,\).*\(2, 2\)"),
    "supply below 0": (lambda: transport(TWO - 2, TWO, COSTS), ValueError, "supply must be finite, nowhere below 0"),
    "demand nan": (lambda: transport(TWO, TWO * math.nan, COSTS), ValueError, "demand must be finite"),
    "demand nothing": (lambda: transport(TWO, TWO * 0, COSTS), ValueError, "demand .* sum above 0"),
    "unequal sums": (
        lambda: transport(TWO, 2 * TWO, COSTS),
        ValueError,
        "demand must have the sum of supply, 2, got 4",
    ),
    "costs shape": (lambda: transport(TWO, TWO, COSTS[:1]), ValueError, r"costs must have shape \(2, 2\).*\(1, 2\)"),
    "costs inf": (lambda: transport(TWO, TWO, COSTS / 0), ValueError, "costs must be finite, got 4"),
    "too many routes": (
        lambda: transport(torch.ones(501), torch.ones(501), torch.ones(501, 501)),
        ValueError,
        "costs has 251,001 routes",
    ),
    "a list": (lambda: wasserstein_by_programme([0.0], COSTS), TypeError, "a must be a tensor of points"),
    "b empty": (
        lambda: wasserstein_by_programme(COSTS, COSTS[:0]),
        ValueError,
        "b must have shape.*at least one point",
    ),
    "b nan": (lambda: sliced_wasserstein(COSTS, COSTS * math.nan), ValueError, "b must be finite, got 4"),
    "dims": (
        lambda: wasserstein_by_programme(COSTS, torch.ones(2, 3)),
        ValueError,
        "b must have the dim of a, 2, got 3",
    ),
    "sliced dims": (lambda: sliced_wasserstein(COSTS, torch.ones(2, 3)), ValueError, "b must have the dim of a, 2"),
    "large": (
        lambda: wasserstein_by_programme(torch.ones(501, 1), torch.ones(501, 1)),
        ValueError,
        "a and b make 251,001",
    ),
    "directions": (lambda: sliced_wasserstein(COSTS, COSTS, directions=0), ValueError, "directions must be a positive"),
    "unequal": (
        lambda: wasserstein_by_assignment(torch.ones(3, 2), COSTS),
        ValueError,
        "b must have the shape of a.*use wasserstein_by_programme",
    ),
    "w1 word": (lambda: gaussian_w1(0.0, 1.0, "0", 1.0), TypeError, "mean_q must be a number"),
    "w1 std": (lambda: gaussian_w1(0.0, -1.0, 0.0, 1.0), ValueError, "std_p must be finite, at least 0, got -1"),
    "w1 nan": (lambda: gaussian_w1(0.0, 1.0, math.nan, 1.0), ValueError, "mean_q must be finite, got nan"),
    "w2 mean": (lambda: gaussian_w2(EYE, EYE, TWO, EYE), ValueError, "mean_p must be finite, shape"),
    "w2 dims": (lambda: gaussian_w2(TWO, EYE, torch.ones(3), EYE), ValueError, "mean_q must have the shape of mean_p"),
    "w2 shape": (lambda: gaussian_w2(TWO, torch.ones(3, 3), TWO, EYE), ValueError, r"cov_p must have shape \(2, 2\)"),
    "w2 lopsided": (
        lambda: gaussian_w2(TWO, EYE, TWO, torch.tensor([[1.0, 0.5], [0.0, 1.0]])),
        ValueError,
        "cov_q must be finite and symmetric",
    ),
    "w2 negative": (lambda: gaussian_w2(TWO, -EYE, TWO, EYE), ValueError, "cov_p must have no negative eigenvalue"),
}


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(act, kind, says):
    with pytest.raises(kind, match=says):
        act()
