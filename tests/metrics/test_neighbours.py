"""Density and coverage, and neighbours of one's own kind: by eye, by closed form, by other people's code."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics import image_sets, neighbours


def cloud(count, dim=3, seed=0, *, scale=1.0, shift=0.0):
    random = runtime.generator(seed)
    return torch.randn(count, dim, generator=random, dtype=torch.float64) * scale + shift


@pytest.fixture(params=[500, 7])
def pieces(request, monkeypatch):
    """Whatever is compared at once, the numbers are the same."""
    monkeypatch.setattr(neighbours, "_ROWS", request.param)


# ---------------------------------------------------------------- density and coverage


def test_density_and_coverage_of_points_that_can_be_checked_by_eye(pieces):
    real = torch.tensor([[0.0], [1.0], [3.0], [10.0]])  # k = 1: balls of radius 1, 1, 2, 7
    fake = torch.tensor([[0.5], [2.0], [4.0]])
    # 0.5 is in the balls of 0 and 1; 2.0 in those of 1 (on the rim) and 3; 4.0 in those of 3 and 10
    assert neighbours.density_coverage(real, fake, k=1) == (6 / 3, 1.0)
    # k = 2: balls of radius 3, 2, 3, 9; 0.5: 0, 1, 3 (2.5 away); 2.0: all four (10 is 8 away); 4.0: 3 and 10
    assert neighbours.density_coverage(real, fake, k=2) == (9 / 6, 1.0)
    assert neighbours.density_coverage(real, torch.tensor([[0.5], [50.0]]), k=1) == (2 / 2, 2 / 4)
    assert neighbours.density_coverage(real, torch.tensor([[50.0], [-20.0]]), k=1) == (0.0, 0.0)


def test_an_outlier_saves_the_precision_of_all_but_the_density_of_none(pieces):
    real = torch.cat([cloud(200), torch.tensor([[1000.0, 0.0, 0.0]])])
    fake = cloud(200, seed=1) + torch.tensor([500.0, 0, 0])  # in the ball of the outlier, far from all else
    assert image_sets.precision_recall(real, fake, k=5).precision == 1
    density, coverage = neighbours.density_coverage(real, fake, k=5)
    assert density == pytest.approx(1 / 5) and coverage == pytest.approx(1 / 201)


@pytest.mark.parametrize("k", [1, 5])
def test_two_samples_of_one_distribution_give_what_theory_says(k):
    """Density is 1 on average, coverage 1 - (N-1)...(N-k) / ((2N-1)...(2N-k)): lemmas 1 and 2 of the paper."""
    n = 60
    found = [neighbours.density_coverage(cloud(n, seed=s), cloud(n, seed=s + 500), k=k) for s in range(150)]
    density, coverage = torch.tensor(found, dtype=torch.float64).T
    wanted = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k + 1))
    for numbers, mean in ((density, 1.0), (coverage, wanted)):
        assert abs(float(numbers.mean()) - mean) < 4 * float(numbers.std()) / math.sqrt(150)
    assert wanted == pytest.approx(1 - 2.0**-k, abs=0.01)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_density_and_coverage_agree_with_scikit_learn(k, pieces):
    from sklearn.neighbors import NearestNeighbors

    real, fake = cloud(90), cloud(70, seed=1, scale=0.7, shift=0.5)
    radii = NearestNeighbors(n_neighbors=k).fit(real.numpy()).kneighbors()[0][:, -1]
    inside = np.linalg.norm(real.numpy()[:, None] - fake.numpy()[None], axis=2) <= radii[:, None]
    wanted = inside.sum() / (k * 70), inside.any(axis=1).mean()
    assert neighbours.density_coverage(real, fake, k=k) == pytest.approx(wanted)


@pytest.mark.parametrize("k", [1, 5])
def test_density_and_coverage_agree_with_the_authors_package(k):
    prdc = pytest.importorskip("prdc", reason="prdc 0.2 is not installed")
    real, fake = cloud(90), cloud(70, seed=1, scale=0.7, shift=0.5)
    wanted = prdc.compute_prdc(real_features=real.numpy(), fake_features=fake.numpy(), nearest_k=k)
    ours = *image_sets.precision_recall(real, fake, k=k), *neighbours.density_coverage(real, fake, k=k)
    for name, value in zip(("precision", "recall", "density", "coverage"), ours, strict=True):
        assert value == pytest.approx(wanted[name], abs=1e-12)


def test_a_set_against_itself_covers_everything_copies_or_not():
    real = cloud(50)
    copies = real.repeat(4, 1)
    for points in (real, copies):
        assert neighbours.density_coverage(points, points, k=3).coverage == 1
    assert neighbours.density_coverage(copies, copies, k=3).density == pytest.approx(4 / 3)  # only copies are so near


# ---------------------------------------------------------------- neighbours of one's own kind


def test_neighbours_of_points_that_can_be_checked_by_eye(pieces):
    real = torch.tensor([[0.0], [1.0], [10.0]])
    fake = torch.tensor([[9.0], [20.0], [21.5]])
    # 0 and 1 have each other; 10 has the fake 9, which has 10; 20 and 21.5 have each other
    assert neighbours.neighbour_accuracy(real, fake) == (2 / 3, 2 / 3)
    assert neighbours.neighbour_accuracy(torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0], [1.5]])) == (0.0, 1.0)


def test_equally_near_ones_share_the_name(pieces):
    # 0 has -1 and 1 as far: half right. -1 and 1 have 0 alone. 5 has 1 (4 away).
    assert neighbours.neighbour_accuracy(torch.tensor([[0.0], [1.0]]), torch.tensor([[-1.0], [5.0]])) == (0.75, 0.0)


def test_one_distribution_gives_a_half_another_one_more_and_copies_less():
    real, fresh, other = cloud(500), cloud(500, seed=1), cloud(500, seed=2, shift=3.0)
    assert neighbours.neighbour_accuracy(real, fresh) == pytest.approx((0.5, 0.5), abs=0.07)
    assert min(neighbours.neighbour_accuracy(real, other)) > 0.9
    assert neighbours.neighbour_accuracy(real, real + 1e-6) == (0.0, 0.0)
    collapsed = fresh[:5].repeat(100, 1) + 1e-3 * fresh
    found = neighbours.neighbour_accuracy(real, collapsed)
    assert found.fake > 0.99 and found.real > 0.8


def test_neighbours_agree_with_scikit_learn(pieces):
    from sklearn.neighbors import KNeighborsClassifier

    real, fake = cloud(80), cloud(80, seed=1, scale=0.6, shift=0.3)
    both, kinds = torch.cat([real, fake]).numpy(), np.repeat([1, 0], 80)
    right = [
        KNeighborsClassifier(1).fit(np.delete(both, i, 0), np.delete(kinds, i)).predict(both[i : i + 1])[0] == kinds[i]
        for i in range(160)
    ]
    wanted = np.mean(right[:80]), np.mean(right[80:])
    assert neighbours.neighbour_accuracy(real, fake) == pytest.approx(wanted) and wanted[0] != wanted[1]
    assert neighbours.neighbour_accuracy(fake, real) == pytest.approx(wanted[::-1])


# ---------------------------------------------------------------- what changes nothing, and what is refused


@given(st.floats(-8, 8), st.floats(-1e3, 1e3), st.integers(0, 20))
def test_units_and_place_change_nothing(power, shift, seed):
    real, fake = cloud(25, seed=seed), cloud(25, seed=seed + 100, scale=0.8, shift=0.3)
    unit = 10.0**power
    for number in (neighbours.density_coverage, neighbours.neighbour_accuracy):
        assert number(unit * real, unit * fake) == pytest.approx(number(real, fake))
        assert number(real + shift, fake + shift) == pytest.approx(number(real, fake))


GOOD = cloud(6)


@pytest.mark.parametrize("number", [neighbours.density_coverage, neighbours.neighbour_accuracy])
@pytest.mark.parametrize(
    ("real", "fake", "error", "fragment"),
    [
        (GOOD.numpy(), GOOD, TypeError, "real must be a tensor"),
        (GOOD, GOOD.long(), TypeError, "fake must hold floating-point numbers"),
        (GOOD[:0], GOOD, ValueError, "real must have shape (N, ...), at least one sample"),
        (GOOD, GOOD[:1], ValueError, "fake must be features of shape (N, D), N at least 2"),
        (GOOD, GOOD[:, :2], ValueError, "real and fake must have as many features, got 3 and 2"),
        (GOOD / 0, GOOD, ValueError, "real must be finite"),
    ],
)
def test_what_is_no_set_of_features_is_refused_by_name(number, real, fake, error, fragment):
    with pytest.raises(error) as caught:
        number(real, fake)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("k", [0, 6, 2.0, True])
def test_a_wrong_k_is_refused(k):
    with pytest.raises(ValueError, match=r"k must be a whole number from 1 to 5 \(fewer than the real samples\)"):
        neighbours.density_coverage(GOOD, cloud(9), k=k)


def test_sets_of_different_size_have_no_even_chance():
    with pytest.raises(ValueError, match="real and fake must be equally many, got 6 and 9"):
        neighbours.neighbour_accuracy(GOOD, cloud(9))


def test_constant_sets_are_answered():
    point = torch.zeros(6, 3)
    assert neighbours.density_coverage(point, point, k=2) == (6 / 2, 1.0)
    assert neighbours.density_coverage(point, point + 1, k=2) == (0.0, 0.0)
    assert neighbours.neighbour_accuracy(point, point) == pytest.approx((5 / 11, 5 / 11))
    assert neighbours.neighbour_accuracy(point, point + 1) == (1.0, 1.0)
