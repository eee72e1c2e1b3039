"""The birthday test: its arithmetic against sets with a known number of different samples."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics import birthday


def draw(seed=0):
    return runtime.generator(seed)


POINTS = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [3.0, 4.0]])

# ---------------------------------------------------------------- pairs


def test_distances_come_in_the_order_of_the_pairs():
    assert birthday.pairwise_distances(POINTS).tolist() == pytest.approx([5, 1, 5, math.sqrt(18), 0, math.sqrt(18)])
    images = torch.rand(7, 1, 5, 4, generator=draw())
    found = birthday.pairwise_distances(images)
    assert found.dtype == torch.float64 and len(found) == 21
    for place, (a, b) in enumerate(itertools.combinations(range(7), 2)):
        assert float(found[place]) == pytest.approx(float((images[a] - images[b]).double().norm()))


def test_distances_agree_with_scipy():
    from scipy.spatial.distance import pdist

    points = torch.randn(40, 6, generator=draw(), dtype=torch.float64)
    torch.testing.assert_close(birthday.pairwise_distances(points), torch.tensor(pdist(points.numpy())))


def test_the_closest_pairs_are_named():
    pairs = birthday.closest_pairs(POINTS, 2)
    assert pairs.distances.tolist() == [0, 1] and pairs.first.tolist() == [1, 0] and pairs.second.tolist() == [3, 2]
    many = torch.randn(30, 3, generator=draw())
    pairs = birthday.closest_pairs(many, 435)
    assert torch.equal(pairs.distances, pairs.distances.sort().values) and bool((pairs.first < pairs.second).all())
    torch.testing.assert_close(pairs.distances, (many[pairs.first] - many[pairs.second]).double().norm(dim=1))


def test_twins_by_eye():
    line = torch.tensor([[0.0], [1.0], [2.0], [5.0], [5.0]])
    assert [birthday.twins(line, within) for within in (0, 0.5, 1, 2, 3, 5)] == [1, 1, 3, 4, 6, 10]


@given(st.integers(1, 12), st.integers(2, 60), st.integers(0, 9))
def test_a_set_of_known_kinds_is_counted(kinds, n, seed):
    chosen = torch.randint(kinds, (n,), generator=draw(seed))
    samples = 10 * torch.eye(12)[chosen] + 1e-3 * torch.randn(n, 12, generator=draw(seed))
    often = chosen.bincount()
    assert birthday.twins(samples, 1.0) == int((often * (often - 1) // 2).sum())
    order = torch.randperm(n, generator=draw(seed))
    assert birthday.twins(samples[order], 1.0) == birthday.twins(samples, 1.0)


@given(st.floats(-6, 6), st.floats(-10, 10))
def test_distances_have_the_unit_of_the_samples_and_no_place(power, shift):
    unit, points = 10.0**power, torch.randn(9, 3, generator=draw(), dtype=torch.float64)
    found = birthday.pairwise_distances(points)
    torch.testing.assert_close(birthday.pairwise_distances(unit * points), unit * found)
    torch.testing.assert_close(birthday.pairwise_distances(points + shift), found)


# ---------------------------------------------------------------- the arithmetic


def test_23_people_and_a_year():
    assert birthday.chance_of_twins(23, 365) == pytest.approx(0.507297, abs=1e-6)
    assert birthday.chance_of_twins(22, 365) < 0.5
    assert birthday.chance_of_twins(1, 5) == 0 and birthday.chance_of_twins(6, 5) == 1
    assert birthday.chance_of_twins(5, 5) == pytest.approx(1 - 120 / 3125)
    assert birthday.chance_of_twins(2, 10**15) == pytest.approx(1e-15)


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_chance_is_the_share_of_all_draws_that_hold_twins(n, kinds):
    draws = list(itertools.product(range(kinds), repeat=n))
    wanted = sum(len(set(drawn)) < n for drawn in draws) / len(draws)
    assert birthday.chance_of_twins(n, kinds) == pytest.approx(wanted, abs=1e-12)


def test_half_the_draws_of_the_right_size_hold_twins():
    kinds = 400
    n = next(n for n in itertools.count(1) if birthday.chance_of_twins(n, kinds) >= 0.5)
    assert n == pytest.approx(1.18 * math.sqrt(kinds), abs=1)
    random = draw(5)
    held = [len(torch.randint(kinds, (n,), generator=random).unique()) < n for _ in range(2_000)]
    assert sum(held) / 2_000 == pytest.approx(birthday.chance_of_twins(n, kinds), abs=0.04)


@pytest.mark.parametrize(("kinds", "n"), [(50, 40), (2_000, 300), (100_000, 1_500)])
def test_the_interval_holds_the_true_number_of_kinds(kinds, n):
    random, held, hits = draw(kinds), 0, []
    for _ in range(400):
        often = torch.randint(kinds, (n,), generator=random).bincount()
        twins = int((often * (often - 1) // 2).sum())
        hits.append(twins)
        estimate, low, high = birthday.kinds_from_twins(n, twins)
        assert low < estimate <= high
        held += low <= kinds <= high
    assert sum(hits) / 400 == pytest.approx(n * (n - 1) / 2 / kinds, rel=0.05)
    assert held / 400 > 0.92


def test_uneven_kinds_count_as_their_effective_number():
    shares, random, n = torch.tensor([0.5, 0.25, 0.125, 0.125]), draw(), 2_000
    often = torch.multinomial(shares, n, replacement=True, generator=random).bincount()
    twins = int((often * (often - 1) // 2).sum())
    found = birthday.kinds_from_twins(n, twins).estimate
    assert found == pytest.approx(1 / float(shares.square().sum()), rel=0.05) and found < 4


def test_no_twins_give_a_bound_from_below_only():
    none = birthday.kinds_from_twins(100, 0)
    assert none.estimate == none.high == math.inf and none.low == pytest.approx(4950 / -math.log(0.025))
    every = birthday.kinds_from_twins(100, 4950)
    assert every.estimate == 1 and 0.9 < every.low < 1 < every.high < 1.1


def test_the_interval_agrees_with_the_poisson_law():
    from scipy.stats import poisson

    found = birthday.kinds_from_twins(50, 7)
    assert poisson.cdf(7, 1225 / found.low) == pytest.approx(0.025)
    assert poisson.sf(6, 1225 / found.high) == pytest.approx(0.025)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "number",
    [
        birthday.pairwise_distances,
        birthday.closest_pairs,
        lambda samples: birthday.twins(samples, 1),
    ],
)
@pytest.mark.parametrize(
    ("samples", "error", "fragment"),
    [
        ([[0.0]], TypeError, "samples must be a tensor, one row for each sample, got list"),
        (POINTS.long(), TypeError, "samples must hold floating-point numbers"),
        (POINTS[:0], ValueError, "samples must have shape (N, ...), at least one sample"),
        (POINTS[:1], ValueError, "samples must hold at least two samples, got 1"),
        (POINTS * torch.nan, ValueError, "samples must be finite"),
        (torch.zeros(5_001, 1), ValueError, "samples must be at most 5,000, got 5,001: take a part"),
    ],
)
def test_what_is_no_set_of_samples_is_refused_by_name(number, samples, error, fragment):
    with pytest.raises(error) as caught:
        number(samples)
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        (lambda: birthday.closest_pairs(POINTS, 7), "count must be a whole number from 1 to 6 (all pairs), got 7"),
        (lambda: birthday.twins(POINTS, -1), "within must be a finite number, at least 0, got -1"),
        (lambda: birthday.twins(POINTS, math.nan), "within must be a finite number, at least 0, got nan"),
        (lambda: birthday.chance_of_twins(0, 5), "n must be a whole number from 1 on, got 0"),
        (lambda: birthday.chance_of_twins(3, 0), "kinds must be a whole number from 1 on, got 0"),
        (lambda: birthday.kinds_from_twins(1, 0), "n must be a whole number from 2 on, got 1"),
        (lambda: birthday.kinds_from_twins(5, 11), "twins must be a whole number from 0 to 10 (all pairs), got 11"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(wrong, fragment):
    with pytest.raises(ValueError) as caught:
        wrong()
    assert fragment in str(caught.value)


def test_constant_samples_are_all_twins():
    same = torch.full((9, 4), 0.3)
    assert birthday.twins(same, 0) == 36
